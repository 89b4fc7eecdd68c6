/* STUN messages, their processing by ICE, and the answer, which must parse. */
#include "proto/stun.h"
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "proto/ice.h"

static void check_view(const struct stun_view *v, const uint8_t *data, size_t len)
{
    INVARIANT(v->message.data == data && v->message.len == len && v->txid == data + 8);
    INVARIANT(!v->username.data ||
              (v->username.data > data && v->username.data + v->username.len <= data + len));
    INVARIANT(!v->integrity || v->integrity + SHA1_SIZE <= data + len);
    INVARIANT(v->unknown_count <= 4 && v->error_code < 1000);
}

/* To test the code behind authentication: signs a message with attributes of the input by this key. */
static size_t sign(uint8_t *out, size_t size, enum stun_class class, const uint8_t *txid,
                   const char *username, const struct hmac_sha1 *key, struct bytes more)
{
    struct stun_writer w;
    stun_begin(&w, out, size, class, STUN_BINDING, txid);
    if (username)
        stun_add(&w, STUN_ATTR_USERNAME, username, strlen(username));
    while (more.len >= 4) {
        uint16_t type = script_u16(&more);
        struct bytes value = script_bytes(&more);
        stun_add(&w, type, value.data, value.len);
    }
    stun_add_integrity(&w, key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

static void ask(struct ice *ice, const uint8_t *data, size_t len, mp_time now)
{
    struct stun_view v, answer;
    struct path path = {.remote = {.port = (uint16_t)(1 + len % 13)}};
    uint8_t reply[DATAGRAM_OUT_MAX];
    if (stun_parse(&v, data, len) != STUN_OK)
        return;
    ice_credit(ice, &path, len);
    struct ice_answer a = v.class == STUN_SUCCESS || v.class == STUN_ERROR
                              ? ice_response(ice, &v, &path, now)
                              : ice_input(ice, &v, &path, reply, sizeof reply, now);
    INVARIANT(a.len <= sizeof reply && ice->count <= ICE_TUPLES_MAX);
    INVARIANT(!a.len || stun_parse(&answer, reply, a.len) == STUN_OK);
    INVARIANT(!ice_selected(ice) || ice->tuples[ice->selected].state >= ICE_TUPLE_VALID);
}

/* Our own checks, and the client's answers to them with further attributes of the input. */
static void checks(struct ice *ice, struct bytes more, mp_time now)
{
    uint8_t check[DATAGRAM_OUT_MAX], answer[DATAGRAM_OUT_MAX];
    struct stun_view v, w;
    struct path to;
    size_t n;
    while ((n = ice_output(ice, &to, check, sizeof check, now))) {
        INVARIANT(stun_parse(&v, check, n) == STUN_OK && v.class == STUN_REQUEST && v.integrity &&
                  v.fingerprint);
        enum stun_class class = more.len % 5 ? STUN_SUCCESS : STUN_ERROR;
        n = sign(answer, sizeof answer, class, v.txid, NULL, &ice->credentials[0].remote_key, more);
        if (n && stun_parse(&w, answer, n) == STUN_OK)
            ice_response(ice, &w, &to, now);
    }
}

static void passes(struct ice *ice, const struct path *path, mp_time *now)
{
    struct path which;
    uint8_t out[DATAGRAM_OUT_MAX];
    *now += MP_MS(300);
    ice_media(ice, path, 1000, *now);
    enum ice_timeout t;
    while ((t = ice_timeout(ice, &which, *now)) != ICE_IDLE && t != ICE_EXPIRED)
        ;
    while (ice_output(ice, &which, out, sizeof out, *now))
        ;
    INVARIANT(t == ICE_EXPIRED || ice_deadline(ice) > *now);
}

void fuzz_stun(const uint8_t *data, size_t len)
{
    static const struct ice_description first = {1, "abcdefghijkl", "0123456789abcdefghijklmn", "mnop",
                                                 "the client's"},
                                        restart = {2, "ABCDEFGHIJKL", "0123456789abcdefghijklmn", "qrst",
                                                   "another"};
    static const struct hmac_sha1 secret;
    struct ice ice;
    struct stun_view v;
    struct bytes ufrag, rest = {data + len, 0};
    uint8_t own[DATAGRAM_OUT_MAX];
    mp_time now = MP_S(2);
    ice_init(&ice, first.local_ufrag, first.local_password, &secret, 1, MP_S(1));
    ice_credentials_set(&ice, &first);
    ask(&ice, data, len, now);
    if (stun_parse(&v, data, len) != STUN_OK)
        return;
    check_view(&v, data, len);
    if (v.username.data && ice_username_local(v.username, &ufrag))
        INVARIANT(ufrag.len < v.username.len);
    rest = (struct bytes){data + 20, len - 20};
    for (unsigned i = 0; i < 4; i++) {
        const struct ice_credentials *c = &ice.credentials[i == 2];
        struct path path = {.remote = {.port = (uint16_t)(1 + i)}};
        if (i == 1)
            ice_credentials_set(&ice, &restart);
        size_t n = sign(own, sizeof own, v.class, v.txid, i == 2 ? "ABCDEFGHIJKL:qrst" : "abcdefghijkl:mnop",
                        &c->local_key, rest);
        if (n)
            ask(&ice, own, n, now);
        checks(&ice, rest, now);
        passes(&ice, &path, &now);
        script_bytes(&rest);
    }
}
