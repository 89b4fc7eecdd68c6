#include "tests/sim/nonces.h"
#include "crypto/crypto.h"
#include "sfu/sent.h"
#include <string.h>

static struct sim *sim;
static struct set used; /* by key and IV: a hash of the bytes */
static struct set keys; /* by the key's place: its serial number */
static uint64_t serial;

struct gcm_key *__real_gcm_key_new(struct crypto *, const uint8_t key[16]);
struct gcm_key *__wrap_gcm_key_new(struct crypto *, const uint8_t key[16]);
struct ctr_key *__real_ctr_key_new(struct crypto *, const uint8_t key[16]);
struct ctr_key *__wrap_ctr_key_new(struct crypto *, const uint8_t key[16]);
void __real_gcm_seal(struct gcm_key *, const uint8_t iv[12], const uint8_t *, size_t, const uint8_t *, size_t,
                     uint8_t *, uint8_t tag[GCM_TAG]);
void __wrap_gcm_seal(struct gcm_key *, const uint8_t iv[12], const uint8_t *, size_t, const uint8_t *, size_t,
                     uint8_t *, uint8_t tag[GCM_TAG]);
const struct sent *__real_sent_find(const struct sent *, int64_t seq);
const struct sent *__wrap_sent_find(const struct sent *, int64_t seq);
void __real_ctr_xor(struct ctr_key *, const uint8_t iv[16], const uint8_t *, size_t, uint8_t *);
void __wrap_ctr_xor(struct ctr_key *, const uint8_t iv[16], const uint8_t *, size_t, uint8_t *);

void nonces_open(struct sim *s)
{
    sim = s;
    serial = 0;
}

void nonces_close(void)
{
    set_free(&used);
    set_free(&keys);
    sim = NULL;
}

/* A later key may use the same memory. */
static void note_key(const void *key)
{
    bool added;
    if (sim && key)
        set_put(&keys, (uint64_t)(uintptr_t)key, &added)->value = ++serial;
}

/* `aad`: the packet's header, which GCM authenticates with the same key stream but does not encrypt. */
static void check(const void *key, const uint8_t *iv, size_t iv_len, const uint8_t *aad, size_t aad_len,
                  const uint8_t *in, size_t len)
{
    bool added;
    const struct set_entry *k = sim ? set_find(&keys, (uint64_t)(uintptr_t)key) : NULL;
    if (!k)
        return;
    uint64_t bytes = mix_bytes(mix_bytes(3, aad, aad_len), in, len);
    struct set_entry *e = set_put(&used, mix_bytes(k->value, iv, iv_len), &added);
    if (!added && e->value != bytes)
        violated(sim, "nonces", "SSRC %08x: a number was used twice, for different bytes",
                 get32(iv + (iv_len == 12 ? 2 : 4)));
    e->value = bytes;
}

struct gcm_key *__wrap_gcm_key_new(struct crypto *c, const uint8_t key[16])
{
    struct gcm_key *k = __real_gcm_key_new(c, key);
    note_key(k);
    return k;
}

struct ctr_key *__wrap_ctr_key_new(struct crypto *c, const uint8_t key[16])
{
    struct ctr_key *k = __real_ctr_key_new(c, key);
    note_key(k);
    return k;
}

void __wrap_gcm_seal(struct gcm_key *k, const uint8_t iv[12], const uint8_t *aad, size_t aad_len,
                     const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[GCM_TAG])
{
    check(k, iv, 12, aad, aad_len, in, len);
    __real_gcm_seal(k, iv, aad, aad_len, in, len, out, tag);
}

void __wrap_ctr_xor(struct ctr_key *k, const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
    check(k, iv, 16, NULL, 0, in, len);
    __real_ctr_xor(k, iv, in, len, out);
}

/* Makes a retransmission like a new packet, with a new send time and transport-wide number. */
const struct sent *__wrap_sent_find(const struct sent *log, int64_t seq)
{
    static struct sent fresh;
    const struct sent *sent = __real_sent_find(log, seq);
    if (!sim || !sent || !sabotaged(sim, SABOTAGE_RESENDING))
        return sent;
    fresh = *sent;
    fresh.transport_seq++;
    fresh.send_time[2]++;
    return &fresh;
}
