/* No ciphers, for simulation: payloads stay readable, and a tag is a checksum of the key and all bytes that a
 * real tag covers. It detects a wrong key and a changed byte; it is not secure. */
#include "crypto/cipher.h"
#include <stdlib.h>

struct null_gcm {
    struct gcm_key base;
    uint64_t key[2];
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *p, size_t len)
{
    h = mix(h, len);
    for (; len >= 8; p += 8, len -= 8)
        h = mix(h, get64(p));
    for (; len; p++, len--)
        h = mix(h, *p);
    return h;
}

static void null_tag(const struct null_gcm *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                     const uint8_t *text, size_t len, uint8_t tag[GCM_TAG])
{
    uint64_t h = mix_bytes(mix_bytes(mix_bytes(k->key[0], iv, 12), aad, aad_len), text, len);
    put64(tag, h);
    put64(tag + 8, mix(h, k->key[1]));
}

static void null_close(struct crypto *c) { free(c); }

static const struct cipher_ops null_ops;

static struct gcm_key *null_gcm_key_new(struct crypto *c, const uint8_t key[16])
{
    struct null_gcm *k = malloc(sizeof *k);
    if (!k)
        return NULL;
    k->base.ops = &null_ops;
    k->key[0] = get64(key);
    k->key[1] = mix(get64(key + 8), k->key[0]);
    return &k->base;
}

static void null_gcm_key_free(struct gcm_key *k) { free(k); }

static void null_gcm_seal(struct gcm_key *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                          const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[GCM_TAG])
{
    if (len)
        memmove(out, in, len);
    null_tag((struct null_gcm *)k, iv, aad, aad_len, out, len, tag);
}

static bool null_gcm_open(struct gcm_key *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                          const uint8_t *in, size_t len, uint8_t *out, const uint8_t tag[GCM_TAG])
{
    uint8_t found[GCM_TAG];
    null_tag((struct null_gcm *)k, iv, aad, aad_len, in, len, found);
    if (memcmp(found, tag, GCM_TAG) != 0)
        return false;
    if (len)
        memmove(out, in, len);
    return true;
}

static struct ctr_key *null_ctr_key_new(struct crypto *c, const uint8_t key[16])
{
    struct ctr_key *k = malloc(sizeof *k);
    if (k)
        k->ops = &null_ops;
    return k;
}

static void null_ctr_key_free(struct ctr_key *k) { free(k); }

static void null_ctr_xor(struct ctr_key *k, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
    if (len)
        memmove(out, in, len);
}

static const struct cipher_ops null_ops = {
    .close = null_close,
    .gcm_key_new = null_gcm_key_new,
    .gcm_key_free = null_gcm_key_free,
    .gcm_seal = null_gcm_seal,
    .gcm_open = null_gcm_open,
    .ctr_key_new = null_ctr_key_new,
    .ctr_key_free = null_ctr_key_free,
    .ctr_xor = null_ctr_xor,
};

struct crypto *crypto_null(void)
{
    struct crypto *c = malloc(sizeof *c);
    if (c)
        *c = (struct crypto){.ops = &null_ops, .name = "null"};
    return c;
}
