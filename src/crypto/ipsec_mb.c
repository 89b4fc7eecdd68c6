/* The ciphers by Intel's IPsec-MB: GCM by its direct calls (one packet, no job queue), AES-CM by a burst of
 * one. The library has code for several generations of CPUs, and init_mb_mgr_auto chooses the best for this
 * one:
 *
 *   avx512      four blocks an instruction (VAES) if the CPU has it
 *   avx2, avx   AES-NI with VEX encodings
 *
 * Older CPUs use OpenSSL, which is no slower there. A manager belongs to one thread, so the context owns
 * it. */
#include "base/slab.h"
#include "crypto/cipher.h"
#include <intel-ipsec-mb.h>
#include <stdalign.h>
#include <stdlib.h>

/* The library's header sets this alignment only if the macro LINUX is defined, and compilers for Linux do not
 * define it. */
#define KEY_ALIGN 64

/* Version 2 has no code for CPUs with AVX alone, and keeps each power of the hash key a second time,
 * multiplied by the polynomial. */
#if IMB_VERSION_NUM >= IMB_VERSION(2, 0, 0)
#define LEAST_FLAGS  IMB_CPUFLAGS_AVX2
#define LEAST_ARCH   IMB_ARCH_AVX2
#define GCM_KEY_MOST 1280
#else
#define LEAST_FLAGS  IMB_CPUFLAGS_AVX
#define LEAST_ARCH   IMB_ARCH_AVX
#define GCM_KEY_MOST 1024
#endif

struct ipsec_mb {
    struct crypto base;
    IMB_MGR *mgr;
    struct slab gcm_keys;
    struct gcm_context_data scratch; /* of the current call */
    IMB_JOB jobs[MAC_JOBS_MAX];      /* of one batch */
    uint8_t macs[MAC_JOBS_MAX][SHA1_SIZE];
};
_Static_assert(MAC_JOBS_MAX <= IMB_MAX_BURST_SIZE, "one burst");

struct mb_gcm {
    struct gcm_key base;
    struct ipsec_mb *owner;
    alignas(KEY_ALIGN) struct gcm_key_data data;
};
struct mb_ctr {
    struct ctr_key base;
    IMB_MGR *mgr;
    alignas(16) uint8_t round_keys[11 * 16];
};
_Static_assert(sizeof(struct gcm_key_data) <= GCM_KEY_MOST, "a session holds four of them");

static void mb_close(struct crypto *c)
{
    struct ipsec_mb *m = (struct ipsec_mb *)c;
    slab_free(&m->gcm_keys);
    free_mb_mgr(m->mgr);
    explicit_bzero(m, sizeof *m);
    free(m);
}

static const struct cipher_ops mb_ops;

static struct gcm_key *mb_gcm_key_new(struct crypto *c, const uint8_t key[16])
{
    struct ipsec_mb *m = (struct ipsec_mb *)c;
    struct mb_gcm *k = slab_take(&m->gcm_keys);
    if (!k)
        return NULL;
    k->base.ops = &mb_ops;
    k->owner = m;
    IMB_AES128_GCM_PRE(k->owner->mgr, key, &k->data);
    return &k->base;
}

static void mb_gcm_key_free(struct gcm_key *key)
{
    struct ipsec_mb *owner = ((struct mb_gcm *)key)->owner;
    explicit_bzero(key, sizeof(struct mb_gcm));
    slab_give(&owner->gcm_keys, key);
}

static void mb_gcm_seal(struct gcm_key *key, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                        const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[GCM_TAG])
{
    struct mb_gcm *k = (struct mb_gcm *)key;
    IMB_AES128_GCM_ENC(k->owner->mgr, &k->data, &k->owner->scratch, out, in, len, iv, aad, aad_len, tag,
                       GCM_TAG);
}

static bool mb_gcm_open(struct gcm_key *key, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                        const uint8_t *in, size_t len, uint8_t *out, const uint8_t tag[GCM_TAG])
{
    struct mb_gcm *k = (struct mb_gcm *)key;
    uint8_t expected[GCM_TAG];
    memcpy(expected, tag, GCM_TAG); /* `tag` may lie in the overwritten bytes */
    uint8_t found[GCM_TAG];
    IMB_AES128_GCM_DEC(k->owner->mgr, &k->data, &k->owner->scratch, out, in, len, iv, aad, aad_len, found,
                       GCM_TAG);
    return bytes_equal_secret(found, expected, GCM_TAG);
}

