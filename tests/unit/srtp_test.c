#include "base/bytes.h"
#include "base/limits.h"
#include "base/prng.h"
#include "proto/rtp.h"
#include "proto/srtp_keys.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static const enum srtp_profile profiles[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};
static const enum crypto_kind kinds[] = {CRYPTO_BEST, CRYPTO_OPENSSL, CRYPTO_NULL};

/* Runs a test with each profile over each implementation. */
#define EACH(body)                                                                                           \
    for (int kind_ = 0; kind_ < 3; kind_++)                                                                  \
        for (int profile_ = 0; profile_ < 2; profile_++)                                                     \
    body(kinds[kind_], profiles[profile_])

/* A sender and a receiver with the same keys. */
struct pair {
    struct crypto *crypto;
    struct srtp_master master;
    struct srtp_tx *tx;
    struct srtp_rx *rx;
    struct prng prng;
};

static void pair_open(struct pair *p, enum crypto_kind kind, enum srtp_profile profile)
{
    p->crypto = crypto_new(kind);
    p->master = (struct srtp_master){.profile = profile};
    for (uint8_t i = 0; i < SRTP_KEY_SIZE; i++)
        p->master.key[i] = (uint8_t)(0x11 * i);
    memcpy(p->master.salt, "saltsaltsaltsa", SRTP_SALT_SIZE);
    p->tx = srtp_tx_new(p->crypto, &p->master);
    p->rx = srtp_rx_new(p->crypto, &p->master);
    prng_seed(&p->prng, 42);
}

static void pair_close(struct pair *p)
{
    srtp_tx_free(p->tx);
    srtp_rx_free(p->rx);
    crypto_free(p->crypto);
}

static size_t rtp_header_make(uint8_t *p, uint32_t ssrc, uint16_t seq)
{
    memset(p, 0, RTP_HEADER_SIZE);
    p[0] = 0x80;
    p[1] = 96;
    put16(p + 2, seq);
    put32(p + 8, ssrc);
    return RTP_HEADER_SIZE;
}

/* A packet with random CSRCs, extension block and payload. Returns its length. */
static size_t rtp_random(struct prng *r, uint8_t *p, uint32_t ssrc, uint16_t seq, size_t *header_len)
{
    size_t at = rtp_header_make(p, ssrc, seq), csrcs = prng_below(r, 3) ? 0 : prng_below(r, 16);
    size_t words = prng_below(r, 10), payload = prng_below(r, prng_below(r, 2) ? 40 : 1200);
    put32(p + 4, (uint32_t)prng_next(r));
    p[0] |= (uint8_t)csrcs;
    at += 4 * csrcs;
    if (prng_below(r, 2)) {
        p[0] |= 0x10;
        put16(p + at, 0xbede);
        put16(p + at + 2, (uint16_t)words);
        at += 4 + 4 * words;
    }
    for (size_t i = RTP_HEADER_SIZE + 4 * csrcs + 4; i < at + payload; i++)
        if (i >= at || (p[0] & 0x10))
            p[i] = (uint8_t)prng_next(r);
    *header_len = at;
    return at + payload;
}

/* A protected packet of 20 bytes of payload in `out`. Returns its length. */
static size_t sent(struct pair *p, uint8_t *out, uint32_t ssrc, uint64_t index)
{
    uint8_t payload[20];
    memset(payload, (int)(index & 0xff), sizeof payload);
    rtp_header_make(out, ssrc, (uint16_t)index);
    return srtp_protect(p->tx, out, RTP_HEADER_SIZE, payload, sizeof payload, index);
}

/* Result of receiving that packet; checks its index. */
static int received(struct pair *p, uint32_t ssrc, uint64_t index)
{
    uint8_t packet[64], plain[64];
    uint64_t found = 0;
    size_t len = sent(p, packet, ssrc, index);
    int r = srtp_unprotect(p->rx, packet, len, plain, &found);
    if (r >= 0) {
        CHECK_EQ(found, index);
        CHECK_EQ(plain[RTP_HEADER_SIZE], index & 0xff);
    }
    return r;
}

static size_t rtcp_make(struct prng *r, uint8_t *p, uint32_t ssrc, size_t words)
{
    p[0] = 0x80;
    p[1] = 201;
    put16(p + 2, (uint16_t)(words + 1));
    put32(p + 4, ssrc);
    for (size_t i = 8; i < 8 + words * 4; i++)
        p[i] = (uint8_t)prng_next(r);
    return 8 + words * 4;
}

/* --- the RFCs' own bytes --- */

