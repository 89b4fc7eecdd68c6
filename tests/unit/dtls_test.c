#include "proto/dtls.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "base/prng.h"
#include "crypto/crypto.h"
#include "tests/unit/test.h"
#include "tests/virtual_clock.h"
#ifndef INT_MAX /* OpenSSL's headers want it, and base's limits.h hides the system's */
#define INT_MAX __INT_MAX__
#endif
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#define MTU 1200

static mp_time clock_now; /* OpenSSL's too */

/* --- two ends and the datagrams between them --- */

struct link {
    struct dtls_identity *client_id, *server_id;
    struct dtls *client, *server;
    unsigned sent;  /* datagrams of either side, from 0 */
    uint64_t lost;  /* bit n: the n-th is */
    bool settles;   /* the server, when it is up */
    size_t largest; /* datagram seen */
    uint8_t client_hello[MTU];
    size_t client_hello_len;
};

static struct fingerprint fingerprint_of(const struct dtls_identity *id)
{
    struct fingerprint f = {.hash = "sha-256", .len = 32};
    dtls_identity_fingerprint(id, f.value);
    return f;
}

static void link_open(struct link *l, enum dtls_profiles client_profiles, enum dtls_profiles server_profiles)
{
    memset(l, 0, sizeof *l);
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    l->client_id = dtls_identity_new();
    l->server_id = dtls_identity_new();
    struct fingerprint client = fingerprint_of(l->client_id), server = fingerprint_of(l->server_id);
    l->client = dtls_new(l->client_id, DTLS_CLIENT, client_profiles, &server, 0);
    l->server = dtls_new(l->server_id, DTLS_SERVER, server_profiles, &client, 0);
}

static void link_close(struct link *l)
{
    dtls_free(l->client);
    dtls_free(l->server);
    dtls_identity_free(l->client_id);
    dtls_identity_free(l->server_id);
}

/* Delivers the output of one side. Returns the number of datagrams. */
static unsigned carry(struct link *l, struct dtls *from, struct dtls *to)
{
    uint8_t datagram[2000];
    size_t len;
    unsigned count = 0;
    for (; (len = dtls_output(from, datagram, sizeof datagram)) > 0; count++) {
        if (len > l->largest)
            l->largest = len;
        unsigned n = l->sent++;
        if (n >= 64 || !(l->lost >> n & 1))
            dtls_input(to, datagram, len, clock_now);
    }
    return count;
}

/* Runs until no datagram is left or one side has failed. Time passes only while both wait. */
static void link_run(struct link *l)
{
    for (int i = 0; i < 200; i++) {
        unsigned moved = carry(l, l->client, l->server) + carry(l, l->server, l->client);
        if (l->settles && dtls_state(l->server) == DTLS_UP)
            dtls_settle(l->server);
        if (moved)
            continue;
        mp_time next = mp_min(dtls_deadline(l->client), dtls_deadline(l->server));
        if (next == MP_NEVER)
            return;
        clock_now = mp_max(next, clock_now + MP_MS(1));
        dtls_timeout(l->client, clock_now);
        dtls_timeout(l->server, clock_now);
    }
    CHECK(!"the link comes to rest");
}

static void check_up(const struct link *l, enum srtp_profile profile)
{
    struct srtp_master ct, cr, st, sr;
    CHECK_EQ(dtls_state(l->client), DTLS_UP);
    CHECK_EQ(dtls_state(l->server), DTLS_UP);
    CHECK_EQ(dtls_deadline(l->client), MP_NEVER);
    CHECK_EQ(dtls_deadline(l->server), MP_NEVER);
    if (dtls_state(l->client) != DTLS_UP || dtls_state(l->server) != DTLS_UP)
        return;
    dtls_masters(l->client, &ct, &cr);
    dtls_masters(l->server, &st, &sr);
    CHECK_EQ(ct.profile, profile);
    CHECK(memcmp(&ct, &sr, sizeof ct) == 0 && memcmp(&cr, &st, sizeof cr) == 0);
    CHECK(memcmp(&ct, &cr, sizeof ct) != 0);
}

static void handshake_agrees_on_keys_and_prefers_gcm(void)
{
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    link_run(&l);
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    CHECK_EQ(clock_now, 0); /* nothing had to be retransmitted */
    printf("# %u datagrams, the largest of %zu bytes\n", l.sent, l.largest);
    link_close(&l);
}

