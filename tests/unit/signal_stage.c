#include "tests/unit/signal_stage.h"
#include "base/check.h"
#include "crypto/crypto.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- commands of the signaling --- */

static struct peer *peer_of(struct stage *s, const void *socket)
{
    for (size_t i = 0; i < s->peer_count; i++)
        if (s->peers[i] == socket)
            return s->peers[i];
    return NULL;
}

static void io_send(void *context, void *socket, const char *text, size_t len)
{
    struct stage *s = context;
    if (whip_is(s->whip, socket)) {
        whip_send(s->whip, socket, text, len);
        return;
    }
    struct peer *p = peer_of(context, socket);
    INVARIANT(p && !p->close_code && text[len] == 0 && strlen(text) == len);
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    INVARIANT(json_is_string(json_object_get(message, "type")));
    json_array_append_new(p->received, message);
}

static void io_close(void *context, void *socket, uint16_t code, const char *reason)
{
    struct stage *s = context;
    if (whip_is(s->whip, socket)) {
        whip_close(s->whip, socket);
        return;
    }
    struct peer *p = peer_of(context, socket);
    INVARIANT(p && !p->close_code && code);
    p->close_code = code;
    snprintf(p->close_reason, sizeof p->close_reason, "%s", reason);
}

static void io_doubt(void *context, void *socket)
{
    struct peer *p = peer_of(context, socket);
    INVARIANT(p && !p->close_code);
    p->doubted++;
}

static void io_attach(void *context, void *socket, struct participant *participant)
{
    struct peer *p = peer_of(context, socket);
    INVARIANT(p != NULL);
    p->participant = participant;
}

static void io_random(void *context, uint8_t *out, size_t len)
{
    struct stage *s = context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(&s->prng);
}

static struct published *find(struct published *list, size_t count, uint32_t session, uint32_t track)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].track == track && (session == SESSION_NONE || list[i].session == session))
            return &list[i];
    return NULL;
}

static void note(struct published *list, size_t *count, size_t size, const struct message *m)
{
    INVARIANT(!find(list, *count, m->session, m->track) && *count < size);
    list[(*count)++] = (struct published){m->session, m->track};
}

static void strike(struct published *list, size_t *count, const struct message *m)
{
    struct published *entry = find(list, *count, m->session, m->track);
    INVARIANT(entry != NULL);
    *entry = list[--*count];
}

static void strike_session(struct published *list, size_t *count, uint32_t session)
{
    for (size_t i = *count; i-- > 0;)
        if (list[i].session == session)
            list[i] = list[--*count];
}

static void subscribe(struct stage *s, const struct message *m)
{
    const struct published *track = find(s->tracks, s->track_count, SESSION_NONE, m->track);
    INVARIANT(track && track->session != m->session);
    INVARIANT(registry_owner(s->registry, track->session) == m->subscribe.origin);
    INVARIANT(m->subscribe.ssrc && m->subscribe.mid[0] && m->subscribe.cname[0]);
    for (size_t i = 0; i < s->command_count;
         i++) /* packet numbers start again: with an earlier SSRC they would repeat */
        INVARIANT(s->commands[i].type != MESSAGE_SUBSCRIBE || s->commands[i].session != m->session ||
                  s->commands[i].subscribe.ssrc != m->subscribe.ssrc);
    note(s->viewers, &s->viewer_count, sizeof s->viewers / sizeof s->viewers[0], m);
}

static void credentials(struct stage *s, const struct message *m)
{
    struct session_credentials found;
    uint32_t session;
    unsigned owner;
    INVARIANT(m->payload.len == sizeof s->credentials);
    memcpy(&s->credentials, m->payload.data, sizeof s->credentials);
    struct bytes ufrag = {(const uint8_t *)s->credentials.ufrag, UFRAG_SIZE};
    INVARIANT(registry_find(s->registry, ufrag, &session, &owner, &found));
    INVARIANT(session == m->session && strcmp(found.password, s->credentials.password) == 0);
}

