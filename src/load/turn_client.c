#include "load/turn_client.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "net/frame.h"
#include "net/random.h"
#include "proto/turn.h"
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define REALM_MAX 64 /* of a server's challenge; ours has four characters each */
#define NONCE_MAX 128

struct exchange {
    int fd;
    SSL *ssl;
    const struct turn_login *login;
    size_t realm_len, nonce_len;
    uint8_t realm[REALM_MAX], nonce[NONCE_MAX];
    struct hmac_sha1 key; /* of the long-term credentials, once challenged */
    uint8_t answer[STREAM_FRAME_MAX];
};

static ssize_t read_some(struct exchange *x, uint8_t *to, size_t size)
{
    return x->ssl ? SSL_read(x->ssl, to, (int)size) : recv(x->fd, to, size, 0);
}

static bool write_all(struct exchange *x, const uint8_t *data, size_t len)
{
    ssize_t n = x->ssl ? SSL_write(x->ssl, data, (int)len) : send(x->fd, data, len, MSG_NOSIGNAL);
    return len && n == (ssize_t)len;
}

/* One request and its answer. */
static bool ask(struct exchange *x, const struct stun_writer *w, struct stun_view *answer)
{
    struct frame f = {0};
    enum frame_result r;
    size_t len = 0;
    if (!write_all(x, w->data, stun_end(w)))
        return false;
    while ((r = frame_read(&f, FRAME_TURN, x->answer, len)) == FRAME_MORE ||
           (r == FRAME_OK && f.size > len)) {
        ssize_t n = read_some(x, x->answer + len, sizeof x->answer - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    return r == FRAME_OK && f.size == len && stun_parse(answer, x->answer, len) == STUN_OK &&
           memcmp(answer->txid, w->data + 8, STUN_TXID_SIZE) == 0;
}

static void begin(struct stun_writer *w, uint8_t *request, enum turn_method method)
{
    uint8_t txid[STUN_TXID_SIZE];
    random_bytes(txid, sizeof txid);
    stun_begin(w, request, DATAGRAM_OUT_MAX, STUN_REQUEST, (uint16_t)method, txid);
}

static void sign(struct stun_writer *w, const struct exchange *x)
{
    stun_add(w, STUN_ATTR_USERNAME, x->login->username, strlen(x->login->username));
    stun_add(w, STUN_ATTR_REALM, x->realm, x->realm_len);
    stun_add(w, STUN_ATTR_NONCE, x->nonce, x->nonce_len);
    stun_add_integrity(w, &x->key);
}

/* RFC 8489 9.2.2: the key is MD5(username ":" realm ":" password). */
static bool take_challenge(struct exchange *x, const struct stun_view *v)
{
    char text[sizeof *x->login + REALM_MAX + 3];
    uint8_t digest[MD5_SIZE];
    if (v->class != STUN_ERROR || v->error_code != 401 || !v->realm.data || !v->nonce.data ||
        v->realm.len > REALM_MAX || v->nonce.len > NONCE_MAX)
        return false;
    memcpy(x->realm, v->realm.data, x->realm_len = v->realm.len);
    memcpy(x->nonce, v->nonce.data, x->nonce_len = v->nonce.len);
    int n = snprintf(text, sizeof text, "%s:%.*s:%s", x->login->username, (int)x->realm_len,
                     (const char *)x->realm, x->login->password);
    md5((const uint8_t *)text, (size_t)n, digest);
    hmac_sha1_key(&x->key, digest, sizeof digest);
    return true;
}

static bool allocate(struct exchange *x, struct stun_view *v, bool challenged)
{
    uint8_t request[DATAGRAM_OUT_MAX];
    struct stun_writer w;
    begin(&w, request, TURN_ALLOCATE);
    stun_add_u32(&w, TURN_ATTR_TRANSPORT, (uint32_t)TURN_TRANSPORT_UDP << 24);
    if (challenged)
        sign(&w, x);
    return ask(x, &w, v);
}

static bool bind_channel(struct exchange *x, const struct address *peer, struct stun_view *v)
{
    uint8_t request[DATAGRAM_OUT_MAX];
    struct stun_writer w;
    begin(&w, request, TURN_CHANNEL_BIND);
    stun_add_u32(&w, TURN_ATTR_CHANNEL, (uint32_t)TURN_CLIENT_CHANNEL << 16);
    stun_add_xor_address(&w, TURN_ATTR_XOR_PEER, peer);
    sign(&w, x);
    return ask(x, &w, v);
}

static bool succeeded(const struct exchange *x, const struct stun_view *v)
{
    return v->class == STUN_SUCCESS && stun_check(v, &x->key);
}

bool turn_client_open(int fd, SSL *ssl, const struct turn_login *login, const struct address *peer)
{
    struct exchange x = {.fd = fd, .ssl = ssl, .login = login};
    struct stun_view v;
    bool open = allocate(&x, &v, false) && take_challenge(&x, &v) && allocate(&x, &v, true) &&
                succeeded(&x, &v) && bind_channel(&x, peer, &v) && succeeded(&x, &v);
    explicit_bzero(&x.key, sizeof x.key);
    return open;
}