static struct ctr_key *mb_ctr_key_new(struct crypto *c, const uint8_t key[16])
{
    alignas(16) uint8_t decryption[11 * 16]; /* counter mode only encrypts */
    struct mb_ctr *k = aligned_alloc(alignof(struct mb_ctr), sizeof *k);
    if (!k)
        return NULL;
    k->base.ops = &mb_ops;
    k->mgr = ((struct ipsec_mb *)c)->mgr;
    IMB_AES_KEYEXP_128(k->mgr, key, k->round_keys, decryption);
    explicit_bzero(decryption, sizeof decryption);
    return &k->base;
}

static void mb_ctr_key_free(struct ctr_key *key)
{
    explicit_bzero(key, sizeof(struct mb_ctr));
    free(key);
}

static void mb_ctr_xor(struct ctr_key *key, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
    struct mb_ctr *k = (struct mb_ctr *)key;
    if (!len)
        return;
    IMB_JOB job; /* the burst call reads no field but these */
    job.src = in;
    job.dst = out;
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = len;
    job.iv = iv;
    job.iv_len_in_bytes = 16;
    job.enc_keys = k->round_keys;
    job.dec_keys = k->round_keys;
    job.key_len_in_bytes = 16;
    IMB_SUBMIT_CIPHER_BURST_NOCHECK(k->mgr, &job, 1, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
}

/* The library wants pointers to the two states and a place for the whole MAC. */
static void mb_mac_many(struct crypto *c, const struct mac_job *jobs, size_t count)
{
    struct ipsec_mb *m = (struct ipsec_mb *)c;
    for (size_t i = 0; i < count; i++) { /* the burst call reads no field but these */
        IMB_JOB *job = &m->jobs[i];
        job->src = jobs[i].data;
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_hash_in_bytes = jobs[i].len;
        job->auth_tag_output = m->macs[i];
        job->auth_tag_output_len_in_bytes = SHA1_SIZE;
        job->u.HMAC._hashed_auth_key_xor_ipad = (const uint8_t *)jobs[i].key->inner;
        job->u.HMAC._hashed_auth_key_xor_opad = (const uint8_t *)jobs[i].key->outer;
    }
    IMB_SUBMIT_HASH_BURST_NOCHECK(m->mgr, m->jobs, (uint32_t)count, IMB_AUTH_HMAC_SHA_1);
    for (size_t i = 0; i < count; i++)
        memcpy(jobs[i].tag, m->macs[i], jobs[i].tag_len);
}

static const struct cipher_ops mb_ops = {
    .close = mb_close,
    .gcm_key_new = mb_gcm_key_new,
    .gcm_key_free = mb_gcm_key_free,
    .gcm_seal = mb_gcm_seal,
    .gcm_open = mb_gcm_open,
    .ctr_key_new = mb_ctr_key_new,
    .ctr_key_free = mb_ctr_key_free,
    .ctr_xor = mb_ctr_xor,
    .mac_many = mb_mac_many,
};

/* After the round keys, every packet reads eight powers of the hash key (on the oldest CPUs also the sums of
 * their halves); with AVX512 all powers. */
static size_t gcm_hot(IMB_ARCH arch)
{
    const struct gcm_key_data *d = NULL;
    size_t powers = arch == IMB_ARCH_AVX512 ? sizeof d->ghash_keys
                    : arch == IMB_ARCH_AVX2 ? sizeof d->ghash_keys.avx2_avx512
                                            : sizeof d->ghash_keys.sse_avx;
    return offsetof(struct mb_gcm, data) + offsetof(struct gcm_key_data, ghash_keys) + powers;
}

struct crypto *crypto_ipsec_mb(void)
{
    if ((imb_get_feature_flags() & LEAST_FLAGS) != LEAST_FLAGS)
        return NULL;
    struct ipsec_mb *m = aligned_alloc(KEY_ALIGN, (sizeof *m + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN);
    if (!m)
        return NULL;
    slab_init(&m->gcm_keys, sizeof(struct mb_gcm));
    m->mgr = alloc_mb_mgr(0);
    if (!m->mgr) {
        free(m);
        return NULL;
    }
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(m->mgr, &arch);
    m->base.ops = &mb_ops;
    m->base.gcm_key_hot = gcm_hot(arch);
    m->base.ctr_key_hot = sizeof(struct mb_ctr);
    m->base.name = arch == IMB_ARCH_AVX512 ? "ipsec-mb avx512"
                   : arch == IMB_ARCH_AVX2 ? "ipsec-mb avx2"
                                           : "ipsec-mb avx";
    /* its self-test failed, or the library was built without such code */
    if (imb_get_errno(m->mgr) != 0 || arch < LEAST_ARCH) {
        mb_close((struct crypto *)m);
        return NULL;
    }
    return &m->base;
}