static void io_command(void *context, const struct message *m)
{
    struct stage *s = context;
    INVARIANT(m->to < STAGE_WORKERS && m->from == TO_CONTROL && s->command_count < STAGE_COMMANDS_MAX);
    INVARIANT(registry_owner(s->registry, m->session) == m->to);
    switch (m->type) {
    case MESSAGE_PUBLISH:
        INVARIANT(!find(s->tracks, s->track_count, SESSION_NONE, m->track));
        note(s->tracks, &s->track_count, sizeof s->tracks / sizeof s->tracks[0], m);
        break;
    case MESSAGE_REPUBLISH: INVARIANT(find(s->tracks, s->track_count, m->session, m->track)); break;
    case MESSAGE_UNPUBLISH: strike(s->tracks, &s->track_count, m); break;
    case MESSAGE_SUBSCRIBE: subscribe(s, m); break;
    case MESSAGE_UNSUBSCRIBE: strike(s->viewers, &s->viewer_count, m); break;
    case MESSAGE_SESSION_CLOSE:
        strike_session(s->tracks, &s->track_count, m->session);
        strike_session(s->viewers, &s->viewer_count, m->session);
        break;
    case MESSAGE_QUIET: INVARIANT(find(s->tracks, s->track_count, m->session, m->track)); break;
    case MESSAGE_VIEW: INVARIANT(find(s->viewers, s->viewer_count, m->session, m->track)); break;
    case MESSAGE_CREDENTIALS: credentials(s, m); break;
    default: INVARIANT(m->type == MESSAGE_EXTENSIONS || m->type == MESSAGE_DOUBT);
    }
    s->commands[s->command_count++] = *m;
}

/* --- the stage --- */

static int64_t io_wall(void *context) { return STAGE_UNIX_S + ((struct stage *)context)->now / MP_S(1); }

static void open_stage(struct stage *s, size_t sessions, const char *announced, const struct access *access,
                       const struct signal_limits *limits)
{
    struct address address;
    memset(s, 0, sizeof *s);
    s->now = MP_S(1000);
    prng_seed(&s->prng, 42);
    s->registry = registry_new(sessions);
    for (unsigned i = 0; i < STAGE_WORKERS; i++)
        s->stats_list[i] = &s->stats[i];
    INVARIANT(address_parse(&address, announced ? announced : "198.51.100.1", 8000));
    struct signal_config config = {.registry = s->registry,
                                   .stats = s->stats_list,
                                   .workers = STAGE_WORKERS,
                                   .addresses = &address,
                                   .address_count = 1,
                                   .announced = announced != NULL,
                                   .port = 8000,
                                   .probe_port = 8001,
                                   .version = "1.2.3"};
    static struct address kept; /* signaling keeps the pointer */
    kept = address;
    config.addresses = &kept;
    static struct hmac_sha1 secret;
    hmac_sha1_key(&secret, (const uint8_t *)STAGE_TURN_SECRET, strlen(STAGE_TURN_SECRET));
    config.turn_secret = &secret;
    config.wall = MP_S(STAGE_WALL_S);
    for (size_t i = 0; i < sizeof config.fingerprint; i++)
        config.fingerprint[i] = (uint8_t)i;
    config.access = access;
    if (limits)
        config.limits = *limits;
    struct signal_io io = {.context = s,
                           .send = io_send,
                           .close = io_close,
                           .doubt = io_doubt,
                           .attach = io_attach,
                           .command = io_command,
                           .random = io_random,
                           .wall = io_wall};
    s->signaling = signal_new(&config, &io);
    INVARIANT(s->signaling != NULL);
    s->whip = whip_new(s->signaling, sessions);
    INVARIANT(s->whip != NULL);
}

void stage_open(struct stage *s, size_t sessions, const char *announced)
{
    open_stage(s, sessions, announced, NULL, NULL);
}

