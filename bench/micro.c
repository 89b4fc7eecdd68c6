#include "bench/micro.h"
#include "base/check.h"
#include "proto/ice.h"
#include "proto/srtp.h"
#include "proto/stun.h"
#include <stdlib.h>

#define KEYS   500
#define HEADER 20
#define ROOM   1500

/* --- SRTP --- */

struct keys {
    struct srtp_tx *tx[KEYS];
    struct srtp_rx *rx[KEYS];
    uint8_t (*packets)[ROOM], payload[ROOM];
};

static void make_keys(struct keys *k, struct crypto *crypto, enum srtp_profile profile)
{
    k->packets = calloc(KEYS, sizeof *k->packets);
    INVARIANT(k->packets != NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        struct srtp_master m = {.profile = profile, .key = {(uint8_t)i, (uint8_t)(i >> 8), 3}, .salt = {7}};
        k->tx[i] = srtp_tx_new(crypto, &m);
        k->rx[i] = srtp_rx_new(crypto, &m);
        INVARIANT(k->tx[i] && k->rx[i]);
    }
}

static void drop_keys(struct keys *k)
{
    for (unsigned i = 0; i < KEYS; i++) {
        srtp_tx_free(k->tx[i]);
        srtp_rx_free(k->rx[i]);
    }
    free(k->packets);
}

static void write_headers(struct keys *k, uint64_t index)
{
    static const uint8_t extension[8] = {0xbe, 0xde, 0, 1, 0x11, '0', 0, 0};
    for (unsigned i = 0; i < KEYS; i++) {
        uint8_t *p = k->packets[i];
        p[0] = 0x90;
        p[1] = 96;
        put16(p + 2, (uint16_t)index);
        put32(p + 4, 1234);
        put32(p + 8, 1000 + i);
        memcpy(p + 12, extension, sizeof extension);
    }
}

static void measure_srtp(struct crypto *crypto, const char *cipher, enum srtp_profile profile, size_t size)
{
    struct micro protect = {0}, batched = {0}, unprotect = {0};
    struct srtp_batch *batch = srtp_batch_new(crypto);
    struct keys k = {.payload = {1}};
    char how[64];
    uint64_t index = 1;
    INVARIANT(batch != NULL);
    make_keys(&k, crypto, profile);
    for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
        size_t len = 0;
        write_headers(&k, index);
        micro_begin(&protect);
        for (unsigned i = 0; i < KEYS; i++)
            len = srtp_protect(k.tx[i], k.packets[i], HEADER, k.payload, size - HEADER, index);
        micro_end(&protect, KEYS);
        micro_begin(&unprotect);
        for (unsigned i = 0; i < KEYS; i++) {
            uint64_t seen;
            INVARIANT(srtp_unprotect(k.rx[i], k.packets[i], len, k.packets[i], &seen) == (int)size);
        }
        micro_end(&unprotect, KEYS);
        write_headers(&k, ++index);
        micro_begin(&batched);
        for (unsigned i = 0; i < KEYS; i++)
            srtp_batch_protect(batch, k.tx[i], k.packets[i], HEADER, k.payload, size - HEADER, index);
        srtp_batch_flush(batch);
        micro_end(&batched, KEYS);
        index++;
    }
    snprintf(how, sizeof how, "%s, %s, %zu bytes, %d keys", cipher,
             profile == SRTP_AEAD_AES_128_GCM ? "GCM" : "CM-SHA1", size, KEYS);
    micro_print(&protect, "SRTP protect", how);
    micro_print(&batched, "SRTP protect, batched", how);
    micro_print(&unprotect, "SRTP unprotect", how);
    srtp_batch_free(batch);
    drop_keys(&k);
}

void micro_srtp(enum crypto_kind kind, const char *cipher)
{
    struct crypto *crypto = crypto_new(kind);
    if (!crypto)
        return;
    for (int cm = 0; cm < 2; cm++)
        for (int large = 0; large < 2; large++)
            measure_srtp(crypto, cipher, cm ? SRTP_AES128_CM_SHA1_80 : SRTP_AEAD_AES_128_GCM,
                         large ? 1200 : 100);
    crypto_free(crypto);
}

/* --- STUN --- */

#define PASSWORD "0123456789abcdefghijklmn"

static size_t write_check(uint8_t *out, size_t size)
{
    struct hmac_sha1 key;
    struct stun_writer w;
    static const uint8_t txid[STUN_TXID_SIZE] = {1, 2, 3};
    static const char username[] = "0000abcdefgh:abcd";
    hmac_sha1_key(&key, (const uint8_t *)PASSWORD, sizeof PASSWORD - 1);
    stun_begin(&w, out, size, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, STUN_ATTR_USERNAME, username, sizeof username - 1);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 0x6e001eff);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, 99);
    stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    return stun_end(&w);
}

void micro_stun(void)
{
    static struct ice sessions[KEYS];
    static const struct hmac_sha1 secret;
    uint8_t check[256], reply[256];
    size_t len = write_check(check, sizeof check);
    struct path path = {.local = {.port = 8000}, .remote = {.port = 40000}};
    struct micro m = {0};
    for (unsigned i = 0; i < KEYS; i++)
        ice_init(&sessions[i], "0000abcdefgh", PASSWORD, &secret, i, 1);
    for (int repeat = 0; repeat < MICRO_REPEAT; repeat++) {
        micro_begin(&m);
        for (unsigned i = 0; i < KEYS; i++) {
            struct stun_view v;
            INVARIANT(stun_parse(&v, check, len) == STUN_OK);
            INVARIANT(ice_input(&sessions[i], &v, &path, reply, sizeof reply, 2 + repeat).len > 0);
        }
        micro_end(&m, KEYS);
    }
    micro_print(&m, "STUN check and answer", "parsed, verified, answered");
}

int main(void)
{
    struct crypto *best = crypto_new(CRYPTO_BEST);
    char name[64];
    INVARIANT(best != NULL);
    snprintf(name, sizeof name, "%s", crypto_name(best));
    crypto_free(best);
    micro_srtp(CRYPTO_BEST, name);
    if (strcmp(name, "openssl") != 0)
        micro_srtp(CRYPTO_OPENSSL, "openssl");
    micro_stun();
    micro_codec();
    micro_adapt();
    micro_dtls();
    micro_feedback();
    for (unsigned viewers = 1; viewers <= 500; viewers = viewers == 100 ? 500 : viewers * 10)
        micro_forward(viewers);
    return 0;
}
