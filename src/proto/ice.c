#include "ice.h"
#include "check.h"

enum { UNKNOWN_ATTRIBUTE = 420, ROLE_CONFLICT = 487 };

void ice_init(struct ice *ice, const char *local_ufrag, const char *local_password, mp_time now)
{
    size_t len = strlen(local_ufrag);
    INVARIANT(len > 0 && len <= UFRAG_SIZE);
    *ice = (struct ice){.selected = -1, .started = now, .last_check = now};
    memcpy(ice->local_ufrag, local_ufrag, len);
    /* RFC 8489 9.1.1: a short-term credential's key is the password. */
    hmac_sha1_key(&ice->local_key, (const uint8_t *)local_password, strlen(local_password));
}

bool ice_username_local(struct bytes username, struct bytes *local)
{
    const uint8_t *colon = username.len ? memchr(username.data, ':', username.len) : NULL;
    if (!colon || colon == username.data)
        return false;
    *local = (struct bytes){username.data, (size_t)(colon - username.data)};
    return true;
}

/* The cheap tests first, the MAC last. */
static bool authentic(const struct ice *ice, const struct stun_view *m)
{
    struct bytes local;
    return m->class == STUN_REQUEST && m->method == STUN_BINDING && ice_username_local(m->username, &local) &&
           bytes_equal(local, ice->local_ufrag, strlen(ice->local_ufrag)) && stun_check(m, &ice->local_key);
}

/* --- answers --- */

static size_t finish(const struct ice *ice, struct stun_writer *w)
{
    stun_add_integrity(w, &ice->local_key);
    stun_add_fingerprint(w);
    return stun_end(w);
}

static size_t answer_success(const struct ice *ice, const struct stun_view *m, const struct path *path,
                             uint8_t *reply, size_t size)
{
    struct stun_writer w;
    stun_begin(&w, reply, size, STUN_SUCCESS, STUN_BINDING, m->txid);
    stun_add_mapped(&w, &path->remote);
    return finish(ice, &w);
}

static size_t answer_error(const struct ice *ice, const struct stun_view *m, uint16_t code, uint8_t *reply,
                           size_t size)
{
    struct stun_writer w;
    stun_begin(&w, reply, size, STUN_ERROR, STUN_BINDING, m->txid);
    stun_add_error(&w, code, code == ROLE_CONFLICT ? "Role Conflict" : "Unknown Attribute");
    if (code == UNKNOWN_ATTRIBUTE)
        stun_add_unknown(&w, m->unknown_required, m->unknown_count);
    return finish(ice, &w);
}

/* --- paths --- */

static int tuple_find(const struct ice *ice, const struct path *path)
{
    for (int i = 0; i < ice->count; i++)
        if (path_equal(&ice->tuples[i].path, path))
            return i;
    return -1;
}

/* The place that a new path takes when all are in use: of those not selected, the one whose last check is
 * oldest. */
static int tuple_oldest(const struct ice *ice)
{
    int oldest = -1;
    for (int i = 0; i < ice->count; i++)
        if (i != ice->selected && (oldest < 0 || ice->tuples[i].last_check < ice->tuples[oldest].last_check))
            oldest = i;
    return oldest;
}

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
    ice->tuples[i] = (struct ice_tuple){.path = *path, .first_check = now};
    answer->path_new = true;
    return i;
}

/* Whether USE-CANDIDATE on tuple `i` moves the session there. A client that nominates aggressively (Firefox:
 * every check of every pair) means the best of its pairs (RFC 5245 8.1.1.2), so a lower priority waits until
 * the selected path has not been nominated for a while. Not "not checked": Chromium goes on checking the path
 * that it leaves. */
static bool nomination_moves(const struct ice *ice, int i, mp_time now)
{
    if (ice->selected < 0)
        return true;
    const struct ice_tuple *selected = &ice->tuples[ice->selected];
    return i != ice->selected && (ice->tuples[i].priority >= selected->priority ||
                                  now - selected->last_nominated > ICE_NOMINATION_HOLDS);
}

static void learn(struct ice *ice, const struct stun_view *m, const struct path *path,
                  struct ice_answer *answer, mp_time now)
{
    int i = tuple_find(ice, path);
    if (i < 0)
        i = tuple_add(ice, path, answer, now);
    struct ice_tuple *t = &ice->tuples[i];
    t->last_check = ice->last_check = now;
    t->priority = m->priority;
    answer->event = answer->path_new ? ICE_PATH_NEW : ICE_CHECK;
    if (!m->use_candidate)
        return;
    t->nominated = true;
    t->last_nominated = now;
    if (nomination_moves(ice, i, now)) {
        ice->selected = (int8_t)i;
        answer->event = ICE_NOMINATED;
    }
}

struct ice_answer ice_input(struct ice *ice, const struct stun_view *m, const struct path *path,
                            uint8_t *reply, size_t size, mp_time now)
{
    struct ice_answer answer = {.event = ICE_REFUSED};
    /* RFC 8489 9.1.3 would have 400 and 401 here; silence gives a spoofed source nothing. */
    if (!authentic(ice, m))
        return answer;
    if (m->unknown_count) {
        answer.len = answer_error(ice, m, UNKNOWN_ATTRIBUTE, reply, size);
        return answer;
    }
    /* RFC 8445 6.1.1: the lite side is the controlled one, whatever the tie-breakers say. */
    if (m->has_controlled) {
        answer.len = answer_error(ice, m, ROLE_CONFLICT, reply, size);
        return answer;
    }
    learn(ice, m, path, &answer, now);
    answer.len = answer_success(ice, m, path, reply, size);
    return answer;
}

/* --- state --- */

const struct path *ice_selected(const struct ice *ice)
{
    return ice->selected < 0 ? NULL : &ice->tuples[ice->selected].path;
}

bool ice_knows(const struct ice *ice, const struct path *path)
{
    return tuple_find(ice, path) >= 0;
}

mp_time ice_deadline(const struct ice *ice)
{
    return ice->last_check + ICE_CONSENT_TIMEOUT;
}

bool ice_expired(const struct ice *ice, mp_time now)
{
    return now >= ice_deadline(ice);
}
