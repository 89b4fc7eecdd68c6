#include "proto/twcc.h"
#include "base/seq.h"
#include "proto/rtcp.h"

/* draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1:
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |V=2|P|  FMT=15 |    PT=205     |           length              |
 *   |                     SSRC of packet sender                     |
 *   |                      SSRC of media source                     |
 *   |      base sequence number     |      packet status count      |
 *   |                 reference time                | fb pkt. count |
 *   |          packet chunk         |         packet chunk          |
 *   |          ...                  |  recv delta   |  recv delta   |
 *
 * A chunk is a run, a vector of 14 one-bit symbols, or a vector of 7 two-bit symbols:
 *   |0| S |   run length (13 bits)  |  |1|0| 14 symbols |  |1|1| 7 symbols | */
#define HEAD_SIZE  12 /* RTCP header and the two SSRCs */
#define FCI_SIZE   8  /* base, count, reference time, feedback count */
#define RUN_MAX    0x1fff
#define VECTOR     0x8000
#define VECTOR_TWO 0x4000 /* two bits a symbol */
#define ONE_BIT    14     /* symbols of a vector */
#define TWO_BIT    7

enum {
    LOST,
    SMALL,
    LARGE,
    RESERVED
}; /* symbols; SMALL: delta of one byte without sign, LARGE: two bytes with sign */

#define TICK         MP_US(250)
#define REFERENCE    256 /* ticks: 64 ms */
#define SLOT(r, seq) ((r)->arrival[(uint64_t)(seq) & (TWCC_WINDOW - 1)])

_Static_assert((TWCC_WINDOW & (TWCC_WINDOW - 1)) == 0, "the window is indexed by mask");
_Static_assert(TWCC_WINDOW <= RUN_MAX, "a run holds a whole window");

/* --- the record --- */

static void restart(struct twcc_record *r, int64_t seq)
{
    memset(r->arrival, 0, sizeof r->arrival);
    r->next = r->end = seq;
    r->started = true;
}

void twcc_arrived(struct twcc_record *r, uint16_t seq16, mp_time now)
{
    int64_t seq = r->started ? seq_extend(r->end - 1, seq16) : seq16;
    if (!r->started || seq >= r->end + TWCC_WINDOW || seq < r->end - TWCC_WINDOW)
        restart(r, seq);
    if (seq < r->end) {
        if (SLOT(r, seq)) /* a duplicate: the first arrival counts */
            return;
        /* A late packet, perhaps reported as lost before: report it again, with everything behind it. */
        if (seq < r->next)
            r->next = seq;
    }
    for (; r->end <= seq; r->end++)
        SLOT(r, r->end) = 0;
    SLOT(r, seq) = now;
    if (r->next < r->end - TWCC_WINDOW)
        r->next = r->end - TWCC_WINDOW;
}

bool twcc_pending(const struct twcc_record *r) { return r->started && r->next < r->end; }

/* --- writing --- */

struct symbols { /* of one packet, from the base on */
    uint8_t symbol[TWCC_WINDOW];
    int16_t delta[TWCC_WINDOW];
    size_t count;
    int64_t reference; /* of 64 ms */
};

static int64_t first_arrival(const struct twcc_record *r)
{
    int64_t seq = r->next;
    while (!SLOT(r, seq)) /* ends: end - 1 has arrived */
        seq++;
    return SLOT(r, seq) / TICK;
}

/* As many packets as certainly fit, up to a delta that 16 bits cannot hold. Every chunk but the last covers 7
 * symbols or more, so the chunks take at most 2 bytes for 7 symbols. */
static void collect(const struct twcc_record *r, size_t size, struct symbols *s)
{
    int64_t last = first_arrival(r);
    size_t deltas = 0;
    s->reference = last / REFERENCE;
    last = s->reference * REFERENCE;
    s->count = 0;
    for (int64_t seq = r->next; seq < r->end; seq++) {
        mp_time arrival = SLOT(r, seq);
        int64_t delta = arrival ? arrival / TICK - last : 0;
        if (delta < INT16_MIN || delta > INT16_MAX)
            break;
        uint8_t symbol = !arrival ? LOST : delta >= 0 && delta <= UINT8_MAX ? SMALL : LARGE;
        size_t chunks = 2 * ((s->count + 1 + TWO_BIT - 1) / TWO_BIT), padding = 3;
        if (HEAD_SIZE + FCI_SIZE + chunks + deltas + symbol + padding > size)
            break;
        s->symbol[s->count] = symbol;
        s->delta[s->count++] = (int16_t)delta;
        deltas += symbol; /* a symbol's value is its delta's size */
        last += delta;
    }
}

/* A vector of up to `most` symbols of `bits` bits, the first one highest. */
static uint16_t vector(const uint8_t *symbol, size_t count, size_t most, unsigned bits)
{
    uint16_t chunk = bits == 2 ? VECTOR | VECTOR_TWO : VECTOR;
    for (size_t i = 0; i < count; i++)
        chunk |= (uint16_t)(symbol[i] << (bits * (most - 1 - i)));
    return chunk;
}