static void keys_derive_as_in_rfc3711_b3(void)
{
    struct srtp_master m = {.profile = SRTP_AES128_CM_SHA1_80};
    struct srtp_session_keys k;
    uint8_t expected[20];
    unhex(m.key, "E1F97A0D3E018BE0D64FA32C06DE4139");
    unhex(m.salt, "0EC675AD498AFEEBB6960B3AABE6");
    CHECK(srtp_derive(&m, &k));
    unhex(expected, "C61E7A93744F39EE10734AFE3FF7A087");
    CHECK_BYTES(k.rtp.key, expected, 16);
    unhex(expected, "30CBBC08863D8C85D49DB34A9AE1");
    CHECK_BYTES(k.rtp.salt, expected, 14);
    unhex(expected, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4");
    CHECK_BYTES(k.rtp.auth, expected, 20);
}

/* The session keys that RFC 7714's examples start from. */
static struct srtp_session_keys rfc7714_keys(void)
{
    struct srtp_session_keys k = {0};
    unhex(k.rtp.key, "000102030405060708090a0b0c0d0e0f");
    memcpy(k.rtp.salt, "Quid pro quo", 12);
    k.rtcp = k.rtp;
    return k;
}

static void rtp_is_protected_as_in_rfc7714_16_1(void)
{
    struct srtp_session_keys k = rfc7714_keys();
    uint8_t plain[50], expected[66], out[66], back[66];
    uint64_t index;
    unhex(plain, "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 "
                 "61727465 73207472 6573");
    unhex(expected,
          "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a "
          "51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce");
    for (int i = 0; i < 2; i++) {
        struct crypto *c = crypto_new(kinds[i]);
        struct srtp_tx *tx = srtp_tx_from_keys(c, SRTP_AEAD_AES_128_GCM, &k);
        struct srtp_rx *rx = srtp_rx_from_keys(c, SRTP_AEAD_AES_128_GCM, &k);
        memcpy(out, plain, 12);
        CHECK_EQ(srtp_protect(tx, out, 12, plain + 12, 38, 0xf17b), 66);
        CHECK_BYTES(out, expected, 66);
        CHECK_EQ(srtp_unprotect(rx, expected, 66, back, &index), 50);
        CHECK_BYTES(back, plain, 50);
        CHECK_EQ(index, 0xf17b);
        srtp_tx_free(tx);
        srtp_rx_free(rx);
        crypto_free(c);
    }
}

static void rtcp_is_protected_as_in_rfc7714_17(void)
{
    struct srtp_session_keys k = rfc7714_keys();
    uint8_t plain[52], encrypted[72], tagged[72], out[72];
    unhex(plain, "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef "
                 "deadbeef deadbeef deadbeef");
    unhex(encrypted,
          "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda "
          "4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4");
    unhex(tagged, "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef "
                  "deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4");
    for (int i = 0; i < 2; i++) {
        struct crypto *c = crypto_new(kinds[i]);
        struct srtp_tx *tx = srtp_tx_from_keys(c, SRTP_AEAD_AES_128_GCM, &k);
        for (int n = 0; n <= 0x5d4; n++) {
            memcpy(out, plain, sizeof plain);
            CHECK_EQ(srtcp_protect(tx, out, sizeof plain), 72);
        }
        CHECK_BYTES(out, encrypted, 72); /* 17.1 */
        struct srtp_rx *rx = srtp_rx_from_keys(c, SRTP_AEAD_AES_128_GCM, &k);
        CHECK_EQ(srtcp_unprotect(rx, encrypted, 72, out), 52);
        CHECK_BYTES(out, plain, 52);
        srtp_rx_free(rx);
        rx = srtp_rx_from_keys(c, SRTP_AEAD_AES_128_GCM, &k);
        CHECK_EQ(srtcp_unprotect(rx, tagged, 72, out), 52); /* 17.3: not encrypted */
        CHECK_BYTES(out, plain, 52);
        CHECK_EQ(srtcp_unprotect(rx, tagged, 72, out), SRTP_REPLAY);
        memcpy(out, tagged, 72);
        out[71] ^= 1;
        CHECK_EQ(srtcp_unprotect(rx, out, 72, out), SRTP_AUTH);
        memcpy(out, tagged, 72);
        out[71] ^= 1;
        out[20] ^= 1;
        CHECK_EQ(srtcp_unprotect(rx, out, 72, out), SRTP_AUTH);
        srtp_rx_free(rx);
        srtp_tx_free(tx);
        crypto_free(c);
    }
}

static void exported_material_splits_by_profile(void)
{
    uint8_t material[60];
    struct srtp_master c, s;
    for (uint8_t i = 0; i < 60; i++)
        material[i] = i;
    CHECK(srtp_masters(1, material, &c, &s));
    CHECK(c.key[0] == 0 && s.key[0] == 16 && c.salt[0] == 32 && s.salt[0] == 46 && s.salt[13] == 59);
    CHECK(srtp_masters(7, material, &c, &s));
    CHECK(c.key[0] == 0 && s.key[0] == 16 && c.salt[0] == 32 && s.salt[0] == 44 && s.salt[11] == 55);
    CHECK(c.salt[12] == 0 && s.salt[13] == 0);
    CHECK(!srtp_masters(2, material, &c, &s) && !srtp_masters(0, material, &c, &s));
}

/* --- comparison with libsrtp --- */

#if __has_include(<srtp2/srtp.h>)
/* The library's two functions of our names: its *_mki forms do the same. */
#define srtp_protect   oracle_protect_unused
#define srtp_unprotect oracle_unprotect_unused
#include <srtp2/srtp.h>
#undef srtp_protect
#undef srtp_unprotect

static srtp_t oracle_open(const struct srtp_master *m, bool sends)
{
    static bool started;
    if (!started)
        started = srtp_init() == srtp_err_status_ok;
    srtp_policy_t policy;
    srtp_t oracle = NULL;
    uint8_t key[SRTP_KEY_SIZE + SRTP_SALT_SIZE];
    memset(&policy, 0, sizeof policy);
    memcpy(key, m->key, SRTP_KEY_SIZE);
    memcpy(key + SRTP_KEY_SIZE, m->salt, SRTP_SALT_SIZE);
    if (m->profile == SRTP_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    }
    policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = key;
    policy.window_size = 1024;
    CHECK_EQ(srtp_create(&oracle, &policy), srtp_err_status_ok);
    return oracle;
}

/* Sent in order by one side, delivered to the other with loss and out of order; twice around the sequence
 * numbers. */
enum { ORACLE_PACKETS = 140000, SHUFFLE = 16 };

struct flight {
    uint8_t plain[2048], wire[2048];
    size_t plain_len, wire_len;
};

static void flight_shuffle(struct prng *r, struct flight **f, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = prng_below(r, (uint32_t)i);
        struct flight *t = f[i - 1];
        f[i - 1] = f[j];
        f[j] = t;
    }
}

