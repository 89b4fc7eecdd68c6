#include "proto/red.h"
#include "base/prng.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"

#define RED  63
#define OPUS 111

static struct red_block blocks[RED_BLOCKS_MAX];

static size_t parse(const char *hex)
{
    uint8_t p[1500];
    size_t len = unhex(p, hex);
    return red_parse(blocks, (struct bytes){exact(p, len), len}, RED);
}

/* RFC 2198 3: F, block PT, 14 bits of offset, 10 bits of length. */
static void blocks_are_read_in_order(void)
{
    CHECK_EQ(parse("ef 1e0003 ef 0f0002 6f a1a2a3 b1b2 c1c2"), 3);
    CHECK(blocks[0].payload_type == OPUS && blocks[0].offset == 1920 && blocks[0].data.len == 3);
    CHECK(blocks[1].offset == 960 && bytes_equal(blocks[1].data, "\xb1\xb2", 2));
    CHECK(blocks[2].offset == 0 && blocks[2].payload_type == OPUS &&
          bytes_equal(blocks[2].data, "\xc1\xc2", 2));
    CHECK(bytes_equal(blocks[0].data, "\xa1\xa2\xa3", 3));
}

/* RFC 2198 3: blocks of different encodings. */
static void payload_types_may_differ(void)
{
    CHECK_EQ(parse("87 050002 05 aabb cc"), 2);
    CHECK(blocks[0].payload_type == 7 && blocks[0].offset == 320 && blocks[1].payload_type == 5);
}

static void a_primary_alone_is_read(void)
{
    CHECK_EQ(parse("6f fc"), 1);
    CHECK(blocks[0].payload_type == OPUS && blocks[0].data.len == 1);
}

static void an_earlier_block_may_be_empty(void)
{
    CHECK_EQ(parse("ef 0f0000 6f fc"), 2);
    CHECK(blocks[0].data.len == 0 && blocks[1].data.len == 1);
}

static void the_largest_fields_are_read(void)
{
    uint8_t p[1100] = {0xef, 0xff, 0xff, 0xff, 0x6f};
    CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, 5 + 1024), 5 + 1024}, RED), 2);
    CHECK(blocks[0].offset == RED_OFFSET_MAX && blocks[0].data.len == RED_LENGTH_MAX &&
          blocks[1].data.len == 1);
    CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, 5 + 1023), 5 + 1023}, RED), 0); /* no primary */
    CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, 5 + 1022), 5 + 1022}, RED), 0);
}

static void every_cut_is_refused(void)
{
    uint8_t p[32];
    size_t len = unhex(p, "ef 1e0003 ef 0f0002 6f a1a2a3 b1b2 c1");
    for (size_t cut = 0; cut < len; cut++)
        CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, cut), cut}, RED), 0);
    CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, len), len}, RED), 3);
}

static void more_blocks_than_the_bound_are_refused(void)
{
    for (size_t count = RED_BLOCKS_MAX - 1; count <= 100; count++) {
        uint8_t p[512] = {0};
        for (size_t i = 0; i + 1 < count; i++)
            p[4 * i] = 0xef;
        size_t len = 4 * (count - 1) + 2;
        p[len - 2] = OPUS;
        CHECK_EQ(red_parse(blocks, (struct bytes){exact(p, len), len}, RED),
                 count <= RED_BLOCKS_MAX ? count : 0);
    }
}

static void red_within_red_is_refused(void)
{
    CHECK_EQ(parse("3f fc"), 0);
    CHECK_EQ(parse("bf 0f0001 6f fc fc"), 0);
    CHECK_EQ(parse("ef 0f0001 3f fc fc"), 0);
}

/* --- writing --- */

static struct red_block block(uint16_t offset, const void *data, size_t len)
{
    return (struct red_block){.payload_type = OPUS, .offset = offset, .data = {data, len}};
}

static void what_is_written_is_read(void)
{
    uint8_t out[64], want[64];
    struct red_block b[] = {block(1920, "\xa1\xa2\xa3", 3), block(960, "\xb1\xb2", 2),
                            block(0, "\xc1\xc2", 2)};
    CHECK_EQ(red_write(out, sizeof out, b, 3), 16);
    CHECK_EQ(unhex(want, "ef 1e0003 ef 0f0002 6f a1a2a3 b1b2 c1c2"), 16);
    CHECK_BYTES(out, want, 16);
    CHECK_EQ(red_write(out, 16, b, 3), 16);
    CHECK_EQ(red_write(out, 15, b, 3), 0);
    CHECK_EQ(red_write(out, sizeof out, b + 2, 1), 3);
    CHECK_EQ(red_write(out, sizeof out, b, 0), 0);
}

static void blocks_that_the_format_cannot_carry_are_left_out(void)
{
    static uint8_t out[4096], data[RED_LENGTH_MAX + 1];
    struct red_block b[] = {block(RED_OFFSET_MAX, data, RED_LENGTH_MAX), block(0, "\xc1", 1)};
    CHECK_EQ(red_write(out, sizeof out, b, 2), 4 + RED_LENGTH_MAX + 2);
    b[0].data.len++;
    CHECK_EQ(red_write(out, sizeof out, b, 2), 2);
    CHECK(out[0] == OPUS && out[1] == 0xc1);
    b[0] = block(RED_OFFSET_MAX + 1, data, 1);
    CHECK_EQ(red_write(out, sizeof out, b, 2), 2);
    b[0] = block(960, data, 0);
    CHECK_EQ(red_write(out, sizeof out, b, 2), 2);
    b[1] = block(0, data, RED_LENGTH_MAX + 1); /* the primary's length is in no field */
    CHECK_EQ(red_write(out, sizeof out, b, 2), RED_LENGTH_MAX + 2);
    b[1].data.len = 0;
    CHECK_EQ(red_write(out, sizeof out, b, 2), 0);
}

static void random_payloads_are_survived(void)
{
    struct prng r;
    prng_seed(&r, 12);
    for (int round = 0; round < 50000; round++) {
        uint8_t p[48];
        size_t len = prng_below(&r, sizeof p);
        for (size_t i = 0; i < sizeof p; i++)
            p[i] = (uint8_t)prng_next(&r);
        p[2] = p[6] = 0;
        const uint8_t *e = exact(p, len);
        size_t count = red_parse(blocks, (struct bytes){e, len}, RED), sum = 0;
        for (size_t i = 0; i < count; i++) {
            CHECK(blocks[i].data.data >= e && blocks[i].data.data + blocks[i].data.len <= e + len);
            sum += blocks[i].data.len;
        }
        CHECK(!count || sum + 4 * count - 3 == len);
    }
}

TEST_MAIN(TEST(blocks_are_read_in_order), TEST(payload_types_may_differ), TEST(a_primary_alone_is_read),
          TEST(an_earlier_block_may_be_empty), TEST(the_largest_fields_are_read), TEST(every_cut_is_refused),
          TEST(more_blocks_than_the_bound_are_refused), TEST(red_within_red_is_refused),
          TEST(what_is_written_is_read), TEST(blocks_that_the_format_cannot_carry_are_left_out),
          TEST(random_payloads_are_survived))
