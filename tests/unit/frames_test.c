/* Frames of WebSockets: RFC 6455 5 and 7.4, in all pieces that they can be cut into. */
#include "frames.h"
#include "bytes.h"
#include "test.h"
#include <stdarg.h>

static char said[4096]; /* what came of some bytes, as text */

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
    case FRAME_BEGINS: say(f->first ? "[%d " : "+", f->opcode); return true;
    case FRAME_PAYLOAD: say("%.*s%s", (int)f->len, (const char *)f->data, f->ends ? "]" : ""); return true;
    case FRAME_CONTROL: say("{%d %u %.*s}", f->opcode, f->code, (int)f->len, (const char *)f->data); return true;
    case FRAME_WRONG: say("!%u", f->code); return false;
    }
    return false;
}

/* What comes of the bytes, given in pieces of this many. */
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
    CHECK(reads(false, "01 03 48 65 6c 80 02 6c 6f", "[1 Hel+lo]"));
    CHECK(reads(false, "89 05 48 65 6c 6c 6f", "{9 1005 Hello}"));
    CHECK(reads(true, "8a 85 37 fa 21 3d 7f 9f 4d 51 58", "{10 1005 Hello}"));
}

static void messages_and_control_frames_mix(void)
{
    CHECK(reads(false, "01 00 89 00 00 00 8a 01 41 80 01 42 82 01 43", "[1 {9 1005 }+{10 1005 A}+B][2 C]"));
    CHECK(reads(false, "81 00 81 00", "[1 ][1 ]"));
    CHECK(reads(false, "88 00", "{8 1005 }"));
    CHECK(reads(false, "88 02 03 e8", "{8 1000 \x03\xe8}"));
    CHECK(reads(false, "88 04 0f a0 61 62", "{8 4000 \x0f\xa0" "ab}"));
}

static void what_is_against_the_protocol_is_told_by_its_code(void)
{
    static const char *const wrong[] = {
        "!1002", "c1 80", "a1 80", "91 80", /* 5.2: reserved bits */
        "!1002", "83 80", "87 80", "8b 80", "8f 80", /* opcodes that nobody defined */
        "!1002", "81 00", "89 00", "81 05 48", "01 7f", /* 5.1: no mask */
        "!1002", "09 80", "08 80", "89 fe", "88 ff", /* 5.5: control frames in pieces, or over 125 bytes */
        "!1002", "80 80", "00 80", /* nothing to continue */
        "!1002", "81 fe 00 7d", "81 fe 00 00", "81 ff 00 00 00 00 00 00 ff ff", "81 ff 80 00 00 00 00 00 00 00", /* 5.2: lengths */
        "!1002", "88 81 00 00 00 00 03", "88 82 00 00 00 00 00 00", "88 82 00 00 00 00 03 ed", "88 82 00 00 00 00 03 ee",
        "88 82 00 00 00 00 03 f7", "88 82 00 00 00 00 13 88", "88 82 00 00 00 00 03 e7", /* 7.4: codes */
        "!1007", "88 83 00 00 00 00 03 e8 ff", "88 83 00 00 00 00 03 e8 c3",
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
    CHECK(reads(false, "01 01 78 81 01 79", "[1 x!1002"));   /* a message inside of another */
    CHECK(reads(false, "81 85 37 fa 21 3d 7f", "!1002"));    /* a server's frames are not masked */
}

/* 8.1, RFC 3629 */
static void text_is_utf8(void)
{
    CHECK(reads(false, "01 02 e2 82 80 01 ac", "[1 \xe2\x82+\xac]")); /* a character cut by frames */
    CHECK(reads(false, "82 02 ff fe", "[2 \xff\xfe]")); /* 5.6: bytes that are no text are any */
    static const char *const wrong[] = {"81 01 80", "81 01 ff", "81 02 c0 af", "81 02 c1 81", "81 03 e0 9f bf", "81 03 ed a0 80", "81 04 f0 8f bf bf",
                                        "81 04 f4 90 80 80", "81 01 f5", "81 02 c3 41", "81 01 c3", "81 02 e2 82"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t bytes[16];
        size_t len = unhex(bytes, wrong[i]);
        for (size_t piece = 1; piece <= len; piece++)
            CHECK(strstr(read_pieces(false, bytes, len, piece), "!1007") != NULL);
    }
    struct utf8 u = {0};
    CHECK(utf8_check(&u, (const uint8_t *)"\xf4\x8f\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80", 19) &&
          utf8_is_whole(&u));
}

/* 5.2, 5.3: what one end writes the other reads, at each length where the form changes. */
static void frames_of_every_length_round_trip(void)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 200000};
    static uint8_t sent[200100];
    static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        size_t len = lengths[i / 2], head = frame_head(sent, FRAME_TEXT, len, i % 2 ? key : NULL);
        CHECK_EQ(head, (len < 126 ? 2 : len < 65536 ? 4 : 10) + (i % 2 ? 4 : 0));
        memset(sent + head, 'a', len);
        if (i % 2)
            frame_mask(sent + head, len, key);
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

TEST_MAIN(TEST(frames_of_the_rfc), TEST(messages_and_control_frames_mix), TEST(what_is_against_the_protocol_is_told_by_its_code),
          TEST(text_is_utf8), TEST(frames_of_every_length_round_trip))
