/* The ciphers by OpenSSL's EVP. A key is one EVP_CIPHER_CTX, keyed once. A packet only sets its IV, because
 * setting the key again or fetching the cipher by name costs more than a packet. */
#include "base/check.h"
#include "crypto/cipher.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct openssl {
    struct crypto base;
    EVP_CIPHER *gcm, *ctr;
};

/* Both kinds of key have the same layout. */
struct evp_gcm {
    struct gcm_key base;
    EVP_CIPHER_CTX *ctx;
};
struct evp_ctr {
    struct ctr_key base;
    EVP_CIPHER_CTX *ctx;
};

static void openssl_close(struct crypto *c)
{
    struct openssl *o = (struct openssl *)c;
    EVP_CIPHER_free(o->gcm);
    EVP_CIPHER_free(o->ctr);
    free(o);
}

static EVP_CIPHER_CTX *keyed(const EVP_CIPHER *cipher, const uint8_t key[16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key, NULL, 1) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    ERR_clear_error();
    return ctx;
}

static const struct cipher_ops openssl_ops;

static struct gcm_key *openssl_gcm_key_new(struct crypto *c, const uint8_t key[16])
{
    struct evp_gcm *k = malloc(sizeof *k);
    if (!k)
        return NULL;
    k->base.ops = &openssl_ops;
    k->ctx = keyed(((struct openssl *)c)->gcm, key);
    if (!k->ctx) {
        free(k);
        return NULL;
    }
    return &k->base;
}

static void openssl_gcm_key_free(struct gcm_key *key)
{
    struct evp_gcm *k = (struct evp_gcm *)key;
    EVP_CIPHER_CTX_free(k->ctx); /* wipes the key */
    free(k);
}

/* The common part of seal and open: all except the tag. Its success does not depend on the bytes, so a
 * failure is our mistake. */
static void gcm_run(EVP_CIPHER_CTX *ctx, int encrypt, const uint8_t iv[12], const uint8_t *aad,
                    size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
    int n, done = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, encrypt);
    if (done == 1 && aad_len)
        done = EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len);
    if (done == 1 && len)
        done = EVP_CipherUpdate(ctx, out, &n, in, (int)len);
    INVARIANT(done == 1);
}

static void openssl_gcm_seal(struct gcm_key *key, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                             const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[GCM_TAG])
{
    EVP_CIPHER_CTX *ctx = ((struct evp_gcm *)key)->ctx;
    uint8_t none[GCM_TAG];
    int n, done;
    gcm_run(ctx, 1, iv, aad, aad_len, in, len, out);
    done = EVP_CipherFinal_ex(ctx, none, &n);
    if (done == 1)
        done = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag);
    INVARIANT(done == 1);
}

static bool openssl_gcm_open(struct gcm_key *key, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                             const uint8_t *in, size_t len, uint8_t *out, const uint8_t tag[GCM_TAG])
{
    EVP_CIPHER_CTX *ctx = ((struct evp_gcm *)key)->ctx;
    uint8_t expected[GCM_TAG], none[GCM_TAG];
    int n, done;
    memcpy(expected, tag, GCM_TAG);
    gcm_run(ctx, 0, iv, aad, aad_len, in, len, out);
    done = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, expected);
    INVARIANT(done == 1);
    if (EVP_CipherFinal_ex(ctx, none, &n) == 1)
        return true;
    ERR_clear_error();
    return false;
}

static struct ctr_key *openssl_ctr_key_new(struct crypto *c, const uint8_t key[16])
{
    struct evp_ctr *k = malloc(sizeof *k);
    if (!k)
        return NULL;
    k->base.ops = &openssl_ops;
    k->ctx = keyed(((struct openssl *)c)->ctr, key);
    if (!k->ctx) {
        free(k);
        return NULL;
    }
    return &k->base;
}

static void openssl_ctr_key_free(struct ctr_key *key)
{
    struct evp_ctr *k = (struct evp_ctr *)key;
    EVP_CIPHER_CTX_free(k->ctx);
    free(k);
}

static void openssl_ctr_xor(struct ctr_key *key, const uint8_t iv[16], const uint8_t *in, size_t len,
                            uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = ((struct evp_ctr *)key)->ctx;
    int n, done;
    if (!len)
        return;
    done = EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, 1);
    if (done == 1)
        done = EVP_CipherUpdate(ctx, out, &n, in, (int)len);
    INVARIANT(done == 1);
}

static const struct cipher_ops openssl_ops = {
    .close = openssl_close,
    .gcm_key_new = openssl_gcm_key_new,
    .gcm_key_free = openssl_gcm_key_free,
    .gcm_seal = openssl_gcm_seal,
    .gcm_open = openssl_gcm_open,
    .ctr_key_new = openssl_ctr_key_new,
    .ctr_key_free = openssl_ctr_key_free,
    .ctr_xor = openssl_ctr_xor,
};

struct crypto *crypto_openssl(void)
{
    struct openssl *o = malloc(sizeof *o);
    if (!o)
        return NULL;
    o->base = (struct crypto){.ops = &openssl_ops,
                              .name = "openssl"}; /* its keys are its own matter: nothing to fetch */
    o->gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    o->ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    if (!o->gcm || !o->ctr) {
        openssl_close(&o->base);
        ERR_clear_error();
        return NULL;
    }
    return &o->base;
}

bool aes_cm_prf(const uint8_t key[16], const uint8_t iv[16], uint8_t *out, size_t len)
{
    int n;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    memset(out, 0, len);
    bool ok = ctx && EVP_CipherInit_ex(ctx, EVP_aes_128_ctr(), NULL, key, iv, 1) == 1 &&
              EVP_CipherUpdate(ctx, out, &n, out, (int)len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    ERR_clear_error();
    return ok;
}