static void ours_to_oracle(struct pair *p, srtp_t oracle, uint64_t index, struct flight *f)
{
    size_t header_len;
    f->plain_len = rtp_random(&p->prng, f->plain, 0xabcd0123, (uint16_t)index, &header_len);
    memcpy(f->wire, f->plain, header_len);
    f->wire_len =
        srtp_protect(p->tx, f->wire, header_len, f->plain + header_len, f->plain_len - header_len, index);
    CHECK_EQ(f->wire_len, f->plain_len + srtp_tx_overhead(p->tx));
}

static void oracle_to_ours(struct pair *p, srtp_t oracle, uint64_t index, struct flight *f)
{
    size_t header_len;
    f->plain_len = rtp_random(&p->prng, f->plain, 0xabcd0123, (uint16_t)index, &header_len);
    memcpy(f->wire, f->plain, f->plain_len);
    int len = (int)f->plain_len;
    CHECK_EQ(srtp_protect_mki(oracle, f->wire, &len, 0, 0), srtp_err_status_ok);
    f->wire_len = (size_t)len;
}

static void oracle_rtp(enum crypto_kind kind, enum srtp_profile profile, bool we_send)
{
    static struct flight flights[SHUFFLE];
    struct flight *order[SHUFFLE];
    struct pair p;
    pair_open(&p, kind, profile);
    srtp_t oracle = oracle_open(&p.master, !we_send);
    for (uint64_t index = 30000; index < 30000 + ORACLE_PACKETS; index += SHUFFLE) {
        for (size_t i = 0; i < SHUFFLE; i++) {
            order[i] = &flights[i];
            (we_send ? ours_to_oracle : oracle_to_ours)(&p, oracle, index + i, order[i]);
        }
        flight_shuffle(&p.prng, order, SHUFFLE);
        for (size_t i = prng_below(&p.prng, 4); i < SHUFFLE; i++) {
            struct flight *f = order[i];
            uint64_t found = 0;
            int len = (int)f->wire_len;
            if (we_send)
                CHECK_EQ(srtp_unprotect_mki(oracle, f->wire, &len, 0), srtp_err_status_ok);
            else
                len = srtp_unprotect(p.rx, f->wire, f->wire_len, f->wire, &found);
            CHECK_EQ(len, f->plain_len);
            CHECK_BYTES(f->wire, f->plain, f->plain_len);
            CHECK(we_send || (found >= index && found < index + SHUFFLE));
            if (test_failures > 5)
                break;
        }
    }
    srtp_dealloc(oracle);
    pair_close(&p);
}