static void handshake_falls_back_to_aes_cm(void)
{
    for (int i = 0; i < 3; i++) {
        struct link l;
        link_open(&l, i == 0 ? DTLS_GCM_OR_CM : DTLS_CM_ONLY, i == 1 ? DTLS_GCM_OR_CM : DTLS_CM_ONLY);
        link_run(&l);
        check_up(&l, SRTP_AES128_CM_SHA1_80);
        link_close(&l);
    }
}

static void agreed_keys_carry_srtp(void)
{
    struct link l;
    struct srtp_master ct, cr, st, sr;
    uint8_t packet[64] = {0x80, 96, 0, 1}, out[64];
    uint64_t index;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    link_run(&l);
    dtls_masters(l.client, &ct, &cr);
    dtls_masters(l.server, &st, &sr);
    struct crypto *c = crypto_new(CRYPTO_BEST);
    struct srtp_tx *tx = srtp_tx_new(c, &ct);
    struct srtp_rx *rx = srtp_rx_new(c, &sr);
    size_t len = srtp_protect(tx, packet, 12, (const uint8_t *)"text", 4, 1);
    CHECK_EQ(srtp_unprotect(rx, packet, len, out, &index), 16);
    CHECK_BYTES(out + 12, "text", 4);
    srtp_tx_free(tx);
    srtp_rx_free(rx);
    crypto_free(c);
    link_close(&l);
}

static void fingerprints_of_all_hashes_are_checked(void)
{
    static const char *const hash[] = {"sha-256", "sha-384", "sha-512"};
    struct link l;
    uint8_t f[64];
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    struct dtls_engine *c = dtls_engine_new(l.client_id, DTLS_CLIENT, DTLS_GCM_OR_CM),
                       *s = dtls_engine_new(l.server_id, DTLS_SERVER, DTLS_GCM_OR_CM);
    uint8_t d[MTU];
    CHECK_EQ(dtls_engine_peer_fingerprint(s, "sha-256", f), 0);
    for (int i = 0; i < 6; i++) {
        for (size_t n; (n = dtls_engine_output(c, d, sizeof d)) > 0;)
            dtls_engine_input(s, d, n);
        for (size_t n; (n = dtls_engine_output(s, d, sizeof d)) > 0;)
            dtls_engine_input(c, d, n);
    }
    for (size_t i = 0; i < 3; i++)
        CHECK_EQ(dtls_engine_peer_fingerprint(s, hash[i], f), 32 + 16 * i);
    dtls_engine_peer_fingerprint(s, "sha-256", f);
    CHECK_BYTES(f, fingerprint_of(l.client_id).value, 32);
    CHECK_EQ(dtls_engine_peer_fingerprint(s, "sha-1", f), 0);
    dtls_engine_free(c);
    dtls_engine_free(s);
    link_close(&l);
}

static void wrong_fingerprint(void (*spoil)(struct fingerprint *))
{
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    struct fingerprint f = fingerprint_of(l.client_id);
    spoil(&f);
    dtls_free(l.server);
    l.server = dtls_new(l.server_id, DTLS_SERVER, DTLS_GCM_OR_CM, &f, 0);
    link_run(&l);
    CHECK_EQ(dtls_state(l.server), DTLS_FAILED);
    CHECK_EQ(dtls_failure(l.server), DTLS_FINGERPRINT);
    CHECK_EQ(dtls_deadline(l.server), MP_NEVER);
    CHECK_EQ(dtls_state(l.client), DTLS_CLOSED); /* the server told the client */
    struct srtp_master tx, rx, none = {0};
    dtls_masters(l.server, &tx, &rx);
    CHECK(memcmp(tx.key, none.key, sizeof tx.key) == 0 && memcmp(rx.key, none.key, sizeof rx.key) == 0);
    link_close(&l);
}

static void spoil_first(struct fingerprint *f) { f->value[0] ^= 1; }
static void spoil_last(struct fingerprint *f) { f->value[31] ^= 0x80; }
static void spoil_len(struct fingerprint *f) { f->len = 31; }
static void spoil_empty(struct fingerprint *f) { f->len = 0; }
static void spoil_hash(struct fingerprint *f) { strcpy(f->hash, "sha-384"); }
static void spoil_unknown(struct fingerprint *f) { strcpy(f->hash, "sha-1"); }
static void spoil_unknown_and_empty(struct fingerprint *f)
{
    spoil_unknown(f);
    spoil_empty(f);
}