void stage_open_bounded(struct stage *s, size_t sessions, const struct access *access,
                        const struct signal_limits *limits)
{
    static struct access kept;
    if (access)
        kept = *access;
    open_stage(s, sessions, NULL, access ? &kept : NULL, limits);
}

void stage_close(struct stage *s)
{
    whip_close_all(s->whip, s->now);
    while (s->peer_count) {
        peer_close(s->peers[0]);
        peer_free(s->peers[0]);
    }
    stage_work(s);
    INVARIANT(s->track_count == 0 && s->viewer_count == 0);
    INVARIANT(stage_metric(s, "monoport_rooms") == 0 && stage_metric(s, "monoport_participants") == 0);
    for (size_t i = 0; i < registry_size(s->registry); i++) { /* every slot is free again */
        struct session_credentials credentials;
        uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {0};
        INVARIANT(registry_open(s->registry, &(struct session_setup){0}, random, &credentials) !=
                  SESSION_NONE);
    }
    whip_free(s->whip);
    signal_free(s->signaling);
    registry_free(s->registry);
}

void stage_go_on(struct stage *s)
{
    while (signal_go_on(s->signaling, s->now))
        ;
}

void stage_timeout(struct stage *s)
{
    signal_timeout(s->signaling, s->now);
    stage_go_on(s);
}

void stage_event(struct stage *s, enum message_type type, uint32_t session, unsigned worker)
{
    struct message m = {.type = (uint8_t)type, .from = (uint8_t)worker, .to = TO_CONTROL, .session = session};
    if (type == MESSAGE_PATH_SEEN)
        INVARIANT(address_parse(&m.path.remote, "203.0.113.9", 4444));
    if (type == MESSAGE_CONNECTED)
        m.at = s->now;
    signal_event(s->signaling, &m, s->now);
    stage_go_on(s);
}

void stage_tell(struct stage *s, const struct message *m)
{
    signal_event(s->signaling, m, s->now);
    stage_go_on(s);
}

void stage_end(struct stage *s, uint32_t session, enum end_reason reason)
{
    struct message m = {.type = MESSAGE_ENDED,
                        .from = (uint8_t)registry_owner(s->registry, session),
                        .to = TO_CONTROL,
                        .session = session,
                        .reason = reason};
    strike_session(s->tracks, &s->track_count, session);
    strike_session(s->viewers, &s->viewer_count, session);
    signal_event(s->signaling, &m, s->now);
    stage_go_on(s);
}

void stage_work(struct stage *s)
{
    for (; s->closes_answered < s->command_count; s->closes_answered++) {
        const struct message *m = &s->commands[s->closes_answered];
        if (m->type == MESSAGE_SESSION_CLOSE)
            stage_end(s, m->session, END_CLOSED);
    }
}

const struct message *stage_command(struct stage *s, enum message_type type, uint32_t session)
{
    while (s->commands_seen < s->command_count) {
        const struct message *m = &s->commands[s->commands_seen++];
        if (m->type == type && (session == SESSION_NONE || m->session == session))
            return m;
    }
    return NULL;
}

size_t stage_commands(const struct stage *s, enum message_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < s->command_count; i++)
        n += s->commands[i].type == type;
    return n;
}

long long stage_metric(struct stage *s, const char *name)
{
    char key[80];
    size_t len;
    char *text = signal_metrics(s->signaling, &len, s->now);
    snprintf(key, sizeof key, "\n%s ", name);
    const char *at = text ? strstr(text, key) : NULL;
    long long value = at ? atoll(at + strlen(key)) : -1;
    free(text);
    return value;
}

char *golden(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/%s.sdp", SOURCE_ROOT, name);
    FILE *f = fopen(path, "rb");
    char *text = calloc(1, 1 << 16);
    INVARIANT(f && text);
    INVARIANT(fread(text, 1, (1 << 16) - 1, f) > 0);
    fclose(f);
    return text;
}

/* --- sockets --- */

