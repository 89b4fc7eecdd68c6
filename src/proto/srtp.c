/* SRTP and SRTCP (RFC 3711, RFC 7714).
 *
 *   SRTP    header | encrypted payload | tag                          GCM: 16 bytes, AES-CM: 10
 *   SRTCP   header, SSRC | encrypted rest | tag | E, index            GCM (RFC 7714 9.1)
 *           header, SSRC | encrypted rest | E, index | tag            AES-CM (RFC 3711 3.4) */
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/prefetch.h"
#include "proto/rtp.h"
#include "proto/srtp_keys.h"
#include <stdlib.h>

#define CM_TAG             10
#define RTCP_HEADER_SIZE   8 /* with the sender's SSRC */
#define INDEX_SIZE         4
#define ENCRYPTED          0x80000000u /* the E flag before the SRTCP index */
#define RTCP_INDEX_MAX     0x7fffffffu
#define RTP_WINDOW         1024
#define RTCP_WINDOW        128
#define RTP_AHEAD          8192 /* accepted gap before the next packet of a stream: 10 s of good video */
#define RTCP_AHEAD         1024
#define WINDOW_WORDS(size) ((size) / 64 + 1)

/* --- keys --- */

struct keys {
    struct gcm_key *gcm;  /* GCM */
    struct ctr_key *ctr;  /* AES-CM */
    struct hmac_sha1 mac; /* AES-CM */
    uint8_t salt[SRTP_SALT_SIZE];
};

bool srtp_masters(uint16_t profile, const uint8_t material[60], struct srtp_master *client,
                  struct srtp_master *server)
{
    if (profile != SRTP_AEAD_AES_128_GCM && profile != SRTP_AES128_CM_SHA1_80)
        return false;
    size_t salt = profile == SRTP_AEAD_AES_128_GCM ? 12 : 14;
    *client = *server = (struct srtp_master){.profile = (enum srtp_profile)profile};
    memcpy(client->key, material, SRTP_KEY_SIZE);
    memcpy(server->key, material + SRTP_KEY_SIZE, SRTP_KEY_SIZE);
    memcpy(client->salt, material + 2 * SRTP_KEY_SIZE, salt);
    memcpy(server->salt, material + 2 * SRTP_KEY_SIZE + salt, salt);
    return true;
}

/* RFC 3711 4.3.1: the label stands over byte 7 of the master salt, as the index that would follow it is 0.
 * RFC 7714's salt of 96 bits is first shifted by 16 (erratum 4938), so it stands in the same place with two
 * zero bytes behind. */
static bool derive(const struct srtp_master *m, uint8_t label, uint8_t *out, size_t len)
{
    uint8_t iv[16] = {0};
    memcpy(iv, m->salt, m->profile == SRTP_AEAD_AES_128_GCM ? 12 : 14);
    iv[7] ^= label;
    return aes_cm_prf(m->key, iv, out, len);
}

static bool derive_stream(const struct srtp_master *m, uint8_t label, struct srtp_stream_keys *k)
{
    return derive(m, label, k->key, sizeof k->key) && derive(m, label + 1, k->auth, sizeof k->auth) &&
           derive(m, label + 2, k->salt, sizeof k->salt);
}

bool srtp_derive(const struct srtp_master *m, struct srtp_session_keys *k)
{
    return derive_stream(m, 0, &k->rtp) && derive_stream(m, 3, &k->rtcp);
}

static bool keys_setup(struct keys *k, struct crypto *c, enum srtp_profile profile,
                       const struct srtp_stream_keys *from)
{
    memcpy(k->salt, from->salt, sizeof k->salt);
    if (profile == SRTP_AEAD_AES_128_GCM) {
        k->gcm = gcm_key_new(c, from->key);
        return k->gcm != NULL;
    }
    hmac_sha1_key(&k->mac, from->auth, sizeof from->auth);
    k->ctr = ctr_key_new(c, from->key);
    return k->ctr != NULL;
}

static void keys_drop(struct keys *k)
{
    gcm_key_free(k->gcm);
    ctr_key_free(k->ctr);
}

/* RFC 7714 8.1 and 9.1: two zero bytes, SSRC and the 48-bit index (SRTCP's has 31 bits), XOR the salt. */
static void gcm_iv(uint8_t iv[12], const struct keys *k, uint32_t ssrc, uint64_t index)
{
    uint8_t n[12] = {0};
    put32(n + 2, ssrc);
    put16(n + 6, (uint16_t)(index >> 32));
    put32(n + 8, (uint32_t)index);
    for (size_t i = 0; i < sizeof n; i++)
        iv[i] = n[i] ^ k->salt[i];
}

/* RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16; the last two bytes count blocks. */
static void cm_iv(uint8_t iv[16], const struct keys *k, uint32_t ssrc, uint64_t index)
{
    uint8_t n[16] = {0};
    put32(n + 4, ssrc);
    put16(n + 8, (uint16_t)(index >> 32));
    put32(n + 10, (uint32_t)index);
    for (size_t i = 0; i < SRTP_SALT_SIZE; i++)
        iv[i] = n[i] ^ k->salt[i];
    iv[14] = iv[15] = 0;
}

static void cm_crypt(const struct keys *k, uint32_t ssrc, uint64_t index, const uint8_t *in, size_t len,
                     uint8_t *out)
{
    uint8_t iv[16];
    cm_iv(iv, k, ssrc, index);
    ctr_xor(k->ctr, iv, in, len, out);
}

/* RFC 3711 4.2: SRTP's MAC covers the packet and its ROC, which the packet does not contain. */
static void cm_rtp_mac(const struct keys *k, const uint8_t *packet, size_t len, uint64_t index,
                       uint8_t mac[SHA1_SIZE])
{
    uint8_t roc[4];
    put32(roc, (uint32_t)(index >> 16));
    const struct bytes parts[] = {{packet, len}, {roc, sizeof roc}};
    hmac_sha1(&k->mac, parts, 2, mac);
}

/* --- sending --- */

struct srtp_tx {
    enum srtp_profile profile;
    uint32_t rtcp_next;
    struct keys rtp, rtcp;
};

struct srtp_tx *srtp_tx_from_keys(struct crypto *c, enum srtp_profile profile,
                                  const struct srtp_session_keys *k)
{
    struct srtp_tx *tx = calloc(1, sizeof *tx);
    if (!tx)
        return NULL;
    tx->profile = profile;
    if (!keys_setup(&tx->rtp, c, profile, &k->rtp) || !keys_setup(&tx->rtcp, c, profile, &k->rtcp)) {
        srtp_tx_free(tx);
        return NULL;
    }
    return tx;
}

struct srtp_tx *srtp_tx_new(struct crypto *c, const struct srtp_master *m)
{
    struct srtp_session_keys k;
    struct srtp_tx *tx = srtp_derive(m, &k) ? srtp_tx_from_keys(c, m->profile, &k) : NULL;
    explicit_bzero(&k, sizeof k);
    return tx;
}

void srtp_tx_free(struct srtp_tx *tx)
{
    if (!tx)
        return;
    keys_drop(&tx->rtp);
    keys_drop(&tx->rtcp);
    explicit_bzero(tx, sizeof *tx);
    free(tx);
}

static size_t overhead(enum srtp_profile profile)
{
    return profile == SRTP_AEAD_AES_128_GCM ? GCM_TAG : CM_TAG;
}

size_t srtp_tx_overhead(const struct srtp_tx *tx) { return overhead(tx->profile); }

size_t srtp_protect(struct srtp_tx *tx, uint8_t *out, size_t header_len, const uint8_t *payload,
                    size_t payload_len, uint64_t index)
{
    INVARIANT(header_len >= RTP_HEADER_SIZE && get16(out + 2) == (uint16_t)index && index >> 48 == 0);
    uint32_t ssrc = get32(out + 8);
    uint8_t *text = out + header_len, *tag = text + payload_len;
    if (tx->profile == SRTP_AEAD_AES_128_GCM) {
        uint8_t iv[12];
        gcm_iv(iv, &tx->rtp, ssrc, index);
        gcm_seal(tx->rtp.gcm, iv, out, header_len, payload, payload_len, text, tag);
        return header_len + payload_len + GCM_TAG;
    }
    uint8_t mac[SHA1_SIZE];
    cm_crypt(&tx->rtp, ssrc, index, payload, payload_len, text);
    cm_rtp_mac(&tx->rtp, out, header_len + payload_len, index, mac);
    memcpy(tag, mac, CM_TAG);
    return header_len + payload_len + CM_TAG;
}

struct srtp_batch {
    struct crypto *crypto;
    size_t count;
    struct mac_job jobs[MAC_JOBS_MAX];
};