/* RFC 8122 5: the certificate has one of them, whichever. */
static void one_of_several_fingerprints_is_enough(void)
{
    for (unsigned at = 0; at < 4; at++) {
        struct link l;
        link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
        struct fingerprint own = fingerprint_of(l.client_id), f = {.hash = "sha-256", .len = 32, .more = 3};
        memcpy(f.value + 32 * at, own.value, 32);
        dtls_free(l.server);
        l.server = dtls_new(l.server_id, DTLS_SERVER, DTLS_GCM_OR_CM, &f, 0);
        link_run(&l);
        CHECK_EQ(dtls_state(l.server), DTLS_UP);
        link_close(&l);
    }
}

static void spoil_more(struct fingerprint *f)
{
    memcpy(f->value + 64, f->value, 32); /* behind the last that counts */
    f->more = 1;
    f->value[0] ^= 1;
}

static void wrong_fingerprints_fail_without_keys(void)
{
    wrong_fingerprint(spoil_more);
    wrong_fingerprint(spoil_first);
    wrong_fingerprint(spoil_last);
    wrong_fingerprint(spoil_len);
    wrong_fingerprint(spoil_empty);
    wrong_fingerprint(spoil_hash);
    wrong_fingerprint(spoil_unknown);
    wrong_fingerprint(spoil_unknown_and_empty); /* the lengths are equal */
}

/* --- loss --- */

static void recover_each_lost_datagram(bool settles)
{
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    link_run(&l);
    unsigned count = l.sent;
    link_close(&l);
    for (unsigned n = 0; n < count; n++) {
        link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
        l.lost = 1ull << n;
        l.settles = settles;
        link_run(&l);
        check_up(&l, SRTP_AEAD_AES_128_GCM);
        CHECK(clock_now > 0 && clock_now <= MP_MS(120));
        link_close(&l);
    }
}

static void each_lost_datagram_is_recovered(void) { recover_each_lost_datagram(false); }

static void settled_server_repeats_its_last_flight(void) { recover_each_lost_datagram(true); }

static const uint8_t change_cipher_spec[] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1};

/* The server sends its lost flight again before it settles. It keeps both, each datagram as sent. */
static void settled_server_repeats_each_datagram_as_sent(void)
{
    struct link l;
    uint8_t sent[8][MTU], out[MTU];
    size_t len[8], count = 0;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    for (int i = 0; i < 10 && dtls_state(l.server) != DTLS_UP; i++) {
        carry(&l, l.server, l.client);
        carry(&l, l.client, l.server);
    }
    for (int i = 0; i < 2; i++) {
        size_t before = count;
        while (count < 8 && (len[count] = dtls_output(l.server, sent[count], MTU)))
            count++;
        CHECK(count > before);
        if (i == 0) {
            clock_now = dtls_deadline(l.client);
            dtls_timeout(l.client, clock_now);
            carry(&l, l.client, l.server);
        }
    }
    dtls_settle(l.server);
    CHECK_EQ(dtls_input(l.server, change_cipher_spec, sizeof change_cipher_spec, clock_now), DTLS_UP);
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(dtls_output(l.server, out, sizeof out), len[i]);
        CHECK_BYTES(out, sent[i], len[i]);
    }
    CHECK_EQ(dtls_output(l.server, out, sizeof out), 0);
    link_close(&l);
}

/* No input makes it repeat its last flight for ever, or send anything else. */
static void settled_server_says_little(void)
{
    struct link l;
    uint8_t out[MTU], other[sizeof change_cipher_spec];
    unsigned answers = 0;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    l.settles = true;
    link_run(&l);
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    for (unsigned type = 0; type < 256; type++) {
        memcpy(other, change_cipher_spec, sizeof other);
        other[0] = (uint8_t)type;
        CHECK_EQ(dtls_input(l.server, other, type == 20 ? sizeof other - 1 : sizeof other, clock_now),
                 DTLS_UP);
        CHECK_EQ(dtls_output(l.server, out, sizeof out), 0);
    }
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(dtls_input(l.server, change_cipher_spec, sizeof change_cipher_spec, clock_now), DTLS_UP);
        while (dtls_output(l.server, out, sizeof out))
            answers++;
    }
    CHECK_EQ(answers, DTLS_REPEATS_MAX);
    dtls_close(l.server);
    CHECK_EQ(dtls_output(l.server, out, sizeof out), 0);
    link_close(&l);
}