static void oracle_rtcp(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t plain[1024], wire[1024], back[1024];
    pair_open(&p, kind, profile);
    srtp_t sends = oracle_open(&p.master, true), receives = oracle_open(&p.master, false);
    for (int i = 0; i < 3000; i++) {
        size_t n = rtcp_make(&p.prng, plain, 7 + prng_below(&p.prng, 5), prng_below(&p.prng, 200));
        memcpy(wire, plain, n);
        int len = (int)srtcp_protect(p.tx, wire, n);
        CHECK_EQ(srtp_unprotect_rtcp(receives, wire, &len), srtp_err_status_ok);
        CHECK_EQ(len, n);
        CHECK_BYTES(wire, plain, n);
        memcpy(wire, plain, n);
        len = (int)n;
        CHECK_EQ(srtp_protect_rtcp(sends, wire, &len), srtp_err_status_ok);
        CHECK_EQ(srtcp_unprotect(p.rx, wire, (size_t)len, back), (int)n);
        CHECK_BYTES(back, plain, n);
        CHECK_EQ(srtcp_unprotect(p.rx, wire, (size_t)len, back), SRTP_REPLAY);
        if (test_failures > 5)
            break;
    }
    srtp_dealloc(sends);
    srtp_dealloc(receives);
    pair_close(&p);
}

static void libsrtp_reads_our_rtp(void)
{
    for (int i = 0; i < 4; i++)
        oracle_rtp(kinds[i / 2], profiles[i % 2], true);
}

static void we_read_the_rtp_of_libsrtp(void)
{
    for (int i = 0; i < 4; i++)
        oracle_rtp(kinds[i / 2], profiles[i % 2], false);
}

static void rtcp_passes_between_libsrtp_and_us(void)
{
    for (int i = 0; i < 4; i++)
        oracle_rtcp(kinds[i / 2], profiles[i % 2]);
}

#define ORACLE_TESTS                                                                                         \
    TEST(libsrtp_reads_our_rtp), TEST(we_read_the_rtp_of_libsrtp), TEST(rtcp_passes_between_libsrtp_and_us),
#else
#define ORACLE_TESTS
#endif

/* --- replay, authentication, state --- */

static void replay(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    pair_open(&p, kind, profile);
    for (int round = 0; round < 5; round++)
        for (uint64_t i = 100; i < 2200; i += 3)
            CHECK_EQ(received(&p, 1, i), round == 0 ? 32 : SRTP_REPLAY);
    CHECK_EQ(received(&p, 2, 100), 32); /* another stream has its own window */
    pair_close(&p);
}
static void replayed_rtp_is_refused(void) { EACH(replay); }

static void late(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    pair_open(&p, kind, profile);
    CHECK_EQ(received(&p, 1, 5000), 32);
    CHECK_EQ(received(&p, 1, 5000 - 1024), SRTP_REPLAY);
    CHECK_EQ(received(&p, 1, 5000 - 1023), 32);
    CHECK_EQ(received(&p, 1, 5001), 32);
    CHECK_EQ(received(&p, 1, 5001 - 1024), SRTP_REPLAY);
    CHECK_EQ(received(&p, 1, 5000 - 500), 32);
    CHECK_EQ(received(&p, 1, 5000 - 500), SRTP_REPLAY);
    CHECK_EQ(received(&p, 1, 30000), 32); /* far ahead: nothing of the old window is left set */
    for (uint64_t i = 30000 - 1023; i < 30000; i++)
        CHECK_EQ(received(&p, 1, i), 32);
    pair_close(&p);
}
static void late_rtp_is_taken_inside_the_window_only(void) { EACH(late); }

/* Compares the window with a plain list of accepted numbers. */
static void window_agrees_with_a_list(void)
{
    static bool taken[60000];
    struct pair p;
    pair_open(&p, CRYPTO_NULL, SRTP_AEAD_AES_128_GCM);
    memset(taken, 0, sizeof taken);
    uint64_t highest = 2000;
    CHECK_EQ(received(&p, 1, highest), 32);
    taken[highest] = true;
    for (int n = 0; n < 100000 && highest < 58000; n++) {
        uint64_t i = highest + (prng_below(&p.prng, 50) ? 4 : 300) -
                     prng_below(&p.prng, prng_below(&p.prng, 2) ? 8 : 1300);
        bool fits = i > highest || (highest - i < 1024 && !taken[i]);
        CHECK_EQ(received(&p, 1, i), fits ? 32 : SRTP_REPLAY);
        taken[i] |= fits;
        if (i > highest)
            highest = i;
    }
    pair_close(&p);
}