static struct peer *open_peer(struct stage *s, const char *host, const char *local, const char *remote)
{
    struct peer *p = calloc(1, sizeof *p);
    struct signal_client client = {.socket = p, .host = host};
    static unsigned number;
    INVARIANT(p && s->peer_count < STAGE_PEERS_MAX && address_parse(&client.local, local, 443));
    INVARIANT(address_parse(&client.remote, remote, 50000));
    p->stage = s;
    p->received = json_array();
    p->codecs = 1u << CODEC_VP8 | 1u << CODEC_VP9 | 1u << CODEC_H264 | 1u << CODEC_AV1;
    snprintf(p->id, sizeof p->id, "peer-%u", ++number);
    s->peers[s->peer_count++] = p;
    p->participant = signal_opened(s->signaling, &client, s->now);
    return p;
}

struct peer *peer_open(struct stage *s, const char *host, const char *local)
{
    return open_peer(s, host, local, "203.0.113.1");
}

struct peer *peer_open_from(struct stage *s, const char *remote)
{
    return open_peer(s, "monoport.example", "192.0.2.1", remote);
}

void peer_close(struct peer *p)
{
    if (p->participant)
        signal_closed(p->stage->signaling, p->participant, p->stage->now);
    stage_go_on(p->stage);
    p->participant = NULL;
    p->close_code = p->close_code ? p->close_code : 1006; /* the server must not send to it any more */
}

void peer_free(struct peer *p)
{
    struct stage *s = p->stage;
    INVARIANT(!p->participant);
    for (size_t i = 0; i < s->peer_count; i++)
        if (s->peers[i] == p)
            s->peers[i] = s->peers[--s->peer_count];
    json_decref(p->received);
    json_decref(p->taken);
    free(p);
}

void peer_text(struct peer *p, const char *text)
{
    signal_text(p->stage->signaling, p->participant, text, strlen(text), p->stage->now);
    stage_go_on(p->stage);
}

void peer_say(struct peer *p, const char *type, const char *format, ...)
{
    va_list args;
    json_t *message = json_pack("{s:s, s:s}", "type", type, "peerId", p->id);
    va_start(args, format);
    json_t *more = *format ? json_vpack_ex(NULL, 0, format, args) : NULL;
    va_end(args);
    INVARIANT(message && (!*format || more));
    if (more)
        json_object_update(message, more);
    char *text = json_dumps(message, 0);
    peer_text(p, text);
    free(text);
    json_decref(more);
    json_decref(message);
}

struct peer *peer_join(struct stage *s, const char *room, const char *role)
{
    struct peer *p = peer_open(s, "monoport.example", "192.0.2.1");
    peer_say(p, "join-room", "{s:s, s:s, s:s}", "room", room, "role", role, "name", "N");
    return p;
}

static bool is_type(const json_t *message, const char *type)
{
    return !type || strcmp(json_string_value(json_object_get(message, "type")), type) == 0;
}

json_t *take(struct peer *p, const char *type)
{
    for (size_t i = 0; i < json_array_size(p->received); i++) {
        json_t *message = json_array_get(p->received, i);
        if (!is_type(message, type))
            continue;
        json_decref(p->taken);
        p->taken = json_incref(message);
        json_array_remove(p->received, i);
        return message;
    }
    return NULL;
}

const char *take_text(struct peer *p, const char *type, const char *member)
{
    const char *text = json_string_value(json_object_get(take(p, type), member));
    return text ? text : "";
}

size_t waiting(const struct peer *p, const char *type)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(p->received); i++)
        n += is_type(json_array_get(p->received, i), type);
    return n;
}

void forget(struct peer *p) { json_array_clear(p->received); }

/* --- a browser's descriptions --- */

#define CLIENT_FINGERPRINT                                                                                   \
    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"

static const char *const direction_names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};