static void heavy_loss_is_recovered_with_growing_pauses(void)
{
    struct prng p;
    prng_seed(&p, 7);
    for (int round = 0; round < 40; round++) {
        struct link l;
        link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
        l.lost = prng_next(&p) & prng_next(&p) & 0xffffff; /* a quarter of the first 24 */
        l.settles = round & 1;
        link_run(&l);
        check_up(&l, SRTP_AEAD_AES_128_GCM);
        link_close(&l);
    }
}

static void silence_ends_after_30_s(void)
{
    struct link l;
    mp_time before = 0, pause = 0;
    uint8_t d[MTU];
    unsigned sent = 0;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    while (dtls_state(l.client) == DTLS_HANDSHAKE) {
        while (dtls_output(l.client, d, sizeof d) > 0)
            sent++;
        before = clock_now;
        clock_now = dtls_deadline(l.client);
        CHECK(clock_now > before && clock_now - before <= MP_S(4));
        CHECK(clock_now - before + MP_MS(20) >= pause || clock_now == MP_S(30));
        pause = clock_now - before;
        dtls_timeout(l.client, clock_now);
    }
    CHECK_EQ(clock_now, MP_S(30));
    CHECK_EQ(dtls_failure(l.client), DTLS_TIMEOUT);
    CHECK(sent >= 10 && sent <= 14);
    CHECK_EQ(dtls_deadline(l.server), MP_S(30)); /* a server without a client times out too */
    dtls_timeout(l.server, MP_S(30) - 1);
    CHECK_EQ(dtls_state(l.server), DTLS_HANDSHAKE);
    dtls_timeout(l.server, MP_S(30));
    CHECK_EQ(dtls_failure(l.server), DTLS_TIMEOUT);
    link_close(&l);
}

static void datagrams_fit_the_mtu(void)
{
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    l.lost = 0x2a5;
    link_run(&l);
    CHECK(l.largest > 0 && l.largest <= MTU);
    link_close(&l);
}

/* --- a ClientHello in pieces (RFC 6347 4.2.3): post-quantum key shares make it longer than a datagram --- */

/* Fragment `i` of `n` of a record that holds one whole handshake message. Returns the datagram's length. */
static size_t fragment(const uint8_t *record, size_t i, size_t n, uint16_t number, uint8_t *out)
{
    size_t len = get24(record + 14), from = len * i / n, size = len * (i + 1) / n - from;
    memcpy(out, record, 25);
    put16(out + 9, number); /* the record's own */
    put16(out + 11, (uint16_t)(12 + size));
    put24(out + 19, (uint32_t)from);
    put24(out + 22, (uint32_t)size);
    memcpy(out + 25, record + 25 + from, size);
    return 25 + size;
}

static void hello_in_pieces(const int *order, size_t pieces)
{
    struct link l;
    uint8_t hello[MTU], piece[MTU];
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    CHECK(dtls_output(l.client, hello, sizeof hello) > 25);
    CHECK_EQ(hello[13], 1);
    uint16_t number = 30; /* the client's own next records have 1 and up: within the replay window */
    for (; *order >= 0; order++) {
        size_t len = fragment(hello, (size_t)*order, pieces, number++, piece);
        CHECK_EQ(dtls_input(l.server, piece, len, clock_now), DTLS_HANDSHAKE);
    }
    link_run(&l); /* the client sends lost messages again, in one piece */
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    link_close(&l);
}

static void client_hello_may_come_in_pieces(void)
{
    hello_in_pieces((const int[]){0, 1, -1}, 2);
    hello_in_pieces((const int[]){0, 1, 2, 3, 4, -1}, 5);
}
static void client_hello_pieces_may_be_swapped_doubled_or_lost(void)
{
    hello_in_pieces((const int[]){1, 0, -1}, 2);
    hello_in_pieces((const int[]){4, 2, 2, 0, 0, 3, 1, -1}, 5);
    hello_in_pieces((const int[]){1, -1}, 2);
    hello_in_pieces((const int[]){0, 2, -1}, 3);
}

