#include "proto/ice.h"
#include "base/check.h"
#include "proto/candidate.h"
#include <stdio.h>

enum { UNKNOWN_ATTRIBUTE = 420, ROLE_CONFLICT = 487 };

#define UNKNOWN (-1) /* index of the client's credentials */

/* --- credentials --- */

/* RFC 8489 9.1.1: a short-term credential's key is the password. */
static void set_local(struct ice_credentials *c, const char *ufrag, const char *password)
{
    size_t len = strlen(ufrag);
    INVARIANT(len > 0 && len <= UFRAG_SIZE);
    memcpy(c->local_ufrag, ufrag, len + 1);
    hmac_sha1_key(&c->local_key, (const uint8_t *)password, strlen(password));
}

void ice_init(struct ice *ice, const char *local_ufrag, const char *local_password,
              const struct hmac_sha1 *secret, uint64_t seed, mp_time now)
{
    *ice = (struct ice){.selected = -1,
                        .wanted = -1,
                        .secret = secret,
                        .tie_breaker = seed,
                        .last_check = now,
                        .heard = now,
                        .pause = ICE_QUIET / ICE_QUIET_PAUSES,
                        .quiet_at = MP_NEVER,
                        .generations = 1};
    set_local(&ice->credentials[0], local_ufrag, local_password);
}

/* Whether the tuple uses credentials of a restart, of either side. */
static bool is_newer(const struct ice_tuple *t) { return t->ours > 0 || t->theirs > 0; }

/* Validated: an answer proved that the client receives there. */
static bool is_valid(const struct ice_tuple *t)
{
    return t->state == ICE_TUPLE_VALID || t->state == ICE_TUPLE_RECHECKING;
}

static bool is_checked(const struct ice_tuple *t)
{
    return t->state == ICE_TUPLE_CHECKING || t->state == ICE_TUPLE_RECHECKING;
}

/* The agent's own bookkeeping: no message changes these but by the functions below. */
static void check_agent(const struct ice *ice)
{
    INVARIANT(ice->count <= ICE_TUPLES_MAX && ice->generations > 0 &&
              ice->generations <= ICE_GENERATIONS_MAX);
    INVARIANT(ice->wanted < ice->count && ice->selected < ice->count);
    INVARIANT(ice->selected < 0 || is_valid(&ice->tuples[ice->selected]));
}

/* The index of the client's credentials with this ufrag; UNKNOWN: none. */
static int8_t client_find(const struct ice *ice, struct bytes ufrag)
{
    for (int8_t k = 0; k < ice->generations; k++)
        if (ufrag.len &&
            bytes_equal(ufrag, ice->credentials[k].remote_ufrag, strlen(ice->credentials[k].remote_ufrag)))
            return k;
    return UNKNOWN;
}

static struct bytes ufrag_of_client(const struct ice_credentials *c)
{
    return (struct bytes){(const uint8_t *)c->remote_ufrag, strlen(c->remote_ufrag)};
}

/* Ends `count` credentials from `first` on. `client`: the index of the client's credentials that the current
 * ones use afterwards; UNKNOWN: their own. */
static void credentials_end(struct ice *ice, unsigned first, unsigned count, int8_t client)
{
    struct ice_credentials before[ICE_GENERATIONS_MAX], *c = ice->credentials;
    memcpy(before, c, sizeof before);
    ice->generations -= (uint8_t)count;
    memmove(c + first, before + first + count, (ice->generations - first) * sizeof *c);
    explicit_bzero(c + ice->generations, count * sizeof *c);
    if (client != UNKNOWN) {
        memcpy(c->remote_ufrag, before[client].remote_ufrag, sizeof c->remote_ufrag);
        c->remote_key = before[client].remote_key;
    }
    for (int i = 0; i < ice->count; i++) {
        struct ice_tuple *t = &ice->tuples[i];
        t->ours = t->ours < first ? t->ours : (uint8_t)(t->ours < first + count ? 0 : t->ours - count);
        t->theirs = t->theirs == UNKNOWN ? UNKNOWN : client_find(ice, ufrag_of_client(&before[t->theirs]));
    }
    explicit_bzero(before, sizeof before);
}