static void write_codecs(struct sdp_writer *w, const struct peer *p, const struct line *l, bool names)
{
    static const struct {
        unsigned payload_type;
        enum codec codec;
        const char *name, *fmtp;
    } known[] = {
        {96, CODEC_VP8, "VP8/90000", ""},
        {98, CODEC_VP9, "VP9/90000", "profile-id=0"},
        {102, CODEC_H264, "H264/90000", "packetization-mode=1;profile-level-id=42e01f"},
        {45, CODEC_AV1, "AV1/90000", "profile=0"},
        {111, CODEC_OPUS, "opus/48000/2", "minptime=10;useinbandfec=1"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned pt = known[i].payload_type;
        bool video = known[i].codec != CODEC_OPUS;
        if (video != (l->kind == SDP_VIDEO) || (video && !(p->codecs & 1u << known[i].codec)))
            continue;
        if (!names)
            sdp_printf(w, " %u", pt);
        else if (*known[i].fmtp)
            sdp_printf(w, "a=rtpmap:%u %s\r\na=fmtp:%u %s\r\n", pt, known[i].name, pt, known[i].fmtp);
        else
            sdp_printf(w, "a=rtpmap:%u %s\r\n", pt, known[i].name);
    }
}

/* The codecs of `like`, the server's section; NULL: all that the client supports. */
static void write_line(struct sdp_writer *w, const struct peer *p, const struct line *l,
                       const struct sdp_section *like)
{
    bool audio = l->kind == SDP_AUDIO;
    if (l->kind > SDP_VIDEO) {
        sdp_printf(w, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:%s\r\n", l->mid);
        return;
    }
    sdp_printf(w, "m=%s %u UDP/TLS/RTP/SAVPF", audio ? "audio" : "video", l->refused ? 0 : 9);
    for (size_t i = 0; like && i < like->codec_count; i++)
        sdp_printf(w, " %u", like->codecs[i].payload_type);
    if (!like)
        write_codecs(w, p, l, false);
    else if (!like->codec_count)
        sdp_printf(w, " 0");
    sdp_printf(w, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=%s\r\n", l->mid, direction_names[l->direction]);
    sdp_printf(w, "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
    sdp_printf(w, "%s",
               audio ? "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
                     : "a=extmap:13 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n");
    for (size_t i = 0; like && !l->refused && i < like->codec_count; i++)
        if (!like->codecs[i].rtx)
            sdp_printf(w, "a=rtpmap:%u %.*s/%u%s\r\n", like->codecs[i].payload_type,
                       (int)like->codecs[i].name.len, like->codecs[i].name.data, like->codecs[i].clock_rate,
                       audio ? "/2" : "");
    if (!like)
        write_codecs(w, p, l, true);
}

/* malloc'ed */
static char *describe(const struct peer *p, const struct sdp *like)
{
    struct sdp_writer w = {0};
    sdp_printf(&w, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for (size_t i = 0; i < p->line_count; i++)
        if (!p->lines[i].refused)
            sdp_printf(&w, " %s", p->lines[i].mid);
    sdp_printf(&w,
               "\r\na=ice-ufrag:ab%02u\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 "
               "%s\r\na=setup:%s\r\n",
               p->restarts, CLIENT_FINGERPRINT, like ? "active" : "actpass");
    for (size_t i = 0; i < p->line_count; i++)
        write_line(&w, p, &p->lines[i], like ? &like->sections[i] : NULL);
    INVARIANT(!w.failed);
    return w.data;
}

struct line *peer_line(struct peer *p, enum sdp_kind kind, enum sdp_direction direction)
{
    INVARIANT(p->line_count < SDP_SECTIONS_MAX);
    struct line *l = &p->lines[p->line_count];
    *l = (struct line){.kind = kind, .direction = direction};
    snprintf(l->mid, sizeof l->mid, "%zu", p->line_count++);
    return l;
}

void peer_learn(struct peer *p, const char *answer)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(answer, strlen(answer), &error);
    INVARIANT(sdp && sdp->count == p->line_count);
    for (size_t i = 0; i < sdp->count; i++)
        if (sdp->sections[i].ufrag.len && sdp->sections[i].ufrag.len < sizeof p->ufrag) {
            memset(p->ufrag, 0, sizeof p->ufrag);
            memcpy(p->ufrag, sdp->sections[i].ufrag.data, sdp->sections[i].ufrag.len);
        }
    sdp_free(sdp);
}

void peer_offer(struct peer *p)
{
    char *text = describe(p, NULL);
    peer_say(p, "offer", "{s:s}", "sdp", text);
    free(text);
}

void peer_lines(struct peer *p, const char *text)
{
    enum sdp_error error;
    struct sdp *sdp = sdp_parse(text, strlen(text), &error);
    INVARIANT(sdp != NULL);
    p->line_count = sdp->count;
    for (size_t i = 0; i < sdp->count; i++) {
        p->lines[i] = (struct line){.kind = sdp->sections[i].kind, .direction = sdp->sections[i].direction};
        memcpy(p->lines[i].mid, sdp->sections[i].mid, MID_SIZE);
    }
    sdp_free(sdp);
}

void peer_offer_text(struct peer *p, const char *text)
{
    peer_lines(p, text);
    peer_say(p, "offer", "{s:s}", "sdp", text);
}

bool peer_offer_golden(struct peer *p, const char *name)
{
    char *text = golden(name);
    peer_offer_text(p, text);
    free(text);
    return waiting(p, "answer") == 1;
}

bool peer_answer(struct peer *p, const char *but)
{
    static const enum sdp_direction back[] = {SDP_SENDRECV, SDP_RECVONLY, SDP_SENDONLY, SDP_INACTIVE};
    enum sdp_error error;
    json_t *offer = take(p, "offer");
    const char *text = json_string_value(json_object_get(offer, "sdp"));
    struct sdp *sdp = text ? sdp_parse(text, strlen(text), &error) : NULL;
    if (!text)
        return false;
    INVARIANT(sdp && sdp->count >= p->line_count && sdp->count <= SDP_SECTIONS_MAX);
    for (size_t i = 0; i < sdp->count; i++) {
        const struct sdp_section *in = &sdp->sections[i];
        struct line *l = &p->lines[i];
        INVARIANT(i >= p->line_count || strcmp(l->mid, in->mid) == 0);
        l->kind = in->kind;
        memcpy(l->mid, in->mid, MID_SIZE);
        l->refused = !in->port || (but && strcmp(but, in->mid) == 0);
        l->direction = l->stopped ? SDP_INACTIVE : back[in->direction];
    }
    p->line_count = sdp->count;
    char *answer = describe(p, sdp);
    peer_say(p, "answer", "{s:s}", "sdp", answer);
    free(answer);
    sdp_free(sdp);
    return true;
}

uint32_t peer_session(const struct peer *p)
{
    uint32_t session;
    unsigned owner;
    struct session_credentials credentials;
    struct bytes ufrag = {(const uint8_t *)p->ufrag, strlen(p->ufrag)};
    return registry_find(p->stage->registry, ufrag, &session, &owner, &credentials) ? session : SESSION_NONE;
}

void peer_claim(struct peer *p, unsigned worker)
{
    uint32_t session = peer_session(p);
    INVARIANT(session != SESSION_NONE && registry_claim(p->stage->registry, session, worker));
    stage_event(p->stage, MESSAGE_CLAIMED, session, worker);
}

struct peer *peer_call(struct stage *s, const char *room, const char *role, unsigned worker)
{
    struct peer *p = peer_join(s, room, role);
    enum sdp_direction direction = strcmp(role, "call") == 0     ? SDP_SENDRECV
                                   : strcmp(role, "stream") == 0 ? SDP_SENDONLY
                                                                 : SDP_RECVONLY;
    peer_line(p, SDP_AUDIO, direction);
    peer_line(p, SDP_VIDEO, direction);
    peer_offer(p);
    peer_learn(p, take_text(p, "answer", "sdp"));
    peer_claim(p, worker);
    while (peer_answer(p, NULL))
        ;
    forget(p);
    return p;
}
