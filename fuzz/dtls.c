/* DTLS as a server: datagrams of a client whose check was authentic. The input is a script of datagrams; time
 * passes between them. Without a client's key no handshake may succeed. */
#include "proto/dtls.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "tests/virtual_clock.h"

static void drain(struct dtls *d)
{
    uint8_t out[DATAGRAM_OUT_MAX];
    size_t n;
    while ((n = dtls_output(d, out, sizeof out)))
        INVARIANT(n <= DTLS_MTU);
}

void fuzz_dtls(const uint8_t *data, size_t len)
{
    static struct dtls_identity *identity;
    static mp_time now;
    struct fingerprint expected = {.hash = "sha-256", .len = 32};
    struct bytes s = {data, len};
    if (!identity)
        identity = dtls_identity_new();
    now = MP_S(1000);
    virtual_clock_follow(&now);
    struct dtls *d =
        dtls_new(identity, script_u8(&s) & 1 ? DTLS_CLIENT : DTLS_SERVER, DTLS_GCM_OR_CM, &expected, now);
    INVARIANT(d != NULL);
    drain(d);
    while (s.len) {
        uint8_t wait = script_u8(&s);
        struct bytes datagram = script_bytes(&s);
        if (wait & 0x80) {
            now += MP_MS(10) * (wait & 0x7f);
            dtls_timeout(d, now);
            drain(d);
        }
        if (datagram.len <= DATAGRAM_IN_MAX)
            INVARIANT(dtls_input(d, datagram.data, datagram.len, now) != DTLS_UP);
        drain(d);
    }
    dtls_close(d);
    drain(d);
    dtls_free(d);
}
