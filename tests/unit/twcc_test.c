#include "proto/twcc.h"
#include "base/prng.h"
#include "proto/rtcp.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

#define TICK MP_US(250)

struct told { /* contents of a feedback packet */
    uint16_t seq[65536];
    bool received[65536];
    int64_t arrival[65536];
    size_t count;
};

static struct told told;

static void tell(void *context, uint16_t seq, bool received, int64_t arrival)
{
    struct told *t = context;
    t->seq[t->count] = seq;
    t->received[t->count] = received;
    t->arrival[t->count++] = arrival;
}

static bool parse_fci(const uint8_t *fci, size_t len, struct twcc_feedback *f)
{
    told.count = 0;
    return twcc_parse((struct bytes){exact(fci, len), len}, f, tell, &told);
}

static bool parse_packet(const uint8_t *p, size_t len, struct twcc_feedback *f)
{
    struct rtcp_view v;
    size_t at = 0;
    uint32_t media;
    if (!rtcp_next(&v, p, len, &at) || at != len || v.type != RTCP_RTPFB || v.count != RTPFB_TWCC ||
        v.ssrc != 11 || !rtcp_media_ssrc(&v, &media) || media != 22)
        return false;
    return parse_fci(v.body.data + 8, v.body.len - 8, f);
}

static struct twcc_record record;

static size_t write_feedback(uint8_t *out, size_t size) { return twcc_write(&record, out, size, 11, 22); }

/* --- vectors --- */

static void one_packet_is_this_feedback(void)
{
    uint8_t p[64], want[64];
    memset(&record, 0, sizeof record);
    CHECK(!twcc_pending(&record));
    CHECK_EQ(write_feedback(p, sizeof p), 0);
    twcc_arrived(&record, 0x1234, MP_MS(64 * 5) + MP_US(1250));
    CHECK(twcc_pending(&record));
    size_t len = write_feedback(p, sizeof p);
    /* base 0x1234, 1 packet, reference 5, feedback 0; a run of one small; 5 ticks; 1 byte of padding */
    CHECK_EQ(unhex(want, "afcd0005 0000000b 00000016 1234 0001 000005 00 2001 05 01"), len);
    CHECK_BYTES(p, want, len);
    CHECK(!twcc_pending(&record));
}

/* 3.1.5: a small delta is 0 to 255 ticks. */
static void delta_of_255_ticks_is_small_and_of_256_large(void)
{
    uint8_t p[64], want[64];
    for (int large = 0; large < 2; large++) {
        memset(&record, 0, sizeof record);
        twcc_arrived(&record, 0x1234, MP_MS(64 * 5));
        twcc_arrived(&record, 0x1235, MP_MS(64 * 5) + (255 + large) * TICK);
        CHECK(write_feedback(p, sizeof p) >= 24);
        size_t len =
            unhex(want, large ? "1234 0002 000005 00 d800 00 0100" : "1234 0002 000005 00 2002 00 ff");
        CHECK_BYTES(p + 12, want, len);
    }
}

static void run_length_chunk_is_read(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    size_t len = unhex(fci, "000a 0005 000001 07 0002 2003 01 02 03"); /* 2 lost, 3 small */
    CHECK(parse_fci(fci, len, &f));
    CHECK(f.base_seq == 10 && f.count == 5 && f.reference_time == 1 && f.feedback_count == 7);
    CHECK_EQ(told.count, 5);
    const int64_t arrival[] = {0, 0, 257, 259, 262};
    for (size_t i = 0; i < 5; i++)
        CHECK(told.seq[i] == 10 + i && told.received[i] == (i >= 2) && told.arrival[i] == arrival[i]);
}

static void one_bit_vector_is_read(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    size_t len =
        unhex(fci, "0000 000e 000000 00  a001 01 01"); /* 10 0000 0000 0001: the first and the last */
    CHECK(parse_fci(fci, len, &f));
    CHECK_EQ(told.count, 14);
    for (size_t i = 0; i < 14; i++)
        CHECK_EQ(told.received[i], i == 0 || i == 13);
}