static void rtcp_replay(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    static uint8_t wire[300][64];
    uint8_t out[64];
    size_t len = 0;
    pair_open(&p, kind, profile);
    for (int i = 0; i < 300; i++)
        len = srtcp_protect(p.tx, wire[i], rtcp_make(&p.prng, wire[i], 9, 6));
    CHECK_EQ(srtcp_unprotect(p.rx, wire[200], len, out), 32);
    CHECK_EQ(srtcp_unprotect(p.rx, wire[200], len, out), SRTP_REPLAY);
    CHECK_EQ(srtcp_unprotect(p.rx, wire[200 - 128], len, out), SRTP_REPLAY);
    CHECK_EQ(srtcp_unprotect(p.rx, wire[200 - 127], len, out), 32);
    CHECK_EQ(srtcp_unprotect(p.rx, wire[201], len, out), 32);
    for (int i = 0; i < 300; i++)
        if (srtcp_unprotect(p.rx, wire[i], len, out) >= 0)
            CHECK_EQ(srtcp_unprotect(p.rx, wire[i], len, out), SRTP_REPLAY);
    pair_close(&p);
}
static void replayed_rtcp_is_refused(void) { EACH(rtcp_replay); }

static void flips(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64], out[64], rtcp[64];
    uint64_t index;
    pair_open(&p, kind, profile);
    size_t len = sent(&p, wire, 1, 70), rtcp_len = srtcp_protect(p.tx, rtcp, rtcp_make(&p.prng, rtcp, 1, 5));
    for (size_t i = 0; i < len * 8; i++) {
        wire[i / 8] ^= (uint8_t)(1 << i % 8);
        int r = srtp_unprotect(p.rx, wire, len, out, &index);
        CHECK(r == SRTP_AUTH || (i < 8 && r == SRTP_SHORT));
        wire[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    for (size_t i = 0; i < rtcp_len * 8; i++) {
        rtcp[i / 8] ^= (uint8_t)(1 << i % 8);
        int r = srtcp_unprotect(p.rx, rtcp, rtcp_len, out);
        CHECK(r == SRTP_AUTH || (i < 8 && r == SRTP_SHORT));
        rtcp[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    CHECK_EQ(srtp_unprotect(p.rx, wire, len, out, &index), 32);
    CHECK_EQ(srtcp_unprotect(p.rx, rtcp, rtcp_len, out), 28);
    pair_close(&p);
}
static void every_changed_bit_is_refused(void) { EACH(flips); }

static void wrong_key(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64], out[64], rtcp[64];
    uint64_t index;
    pair_open(&p, kind, profile);
    size_t len = sent(&p, wire, 1, 70), rtcp_len = srtcp_protect(p.tx, rtcp, rtcp_make(&p.prng, rtcp, 1, 5));
    for (int salt = 0; salt < 2; salt++) {
        struct srtp_master m = p.master;
        (salt ? m.salt : m.key)[3] ^= 1;
        struct srtp_rx *rx = srtp_rx_new(p.crypto, &m);
        CHECK_EQ(srtp_unprotect(rx, wire, len, out, &index), SRTP_AUTH);
        CHECK_EQ(srtcp_unprotect(rx, rtcp, rtcp_len, out), SRTP_AUTH);
        srtp_rx_free(rx);
    }
    pair_close(&p);
}
static void another_key_is_refused(void) { EACH(wrong_key); }

static void wrap(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    pair_open(&p, kind, profile);
    uint64_t highest = 40000;
    CHECK_EQ(received(&p, 1, highest), 32);
    while (highest < 5 * 65536) { /* loss and reordering across five wraps */
        uint64_t i = highest + 1 + prng_below(&p.prng, 3000);
        CHECK_EQ(received(&p, 1, i), 32);
        CHECK_EQ(received(&p, 1, i - 1), i - 1 == highest ? SRTP_REPLAY : 32);
        highest = i;
    }
    pair_close(&p);
    pair_open(&p, kind, profile);
    CHECK_EQ(received(&p, 1, 0), 32);
    CHECK_EQ(received(&p, 1, 0x8000), 32); /* the farthest that is still ahead */
    CHECK_EQ(received(&p, 1, 0xffff), 32);
    CHECK_EQ(received(&p, 1, 0x10003), 32);
    CHECK_EQ(received(&p, 1, 0xfffe), 32); /* late, of the round before */
    CHECK_EQ(received(&p, 1, 0x17fff), 32);
    pair_close(&p);
    pair_open(&p, kind, profile);
    CHECK_EQ(received(&p, 1, 0x7fff), 32);
    CHECK_EQ(received(&p, 1, 0xfffe), 32);
    CHECK_EQ(received(&p, 1, 0x10001), 32);
    CHECK_EQ(received(&p, 1, 0x8002), SRTP_REPLAY); /* of the round before, and too old */
    CHECK_EQ(received(&p, 1, 0x18001), 32);         /* the farthest that is still ahead */
    pair_close(&p);
    pair_open(&p, kind, profile);
    CHECK_EQ(received(&p, 1, 5), 32);
    CHECK_EQ(received(&p, 1, 0xfff0), SRTP_REPLAY); /* would be before the stream began */
    pair_close(&p);
}
static void rtp_survives_wraps_of_the_sequence_number(void) { EACH(wrap); }

static void failures_change_nothing(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64], out[64];
    uint64_t index = 77;
    pair_open(&p, kind, profile);
    CHECK_EQ(received(&p, 1, 65000), 32);
    for (uint64_t i = 65001; i < 68000; i += 7) { /* forged, ahead and over the wrap */
        size_t len = sent(&p, wire, 1, i);
        wire[len - 1] ^= 1;
        CHECK_EQ(srtp_unprotect(p.rx, wire, len, out, &index), SRTP_AUTH);
    }
    CHECK_EQ(index, 77);
    CHECK_EQ(received(&p, 1, 65000 - 1023), 32); /* the window did not move */
    CHECK_EQ(received(&p, 1, 65001), 32);
    pair_close(&p);
}
static void refused_rtp_changes_no_state(void) { EACH(failures_change_nothing); }

static void bound(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64], out[64];
    uint64_t index;
    pair_open(&p, kind, profile);
    for (uint32_t ssrc = 5000; ssrc < 6000; ssrc++) { /* packets of no stream take no slot */
        size_t len = sent(&p, wire, ssrc, 1);
        wire[len - 2] ^= 4;
        CHECK_EQ(srtp_unprotect(p.rx, wire, len, out, &index), SRTP_AUTH);
        len = srtcp_protect(p.tx, wire, rtcp_make(&p.prng, wire, ssrc, 3));
        wire[len - 2] ^= 4;
        CHECK_EQ(srtcp_unprotect(p.rx, wire, len, out), SRTP_AUTH);
    }
    for (uint32_t ssrc = 0; ssrc < 2 * STREAMS_RTCP_MAX; ssrc++) {
        CHECK_EQ(received(&p, ssrc, 9), ssrc < STREAMS_RX_MAX ? 32 : SRTP_STREAMS);
        size_t len = srtcp_protect(p.tx, wire, rtcp_make(&p.prng, wire, ssrc, 3));
        CHECK_EQ(srtcp_unprotect(p.rx, wire, len, out), ssrc < STREAMS_RTCP_MAX ? 20 : SRTP_STREAMS);
    }
    for (uint32_t ssrc = 0; ssrc < STREAMS_RX_MAX; ssrc++)
        CHECK_EQ(received(&p, ssrc, 10), 32);
    pair_close(&p);
}
static void streams_are_bounded_and_made_by_authentic_packets_only(void) { EACH(bound); }