/* --- hostile input --- */

static void garbage_of_every_length_does_no_harm(void)
{
    struct link l;
    struct prng p;
    uint8_t d[1500];
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    link_run(&l);
    prng_seed(&p, 3);
    for (size_t len = 0; len <= sizeof d; len++) {
        for (int kind = 0; kind < 3; kind++) {
            uint8_t *exact = malloc(len);
            for (size_t i = 0; i < len; i++)
                exact[i] = (uint8_t)prng_next(&p);
            if (kind > 0 && len >= 13) { /* a record header that fits */
                exact[0] = (uint8_t)(20 + prng_below(&p, 4));
                put16(exact + 1, 0xfefd);
                put16(exact + 3, (uint16_t)(kind - 1));
                put16(exact + 11, (uint16_t)(len - 13));
            }
            CHECK_EQ(dtls_input(l.server, exact, len, 0), DTLS_UP);
            CHECK_EQ(dtls_input(l.client, exact, len, 0), DTLS_UP);
            free(exact);
        }
    }
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    dtls_close(l.client);
    carry(&l, l.client, l.server);
    CHECK_EQ(dtls_state(l.server), DTLS_CLOSED); /* it still listens */
    link_close(&l);
}

static void garbage_before_the_handshake_does_not_stop_it(void)
{
    struct link l;
    struct prng p;
    uint8_t d[300];
    prng_seed(&p, 4);
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    for (size_t n = 0; n < 40; n++) {
        for (size_t i = 0; i < sizeof d; i++)
            d[i] = (uint8_t)prng_next(&p);
        dtls_input(l.server, d, n * 7, 0);
    }
    link_run(&l);
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    link_close(&l);
}

/* Every byte of every datagram of a handshake changed: it may fail, but must not crash or connect with
 * different keys. */
static void mutated_handshakes_end_cleanly(void)
{
    struct prng p;
    prng_seed(&p, 5);
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    for (int round = 0; round < 300; round++) {
        struct fingerprint client = fingerprint_of(l.client_id), server = fingerprint_of(l.server_id);
        dtls_free(l.client);
        dtls_free(l.server);
        l.client = dtls_new(l.client_id, DTLS_CLIENT, DTLS_GCM_OR_CM, &server, 0);
        l.server = dtls_new(l.server_id, DTLS_SERVER, DTLS_GCM_OR_CM, &client, 0);
        for (int i = 0; i < 8; i++) {
            struct dtls *from = i & 1 ? l.server : l.client, *to = i & 1 ? l.client : l.server;
            uint8_t d[MTU];
            for (size_t n; (n = dtls_output(from, d, sizeof d)) > 0;) {
                if (prng_below(&p, 3) == 0)
                    d[prng_below(&p, (uint32_t)n)] ^= (uint8_t)(1 << prng_below(&p, 8));
                dtls_input(to, d, prng_below(&p, 8) ? n : prng_below(&p, (uint32_t)n), 0);
            }
        }
        if (dtls_state(l.client) == DTLS_UP && dtls_state(l.server) == DTLS_UP)
            check_up(&l, SRTP_AEAD_AES_128_GCM);
    }
    link_close(&l);
}

static void flood_of_a_handshake_is_bounded(void)
{
    struct link l;
    uint8_t d[100] = {22, 0xfe, 0xfd};
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    for (int i = 0; i < DTLS_INPUT_MAX; i++)
        CHECK_EQ(dtls_input(l.server, d, sizeof d, 0), DTLS_HANDSHAKE);
    CHECK_EQ(dtls_input(l.server, d, sizeof d, 0), DTLS_FAILED);
    CHECK_EQ(dtls_failure(l.server), DTLS_FLOOD);
    CHECK_EQ(dtls_deadline(l.server), MP_NEVER);
    CHECK_EQ(dtls_input(l.server, d, sizeof d, 0), DTLS_FAILED);
    link_close(&l);
}

/* OpenSSL keeps records of the next epoch, each in a buffer of 16 KB: the engine drops a datagram with 100 of
 * them. */