/* Paths that used credentials of a replaced restart must be nominated anew. */
static void forget_oldest_restart(struct ice *ice)
{
    bool lost =
        ice->wanted >= 0 && (ice->tuples[ice->wanted].ours == 1 || ice->tuples[ice->wanted].theirs == 1);
    credentials_end(ice, 1, 1, UNKNOWN);
    if (lost)
        ice->wanted = ice->selected;
}

/* The client used these credentials before its description arrived: a check of a restart may overtake its
 * offer. A path that it nominated meanwhile becomes wanted now; our check that waited for the credentials is
 * due. */
static void told(struct ice *ice, int i, int8_t theirs)
{
    struct ice_tuple *t = &ice->tuples[i];
    t->theirs = theirs;
    if (theirs > 0 && t->nominated && !is_valid(t) &&
        (ice->wanted < 0 || t->last_nominated > ice->tuples[ice->wanted].last_nominated)) {
        ice->wanted = (int8_t)i;
        ice->reason = ICE_BY_RESTART;
    }
}

void ice_credentials_set(struct ice *ice, const struct ice_description *d)
{
    check_agent(ice);
    INVARIANT(strlen(d->remote_ufrag) <= REMOTE_UFRAG_MAX);
    int k = 0;
    bool untold[ICE_TUPLES_MAX];
    for (int i = 0; i < ice->count; i++)
        untold[i] = ice->tuples[i].theirs == UNKNOWN;
    while (k < ice->generations && strcmp(d->local_ufrag, ice->credentials[k].local_ufrag) != 0)
        k++;
    if (k == ICE_GENERATIONS_MAX) {
        forget_oldest_restart(ice);
        k--;
    }
    if (k == ice->generations)
        ice->generations++;
    struct ice_credentials *c = &ice->credentials[k];
    set_local(c, d->local_ufrag, d->local_password);
    hmac_sha1_key(&c->remote_key, (const uint8_t *)d->remote_password, strlen(d->remote_password));
    memcpy(c->remote_ufrag, d->remote_ufrag, strlen(d->remote_ufrag) + 1);
    c->generation = d->generation;
    for (int i = 0; i < ice->count; i++)
        if (untold[i])
            told(ice, i, (int8_t)k);
}

static const struct ice_credentials *ours(const struct ice *ice, const struct ice_tuple *t)
{
    return &ice->credentials[t->ours];
}

/* NULL: not known. */
static const struct ice_credentials *theirs(const struct ice *ice, const struct ice_tuple *t)
{
    return t->theirs == UNKNOWN ? NULL : &ice->credentials[t->theirs];
}

bool ice_username_local(struct bytes username, struct bytes *local)
{
    const uint8_t *colon = username.len ? memchr(username.data, ':', username.len) : NULL;
    if (!colon || colon == username.data)
        return false;
    *local = (struct bytes){username.data, (size_t)(colon - username.data)};
    return true;
}

/* The credentials that authenticate a check; NULL: none. The cheap tests come first, the MAC last. */
static const struct ice_credentials *authentic(const struct ice *ice, const struct stun_view *m)
{
    struct bytes local;
    if (m->class != STUN_REQUEST || m->method != STUN_BINDING || !ice_username_local(m->username, &local))
        return NULL;
    for (const struct ice_credentials *c = ice->credentials; c < ice->credentials + ice->generations; c++)
        if (bytes_equal(local, c->local_ufrag, strlen(c->local_ufrag)))
            return stun_check(m, &c->local_key) ? c : NULL;
    return NULL;
}

/* --- answers --- */

static size_t finish(const struct ice_credentials *c, struct stun_writer *w)
{
    stun_add_integrity(w, &c->local_key);
    stun_add_fingerprint(w);
    return stun_end(w);
}

static size_t answer_success(const struct ice_credentials *c, const struct stun_view *m,
                             const struct path *path, uint8_t *reply, size_t size)
{
    struct stun_writer w;
    stun_begin(&w, reply, size, STUN_SUCCESS, STUN_BINDING, m->txid);
    stun_add_mapped(&w, &path->remote);
    return finish(c, &w);
}

static size_t answer_error(const struct ice_credentials *c, const struct stun_view *m, uint16_t code,
                           uint8_t *reply, size_t size)
{
    struct stun_writer w;
    stun_begin(&w, reply, size, STUN_ERROR, STUN_BINDING, m->txid);
    stun_add_error(&w, code, code == ROLE_CONFLICT ? "Role Conflict" : "Unknown Attribute");
    if (code == UNKNOWN_ATTRIBUTE)
        stun_add_unknown(&w, m->unknown_required, m->unknown_count);
    return finish(c, &w);
}

