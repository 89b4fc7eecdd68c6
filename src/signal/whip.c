#include "signal/whip.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "signal/state.h"
#include "signal/whip_sdp.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET_SIZE 32 /* hexadecimal characters */
#define RESOURCE    "/resource/"

#define REASON_SIZE 192
#define FULL        "this server is full: it accepts no further sessions"

struct resource {                    /* one session; the socket for signaling */
    struct participant *participant; /* NULL: free */
    bool watches, closed;
    bool vouched; /* it joined by token a room that requires one: pages of any origin may use it */
    mp_time since;
    unsigned restarts;
    char secret[SECRET_SIZE + 1], peer_id[SECRET_SIZE + 1];
    char *offer;  /* unchanged */
    char *answer; /* signaling's answer since the last request; and its error: code and text */
    char error[24], words[REASON_SIZE];
    uint32_t next_free;
};

struct whip {
    struct signaling *signaling;
    struct resource *resources;
    size_t count, used;
    uint32_t free;
    bool some_closed;
    mp_time look_at; /* deadline for the connection */
    struct log_limit refusals;
};

struct whip *whip_new(struct signaling *s, size_t resources)
{
    struct whip *w = calloc(1, sizeof *w);
    if (!w || !(w->resources = calloc(resources, sizeof *w->resources))) {
        free(w);
        return NULL;
    }
    w->signaling = s;
    w->count = resources;
    w->look_at = MP_NEVER;
    for (size_t i = 0; i < resources; i++)
        w->resources[i].next_free = (uint32_t)i + 1;
    return w;
}

void whip_free(struct whip *w)
{
    INVARIANT(w->used == 0);
    free(w->resources);
    free(w);
}

/* --- resources --- */

static void random_hex(struct whip *w, char out[SECRET_SIZE + 1])
{
    uint8_t random[SECRET_SIZE / 2];
    w->signaling->io.random(w->signaling->io.context, random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(out + 2 * i, 3, "%02x", random[i]);
}

static struct resource *resource_new(struct whip *w, mp_time now)
{
    if (w->free == w->count)
        return NULL;
    struct resource *r = &w->resources[w->free];
    w->free = r->next_free;
    w->used++;
    *r = (struct resource){.since = now};
    random_hex(w, r->secret);
    random_hex(w, r->peer_id);
    return r;
}

static void resource_free(struct whip *w, struct resource *r)
{
    free(r->offer);
    free(r->answer);
    explicit_bzero(r, sizeof *r);
    r->next_free = w->free;
    w->free = (uint32_t)(r - w->resources);
    w->used--;
}

static void resource_end(struct whip *w, struct resource *r, mp_time now)
{
    if (r->participant)
        signal_closed(w->signaling, r->participant, now);
    resource_free(w, r);
}

/* "INDEX-SECRET": knowing the secret is the right to use the session. */
static struct resource *resource_find(struct whip *w, const char *id)
{
    char *end;
    unsigned long i = strtoul(id, &end, 16);
    if (end == id || *end != '-' || strlen(end + 1) != SECRET_SIZE || i >= w->count)
        return NULL;
    struct resource *r = &w->resources[i];
    return r->participant && !r->closed &&
                   bytes_equal_secret((const uint8_t *)r->secret, (const uint8_t *)end + 1, SECRET_SIZE)
               ? r
               : NULL;
}

/* --- signaling's socket --- */

bool whip_is(const struct whip *w, const void *socket)
{
    uintptr_t at = (uintptr_t)socket, first = (uintptr_t)w->resources;
    return at >= first && at < first + w->count * sizeof *w->resources;
}

static void note_error(struct resource *r, const char *code, const char *words)
{
    snprintf(r->error, sizeof r->error, "%s", code);
    snprintf(r->words, sizeof r->words, "%s", words);
}

void whip_send(struct whip *w, void *socket, const char *text, size_t len)
{
    struct resource *r = socket;
    json_t *message = json_loadb(text, len, 0, NULL);
    const char *type = json_string_value(json_object_get(message, "type"));
    if (type && strcmp(type, "answer") == 0) {
        free(r->answer);
        r->answer = strdup(json_string_value(json_object_get(message, "sdp")));
    } else if (type && strcmp(type, "error") == 0) {
        const char *code = json_string_value(json_object_get(message, "code"));
        const char *words = json_string_value(json_object_get(message, "message"));
        if (strcmp(code, "section-refused") != 0) /* the other sections are accepted */
            note_error(r, code, words);
    }
    json_decref(message);
}

void whip_close(struct whip *w, void *socket)
{
    ((struct resource *)socket)->closed = true;
    w->some_closed = true;
}

/* Takes the reference. */
static void tell(struct whip *w, struct resource *r, json_t *message, mp_time now)
{
    char *text = json_dumps(message, JSON_COMPACT);
    free(r->answer);
    r->answer = NULL;
    r->error[0] = 0;
    if (text)
        signal_heard(w->signaling, r->participant, text, strlen(text), now);
    else
        note_error(r, "bad-message", "the name, the codec or the token is no UTF-8");
    free(text);
    json_decref(message);
}

/* --- answers --- */

static bool answer(struct whip_response *out, unsigned status)
{
    out->status = status;
    return true;
}

/* Answers an error in the form of RFC 9457. `code`: as in signaling's `error`; NULL: only HTTP's status. */
static bool problem(struct whip_response *out, unsigned status, const char *code, const char *detail)
{
    json_t *words = json_pack("{s:i, s:s, s:s*}", "status", (int)status, "detail", detail, "code", code);
    out->status = status;
    out->content_type = "application/problem+json";
    out->body = words ? json_dumps(words, JSON_COMPACT) : NULL;
    out->len = out->body ? strlen(out->body) : 0;
    json_decref(words);
    return true;
}

/* malloc'ed; NULL: no memory. */
static char *headers(const char *format, ...)
{
    char *all = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&all, format, args) < 0)
        all = NULL;
    va_end(args);
    return all;
}