static void records_of_the_next_epoch_are_bounded(void)
{
    struct link l;
    uint8_t d[14 * 100] = {0};
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    for (size_t i = 0; i < 100; i++) {
        d[14 * i] = 22;
        put16(d + 14 * i + 1, 0xfefd);
        put16(d + 14 * i + 3, 1);
        put16(d + 14 * i + 9, (uint16_t)i);
        put16(d + 14 * i + 11, 1);
    }
    for (int i = 0; i < 10; i++)
        CHECK_EQ(dtls_input(l.server, d, sizeof d, 0), DTLS_HANDSHAKE);
    link_run(&l);
    check_up(&l, SRTP_AEAD_AES_128_GCM);
    link_close(&l);
}

/* --- memory of OpenSSL --- */

static _Atomic size_t held; /* bytes allocated and not freed */

static void *counted_take(size_t size, const char *file, int line)
{
    void *p = malloc(size);
    held += p ? malloc_usable_size(p) : 0;
    return p;
}

static void counted_give(void *p, const char *file, int line)
{
    held -= p ? malloc_usable_size(p) : 0;
    free(p);
}

static void *counted_resize(void *p, size_t size, const char *file, int line)
{
    size_t before = p ? malloc_usable_size(p) : 0;
    if (!size) {
        counted_give(p, file, line);
        return NULL;
    }
    void *resized = realloc(p, size);
    held += resized ? malloc_usable_size(resized) - before : 0;
    return resized;
}

/* Call before OpenSSL's first allocation: later it would refuse. */
__attribute__((constructor)) static void count_memory(void)
{
    if (CRYPTO_set_mem_functions(counted_take, counted_resize, counted_give) != 1)
        abort();
}

/* A handshake holds sixteen records of the next epoch at most, however many datagrams bring them: each costs
 * OpenSSL a buffer, of 16 KB until version 3.2. */
static void records_of_the_next_epoch_are_bounded_over_all_datagrams(void)
{
    struct link l;
    uint8_t record[13 + 25] = {22, 0xfe, 0xfd, 0, 1};
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    CHECK_EQ(carry(&l, l.client, l.server), 1);
    size_t before = held, first = 0, most = 0; /* ClientHello: the handshake has its buffers from now on */
    put16(record + 11, 25);
    for (uint16_t n = 0; n < 60; n++) {
        put16(record + 9, n);
        CHECK_EQ(dtls_input(l.server, record, sizeof record, 0), DTLS_HANDSHAKE);
        first = n ? first : held - before;
        most = held > before + most ? held - before : most;
    }
    printf("# %zu bytes for the first record, %zu for all\n", first, most);
    CHECK(most > 15 * first && most < 17 * first);
    link_close(&l);
}

struct fragment_head { /* RFC 6347 4.2.2 */
    uint32_t total;
    uint16_t number;
    uint32_t from, len;
    uint16_t carried; /* bytes that really follow */
};