static void two_bit_vector_is_read(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    /* 11 | 01 10 00 10 01 00 00: small, large, lost, large, small */
    size_t len = unhex(fci, "fffe 0005 ffffff 00  d890  0a  0100  fff6  05");
    CHECK(parse_fci(fci, len, &f));
    CHECK_EQ(f.reference_time, -1);
    const bool received[] = {true, true, false, true, true};
    const int64_t arrival[] = {-256 + 10, -256 + 266, 0, -256 + 256, -256 + 261};
    CHECK_EQ(told.count, 5);
    for (size_t i = 0; i < 5; i++)
        CHECK(told.seq[i] == (uint16_t)(0xfffe + i) && told.received[i] == received[i] &&
              told.arrival[i] == arrival[i]);
}

static void reserved_symbol_is_refused(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    size_t len = unhex(fci, "0000 0001 000000 00 6001 00000000");
    CHECK(!parse_fci(fci, len, &f));
    len = unhex(fci, "0000 0007 000000 00 c003 00000000");
    CHECK(!parse_fci(fci, len, &f));
    fci[3] = 6; /* padding after the last packet */
    CHECK(parse_fci(fci, len, &f));
}

static void empty_feedback_and_empty_runs_are_refused(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    CHECK(!parse_fci(fci, unhex(fci, "0000 0000 000000 00 2001 00"), &f));
    CHECK(!parse_fci(fci, unhex(fci, "0000 0001 000000 00 2000 2001 00"), &f));
}

static void run_longer_than_the_count_is_cut(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    CHECK(parse_fci(fci, unhex(fci, "0000 0002 000000 00 3fff 01 01"), &f));
    CHECK_EQ(told.count, 2);
}

static void every_truncation_is_refused(void)
{
    uint8_t fci[64];
    struct twcc_feedback f;
    size_t len =
        unhex(fci, "0000 0013 000000 00 2003 8fff d890 01 02 03 01020304050607080910 11 2222 3333 44");
    for (size_t n = 0; n < len; n++)
        if (parse_fci(fci, n, &f) && n < 8)
            CHECK(false);
    len = unhex(fci, "000a 0005 000001 07 0002 2003 01 02 03");
    for (size_t n = 0; n < len; n++)
        CHECK(!parse_fci(fci, n, &f));
}

/* --- the record --- */

static void duplicates_keep_their_first_arrival(void)
{
    uint8_t p[64];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 1, 400 * TICK);
    twcc_arrived(&record, 1, 900 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(told.count == 1 && told.arrival[0] == 400);
    twcc_arrived(&record, 1, 1000 * TICK);
    CHECK(!twcc_pending(&record));
}

static void gap_before_the_next_packet_is_told_as_lost(void)
{
    uint8_t p[64];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 65534, 400 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    twcc_arrived(&record, 1, 500 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(f.base_seq == 65535 && f.count == 3 && f.feedback_count == 1);
    CHECK(!told.received[0] && !told.received[1] && told.received[2]);
}

static void late_packet_is_told_after_it_was_told_lost(void)
{
    uint8_t p[64];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 1, 400 * TICK);
    twcc_arrived(&record, 3, 410 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(told.count == 3 && !told.received[1]);
    twcc_arrived(&record, 2, 420 * TICK);
    CHECK(twcc_pending(&record));
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(f.base_seq == 2 && f.count == 2);
    CHECK(told.received[0] && told.arrival[0] == 420 && told.received[1] && told.arrival[1] == 410);
    CHECK(!twcc_pending(&record));
}

static void far_numbers_restart_the_record(void)
{
    uint8_t p[64];
    struct twcc_feedback f;
    const uint16_t far[] = {1000 + 1 + TWCC_WINDOW, 60000, 1000 - TWCC_WINDOW, 30000};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        memset(&record, 0, sizeof record);
        twcc_arrived(&record, 1000, 400 * TICK);
        twcc_arrived(&record, far[i], 500 * TICK);
        CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
        CHECK(f.base_seq == far[i] && f.count == 1);
    }
}