/* A new source takes the place of an ended one, once: the new one has not ended. */
static void places(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64], out[64];
    pair_open(&p, kind, profile);
    for (uint32_t ssrc = 0; ssrc < STREAMS_RTCP_MAX; ssrc++) {
        CHECK_EQ(received(&p, ssrc, 9), ssrc < STREAMS_RX_MAX ? 32 : SRTP_STREAMS);
        size_t len = srtcp_protect(p.tx, wire, rtcp_make(&p.prng, wire, ssrc, 3));
        CHECK_EQ(srtcp_unprotect(p.rx, wire, len, out), 20);
    }
    for (uint32_t fresh = 1000; fresh < 1003; fresh++) {
        srtp_rx_ended(p.rx, fresh - 1000);
        for (uint32_t more = 0; more < 2; more++) { /* one slot, one source */
            CHECK_EQ(received(&p, fresh + 1000 * more, 7), more ? SRTP_STREAMS : 32);
            size_t len = srtcp_protect(p.tx, wire, rtcp_make(&p.prng, wire, fresh + 1000 * more, 3));
            CHECK_EQ(srtcp_unprotect(p.rx, wire, len, out), more ? SRTP_STREAMS : 20);
        }
        CHECK_EQ(received(&p, fresh, 8), 32);
        CHECK_EQ(received(&p, fresh, 7), SRTP_REPLAY);
    }
    srtp_rx_ended(p.rx, 1000); /* a source that ended and continues keeps its slot */
    srtp_rx_goes_on(p.rx, 1000);
    CHECK_EQ(received(&p, 5000, 7), SRTP_STREAMS);
    CHECK_EQ(received(&p, 1000, 8), SRTP_REPLAY);
    pair_close(&p);
}
static void a_place_of_an_ended_source_is_given_away_once(void) { EACH(places); }

static bool rtp_expected(struct pair *p, uint32_t ssrc, uint64_t index)
{
    uint8_t wire[128];
    return srtp_rx_expects(p->rx, wire, sent(p, wire, ssrc, index), false);
}

/* The packet's index is changed to `index`: nobody verifies a MAC here. */
static bool rtcp_expected(struct pair *p, const uint8_t *wire, size_t len, uint32_t index)
{
    uint8_t copy[128];
    memcpy(copy, wire, len);
    put32(copy + len - 4 - (p->master.profile == SRTP_AEAD_AES_128_GCM ? 0 : 10), 0x80000000 | index);
    return srtp_rx_expects(p->rx, copy, len, true);
}