/* --- paths --- */

static int tuple_find(const struct ice *ice, const struct path *path)
{
    for (int i = 0; i < ice->count; i++)
        if (path_equal(&ice->tuples[i].path, path))
            return i;
    return -1;
}

/* The tuple that a new path replaces if all are taken: of the unused ones, the one with the oldest check. */
static int tuple_oldest(const struct ice *ice)
{
    int oldest = -1;
    for (int i = 0; i < ice->count; i++)
        if (i != ice->selected && i != ice->wanted &&
            (oldest < 0 || ice->tuples[i].last_check < ice->tuples[oldest].last_check))
            oldest = i;
    return oldest;
}

static void check_begin(struct ice *ice, struct ice_tuple *t, mp_time now)
{
    uint8_t mac[SHA1_SIZE];
    uint64_t name[2] = {ice->tie_breaker, ++ice->transactions};
    /* The client must not be able to guess it: an answer proves that the client received it. */
    hmac_sha1(ice->secret, &(struct bytes){(const uint8_t *)name, sizeof name}, 1, mac);
    memcpy(t->check.txid, mac, STUN_TXID_SIZE);
    t->check.tries = 0;
    t->check.at = t->check.first = now;
}

/* The only one that changes a tuple's state; the table is in ice.h. */
static void tuple_enter(struct ice *ice, struct ice_tuple *t, enum ice_tuple_state state, mp_time now)
{
    static const uint8_t next[] = {
        [ICE_TUPLE_NONE] = 1 << ICE_TUPLE_CHECKING | 1 << ICE_TUPLE_VALID,
        [ICE_TUPLE_CHECKING] = 1 << ICE_TUPLE_VALID | 1 << ICE_TUPLE_FAILED,
        [ICE_TUPLE_FAILED] = 1 << ICE_TUPLE_CHECKING,
        [ICE_TUPLE_VALID] = 1 << ICE_TUPLE_RECHECKING,
        [ICE_TUPLE_RECHECKING] = 1 << ICE_TUPLE_VALID,
    };
    INVARIANT(next[t->state] >> state & 1);
    t->state = state;
    if (is_checked(t))
        check_begin(ice, t, now);
    else
        t->check.at = MP_NEVER;
}

static void check_start(struct ice *ice, struct ice_tuple *t, mp_time now)
{
    if (!is_checked(t))
        tuple_enter(ice, t, is_valid(t) ? ICE_TUPLE_RECHECKING : ICE_TUPLE_CHECKING, now);
}

/* A path by a stream or an allocation needs no validation: it exists only because the client answered. */
static int tuple_add(struct ice *ice, const struct path *path, struct ice_answer *answer, mp_time now)
{
    int i = ice->count;
    if (i < ICE_TUPLES_MAX) {
        ice->count++;
    } else {
        i = tuple_oldest(ice);
        answer->has_dropped = true;
        answer->dropped = ice->tuples[i].path;
    }
    struct ice_tuple *t = &ice->tuples[i];
    *t = (struct ice_tuple){.path = *path,
                            .last_check = now,
                            .state = ICE_TUPLE_NONE,
                            .theirs = ice->selected < 0 ? UNKNOWN : ice->tuples[ice->selected].theirs};
    tuple_enter(ice, t, path->link == LINK_UDP ? ICE_TUPLE_CHECKING : ICE_TUPLE_VALID, now);
    answer->path_new = true;
    return i;
}
_Static_assert(ICE_TUPLES_MAX > 2, "besides the selected and the wanted path one can make room");

/* --- silence --- */

static void hear(struct ice *ice, mp_time now)
{
    mp_time pause = now - ice->heard;
    if (pause >= ICE_BURST)
        ice->pause += (pause - ice->pause) / 8;
    ice->heard = now;
}

static mp_time quiet_after(const struct ice *ice)
{
    return mp_max(ICE_QUIET_LIVELY, mp_min(ICE_QUIET_PAUSES * ice->pause, ICE_QUIET));
}

/* --- selection --- */

