/* A handshake's cost for the server: everything from an association's beginning to its keys, and its end. */
#include "base/check.h"
#include "base/limits.h"
#include "bench/micro.h"
#include "crypto/crypto.h"
#include "proto/dtls.h"

#define HANDSHAKES 300

struct pair {
    struct dtls *client, *server;
    mp_time used; /* by the server */
};

static void to_client(struct pair *p)
{
    uint8_t data[DATAGRAM_OUT_MAX];
    for (;;) {
        mp_time before = clock_thread_cpu();
        size_t len = dtls_output(p->server, data, sizeof data);
        p->used += clock_thread_cpu() - before;
        if (!len)
            return;
        dtls_input(p->client, data, len, MP_S(1));
    }
}

static void to_server(struct pair *p)
{
    uint8_t data[DATAGRAM_OUT_MAX];
    for (size_t len; (len = dtls_output(p->client, data, sizeof data));) {
        mp_time before = clock_thread_cpu();
        dtls_input(p->server, data, len, MP_S(1));
        p->used += clock_thread_cpu() - before;
    }
}

static mp_time handshake(struct dtls_identity *id, const struct fingerprint *expected)
{
    struct pair p = {.client = dtls_new(id, DTLS_CLIENT, DTLS_GCM_OR_CM, expected, MP_S(1))};
    struct srtp_master tx, rx;
    mp_time before = clock_thread_cpu();
    p.server = dtls_new(id, DTLS_SERVER, DTLS_GCM_OR_CM, expected, MP_S(1));
    p.used = clock_thread_cpu() - before;
    INVARIANT(p.client && p.server);
    for (int flight = 0; flight < 4; flight++) {
        to_server(&p);
        to_client(&p);
    }
    INVARIANT(dtls_state(p.client) == DTLS_UP && dtls_state(p.server) == DTLS_UP);
    before = clock_thread_cpu();
    dtls_masters(p.server, &tx, &rx);
    dtls_settle(p.server);
    dtls_free(p.server);
    p.used += clock_thread_cpu() - before;
    dtls_free(p.client);
    return p.used;
}

void micro_dtls(void)
{
    struct micro m = {0};
    struct fingerprint expected = {.hash = "sha-256", .len = 32};
    struct dtls_identity *id = dtls_identity_new();
    INVARIANT(id != NULL);
    dtls_identity_fingerprint(id, expected.value);
    for (int i = 0; i < HANDSHAKES; i++) {
        double each = (double)handshake(id, &expected);
        if (m.least == 0 || each < m.least)
            m.least = each;
    }
    micro_print(&m, "DTLS handshake", "the server's part, both with certificates");
    dtls_identity_free(id);
}