/* Expects a number slightly ahead: one just seen is a replay, which no roaming client sends. */
static void expectations(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[128], out[128];
    pair_open(&p, kind, profile);
    CHECK(!rtp_expected(&p, 1, 10));
    CHECK_EQ(received(&p, 1, 20000), 32);
    CHECK(rtp_expected(&p, 1, 20001) && rtp_expected(&p, 1, 20000 + 8192));
    CHECK(!rtp_expected(&p, 1, 20000 + 8193) && !rtp_expected(&p, 2, 20001));
    CHECK(rtp_expected(&p, 1, 20000 - 1024) && !rtp_expected(&p, 1, 20000 - 1025)); /* late ones */

    size_t len = srtcp_protect(p.tx, wire, rtcp_make(&p.prng, wire, 7, 3)); /* index 0 */
    CHECK(!rtcp_expected(&p, wire, len, 0));
    CHECK_EQ(srtcp_unprotect(p.rx, wire, len, out), 20);
    CHECK(!rtcp_expected(&p, wire, len, 0));
    CHECK(rtcp_expected(&p, wire, len, 1) && rtcp_expected(&p, wire, len, 1024));
    CHECK(!rtcp_expected(&p, wire, len, 1025));
    size_t least = (profile == SRTP_AEAD_AES_128_GCM ? 16 : 10) + 4;
    CHECK(!srtp_rx_expects(p.rx, wire, 8 + least - 1, true));
    CHECK(!srtp_rx_expects(p.rx, wire, 12 + least - 1, false));
    pair_close(&p);
}
static void the_next_of_a_stream_is_expected_and_no_other(void) { EACH(expectations); }

/* --- lengths --- */

/* Buffers of exactly the length, so that a sanitizer sees one byte too much. */
static void lengths(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint64_t index;
    pair_open(&p, kind, profile);
    for (size_t len = 0; len <= 64; len++)
        for (int first = 0; first < 256; first++) {
            uint8_t *in = malloc(len), *out = malloc(len);
            for (size_t i = 0; i < len; i++)
                in[i] = i == 0 ? (uint8_t)first : (uint8_t)prng_next(&p.prng);
            int r = srtp_unprotect(p.rx, in, len, out, &index);
            CHECK(r == SRTP_SHORT || r == SRTP_AUTH);
            r = srtcp_unprotect(p.rx, in, len, out);
            CHECK(r == SRTP_SHORT || r == SRTP_AUTH);
            r = srtcp_unprotect(p.rx, in, len, in);
            CHECK(r == SRTP_SHORT || r == SRTP_AUTH);
            free(in);
            free(out);
        }
    pair_close(&p);
}
static void every_short_length_is_refused_without_an_overread(void) { EACH(lengths); }

static void exact(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    pair_open(&p, kind, profile);
    for (size_t payload = 0; payload <= 100; payload++) {
        size_t full = RTP_HEADER_SIZE + payload + srtp_tx_overhead(p.tx);
        uint8_t *text = malloc(payload), *wire = malloc(full), *out = malloc(full);
        uint64_t index;
        memset(text, 0x55, payload);
        rtp_header_make(wire, 3, (uint16_t)payload);
        CHECK_EQ(srtp_protect(p.tx, wire, RTP_HEADER_SIZE, text, payload, payload), full);
        CHECK_EQ(srtp_unprotect(p.rx, wire, full, out, &index), RTP_HEADER_SIZE + payload);
        CHECK_BYTES(out + RTP_HEADER_SIZE, text, payload);
        free(text);
        free(wire);
        free(out);
    }
    pair_close(&p);
}
static void payloads_of_every_length_pass_in_exact_buffers(void) { EACH(exact); }

static void lies(enum crypto_kind kind, enum srtp_profile profile)
{
    struct pair p;
    uint8_t wire[64] = {0}, out[64];
    uint64_t index;
    pair_open(&p, kind, profile);
    rtp_header_make(wire, 1, 1);
    wire[0] = 0x8f; /* 15 CSRCs: 72 bytes */
    CHECK_EQ(srtp_unprotect(p.rx, wire, sizeof wire, out, &index), SRTP_SHORT);
    wire[0] = 0x90;
    put16(wire + 14, 100); /* an extension of 400 bytes */
    CHECK_EQ(srtp_unprotect(p.rx, wire, sizeof wire, out, &index), SRTP_SHORT);
    put16(wire + 14, 12); /* it ends in the tag */
    CHECK_EQ(srtp_unprotect(p.rx, wire, sizeof wire, out, &index), SRTP_SHORT);
    wire[0] = 0x40; /* version 1 */
    CHECK_EQ(srtp_unprotect(p.rx, wire, sizeof wire, out, &index), SRTP_SHORT);
    pair_close(&p);
}
static void headers_that_lie_about_their_length_are_refused(void) { EACH(lies); }