static void select_tuple(struct ice *ice, int i, struct ice_answer *answer, mp_time now)
{
    struct ice_tuple *t = &ice->tuples[i];
    INVARIANT(is_valid(t));
    if (ice->selected == i && !is_newer(t))
        return;
    answer->event = ICE_SELECTED;
    answer->silence = ice->selected < 0 ? 0 : now - ice->heard;
    answer->moved = ice->flowed && ice->selected != i;
    ice->flowed &= ice->selected == i;
    ice->selected = ice->wanted = (int8_t)i;
    ice->heard = now;
    ice->quiet_at = mp_on_grid(now + quiet_after(ice));
    if (is_newer(t))
        credentials_end(ice, 0, t->ours, t->theirs > t->ours ? t->theirs : UNKNOWN);
}

static void want(struct ice *ice, int i, enum ice_reason reason, struct ice_answer *answer, mp_time now)
{
    struct ice_tuple *t = &ice->tuples[i];
    ice->wanted = (int8_t)i;
    ice->reason = is_newer(t) ? ICE_BY_RESTART : reason;
    if (is_valid(t))
        select_tuple(ice, i, answer, now);
    else
        check_start(ice, t, now);
}

/* Whether USE-CANDIDATE on tuple `i` moves the session there. A client with aggressive nomination (Firefox
 * nominates in every check of every pair) means the best of its pairs (RFC 5245 8.1.1.2), so a lower priority
 * waits until the wanted path has not been nominated for a while. The criterion is not "not checked":
 * Chromium goes on checking the path that it leaves. */
static bool nomination_moves(const struct ice *ice, int i, mp_time now)
{
    if (ice->wanted < 0)
        return true;
    const struct ice_tuple *t = &ice->tuples[i], *wanted = &ice->tuples[ice->wanted];
    /* We cannot verify an answer to our check yet; see told(). */
    if (t->theirs == UNKNOWN && ice->credentials[0].remote_ufrag[0])
        return false;
    /* Again, if it failed before or has newer credentials than at its selection. */
    if (i == ice->wanted)
        return i != ice->selected || is_newer(t);
    if (t->ours != wanted->ours)
        return t->ours > wanted->ours;
    if (t->theirs != wanted->theirs)
        return t->theirs > wanted->theirs;
    return t->priority >= wanted->priority || now - wanted->last_nominated > ICE_NOMINATION_HOLDS;
}

void ice_credit(struct ice *ice, const struct path *path, size_t len)
{
    int i = tuple_find(ice, path);
    if (i >= 0 && !is_valid(&ice->tuples[i]) && ice->tuples[i].credit < UINT16_MAX)
        ice->tuples[i].credit += (uint32_t)len * ICE_AMPLIFICATION;
}

bool ice_spend(struct ice *ice, const struct path *path, size_t len)
{
    int i = tuple_find(ice, path);
    struct ice_tuple *t = i < 0 ? NULL : &ice->tuples[i];
    if (!t || (!is_valid(t) && t->credit < len))
        return false;
    if (!is_valid(t))
        t->credit -= (uint32_t)len;
    return true;
}

/* Notes the credentials of the client's latest check. Our own check that used others starts again. */
static void recognise(const struct ice *ice, struct ice_tuple *t, struct bytes username, uint8_t ours,
                      mp_time now)
{
    const uint8_t *half = (const uint8_t *)memchr(username.data, ':', username.len) + 1; /* "OURS:THEIRS" */
    int8_t theirs = client_find(ice, (struct bytes){half, (size_t)(username.data + username.len - half)});
    bool changed = t->ours != ours || t->theirs != theirs;
    t->ours = ours;
    t->theirs = theirs;
    if (changed && is_checked(t)) {
        t->check.tries = 0;
        t->check.at = now;
    }
}

static void learn(struct ice *ice, const struct stun_view *m, const struct path *path, uint8_t ours,
                  struct ice_answer *answer, mp_time now)
{
    int i = tuple_find(ice, path);
    if (i < 0)
        i = tuple_add(ice, path, answer, now);
    struct ice_tuple *t = &ice->tuples[i];
    t->last_check = ice->last_check = now;
    t->priority = m->priority;
    recognise(ice, t, m->username, ours, now);
    if (i == ice->selected)
        hear(ice, now);
    answer->event = answer->path_new ? ICE_PATH_NEW : ICE_CHECK;
    ice_credit(ice, path, m->message.len);
    if (!m->use_candidate)
        return;
    t->nominated = true;
    t->last_nominated = now;
    if (nomination_moves(ice, i, now)) {
        answer->nominated = ice->wanted != i || answer->path_new;
        want(ice, i, ICE_BY_NOMINATION, answer, now);
    }
}