static void hostile_fragments_end_cleanly(void)
{
    static const struct fragment_head heads[] = {
        {0xffffff, 0, 0, 1, 1},   {0xffffff, 0, 0, 0, 0},   {100, 0, 0, 0, 0},
        {100, 0, 99, 2, 2},       {100, 0, 0xffffff, 1, 1}, {100, 0, 0xffffff, 0xffffff, 1},
        {1, 0, 0, 100, 100},      {16000, 1, 0, 1, 1},      {16000, 9, 8000, 10, 10},
        {16000, 0xffff, 0, 1, 1}, {17000, 5, 1, 1, 1},      {100, 0, 0, 50, 49},
        {100, 0, 0, 50, 51},      {0, 0, 0, 0, 0},          {0, 3, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct link l;
        uint8_t d[25 + 128] = {22, 0xfe, 0xfd};
        const struct fragment_head *h = &heads[i];
        link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
        for (uint16_t n = 0; n < 64; n++) {
            put16(d + 9, (uint16_t)(n + 64)); /* record number */
            put16(d + 11, (uint16_t)(12 + h->carried));
            d[13] = 1;
            put24(d + 14, h->total);
            put16(d + 17, h->number);
            put24(d + 19, h->from);
            put24(d + 22, h->len);
            dtls_input(l.server, d, 25 + (size_t)h->carried, 0);
        }
        CHECK(dtls_state(l.server) == DTLS_HANDSHAKE || dtls_state(l.server) == DTLS_FAILED);
        link_close(&l);
    }
}

/* --- several workers, one certificate --- */

static void *handshakes(void *identity)
{
    uintptr_t up = 0;
    for (int i = 0; i < 20; i++) {
        struct dtls_engine *c = dtls_engine_new(identity, DTLS_CLIENT, DTLS_GCM_OR_CM),
                           *s = dtls_engine_new(identity, DTLS_SERVER, DTLS_GCM_OR_CM);
        uint8_t d[MTU], material[60];
        uint16_t profile;
        for (int n = 0; n < 4; n++) {
            for (size_t len; (len = dtls_engine_output(c, d, sizeof d)) > 0;)
                dtls_engine_input(s, d, len);
            for (size_t len; (len = dtls_engine_output(s, d, sizeof d)) > 0;)
                dtls_engine_input(c, d, len);
        }
        up += dtls_engine_srtp(c, &profile, material) && dtls_engine_srtp(s, &profile, material);
        dtls_engine_free(c);
        dtls_engine_free(s);
    }
    return (void *)up;
}

static void an_identity_serves_several_threads(void)
{
    struct dtls_identity *id = dtls_identity_new();
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, handshakes, id), 0);
    for (int i = 0; i < 4; i++) {
        void *up;
        pthread_join(threads[i], &up);
        CHECK_EQ((uintptr_t)up, 20);
    }
    dtls_identity_free(id);
}

/* --- the end --- */

static void close_is_told_to_the_peer(void)
{
    for (int i = 0; i < 2; i++) {
        struct link l;
        link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
        link_run(&l);
        struct dtls *who = i ? l.server : l.client, *other = i ? l.client : l.server;
        dtls_close(who);
        CHECK_EQ(dtls_state(who), DTLS_CLOSED);
        CHECK_EQ(carry(&l, who, other), 1);
        CHECK_EQ(dtls_state(other), DTLS_CLOSED);
        dtls_close(other);
        dtls_close(who);
        link_run(&l);
        link_close(&l);
    }
}

static void close_in_the_handshake_is_quiet(void)
{
    struct link l;
    link_open(&l, DTLS_GCM_OR_CM, DTLS_GCM_OR_CM);
    carry(&l, l.client, l.server);
    dtls_close(l.server);
    CHECK_EQ(dtls_state(l.server), DTLS_CLOSED);
    CHECK_EQ(dtls_deadline(l.server), MP_NEVER);
    link_close(&l);
}

static void every_failure_has_a_text(void)
{
    for (int i = DTLS_OK; i <= DTLS_TIMEOUT; i++)
        CHECK(dtls_failure_text((enum dtls_failure)i)[0] != 0);
}

TEST_MAIN(TEST(handshake_agrees_on_keys_and_prefers_gcm), TEST(handshake_falls_back_to_aes_cm),
          TEST(agreed_keys_carry_srtp), TEST(fingerprints_of_all_hashes_are_checked),
          TEST(one_of_several_fingerprints_is_enough), TEST(wrong_fingerprints_fail_without_keys),
          TEST(each_lost_datagram_is_recovered), TEST(settled_server_repeats_its_last_flight),
          TEST(settled_server_repeats_each_datagram_as_sent), TEST(settled_server_says_little),
          TEST(heavy_loss_is_recovered_with_growing_pauses), TEST(silence_ends_after_30_s),
          TEST(datagrams_fit_the_mtu), TEST(client_hello_may_come_in_pieces),
          TEST(client_hello_pieces_may_be_swapped_doubled_or_lost),
          TEST(garbage_of_every_length_does_no_harm), TEST(garbage_before_the_handshake_does_not_stop_it),
          TEST(mutated_handshakes_end_cleanly), TEST(flood_of_a_handshake_is_bounded),
          TEST(records_of_the_next_epoch_are_bounded),
          TEST(records_of_the_next_epoch_are_bounded_over_all_datagrams), TEST(hostile_fragments_end_cleanly),
          TEST(an_identity_serves_several_threads), TEST(close_is_told_to_the_peer),
          TEST(close_in_the_handshake_is_quiet), TEST(every_failure_has_a_text))
