/* Inside src/crypto only: the functions of a cipher implementation. Every implementation's context and keys
 * begin with the structs below, so a key carries its implementation with it. */
#pragma once
#include "crypto/crypto.h"

struct cipher_ops {
    void (*close)(struct crypto *);
    struct gcm_key *(*gcm_key_new)(struct crypto *, const uint8_t key[16]);
    void (*gcm_key_free)(struct gcm_key *);
    void (*gcm_seal)(struct gcm_key *, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[GCM_TAG]);
    bool (*gcm_open)(struct gcm_key *, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t len, uint8_t *out, const uint8_t tag[GCM_TAG]);
    struct ctr_key *(*ctr_key_new)(struct crypto *, const uint8_t key[16]);
    void (*ctr_key_free)(struct ctr_key *);
    void (*ctr_xor)(struct ctr_key *, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out);
    void (*mac_many)(struct crypto *, const struct mac_job *, size_t count); /* NULL: one after the other */
};

struct crypto {
    const struct cipher_ops *ops;
    const char *name;
    size_t gcm_key_hot, ctr_key_hot; /* bytes of a key that every packet reads */
};
struct gcm_key {
    const struct cipher_ops *ops;
};
struct ctr_key {
    const struct cipher_ops *ops;
};

/* NULL: no memory, or not supported by the machine. */
struct crypto *crypto_openssl(void);
struct crypto *crypto_null(void);
#ifdef HAVE_IPSEC_MB
struct crypto *crypto_ipsec_mb(void);
#endif