struct ice_answer ice_input(struct ice *ice, const struct stun_view *m, const struct path *path,
                            uint8_t *reply, size_t size, mp_time now)
{
    check_agent(ice);
    struct ice_answer answer = {.event = ICE_REFUSED};
    const struct ice_credentials *c = authentic(ice, m);
    /* RFC 8489 9.1.3 asks for 400 and 401 here; without an answer a spoofed source gets nothing. */
    if (!c)
        return answer;
    if (m->unknown_count) {
        answer.len = answer_error(c, m, UNKNOWN_ATTRIBUTE, reply, size);
        return answer;
    }
    /* RFC 8445 6.1.1: the lite side is the controlled one, whatever the tie-breakers say. */
    if (m->has_controlled) {
        answer.len = answer_error(c, m, ROLE_CONFLICT, reply, size);
        return answer;
    }
    answer.len = answer_success(c, m, path, reply, size); /* before the credentials may change */
    learn(ice, m, path, (uint8_t)(c - ice->credentials), &answer, now);
    return answer;
}

/* --- our own checks --- */

struct ice_answer ice_response(struct ice *ice, const struct stun_view *m, const struct path *path,
                               mp_time now)
{
    check_agent(ice);
    struct ice_answer answer = {.event = ICE_REFUSED};
    int i = tuple_find(ice, path);
    struct ice_tuple *t = i < 0 ? NULL : &ice->tuples[i];
    if (!t || m->class != STUN_SUCCESS || m->method != STUN_BINDING || m->unknown_count || !is_checked(t) ||
        !t->check.tries || memcmp(m->txid, t->check.txid, STUN_TXID_SIZE) != 0 || !theirs(ice, t) ||
        !stun_check(m, &theirs(ice, t)->remote_key))
        return answer;
    answer.event = ICE_CHECK;
    answer.rtt = mp_max(now - t->check.first, 1);
    tuple_enter(ice, t, ICE_TUPLE_VALID, now);
    t->last_check = ice->last_check = now;
    if (i == ice->selected)
        hear(ice, now);
    if (i == ice->wanted)
        select_tuple(ice, i, &answer, now);
    return answer;
}

/* A client that is still choosing among its addresses, or takes another of them (whose candidate has another
 * priority), moves on its own decision. */
static enum ice_reason media_moves(const struct ice *ice, int i)
{
    bool same = ice->tuples[i].priority == ice->tuples[ice->selected].priority;
    return ice->flowed && same ? ICE_BY_ROAMING : ICE_BY_NOMINATION;
}

struct ice_answer ice_media(struct ice *ice, const struct path *path, size_t len, mp_time now)
{
    struct ice_answer answer = {.event = ICE_CHECK};
    if (ice->selected < 0)
        return answer;
    if (path_equal(&ice->tuples[ice->selected].path, path)) {
        ice->flowed = true;
        hear(ice, now);
        return answer;
    }
    int i = tuple_find(ice, path);
    ice_credit(ice, path, len);
    if (i < 0) {
        i = tuple_add(ice, path, &answer, now);
        ice->tuples[i].priority =
            ice->tuples[ice->selected].priority; /* the same candidate behind another mapping */
        ice->tuples[i].last_nominated = now;
        ice_credit(ice, path, len);
    } else if (i == ice->wanted || now - ice->heard < ICE_SILENT) {
        return answer; /* already under way; or a late packet from a path that the client left */
    }
    answer.event = ICE_PATH_NEW;
    want(ice, i, media_moves(ice, i), &answer, now);
    ice->flowed |= ice->selected == i;
    return answer;
}