struct srtp_batch *srtp_batch_new(struct crypto *c)
{
    struct srtp_batch *b = calloc(1, sizeof *b);
    if (b)
        b->crypto = c;
    return b;
}

void srtp_batch_free(struct srtp_batch *b)
{
    INVARIANT(!b || b->count == 0);
    free(b);
}

void srtp_batch_flush(struct srtp_batch *b)
{
    if (b->count)
        hmac_sha1_many(b->crypto, b->jobs, b->count);
    b->count = 0;
}

size_t srtp_batch_protect(struct srtp_batch *b, struct srtp_tx *tx, uint8_t *out, size_t header_len,
                          const uint8_t *payload, size_t payload_len, uint64_t index)
{
    if (tx->profile == SRTP_AEAD_AES_128_GCM)
        return srtp_protect(tx, out, header_len, payload, payload_len, index);
    INVARIANT(header_len >= RTP_HEADER_SIZE && get16(out + 2) == (uint16_t)index && index >> 48 == 0);
    size_t len = header_len + payload_len;
    cm_crypt(&tx->rtp, get32(out + 8), index, payload, payload_len, out + header_len);
    put32(out + len, (uint32_t)(index >> 16)); /* the MAC reads the ROC from the tag's place */
    b->jobs[b->count++] = (struct mac_job){&tx->rtp.mac, out, (uint32_t)len + 4, CM_TAG, out + len};
    if (b->count == MAC_JOBS_MAX)
        srtp_batch_flush(b);
    return len + CM_TAG;
}

void srtp_tx_prefetch(const struct srtp_tx *tx) { prefetch(tx, offsetof(struct srtp_tx, rtcp)); }

void srtp_batch_prefetch(const struct srtp_batch *b, const struct srtp_tx *tx)
{
    if (tx->profile == SRTP_AEAD_AES_128_GCM)
        gcm_key_prefetch(b->crypto, tx->rtp.gcm);
    else
        ctr_key_prefetch(b->crypto, tx->rtp.ctr);
}

size_t srtcp_protect(struct srtp_tx *tx, uint8_t *packet, size_t len)
{
    INVARIANT(len >= RTCP_HEADER_SIZE);
    if (tx->rtcp_next > RTCP_INDEX_MAX) /* RFC 3711 9.2: never the same index again with this key */
        return 0;
    uint32_t index = tx->rtcp_next++, ssrc = get32(packet + 4);
    uint8_t *text = packet + RTCP_HEADER_SIZE, *end = packet + len;
    if (tx->profile == SRTP_AEAD_AES_128_GCM) {
        uint8_t iv[12], aad[RTCP_HEADER_SIZE + INDEX_SIZE];
        gcm_iv(iv, &tx->rtcp, ssrc, index);
        memcpy(aad, packet, RTCP_HEADER_SIZE);
        put32(aad + RTCP_HEADER_SIZE, ENCRYPTED | index);
        gcm_seal(tx->rtcp.gcm, iv, aad, sizeof aad, text, len - RTCP_HEADER_SIZE, text, end);
        put32(end + GCM_TAG, ENCRYPTED | index);
        return len + GCM_TAG + INDEX_SIZE;
    }
    uint8_t mac[SHA1_SIZE];
    cm_crypt(&tx->rtcp, ssrc, index, text, len - RTCP_HEADER_SIZE, text);
    put32(end, ENCRYPTED | index);
    const struct bytes signed_part = {packet, len + INDEX_SIZE};
    hmac_sha1(&tx->rtcp.mac, &signed_part, 1, mac);
    memcpy(end + INDEX_SIZE, mac, CM_TAG);
    return len + INDEX_SIZE + CM_TAG;
}

/* --- receiving --- */

/* The replay window of one SSRC: the highest index, and a ring of bits for the indices before it. The ring
 * has one word more than the window needs, so that a word is complete before it is used again (RFC 6479). */
struct rtp_stream {
    uint64_t highest;
    uint64_t seen[WINDOW_WORDS(RTP_WINDOW)];
};
struct rtcp_stream {
    uint32_t ssrc;
    bool ended; /* as rtp_ended */
    uint64_t highest;
    uint64_t seen[WINDOW_WORDS(RTCP_WINDOW)];
};