static bool refuse(struct whip_response *out, const char *code, const char *words)
{
    static const struct {
        const char *code;
        unsigned status;
    } table[] = {
        {"room-full", 503}, {"server-full", 503},  {"too-many-joins", 429},
        {"forbidden", 403}, {"unauthorized", 401}, {"", 500},
    };
    unsigned status = 400;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].code, code) == 0)
            status = table[i].status;
    if (status == 503 || status == 429)
        out->headers = headers("retry-after: 5\n");
    return problem(out, status, *code ? code : NULL, *code ? words : "the server could not answer");
}

static void entity_tag(const struct resource *r, char tag[64])
{
    snprintf(tag, 64, "\"%.16s.%u\"", r->peer_id, r->restarts);
}

static char *created_headers(struct whip *w, const struct resource *r, const struct whip_request *q,
                             mp_time now)
{
    char tag[64], links[1024] = "";
    struct turn_access t;
    entity_tag(r, tag);
    if (turn_access(w->signaling, &q->local, q->host, r->participant->sdp_session, &t, now))
        for (size_t i = 0, n = 0; i < TURN_URLS && n < sizeof links; i++)
            n += (size_t)snprintf(links + n, sizeof links - n,
                                  "link: <%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
                                  "credential-type=\"password\"\n",
                                  t.urls[i], t.username, t.credential);
    char *all =
        headers("location: " RESOURCE "%zx-%s\netag: %s\naccept-patch: application/trickle-ice-sdpfrag\n%s",
                (size_t)(r - w->resources), r->secret, tag, links);
    explicit_bzero(&t, sizeof t);
    explicit_bzero(links, sizeof links);
    return all;
}

/* --- pages of other sites --- */

/* A page of an unlisted foreign origin. */
static bool is_guest(const struct whip *w, const struct whip_request *q)
{
    const struct access *a = w->signaling->config.access;
    return a && !access_origin(a, q->origin, q->host, q->secure);
}

static bool takes_guests(const struct whip *w, const char *room)
{
    const struct access *a = w->signaling->config.access;
    return a && access_room_takes_guests(a, room);
}

/* For a guest an invalid token is one more reason to refuse its page. */
static bool no_guest(const struct whip *w, const struct whip_request *q, struct whip_response *out)
{
    if (is_guest(w, q) && out->status == 401)
        out->status = 403;
    return true;
}

/* --- POST --- */

static bool is_type(const char *header, const char *type)
{
    size_t n = strlen(type);
    return strncasecmp(header, type, n) == 0 && (!header[n] || strchr(" ;", header[n]));
}