static void payload_may_stand_in_its_place_or_elsewhere(void)
{
    for (int i = 0; i < 2; i++) {
        struct pair p;
        uint8_t a[64], b[64], text[20] = "twenty bytes of text";
        pair_open(&p, CRYPTO_BEST, profiles[i]);
        rtp_header_make(a, 1, 1);
        rtp_header_make(b, 1, 1);
        memcpy(b + RTP_HEADER_SIZE, text, sizeof text);
        size_t len = srtp_protect(p.tx, a, RTP_HEADER_SIZE, text, sizeof text, 0x10001);
        srtp_protect(p.tx, b, RTP_HEADER_SIZE, b + RTP_HEADER_SIZE, sizeof text, 0x10001);
        CHECK_BYTES(a, b, len);
        pair_close(&p);
    }
}

/* Packets of several viewers, one behind the other as in a send buffer: the batch's bytes are those of one
 * by one. */
static void batch(enum crypto_kind kind, enum srtp_profile profile)
{
    enum { VIEWERS = 7, PACKETS = 300, ROOM = 1400 };
    static uint8_t together[PACKETS * ROOM], alone[ROOM], payload[ROOM];
    struct crypto *c = crypto_new(kind);
    struct srtp_tx *tx[VIEWERS];
    struct srtp_batch *b = srtp_batch_new(c);
    size_t at[PACKETS], len[PACKETS], payload_len[PACKETS], end = 0;
    struct prng r;
    prng_seed(&r, 5);
    for (int v = 0; v < VIEWERS; v++) {
        struct srtp_master m = {.profile = profile};
        memset(m.key, v + 1, sizeof m.key);
        memset(m.salt, v + 100, sizeof m.salt);
        tx[v] = srtp_tx_new(c, &m);
    }
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)prng_next(&r);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < PACKETS; i++) {
            uint64_t index = 0x1fff0 + (uint64_t)i;
            uint8_t *out = pass ? alone : together + (at[i] = end);
            if (!pass)
                payload_len[i] = prng_below(&r, 1200);
            rtp_write(out, &(struct rtp_header){.payload_type = 96, .seq = (uint16_t)index, .ssrc = 77});
            if (!pass) {
                len[i] = srtp_batch_protect(b, tx[i % VIEWERS], out, 12, payload, payload_len[i], index);
                end += len[i];
            } else {
                CHECK_EQ(srtp_protect(tx[i % VIEWERS], out, 12, payload, payload_len[i], index), len[i]);
                CHECK_BYTES(together + at[i], alone, len[i]);
            }
        }
        srtp_batch_flush(b);
    }
    srtp_batch_free(b);
    for (int v = 0; v < VIEWERS; v++)
        srtp_tx_free(tx[v]);
    crypto_free(c);
}

static void batched_packets_are_those_of_one_by_one(void)
{
    for (int kind = CRYPTO_BEST; kind <= CRYPTO_OPENSSL; kind++) {
        batch(kind, SRTP_AEAD_AES_128_GCM);
        batch(kind, SRTP_AES128_CM_SHA1_80);
    }
}

static void simulation_leaves_payloads_readable(void)
{
    for (int i = 0; i < 2; i++) {
        struct pair p;
        uint8_t wire[64];
        pair_open(&p, CRYPTO_NULL, profiles[i]);
        sent(&p, wire, 1, 0x33);
        CHECK_EQ(wire[RTP_HEADER_SIZE], 0x33);
        pair_close(&p);
    }
}

TEST_MAIN(TEST(keys_derive_as_in_rfc3711_b3), TEST(rtp_is_protected_as_in_rfc7714_16_1),
          TEST(rtcp_is_protected_as_in_rfc7714_17), TEST(exported_material_splits_by_profile),
          ORACLE_TESTS TEST(replayed_rtp_is_refused), TEST(late_rtp_is_taken_inside_the_window_only),
          TEST(window_agrees_with_a_list), TEST(replayed_rtcp_is_refused), TEST(every_changed_bit_is_refused),
          TEST(another_key_is_refused), TEST(rtp_survives_wraps_of_the_sequence_number),
          TEST(refused_rtp_changes_no_state), TEST(streams_are_bounded_and_made_by_authentic_packets_only),
          TEST(a_place_of_an_ended_source_is_given_away_once),
          TEST(the_next_of_a_stream_is_expected_and_no_other),
          TEST(every_short_length_is_refused_without_an_overread),
          TEST(payloads_of_every_length_pass_in_exact_buffers),
          TEST(headers_that_lie_about_their_length_are_refused),
          TEST(payload_may_stand_in_its_place_or_elsewhere), TEST(batched_packets_are_those_of_one_by_one),
          TEST(simulation_leaves_payloads_readable))