static size_t write_check(const struct ice *ice, const struct ice_tuple *t, uint8_t *out, size_t size)
{
    struct stun_writer w;
    const struct ice_credentials *c = theirs(ice, t);
    char username[REMOTE_UFRAG_MAX + 1 + UFRAG_SIZE + 1];
    int len = snprintf(username, sizeof username, "%s:%s", c->remote_ufrag, ours(ice, t)->local_ufrag);
    stun_begin(&w, out, size, STUN_REQUEST, STUN_BINDING, t->check.txid);
    stun_add(&w, STUN_ATTR_USERNAME, username, (size_t)len);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, candidate_priority(CANDIDATE_PRFLX, UINT16_MAX, 1));
    stun_add_u64(&w, STUN_ATTR_CONTROLLED, ice->tie_breaker);
    stun_add_integrity(&w, &c->remote_key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

/* The deadline of this check; it cannot be sent before the client's credentials are known. */
static mp_time check_deadline(const struct ice *ice, const struct ice_tuple *t)
{
    return theirs(ice, t) ? t->check.at : MP_NEVER;
}

size_t ice_output(struct ice *ice, struct path *to, uint8_t *out, size_t size, mp_time now)
{
    for (int i = 0; i < ice->count; i++) {
        struct ice_tuple *t = &ice->tuples[i];
        if (check_deadline(ice, t) > now || t->check.tries == ICE_CHECK_TRIES)
            continue;
        if (!t->check.tries)
            t->check.first = now;
        t->check.at = now + (ICE_CHECK_RTO << t->check.tries++);
        size_t len = write_check(ice, t, out, size);
        if (!len || !ice_spend(ice, &t->path, len))
            continue; /* its credit may suffice next time */
        *to = t->path;
        return len;
    }
    return 0;
}

/* --- state --- */

const struct path *ice_selected(const struct ice *ice)
{
    return ice->selected < 0 ? NULL : &ice->tuples[ice->selected].path;
}

bool ice_knows(const struct ice *ice, const struct path *path) { return tuple_find(ice, path) >= 0; }

uint32_t ice_generation(const struct ice *ice, const struct path *path)
{
    int i = tuple_find(ice, path);
    return i < 0 ? 0 : ours(ice, &ice->tuples[i])->generation;
}

static mp_time consent_ends(const struct ice *ice)
{
    return (ice->selected < 0 ? ice->last_check : ice->tuples[ice->selected].last_check) +
           ICE_CONSENT_TIMEOUT;
}

mp_time ice_deadline(const struct ice *ice)
{
    mp_time at = mp_min(consent_ends(ice), ice->selected < 0 ? MP_NEVER : ice->quiet_at);
    for (int i = 0; i < ice->count; i++)
        at = mp_min(at, check_deadline(ice, &ice->tuples[i]));
    return at;
}

/* Packets do not move `quiet_at`: when it is due, it compares the time of the last packet. */
static void notice_quiet(struct ice *ice, mp_time now)
{
    if (ice->selected < 0 || now < ice->quiet_at)
        return;
    bool quiet = now - ice->heard >= quiet_after(ice);
    ice->quiet_at = mp_on_grid((quiet ? now : ice->heard) + quiet_after(ice));
    if (quiet)
        check_start(ice, &ice->tuples[ice->selected], now);
}

void ice_doubt(struct ice *ice, mp_time now)
{
    if (ice->selected >= 0)
        check_start(ice, &ice->tuples[ice->selected], now);
}

enum ice_timeout ice_timeout(struct ice *ice, struct path *path, mp_time now)
{
    check_agent(ice);
    if (now >= ice->last_check + ICE_CONSENT_TIMEOUT)
        return ICE_EXPIRED;
    if (now >= consent_ends(ice)) {
        /* other checks still run: nothing is selected until one of their paths is nominated */
        *path = *ice_selected(ice);
        ice->selected = ice->wanted = -1;
        return ICE_LOST;
    }
    for (int i = 0; i < ice->count; i++) {
        struct ice_tuple *t = &ice->tuples[i];
        if (check_deadline(ice, t) > now || t->check.tries < ICE_CHECK_TRIES)
            continue;
        tuple_enter(ice, t, is_valid(t) ? ICE_TUPLE_VALID : ICE_TUPLE_FAILED, now);
        *path = t->path;
        if (i == ice->selected)
            return ICE_LOST;
        if (i == ice->wanted)
            ice->wanted = ice->selected;
        return ICE_CHECK_FAILED;
    }
    notice_quiet(ice, now);
    return ICE_IDLE;
}