static int hex(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

/* application/x-www-form-urlencoded, as browsers write a query: a plus is a blank, and an invalid escape
 * stays as it is. */
static void form_decode(const char *text, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < size; i++) {
        bool escape = text[i] == '%' && len - i > 2 && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0;
        char c = escape ? (char)(hex(text[i + 1]) << 4 | hex(text[i + 2])) : text[i] == '+' ? ' ' : text[i];
        i += escape ? 2 : 0;
        out[n++] = c ? c : '?';
    }
    out[n] = 0;
}

/* A value of the query, decoded after it was cut out: an escaped & is part of it. */
static void query_value(const char *query, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    out[0] = 0;
    for (const char *p = query; p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            form_decode(p + n + 1, strcspn(p + n + 1, "&"), out, size);
            return;
        }
}

static json_t *join_message(const struct resource *r, const char *room, const struct whip_request *q)
{
    char name[4 * PARTICIPANT_NAME_MAX + 2], codec[16];
    query_value(q->query, "name", name, sizeof name);
    query_value(q->query, "codec", codec, sizeof codec);
    json_t *m = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "join-room", "peerId", r->peer_id, "room",
                          room, "name", name, "role", r->watches ? "watch" : "stream");
    if (*codec)
        json_object_set_new(m, "codec", json_string(codec));
    if (strncasecmp(q->authorization, "Bearer ", 7) == 0)
        json_object_set_new(m, "token", json_string(q->authorization + 7));
    return m;
}

static bool anything_flows(const struct participant *p)
{
    for (size_t i = 0; i < p->section_count; i++)
        if (p->sections[i].sending)
            return true;
    return false;
}

/* False: see r->error. */
static bool enter(struct whip *w, struct resource *r, const char *room, const struct whip_request *q,
                  mp_time now)
{
    struct signal_client client = {
        .socket = r, .local = q->local, .remote = q->remote, .host = q->host, .guest = is_guest(w, q)};
    r->participant = signal_opened(w->signaling, &client, now);
    r->offer = strdup(q->body);
    if (!r->participant || !r->offer) {
        note_error(r, "server-full", FULL);
        return false;
    }
    tell(w, r, join_message(r, room, q), now);
    if (!r->participant->joined)
        return false;
    r->participant->passive = r->watches;
    r->participant->by_http = true;
    r->participant->chooses = !r->watches; /* encoders offer many codecs and send one */
    tell(w, r, json_pack("{s:s, s:s, s:s}", "type", "offer", "peerId", r->peer_id, "sdp", q->body), now);
    return r->answer && !r->error[0];
}

static void nothing_to_play(struct whip_response *out)
{
    out->headers = headers("retry-after: 2\n");
    problem(out, 404, NULL, "nobody publishes a playable track in this room");
}

/* RFC 9725 4.2 and 4.4.3: checks the offer first, so that no participant joins without a session. */
static bool is_offer(const struct whip_request *q, bool watches, struct whip_response *out)
{
    static const unsigned status[] = {
        [OFFER_UNREADABLE] = 400, [OFFER_NOT_POSSIBLE] = 422, [OFFER_NOT_ACCEPTABLE] = 406};
    const char *why;
    if (!is_type(q->content_type, "application/sdp"))
        return !problem(out, 415, NULL, "the body must be application/sdp");
    enum offer_fault fault = negotiate_look(q->body, q->len, watches, &why);
    return fault == OFFER_GOOD || !problem(out, status[fault], "bad-sdp", why);
}

static bool post(struct whip *w, bool watches, const char *room, const struct whip_request *q,
                 struct whip_response *out, mp_time now)
{
    if (!is_offer(q, watches, out))
        return true;
    struct resource *r = resource_new(w, now);
    if (!r)
        return refuse(out, "server-full", FULL);
    r->watches = watches;
    bool entered = enter(w, r, room, q, now);
    if (!entered || (watches && !anything_flows(r->participant))) {
        if (entered)
            nothing_to_play(out);
        else
            refuse(out, r->error, r->words);
        resource_end(w, r, now);
        return entered || no_guest(w, q, out);
    }
    r->vouched = takes_guests(w, room);
    w->look_at = mp_min(w->look_at, now + WHIP_CONNECT);
    out->headers = created_headers(w, r, q, now);
    out->status = 201;
    out->content_type = "application/sdp";
    out->len = strlen(r->answer);
    out->body = r->answer;
    r->answer = NULL;
    return true;
}