struct srtp_rx {
    enum srtp_profile profile;
    unsigned rtp_count, rtcp_count, rtp_room, rtcp_room;
    struct keys rtp, rtcp;
    uint32_t rtp_ssrc[STREAMS_RX_MAX]; /* of the streams with the same place */
    uint32_t rtp_ended;                /* bit i: the source of stream i has ended; its slot may be reused */
    struct rtp_stream *rtp_streams;    /* rtp_room elements: most sessions have few streams or none */
    struct rtcp_stream *rtcp_streams;  /* rtcp_room elements */
};

/* Room for one more stream. NULL: `most` are there, or no memory; the old array is untouched. */
static void *streams_grow(void *streams, unsigned count, unsigned most, unsigned *room, size_t size)
{
    if (count < *room) {
        INVARIANT(streams);
        return streams;
    }
    unsigned more = *room ? *room * 2 : 2;
    more = more < most ? more : most;
    void *grown = count < most ? realloc(streams, more * size) : NULL;
    if (grown)
        *room = more;
    return grown;
}

_Static_assert(STREAMS_RX_MAX <= 32, "a bit for each stream");

static struct rtp_stream *rtp_stream_find(const struct srtp_rx *rx, uint32_t ssrc)
{
    for (unsigned i = 0; i < rx->rtp_count; i++)
        if (rx->rtp_ssrc[i] == ssrc)
            return &rx->rtp_streams[i];
    return NULL;
}

static struct rtcp_stream *rtcp_stream_find(const struct srtp_rx *rx, uint32_t ssrc)
{
    for (unsigned i = 0; i < rx->rtcp_count; i++)
        if (rx->rtcp_streams[i].ssrc == ssrc)
            return &rx->rtcp_streams[i];
    return NULL;
}

/* A new stream; if no slot is free, it replaces an ended one. NULL: no slot. */
static struct rtp_stream *rtp_stream_new(struct srtp_rx *rx, uint32_t ssrc, uint64_t index)
{
    struct rtp_stream *grown =
        streams_grow(rx->rtp_streams, rx->rtp_count, STREAMS_RX_MAX, &rx->rtp_room, sizeof *grown);
    if (!grown && !rx->rtp_ended)
        return NULL;
    unsigned i = grown ? rx->rtp_count++ : (unsigned)__builtin_ctz(rx->rtp_ended);
    rx->rtp_streams = grown ? grown : rx->rtp_streams;
    INVARIANT(rx->rtp_streams);
    rx->rtp_ended &= ~(1u << i);
    rx->rtp_ssrc[i] = ssrc;
    rx->rtp_streams[i] = (struct rtp_stream){.highest = index};
    return &rx->rtp_streams[i];
}

static struct rtcp_stream *rtcp_stream_new(struct srtp_rx *rx, uint32_t ssrc, uint64_t index)
{
    struct rtcp_stream *grown =
        streams_grow(rx->rtcp_streams, rx->rtcp_count, STREAMS_RTCP_MAX, &rx->rtcp_room, sizeof *grown);
    unsigned i = 0;
    while (!grown && i < rx->rtcp_count && !rx->rtcp_streams[i].ended)
        i++;
    if (!grown && i == rx->rtcp_count)
        return NULL;
    if (grown) {
        rx->rtcp_streams = grown;
        i = rx->rtcp_count++;
    }
    rx->rtcp_streams[i] = (struct rtcp_stream){.ssrc = ssrc, .highest = index};
    return &rx->rtcp_streams[i];
}

static bool window_takes(const uint64_t *seen, unsigned size, uint64_t highest, uint64_t index)
{
    if (index > highest)
        return true;
    return highest - index < size && !(seen[index / 64 % WINDOW_WORDS(size)] >> (index % 64) & 1);
}

static void window_mark(uint64_t *seen, unsigned size, uint64_t *highest, uint64_t index)
{
    const unsigned words = WINDOW_WORDS(size);
    if (index > *highest) {
        uint64_t fresh = index / 64 - *highest / 64;
        for (uint64_t i = 0; i < fresh && i < words; i++)
            seen[(index / 64 - i) % words] = 0;
        *highest = index;
    }
    seen[index / 64 % words] |= 1ull << (index % 64);
}

struct srtp_rx *srtp_rx_from_keys(struct crypto *c, enum srtp_profile profile,
                                  const struct srtp_session_keys *k)
{
    struct srtp_rx *rx = calloc(1, sizeof *rx);
    if (!rx)
        return NULL;
    rx->profile = profile;
    if (!keys_setup(&rx->rtp, c, profile, &k->rtp) || !keys_setup(&rx->rtcp, c, profile, &k->rtcp)) {
        srtp_rx_free(rx);
        return NULL;
    }
    return rx;
}

