/* Authenticates requests of TURN clients and answers them. */
#include "sfu/turn/relay_internal.h"

#define REPLY_NUM 16 /* an answer to a stranger is at most 1.6 times its question */
#define REPLY_DEN 10

static uint64_t unix_s(const struct turn_request *r) { return mp_unix_s(r->sfu->config.wall + r->now); }

/* --- answers --- */

struct packet *request_answer(const struct turn_request *r, struct stun_writer *w, enum stun_class class)
{
    struct packet *p = outbox_packet(r->sfu);
    if (p)
        stun_begin(w, p->data, DATAGRAM_OUT_MAX, class, r->stun->method, r->stun->txid);
    return p;
}

static void finish(const struct turn_request *r, struct stun_writer *w, struct packet *p)
{
    if (r->stun->fingerprint)
        stun_add_fingerprint(w);
    p->len = (uint16_t)stun_end(w);
    outbox_send(r->sfu, r->path, p);
}

/* The answer to an unauthenticated client: no state, a capped rate, and hardly larger than the request. */
static void answer_stranger(const struct turn_request *r, uint16_t code)
{
    struct stun_writer w;
    char nonce[TURN_NONCE_SIZE];
    struct packet *p = outbox_may_answer(r->sfu, r->path, r->now) ? request_answer(r, &w, STUN_ERROR) : NULL;
    if (!p)
        return;
    size_t challenge = 8 + 2 * 4 + sizeof TURN_REALM - 1 + TURN_NONCE_SIZE + (r->stun->fingerprint ? 8 : 0);
    if (code != BAD_REQUEST && (w.len + challenge) * REPLY_DEN > r->stun->message.len * REPLY_NUM)
        code = BAD_REQUEST;
    stun_add_error(&w, code, "");
    if (code != BAD_REQUEST) {
        turn_nonce(&r->relay->config->secret, &r->path->remote, unix_s(r), nonce);
        stun_add(&w, STUN_ATTR_REALM, TURN_REALM, sizeof TURN_REALM - 1);
        stun_add(&w, STUN_ATTR_NONCE, nonce, sizeof nonce);
    }
    finish(r, &w, p);
}

void request_finish(const struct turn_request *r, struct stun_writer *w, struct packet *p)
{
    stun_add_integrity(w, &r->key);
    finish(r, w, p);
}

static const char *reason(uint16_t code)
{
    switch (code) {
    case FORBIDDEN: return "Forbidden";
    case UNKNOWN_ATTRIBUTE: return "Unknown Attribute";
    case ALLOCATION_MISMATCH: return "Allocation Mismatch";
    case FAMILY_NOT_SUPPORTED: return "Address Family not Supported";
    case WRONG_CREDENTIALS: return "Wrong Credentials";
    case TRANSPORT_NOT_SUPPORTED: return "Unsupported Transport Protocol";
    case FAMILY_MISMATCH: return "Peer Address Family Mismatch";
    case QUOTA_REACHED: return "Allocation Quota Reached";
    case INSUFFICIENT_CAPACITY: return "Insufficient Capacity";
    default: return "Bad Request";
    }
}

void request_refuse(const struct turn_request *r, uint16_t code)
{
    struct stun_writer w;
    struct packet *p = request_answer(r, &w, STUN_ERROR);
    stat_add(&stats_of(r->sfu)->turn_errors, 1);
    if (!p)
        return;
    stun_add_error(&w, code, reason(code));
    if (code == UNKNOWN_ATTRIBUTE)
        stun_add_unknown(&w, r->turn.unknown_required, r->turn.unknown_count);
    request_finish(r, &w, p);
}

/* --- authentication (RFC 8489 9.2.4) --- */

bool request_is_of(const struct turn_request *r, const struct allocation *a)
{
    return bytes_equal(r->stun->username, a->username, a->username_len);
}

/* The key for the request's username. A client with an allocation may continue to use a username that has
 * expired: a long call must not end. */
static bool find_key(struct turn_request *r)
{
    uint64_t expiry;
    if (!turn_username(r->stun->username, &expiry, &r->user))
        return false;
    if (r->allocation && request_is_of(r, r->allocation)) {
        r->key = r->allocation->key;
        return true;
    }
    return expiry > unix_s(r) && turn_key(&r->relay->config->secret, r->stun->username, &r->key);
}

bool request_authenticate(struct turn_request *r)
{
    const struct stun_view *v = r->stun;
    uint16_t code = 0;
    if (!v->integrity)
        code = UNAUTHENTICATED;
    else if (!v->username.data || !v->realm.data || !v->nonce.data)
        code = BAD_REQUEST;
    else if (!turn_nonce_valid(&r->relay->config->secret, &r->path->remote, unix_s(r), v->nonce))
        code = STALE_NONCE;
    else if (!find_key(r) || !stun_check(v, &r->key))
        code = UNAUTHENTICATED;
    if (code)
        answer_stranger(r, code);
    return code == 0;
}