/* --- PATCH, DELETE --- */

/* RFC 9725 4.3.3: credentials that differ from the session's are an ICE restart. */
static bool restart(struct whip *w, struct resource *r, const char *ufrag, const char *password,
                    struct whip_response *out, mp_time now)
{
    char tag[64];
    char *offer = whip_restarted_offer(r->offer, ufrag, password);
    if (!offer)
        return problem(out, 503, NULL, "out of memory");
    tell(w, r, json_pack("{s:s, s:s, s:s}", "type", "offer", "peerId", r->peer_id, "sdp", offer), now);
    if (!r->answer || r->error[0]) {
        free(offer);
        return refuse(out, r->error, r->words);
    }
    char *fragment = whip_fragment(r->answer);
    if (!fragment) {
        free(offer); /* with the earlier offer, the client's next try is a restart too */
        return problem(out, 503, NULL, "out of memory");
    }
    free(r->offer);
    r->offer = offer;
    r->restarts++;
    entity_tag(r, tag);
    out->headers = headers("etag: %s\n", tag);
    out->status = 200;
    out->content_type = "application/trickle-ice-sdpfrag";
    out->body = fragment;
    out->len = strlen(fragment);
    return true;
}

/* RFC 9110 13.1.1: a list of entity tags with strong comparison, so W/"x" never matches. A comma within
 * quotes is part of a tag. */
static bool is_listed(const char *list, const char *tag)
{
    for (const char *p = list; *p;) {
        p += strspn(p, ", \t");
        const char *quote = strncmp(p, "W/", 2) == 0 ? p + 2 : p;
        const char *end = *quote == '"' ? strchr(quote + 1, '"') : NULL;
        if (!end)
            return false;
        if (strlen(tag) == (size_t)(end + 1 - p) && strncmp(p, tag, strlen(tag)) == 0)
            return true;
        p = end + 1;
    }
    return false;
}

/* The client's candidates are not needed: its checks tell its addresses. */
static bool patch(struct whip *w, struct resource *r, const struct whip_request *q, struct whip_response *out,
                  mp_time now)
{
    char tag[64], ufrag[ICE_CREDENTIAL_MAX + 1], password[ICE_CREDENTIAL_MAX + 1];
    entity_tag(r, tag);
    if (!is_type(q->content_type, "application/trickle-ice-sdpfrag"))
        return problem(out, 415, NULL, "the body must be application/trickle-ice-sdpfrag");
    if (!*q->if_match)
        return problem(out, 428, NULL, "If-Match is required");
    bool any = strcmp(q->if_match, "*") == 0;
    if (!any && !is_listed(q->if_match, tag))
        return problem(out, 412, NULL, "If-Match names another ICE session");
    bool credentials = whip_attribute(q->body, "ice-ufrag", ufrag, sizeof ufrag) &&
                       whip_attribute(q->body, "ice-pwd", password, sizeof password);
    if (any && !credentials)
        return problem(out, 400, NULL, "an ICE restart needs ice-ufrag and ice-pwd");
    if (credentials && !whip_has_attribute(r->offer, "ice-ufrag", ufrag))
        return restart(w, r, ufrag, password, out, now);
    return answer(out, 204);
}

static bool of_resource(struct whip *w, const struct whip_request *q, struct whip_response *out, mp_time now)
{
    struct resource *r = resource_find(w, q->path + strlen(RESOURCE));
    if (!r)
        return problem(out, 404, NULL, "no such session");
    if (q->method == WHIP_PATCH)
        return patch(w, r, q, out, now);
    resource_end(w, r, now);
    return answer(out, 200);
}

/* --- dispatch --- */

static bool options(bool resource, struct whip_response *out)
{
    out->headers = headers("allow: %s\naccess-control-allow-methods: OPTIONS, POST, PATCH, DELETE\n"
                           "access-control-allow-headers: authorization, content-type, if-match\n"
                           "access-control-max-age: 86400\n%s",
                           resource ? "OPTIONS, PATCH, DELETE" : "OPTIONS, POST",
                           resource ? "accept-patch: application/trickle-ice-sdpfrag\n"
                                    : "accept-post: application/sdp\n");
    return answer(out, 204);
}