struct srtp_rx *srtp_rx_new(struct crypto *c, const struct srtp_master *m)
{
    struct srtp_session_keys k;
    struct srtp_rx *rx = srtp_derive(m, &k) ? srtp_rx_from_keys(c, m->profile, &k) : NULL;
    explicit_bzero(&k, sizeof k);
    return rx;
}

void srtp_rx_free(struct srtp_rx *rx)
{
    if (!rx)
        return;
    keys_drop(&rx->rtp);
    keys_drop(&rx->rtcp);
    free(rx->rtp_streams);
    free(rx->rtcp_streams);
    explicit_bzero(rx, sizeof *rx);
    free(rx);
}

/* RFC 3711 3.3.1: the packet index nearest to the highest one received; an SSRC starts with ROC 0. False: it
 * would lie before the stream's first packet. */
static bool index_guess(const struct rtp_stream *s, uint16_t seq, uint64_t *index)
{
    if (!s) {
        *index = seq;
        return true;
    }
    uint64_t roc = s->highest >> 16;
    uint16_t last = (uint16_t)s->highest;
    if (last < 0x8000 && seq - last > 0x8000) {
        if (roc == 0)
            return false;
        roc--;
    } else if (last >= 0x8000 && last - 0x8000 > seq) {
        roc++;
    }
    *index = roc << 16 | seq;
    return *index >> 48 == 0;
}

/* Packet without its tag: `len` bytes. */
static bool rtp_open(const struct srtp_rx *rx, const uint8_t *in, size_t header_len, size_t len, uint8_t *out,
                     uint64_t index)
{
    uint32_t ssrc = get32(in + 8);
    if (rx->profile == SRTP_AEAD_AES_128_GCM) {
        uint8_t iv[12];
        gcm_iv(iv, &rx->rtp, ssrc, index);
        return gcm_open(rx->rtp.gcm, iv, in, header_len, in + header_len, len - header_len, out + header_len,
                        in + len);
    }
    uint8_t mac[SHA1_SIZE];
    cm_rtp_mac(&rx->rtp, in, len, index, mac);
    if (!bytes_equal_secret(mac, in + len, CM_TAG))
        return false;
    cm_crypt(&rx->rtp, ssrc, index, in + header_len, len - header_len, out + header_len);
    return true;
}

int srtp_unprotect(struct srtp_rx *rx, const uint8_t *in, size_t len, uint8_t *out, uint64_t *index)
{
    size_t tag = overhead(rx->profile);
    size_t header_len = len > tag ? rtp_header_len(in, len - tag) : 0;
    if (header_len == 0)
        return SRTP_SHORT;
    uint32_t ssrc = get32(in + 8);
    struct rtp_stream *s = rtp_stream_find(rx, ssrc);
    uint64_t i;
    if (!index_guess(s, get16(in + 2), &i) || (s && !window_takes(s->seen, RTP_WINDOW, s->highest, i)))
        return SRTP_REPLAY;
    if (!rtp_open(rx, in, header_len, len - tag, out, i))
        return SRTP_AUTH;
    if (!s && !(s = rtp_stream_new(rx, ssrc, i)))
        return SRTP_STREAMS;
    window_mark(s->seen, RTP_WINDOW, &s->highest, i);
    if (out != in)
        memcpy(out, in, header_len);
    *index = i;
    return (int)(len - tag);
}

/* The stream's bit in rtp_ended; 0: it has no state. */
static uint32_t rtp_stream_bit(const struct srtp_rx *rx, uint32_t ssrc)
{
    const struct rtp_stream *s = rtp_stream_find(rx, ssrc);
    return s ? 1u << (s - rx->rtp_streams) : 0;
}

void srtp_rx_ended(struct srtp_rx *rx, uint32_t ssrc)
{
    struct rtcp_stream *rtcp = rtcp_stream_find(rx, ssrc);
    rx->rtp_ended |= rtp_stream_bit(rx, ssrc);
    if (rtcp)
        rtcp->ended = true;
}

void srtp_rx_goes_on(struct srtp_rx *rx, uint32_t ssrc)
{
    struct rtcp_stream *rtcp = rtcp_stream_find(rx, ssrc);
    rx->rtp_ended &= ~rtp_stream_bit(rx, ssrc);
    if (rtcp)
        rtcp->ended = false;
}