/* The chunk for the symbols at `symbol`, of which `rest` are left. Returns how many it covers. */
static size_t next_chunk(const uint8_t *symbol, size_t rest, uint16_t *chunk)
{
    size_t run = 1, small = 0;
    while (run < rest && symbol[run] == symbol[0])
        run++;
    while (small < rest && small < ONE_BIT && symbol[small] != LARGE)
        small++;
    bool one_bit = small == ONE_BIT || small == rest;
    if (run == rest || run >= ONE_BIT || (run >= TWO_BIT && !one_bit)) {
        *chunk = (uint16_t)(symbol[0] << 13 | run);
        return run;
    }
    if (one_bit) {
        *chunk = vector(symbol, small, ONE_BIT, 1);
        return small;
    }
    size_t two = rest < TWO_BIT ? rest : TWO_BIT;
    *chunk = vector(symbol, two, TWO_BIT, 2);
    return two;
}

static uint8_t *write_deltas(uint8_t *out, const struct symbols *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->symbol[i] == SMALL) {
            *out++ = (uint8_t)s->delta[i];
        } else if (s->symbol[i] == LARGE) {
            put16(out, (uint16_t)s->delta[i]);
            out += 2;
        }
    }
    return out;
}

size_t twcc_write(struct twcc_record *r, uint8_t *out, size_t size, uint32_t sender, uint32_t media)
{
    struct symbols s;
    if (!twcc_pending(r))
        return 0;
    collect(r, size, &s);
    if (s.count == 0)
        return 0;
    uint8_t *at = out + HEAD_SIZE;
    put16(at, (uint16_t)r->next);
    put16(at + 2, (uint16_t)s.count);
    put24(at + 4, (uint32_t)s.reference & 0xffffff);
    at[7] = r->feedback_count++;
    at += FCI_SIZE;
    for (size_t i = 0; i < s.count; at += 2) {
        uint16_t chunk;
        i += next_chunk(s.symbol + i, s.count - i, &chunk);
        put16(at, chunk);
    }
    at = write_deltas(at, &s);
    /* Padding as libwebrtc has it: the P bit, and the last byte counts. */
    uint8_t padding = (uint8_t)(-(at - out) & 3);
    for (uint8_t i = 1; i <= padding; i++)
        *at++ = i == padding ? padding : 0;
    out[0] = (uint8_t)(0x80 | (padding ? 0x20 : 0) | RTPFB_TWCC);
    out[1] = RTCP_RTPFB;
    put16(out + 2, (uint16_t)((at - out) / 4 - 1));
    put32(out + 4, sender);
    put32(out + 8, media);
    r->next += (int64_t)s.count;
    return (size_t)(at - out);
}

/* --- parsing --- */

/* How many symbols a chunk has; 0: an empty run. */
static size_t chunk_len(uint16_t chunk)
{
    return !(chunk & VECTOR) ? chunk & RUN_MAX : chunk & VECTOR_TWO ? TWO_BIT : ONE_BIT;
}

static uint8_t chunk_symbol(uint16_t chunk, size_t i)
{
    if (!(chunk & VECTOR))
        return chunk >> 13 & 3;
    return chunk & VECTOR_TWO ? chunk >> 2 * (TWO_BIT - 1 - i) & 3 : chunk >> (ONE_BIT - 1 - i) & 1;
}

/* Where the deltas start: behind as many chunks as the status count needs. 0: malformed. */
static size_t deltas_start(struct bytes fci, size_t count)
{
    size_t at = FCI_SIZE;
    for (size_t covered = 0; covered < count; at += 2) {
        if (fci.len < at + 2)
            return 0;
        size_t n = chunk_len(get16(fci.data + at));
        if (n == 0)
            return 0;
        covered += n;
    }
    return at;
}

/* The delta of a received packet. False: the packet ends before it, or the symbol is the reserved one. */
static bool next_delta(struct bytes fci, size_t *at, uint8_t symbol, int64_t *delta)
{
    if (symbol == RESERVED || fci.len - *at < symbol)
        return false;
    *delta = symbol == SMALL ? fci.data[*at] : (int16_t)get16(fci.data + *at);
    *at += symbol;
    return true;
}

bool twcc_parse(struct bytes fci, struct twcc_feedback *f,
                void (*packet)(void *, uint16_t seq, bool received, int64_t arrival_250us), void *context)
{
    if (fci.len < FCI_SIZE)
        return false;
    uint32_t reference = get24(fci.data + 4);
    *f = (struct twcc_feedback){
        .base_seq = get16(fci.data),
        .count = get16(fci.data + 2),
        .reference_time = reference & 0x800000 ? (int32_t)reference - 0x1000000 : (int32_t)reference,
        .feedback_count = fci.data[7],
    };
    bool fits = f->count && f->count <= TWCC_STATUSES;
    size_t delta_at = fits ? deltas_start(fci, f->count) : 0, done = 0;
    if (!delta_at)
        return false;
    int64_t arrival = (int64_t)f->reference_time * REFERENCE;
    for (size_t at = FCI_SIZE; done < f->count; at += 2) {
        uint16_t chunk = get16(fci.data + at);
        size_t n = chunk_len(chunk);
        for (size_t i = 0; i < n && done < f->count; i++, done++) {
            uint8_t symbol = chunk_symbol(chunk, i);
            int64_t delta = 0;
            if (symbol != LOST && !next_delta(fci, &delta_at, symbol, &delta))
                return false;
            arrival += delta;
            packet(context, (uint16_t)(f->base_seq + done), symbol != LOST, symbol != LOST ? arrival : 0);
        }
    }
    return true;
}