static void window_forgets_what_was_never_told(void)
{
    uint8_t p[1500];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 0, 400 * TICK);
    twcc_arrived(&record, TWCC_WINDOW, 500 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(f.base_seq == 1 && f.count == TWCC_WINDOW);
    CHECK(told.received[TWCC_WINDOW - 1] && !told.received[0]);
}

static void delta_over_16_bits_starts_a_new_packet(void)
{
    uint8_t p[256];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 1, 256 * TICK);
    twcc_arrived(&record, 2, (256 + 32767) * TICK);                 /* still fits */
    twcc_arrived(&record, 3, (256 + 32767 * 2 + 1) * TICK);         /* does not */
    twcc_arrived(&record, 4, (256 + 32767 * 2 + 1 - 32768) * TICK); /* fits, backwards */
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(f.base_seq == 1 && f.count == 2 && told.arrival[1] == 256 + 32767);
    CHECK(twcc_pending(&record));
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK(f.base_seq == 3 && f.count == 2 && told.arrival[0] == 256 + 32767 * 2 + 1);
    CHECK(told.arrival[1] == 256 + 32767 * 2 + 1 - 32768 || told.count == 1);
    CHECK(!twcc_pending(&record));
}

static void reference_time_wraps_at_24_bits(void)
{
    uint8_t p[64];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    twcc_arrived(&record, 1, MP_MS(64) * 0x1800003 + 9 * TICK);
    CHECK(parse_packet(p, write_feedback(p, sizeof p), &f));
    CHECK_EQ(f.reference_time, 0x800003 - 0x1000000);
    CHECK_EQ(told.arrival[0], (0x800003 - 0x1000000) * 256ll + 9);
}

/* --- round trips --- */

/* One stream of random arrivals: every feedback is written in buffers of `size`, parsed, and compared with
 * what arrived. */
static void round_trip(uint64_t seed, size_t size, int loss, int reorder, int jump)
{
    static mp_time arrived[65536]; /* by sequence number; 0: not (yet) */
    struct prng r;
    prng_seed(&r, seed);
    memset(arrived, 0, sizeof arrived);
    memset(&record, 0, sizeof record);
    mp_time now = MP_S(1) + (mp_time)prng_below(&r, 1 << 30);
    int64_t seq = prng_below(&r, 65536);
    for (int step = 0; step < 3000; step++) {
        now += (mp_time)prng_below(&r, prng_below(&r, 50) ? 3000000 : 200000000);
        if ((int)prng_below(&r, 1000) < jump)
            now += MP_S(9);
        seq++;
        while ((int)prng_below(&r, 100) < loss)
            seq++;
        for (int64_t gone = seq; gone < seq + 2000; gone++)
            arrived[(uint16_t)(gone + 1)] = 0;
        uint16_t this =
            (uint16_t)((int)prng_below(&r, 100) < reorder ? seq - (int64_t)prng_below(&r, 8) : seq);
        if (!arrived[this])
            arrived[this] = now;
        twcc_arrived(&record, this, now);
        if (prng_below(&r, 40))
            continue;
        while (twcc_pending(&record)) {
            uint8_t *p = malloc(size);
            struct twcc_feedback f;
            int64_t from = record.next, end = record.end;
            size_t len = twcc_write(&record, p, size, 11, 22);
            CHECK(len > 0 && len <= size && len % 4 == 0);
            CHECK(parse_packet(p, len, &f));
            CHECK_EQ(f.base_seq, (uint16_t)from);
            CHECK_EQ(told.count, f.count);
            CHECK_EQ(record.next, from + f.count);
            CHECK(record.next <= end);
            for (size_t i = 0; i < told.count; i++) {
                mp_time at = arrived[told.seq[i]];
                if (told.received[i] != (at != 0) || (at && told.arrival[i] != at / TICK))
                    CHECK(false);
            }
            free(p);
        }
    }
}