/* `len`: without tag and index. */
static bool rtcp_open_gcm(const struct srtp_rx *rx, const uint8_t *in, size_t len, uint8_t *out,
                          uint32_t word)
{
    uint8_t iv[12];
    gcm_iv(iv, &rx->rtcp, get32(in + 4), word & RTCP_INDEX_MAX);
    if (word & ENCRYPTED) {
        uint8_t aad[RTCP_HEADER_SIZE + INDEX_SIZE];
        memcpy(aad, in, RTCP_HEADER_SIZE);
        put32(aad + RTCP_HEADER_SIZE, word);
        return gcm_open(rx->rtcp.gcm, iv, aad, sizeof aad, in + RTCP_HEADER_SIZE, len - RTCP_HEADER_SIZE,
                        out + RTCP_HEADER_SIZE, in + len);
    }
    /* RFC 7714 9.3: not encrypted; the MAC reads the index behind the packet, where the tag will stand */
    uint8_t tag[GCM_TAG];
    memcpy(tag, in + len, GCM_TAG);
    if (out != in)
        memcpy(out, in, len);
    put32(out + len, word);
    return gcm_open(rx->rtcp.gcm, iv, out, len + INDEX_SIZE, in, 0, out, tag);
}

static bool rtcp_open_cm(const struct srtp_rx *rx, const uint8_t *in, size_t len, uint8_t *out, uint32_t word)
{
    uint8_t mac[SHA1_SIZE];
    const struct bytes signed_part = {in, len + INDEX_SIZE};
    hmac_sha1(&rx->rtcp.mac, &signed_part, 1, mac);
    if (!bytes_equal_secret(mac, in + len + INDEX_SIZE, CM_TAG))
        return false;
    if (word & ENCRYPTED)
        cm_crypt(&rx->rtcp, get32(in + 4), word & RTCP_INDEX_MAX, in + RTCP_HEADER_SIZE,
                 len - RTCP_HEADER_SIZE, out + RTCP_HEADER_SIZE);
    else if (out != in)
        memcpy(out, in, len);
    return true;
}

static uint32_t rtcp_index_word(const struct srtp_rx *rx, const uint8_t *in, size_t len)
{
    bool gcm = rx->profile == SRTP_AEAD_AES_128_GCM;
    return get32(in + len - INDEX_SIZE - (gcm ? 0 : CM_TAG));
}

int srtcp_unprotect(struct srtp_rx *rx, const uint8_t *in, size_t len, uint8_t *out)
{
    bool gcm = rx->profile == SRTP_AEAD_AES_128_GCM;
    size_t trailer = overhead(rx->profile) + INDEX_SIZE;
    if (len < RTCP_HEADER_SIZE + trailer || in[0] >> 6 != 2)
        return SRTP_SHORT;
    size_t plain = len - trailer;
    uint32_t ssrc = get32(in + 4), word = rtcp_index_word(rx, in, len);
    uint64_t index = word & RTCP_INDEX_MAX;
    struct rtcp_stream *s = rtcp_stream_find(rx, ssrc);
    if (s && !window_takes(s->seen, RTCP_WINDOW, s->highest, index))
        return SRTP_REPLAY;
    if (!(gcm ? rtcp_open_gcm(rx, in, plain, out, word) : rtcp_open_cm(rx, in, plain, out, word)))
        return SRTP_AUTH;
    if (!s && !(s = rtcp_stream_new(rx, ssrc, index)))
        return SRTP_STREAMS;
    window_mark(s->seen, RTCP_WINDOW, &s->highest, index);
    if (out != in)
        memcpy(out, in, RTCP_HEADER_SIZE);
    return (int)plain;
}

bool srtp_rx_expects(const struct srtp_rx *rx, const uint8_t *in, size_t len, bool rtcp)
{
    if (len < (rtcp ? RTCP_HEADER_SIZE : RTP_HEADER_SIZE) + overhead(rx->profile) + INDEX_SIZE)
        return false;
    if (rtcp) {
        const struct rtcp_stream *s = rtcp_stream_find(rx, get32(in + 4));
        uint64_t index = rtcp_index_word(rx, in, len) & RTCP_INDEX_MAX;
        return s && index > s->highest && index - s->highest <= RTCP_AHEAD;
    }
    const struct rtp_stream *s = rtp_stream_find(rx, get32(in + 8));
    return s && (uint16_t)(get16(in + 2) - (uint16_t)s->highest + RTP_WINDOW) <= RTP_WINDOW + RTP_AHEAD;
}
