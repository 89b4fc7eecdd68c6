/* HMAC-SHA1 (RFC 2104) from precomputed states. EVP cannot save the state after the padded key, and computing
 * it again costs more than the message. So this file uses the SHA1_* functions, which OpenSSL 3 marks as
 * deprecated. They use the CPU's SHA instructions, as EVP does. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"
#include <openssl/sha.h>

static void state_save(const SHA_CTX *c, uint32_t h[5])
{
    h[0] = c->h0;
    h[1] = c->h1;
    h[2] = c->h2;
    h[3] = c->h3;
    h[4] = c->h4;
}

/* Continues after one block, the padded key. */
static void state_load(SHA_CTX *c, const uint32_t h[5])
{
    c->h0 = h[0];
    c->h1 = h[1];
    c->h2 = h[2];
    c->h3 = h[3];
    c->h4 = h[4];
    c->Nl = SHA_CBLOCK * 8;
    c->Nh = 0;
    c->num = 0;
}

static void pad_state(uint32_t h[5], const uint8_t key[SHA_CBLOCK], uint8_t pad)
{
    SHA_CTX c;
    uint8_t block[SHA_CBLOCK];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = key[i] ^ pad;
    SHA1_Init(&c);
    SHA1_Transform(&c, block);
    state_save(&c, h);
    explicit_bzero(block, sizeof block);
}

void hmac_sha1_key(struct hmac_sha1 *k, const uint8_t *key, size_t len)
{
    uint8_t block[SHA_CBLOCK] = {0};
    if (len > sizeof block) {
        SHA_CTX c;
        SHA1_Init(&c);
        SHA1_Update(&c, key, len);
        SHA1_Final(block, &c);
    } else if (len) {
        memcpy(block, key, len);
    }
    pad_state(k->inner, block, 0x36);
    pad_state(k->outer, block, 0x5c);
    explicit_bzero(block, sizeof block);
}

void hmac_sha1(const struct hmac_sha1 *k, const struct bytes *parts, size_t count, uint8_t mac[SHA1_SIZE])
{
    SHA_CTX c;
    state_load(&c, k->inner);
    for (size_t i = 0; i < count; i++)
        if (parts[i].len)
            SHA1_Update(&c, parts[i].data, parts[i].len);
    SHA1_Final(mac, &c);
    state_load(&c, k->outer);
    SHA1_Update(&c, mac, SHA1_SIZE);
    SHA1_Final(mac, &c);
}