static void random_arrivals_round_trip(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        round_trip(seed, 1200, 0, 0, 0);
    for (uint64_t seed = 1; seed <= 60; seed++)
        round_trip(seed, 1200, (int)seed, 10, 3);
}

static void feedback_too_large_for_the_buffer_is_split(void)
{
    for (size_t size = 64; size < 120; size++)
        round_trip(size, size, (int)(size % 4) * 25, 20, 3);
}

static void full_window_fits_few_packets(void)
{
    uint8_t p[1200];
    struct twcc_feedback f;
    memset(&record, 0, sizeof record);
    for (int i = 0; i < TWCC_WINDOW; i++) /* every delta is large */
        twcc_arrived(&record, (uint16_t)i, MP_S(1) + i * MP_MS(100));
    int packets = 0;
    for (size_t len; (len = write_feedback(p, sizeof p)); packets++)
        CHECK(parse_packet(p, len, &f));
    CHECK_EQ(packets, 2);
}

static void steady_stream_costs_a_byte_a_packet(void)
{
    uint8_t p[1200];
    memset(&record, 0, sizeof record);
    for (int i = 0; i < 100; i++)
        twcc_arrived(&record, (uint16_t)i, MP_MS(640) + i * MP_MS(1));
    CHECK_EQ(write_feedback(p, sizeof p), (20 + 2 + 100 + 3) / 4 * 4);
}

/* Eight runs of 8,191 lost packets take 16 bytes. */
static void feedback_of_more_packets_than_anybody_sends_is_refused(void)
{
    uint8_t fci[32] = {0};
    struct twcc_feedback f;
    for (size_t i = 0; i < 9; i++)
        put16(fci + 8 + 2 * i, 0x1fff);
    put16(fci + 2, TWCC_STATUSES);
    CHECK(parse_fci(fci, sizeof fci, &f));
    CHECK_EQ(told.count, TWCC_STATUSES);
    put16(fci + 2, TWCC_STATUSES + 1);
    CHECK(!parse_fci(fci, sizeof fci, &f));
    CHECK_EQ(told.count, 0);
}

static void random_bytes_are_survived(void)
{
    struct prng r;
    prng_seed(&r, 8);
    for (int round = 0; round < 100000; round++) {
        uint8_t fci[80];
        struct twcc_feedback f;
        size_t len = prng_below(&r, sizeof fci + 1);
        for (size_t i = 0; i < len; i++)
            fci[i] = (uint8_t)prng_next(&r);
        if (round & 1)
            put16(fci + 2, (uint16_t)prng_below(&r, 100));
        bool ok = parse_fci(fci, len, &f);
        CHECK(told.count <= TWCC_STATUSES);
        CHECK(!ok || told.count == f.count);
    }
}

TEST_MAIN(TEST(one_packet_is_this_feedback), TEST(delta_of_255_ticks_is_small_and_of_256_large),
          TEST(run_length_chunk_is_read), TEST(one_bit_vector_is_read), TEST(two_bit_vector_is_read),
          TEST(reserved_symbol_is_refused), TEST(empty_feedback_and_empty_runs_are_refused),
          TEST(run_longer_than_the_count_is_cut), TEST(every_truncation_is_refused),
          TEST(duplicates_keep_their_first_arrival), TEST(gap_before_the_next_packet_is_told_as_lost),
          TEST(late_packet_is_told_after_it_was_told_lost), TEST(far_numbers_restart_the_record),
          TEST(window_forgets_what_was_never_told), TEST(delta_over_16_bits_starts_a_new_packet),
          TEST(reference_time_wraps_at_24_bits), TEST(random_arrivals_round_trip),
          TEST(feedback_too_large_for_the_buffer_is_split), TEST(full_window_fits_few_packets),
          TEST(steady_stream_costs_a_byte_a_packet),
          TEST(feedback_of_more_packets_than_anybody_sends_is_refused), TEST(random_bytes_are_survived))
