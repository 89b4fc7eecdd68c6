/* Frames of WebSockets: RFC 6455 5 and 7.4, cut at all possible places. */
#include "http/frames.h"
#include "base/bytes.h"
#include "tests/unit/test.h"
#include <stdarg.h>

static char said[4096]; /* result of parsing, as text */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(said + strlen(said), sizeof said - strlen(said), format, args);
    va_end(args);
}

static bool tell(struct frames *f, enum frame_event event)
{
    switch (event) {
    case FRAME_MORE: return false;
    case FRAME_BEGINS: say(f->first ? "[%d " : "+%d ", f->opcode); return true;
    case FRAME_PAYLOAD: say("%.*s%s", (int)f->len, (const char *)f->data, f->ends ? "]" : ""); return true;
    case FRAME_CONTROL:
        say("{%d %u %.*s}", f->opcode, f->code, (int)f->len, (const char *)f->data);
        return true;
    case FRAME_WRONG: say("!%u", f->code); return false;
    }
    return false;
}

/* The result of parsing the bytes in pieces of this length. */
static const char *read_pieces(bool from_client, const uint8_t *bytes, size_t len, size_t piece)
{
    static uint8_t copy[256 * 1024];
    struct frames f = {.from_client = from_client};
    memcpy(copy, bytes, len);
    said[0] = 0;
    for (size_t at = 0; at < len && !strchr(said, '!'); at += piece) {
        uint8_t *data = copy + at;
        size_t n = piece < len - at ? piece : len - at;
        while (tell(&f, frames_read(&f, &data, &n)))
            ;
    }
    return said;
}

static bool reads(bool from_client, const char *hex, const char *expected)
{
    uint8_t bytes[512];
    size_t len = unhex(bytes, hex);
    for (size_t piece = 1; piece <= len; piece++)
        if (strcmp(read_pieces(from_client, bytes, len, piece), expected) != 0) {
            printf("# %s in pieces of %zu: %s, not %s\n", hex, piece, said, expected);
            return false;
        }
    return true;
}

/* The examples of RFC 6455 5.7. */
static void frames_of_the_rfc(void)
{
    CHECK(reads(false, "81 05 48 65 6c 6c 6f", "[1 Hello]"));
    CHECK(reads(true, "81 85 37 fa 21 3d 7f 9f 4d 51 58", "[1 Hello]"));
    CHECK(reads(false, "01 03 48 65 6c 80 02 6c 6f", "[1 Hel+1 lo]"));
    CHECK(reads(false, "89 05 48 65 6c 6c 6f", "{9 1005 Hello}"));
    CHECK(reads(true, "8a 85 37 fa 21 3d 7f 9f 4d 51 58", "{10 1005 Hello}"));
}

static void messages_and_control_frames_mix(void)
{
    CHECK(
        reads(false, "01 00 89 00 00 00 8a 01 41 80 01 42 82 01 43", "[1 {9 1005 }+1 {10 1005 A}+1 B][2 C]"));
    CHECK(reads(false, "81 00 81 00", "[1 ][1 ]"));
    CHECK(reads(false, "88 00", "{8 1005 }"));
    CHECK(reads(false, "88 02 03 e8", "{8 1000 \x03\xe8}"));
    CHECK(reads(false, "88 04 0f a0 61 62",
                "{8 4000 \x0f\xa0"
                "ab}"));
}

/* Contents of an earlier frame do not appear in a later one. */
static void control_frames_stand_alone(void)
{
    uint8_t ping[127] = {0x89, 125};
    CHECK(reads(false, "89 02 61 62 8a 01 63", "{9 1005 ab}{10 1005 c}"));
    CHECK(reads(false, "89 03 ff ff ff 88 02 03 e8", "{9 1005 \xff\xff\xff}{8 1000 \x03\xe8}"));
    CHECK(reads(false, "89 02 78 e8 88 01 03", "{9 1005 x\xe8}!1002"));
    memset(ping + 2, 'p', 125);
    CHECK(strncmp(read_pieces(false, ping, sizeof ping, 50), "{9 1005 ppp", 11) == 0 &&
          strlen(said) == 8 + 125 + 1);
}