static bool handle(struct whip *w, const struct whip_request *q, struct whip_response *out, mp_time now)
{
    bool resource = strncmp(q->path, RESOURCE, strlen(RESOURCE)) == 0,
         watches = strncmp(q->path, "/whep/", 6) == 0;
    if (!resource && (!*(q->path + 6) || strchr(q->path + 6, '/')))
        return problem(out, 404, NULL, "POST to /whip/ROOM or /whep/ROOM");
    if (q->method == WHIP_OPTIONS)
        return options(resource, out);
    if (resource && (q->method == WHIP_PATCH || q->method == WHIP_DELETE))
        return of_resource(w, q, out, now);
    if (!resource && q->method == WHIP_POST)
        return post(w, watches, q->path + 6, q, out, now);
    out->headers = headers("allow: %s\n", resource ? "OPTIONS, PATCH, DELETE" : "OPTIONS, POST");
    return problem(out, 405, NULL, "method not allowed");
}

/* --- dispatch, for those who may ask --- */

/* Whether pages of any origin may ask here, because a token decides. */
static bool asks_for_token(struct whip *w, const struct whip_request *q)
{
    if (strncmp(q->path, RESOURCE, strlen(RESOURCE)) != 0)
        return takes_guests(w, q->path + 6);
    const struct resource *r = resource_find(w, q->path + strlen(RESOURCE));
    return r && r->vouched;
}

static bool refuse_page(struct whip *w, const struct whip_request *q, struct whip_response *out, mp_time now)
{
    char quoted[2][160];
    if (log_allow(&w->refusals, 5, now))
        log_line(LOG_LEVEL_WARN, "refused a page of another site", "origin=%s host=%s",
                 log_quote(quoted[0], sizeof quoted[0], q->origin),
                 log_quote(quoted[1], sizeof quoted[1], q->host));
    return problem(out, 403, NULL, "pages of this site may not connect");
}

/* The answer's headers, after the CORS headers. Without an origin the client is no page. */
static char *with_cors(const char *origin, bool may_read, char *further)
{
    static const char exposed[] = "access-control-expose-headers: location, etag, link\n";
    char *all = headers("%s%s%s%svary: origin\n%s", may_read ? "access-control-allow-origin: " : "",
                        may_read ? *origin ? origin : "*" : "", may_read ? "\n" : "", may_read ? exposed : "",
                        further ? further : "");
    free(further);
    return all;
}

char *whip_headers(struct whip *w, const struct whip_request *q)
{
    return with_cors(q->origin, !is_guest(w, q) || asks_for_token(w, q), NULL);
}

bool whip_request(struct whip *w, const struct whip_request *q, struct whip_response *out, mp_time now)
{
    if (strncmp(q->path, "/whip/", 6) != 0 && strncmp(q->path, "/whep/", 6) != 0 &&
        strncmp(q->path, RESOURCE, strlen(RESOURCE)) != 0)
        return false;
    *out = (struct whip_response){.status = 500};
    bool may_read = !is_guest(w, q) || asks_for_token(w, q);
    if (may_read)
        handle(w, q, out, now);
    else
        refuse_page(w, q, out, now);
    out->headers = with_cors(q->origin, may_read, out->headers);
    return true;
}

/* --- time --- */

static bool never_connected(const struct resource *r, mp_time now)
{
    return r->participant->state < SESSION_CLAIMED && now - r->since >= WHIP_CONNECT;
}

void whip_turn(struct whip *w, mp_time now)
{
    if (!w->some_closed && w->look_at > now)
        return;
    w->some_closed = false;
    w->look_at = MP_NEVER;
    for (size_t i = 0; i < w->count; i++) {
        struct resource *r = &w->resources[i];
        if (!r->participant)
            continue;
        if (r->closed || never_connected(r, now))
            resource_end(w, r, now);
        else if (r->participant->state < SESSION_CLAIMED)
            w->look_at = mp_min(w->look_at, r->since + WHIP_CONNECT);
    }
}

mp_time whip_deadline(const struct whip *w) { return w->look_at; }

void whip_close_all(struct whip *w, mp_time now)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->resources[i].participant)
            resource_end(w, &w->resources[i], now);
}
