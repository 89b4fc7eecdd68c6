/* Chooses the implementation, and passes each call to the implementation that made the key. */
#include "base/prefetch.h"
#include "crypto/cipher.h"

struct crypto *crypto_new(enum crypto_kind kind)
{
    if (kind == CRYPTO_NULL)
        return crypto_null();
#ifdef HAVE_IPSEC_MB
    if (kind == CRYPTO_BEST) {
        struct crypto *c = crypto_ipsec_mb();
        if (c)
            return c;
    }
#endif
    return crypto_openssl();
}

void crypto_free(struct crypto *c)
{
    if (c)
        c->ops->close(c);
}

const char *crypto_name(const struct crypto *c) { return c->name; }

struct gcm_key *gcm_key_new(struct crypto *c, const uint8_t key[16]) { return c->ops->gcm_key_new(c, key); }

void gcm_key_free(struct gcm_key *k)
{
    if (k)
        k->ops->gcm_key_free(k);
}

void gcm_seal(struct gcm_key *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
              size_t len, uint8_t *out, uint8_t tag[GCM_TAG])
{
    k->ops->gcm_seal(k, iv, aad, aad_len, in, len, out, tag);
}

bool gcm_open(struct gcm_key *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, const uint8_t *in,
              size_t len, uint8_t *out, const uint8_t tag[GCM_TAG])
{
    return k->ops->gcm_open(k, iv, aad, aad_len, in, len, out, tag);
}

struct ctr_key *ctr_key_new(struct crypto *c, const uint8_t key[16]) { return c->ops->ctr_key_new(c, key); }

void ctr_key_free(struct ctr_key *k)
{
    if (k)
        k->ops->ctr_key_free(k);
}

void gcm_key_prefetch(const struct crypto *c, const struct gcm_key *k) { prefetch(k, c->gcm_key_hot); }

void ctr_key_prefetch(const struct crypto *c, const struct ctr_key *k) { prefetch(k, c->ctr_key_hot); }

void ctr_xor(struct ctr_key *k, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
    k->ops->ctr_xor(k, iv, in, len, out);
}

void hmac_sha1_many(struct crypto *c, const struct mac_job *jobs, size_t count)
{
    if (c->ops->mac_many) {
        c->ops->mac_many(c, jobs, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t mac[SHA1_SIZE];
        const struct bytes message = {jobs[i].data, jobs[i].len};
        hmac_sha1(jobs[i].key, &message, 1, mac);
        memcpy(jobs[i].tag, mac, jobs[i].tag_len);
    }
}