/* RFC 6455 7.4.1, 7.4.2, and the registry of IANA: each code there is. */
static void close_codes_are_those_that_may_be_sent(void)
{
    static const unsigned named[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014};
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        bool may = code >= 3000 && code <= 4999;
        for (size_t i = 0; i < sizeof named / sizeof *named; i++)
            may |= code == named[i];
        uint8_t frame[] = {0x88, 2, (uint8_t)(code >> 8), (uint8_t)code};
        struct frames f = {.from_client = false};
        uint8_t *data = frame;
        size_t len = sizeof frame;
        enum frame_event e = frames_read(&f, &data, &len);
        if (e != (may ? FRAME_CONTROL : FRAME_WRONG) || f.code != (may ? code : CLOSE_PROTOCOL))
            printf("# %u\n", code);
        CHECK(e == (may ? FRAME_CONTROL : FRAME_WRONG) && f.code == (may ? code : CLOSE_PROTOCOL));
    }
}

/* 5.2: "the most significant bit MUST be 0". */
static void lengths_have_63_bits(void)
{
    uint8_t head[] = {0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct frames f = {.from_client = false};
    uint8_t *data = head;
    size_t len = sizeof head;
    CHECK_EQ(frames_read(&f, &data, &len), FRAME_BEGINS);
    CHECK(f.length == INT64_MAX);
    head[2] = 0x80;
    f = (struct frames){.from_client = false};
    data = head;
    len = sizeof head;
    CHECK(frames_read(&f, &data, &len) == FRAME_WRONG && f.code == CLOSE_PROTOCOL && strstr(f.why, "length"));
}

static void what_is_against_the_protocol_is_told_by_its_code(void)
{
    static const char *const wrong[] = {"!1002",
                                        "c1 80",
                                        "a1 80",
                                        "91 80", /* 5.2: reserved bits */
                                        "!1002",
                                        "83 80",
                                        "87 80",
                                        "8b 80",
                                        "8f 80", /* opcodes that nobody defined */
                                        "!1002",
                                        "81 00",
                                        "89 00",
                                        "81 05 48",
                                        "01 7f", /* 5.1: no mask */
                                        "!1002",
                                        "09 80",
                                        "08 80",
                                        "89 fe",
                                        "88 ff", /* 5.5: control frames in pieces, or over 125 bytes */
                                        "!1002",
                                        "80 80",
                                        "00 80", /* nothing to continue */
                                        "!1002",
                                        "81 fe 00 7d",
                                        "81 fe 00 00",
                                        "81 ff 00 00 00 00 00 00 ff ff",
                                        "81 ff 80 00 00 00 00 00 00 00", /* 5.2: lengths */
                                        "!1002",
                                        "88 81 00 00 00 00 03",
                                        "88 82 00 00 00 00 00 00",
                                        "88 82 00 00 00 00 03 ed",
                                        "88 82 00 00 00 00 03 ee",
                                        "88 82 00 00 00 00 03 f7",
                                        "88 82 00 00 00 00 13 88",
                                        "88 82 00 00 00 00 03 e7", /* 7.4: codes */
                                        "!1007",
                                        "88 83 00 00 00 00 03 e8 ff",
                                        "88 83 00 00 00 00 03 e8 c3",
                                        NULL};
    const char *code = NULL;
    for (size_t i = 0; wrong[i]; i++) {
        if (*wrong[i] == '!') {
            code = wrong[i];
            continue;
        }
        uint8_t bytes[64] = {0};
        size_t len = unhex(bytes, wrong[i]);
        size_t whole = len < 3 ? len : len + 4; /* with the rest of its head */
        for (size_t piece = 1; piece <= whole; piece++)
            if (!strstr(read_pieces(true, bytes, whole, piece), code)) {
                printf("# %s in pieces of %zu: %s, not %s\n", wrong[i], piece, said, code);
                CHECK(false);
            }
    }
    CHECK(reads(false, "01 01 78 81 01 79", "[1 x!1002")); /* a message inside of another */
    CHECK(reads(false, "81 85 37 fa 21 3d 7f", "!1002"));  /* a server's frames are not masked */
}

/* 8.1, RFC 3629 */
static void text_is_utf8(void)
{
    CHECK(reads(false, "01 02 e2 82 80 01 ac", "[1 \xe2\x82+1 \xac]")); /* a character cut by frames */
    CHECK(reads(false, "82 02 ff fe", "[2 \xff\xfe]")); /* 5.6: a binary message may contain any bytes */
    static const char *const wrong[] = {"81 01 80",          "81 01 ff",          "81 02 c0 af",
                                        "81 02 c1 81",       "81 03 e0 9f bf",    "81 03 ed a0 80",
                                        "81 04 f0 8f bf bf", "81 04 f4 90 80 80", "81 01 f5",
                                        "81 02 c3 41",       "81 01 c3",          "81 02 e2 82"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t bytes[16];
        size_t len = unhex(bytes, wrong[i]);
        for (size_t piece = 1; piece <= len; piece++)
            CHECK(strstr(read_pieces(false, bytes, len, piece), "!1007") != NULL);
    }
    struct utf8 u = {0};
    CHECK(utf8_check(
              &u,
              (const uint8_t *)"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80",
              19) &&
          utf8_is_whole(&u));
}

/* RFC 3629 3, from the other side: the bytes are a character's only if writing it gives them again. */
static bool is_one_character(const uint8_t *b, size_t len)
{
    uint32_t c = len == 1 ? b[0] : b[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (b[i] & 0x3f);
    if (len == 1)
        return b[0] < 0x80;
    uint8_t again[4] = {(uint8_t)(0xf00u >> len)};
    again[0] |= (uint8_t)(c >> 6 * (len - 1));
    for (size_t i = 1; i < len; i++)
        again[i] = (uint8_t)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    return memcmp(again, b, len) == 0 && c >= least[len] && c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);
}

/* All pairs of first bytes, each with the third and fourth at their bounds. */
static void utf8_is_that_of_rfc_3629(void)
{
    static const uint8_t bounds[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    unsigned wrong = 0;
    for (size_t len = 1; len <= 4; len++)
        for (unsigned i = 0; i < 256 * 256 * 36; i++) {
            uint8_t b[4] = {(uint8_t)(i / 36 / 256), (uint8_t)(i / 36), bounds[i / 6 % 6], bounds[i % 6]};
            struct utf8 u = {0};
            bool whole = utf8_check(&u, b, len) && utf8_is_whole(&u) && b[0] >= (len > 1 ? 0x80 : 0);
            bool lead = len == 1   ? b[0] < 0x80
                        : len == 2 ? b[0] < 0xe0
                        : len == 3 ? b[0] >= 0xe0 && b[0] < 0xf0
                                   : b[0] >= 0xf0;
            wrong += lead && whole != is_one_character(b, len);
        }
    CHECK_EQ(wrong, 0);
}

/* 5.2, 5.3: one end reads what the other writes, at each length where the header's form changes. */
static void frames_of_every_length_round_trip(void)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 200000};
    static uint8_t sent[200100];
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        size_t len = lengths[i / 2], head = frames_head(sent, FRAME_TEXT, len, i % 2 ? key : NULL);
        CHECK_EQ(head, (len < 126 ? 2 : len < 65536 ? 4 : 10) + (i % 2 ? 4 : 0));
        memset(sent + head, 'a', len);
        if (i % 2)
            frames_mask(sent + head, len, key);
        struct frames f = {.from_client = i % 2};
        size_t at = 0, got = 0, step = 1;
        bool ends = false, same = true;
        while (at < head + len) {
            uint8_t *data = sent + at;
            size_t n = step < head + len - at ? step : head + len - at;
            at += n;
            step = step % 4093 + 17;
            for (enum frame_event e; (e = frames_read(&f, &data, &n)) != FRAME_MORE;) {
                CHECK(e == FRAME_BEGINS || e == FRAME_PAYLOAD);
                if (e == FRAME_BEGINS)
                    CHECK(f.length == len && f.first && f.final && f.opcode == FRAME_TEXT);
                for (size_t k = 0; e == FRAME_PAYLOAD && k < f.len; k++)
                    same &= f.data[k] == 'a';
                got += e == FRAME_PAYLOAD ? f.len : 0;
                ends |= e == FRAME_PAYLOAD && f.ends;
            }
        }
        CHECK(ends && same);
        CHECK_EQ(got, len);
    }
}

TEST_MAIN(TEST(frames_of_the_rfc), TEST(messages_and_control_frames_mix), TEST(control_frames_stand_alone),
          TEST(close_codes_are_those_that_may_be_sent), TEST(lengths_have_63_bits),
          TEST(what_is_against_the_protocol_is_told_by_its_code), TEST(text_is_utf8),
          TEST(utf8_is_that_of_rfc_3629), TEST(frames_of_every_length_round_trip))
