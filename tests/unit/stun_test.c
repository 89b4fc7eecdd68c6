#include "proto/stun.h"
#include "base/prng.h"
#include "crypto/crypto.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"
#include <openssl/evp.h>

/* RFC 5769. Texts and names are padded with spaces there, and with zero bytes by us and in the fourth. */
static const char request_hex[] = "00010058 2112a442 b7e7a701bc34d686fa87dfae"
                                  "80220010 5354554e207465737420636c69656e74"
                                  "00240004 6e0001ff 80290008 932ff9b151263b36"
                                  "00060009 6576746a3a68367659 202020"
                                  "00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
                                  "80280004 e57a3bcf";
static const char v4_hex[] = "0101003c 2112a442 b7e7a701bc34d686fa87dfae"
                             "8022000b 7465737420766563746f72 20"
                             "00200008 0001a147 e112a643"
                             "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7"
                             "80280004 c07d4c96";
static const char v6_hex[] = "01010048 2112a442 b7e7a701bc34d686fa87dfae"
                             "8022000b 7465737420766563746f72 20"
                             "00200014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9"
                             "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41"
                             "80280004 c8fb0b4c";
static const char long_term_hex[] = "00010060 2112a442 78ad3433c6ad72c029da412e"
                                    "00060012 e3839ee38388e383aae38383e382afe382b9 0000"
                                    "0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341"
                                    "0014000b 6578616d706c652e6f7267 00"
                                    "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";

enum { ATTR_SOFTWARE = 0x8022 };

static struct hmac_sha1 short_term(void)
{
    struct hmac_sha1 key;
    hmac_sha1_key(&key, (const uint8_t *)"VOkJxbRl1RmTxUk/WvJxBt", 22);
    return key;
}

/* RFC 8489 9.2.2: MD5 over name, realm and password. */
static struct hmac_sha1 long_term(void)
{
    static const char text[] =
        "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9:example.org:TheMatrIX";
    struct hmac_sha1 key;
    uint8_t md5[16];
    EVP_Digest(text, sizeof text - 1, md5, NULL, EVP_md5(), NULL);
    hmac_sha1_key(&key, md5, sizeof md5);
    return key;
}

static enum stun_error parse(struct stun_view *v, const uint8_t *p, size_t len)
{
    return stun_parse(v, exact(p, len), len);
}

static void sample_request_is_read_and_checked(void)
{
    uint8_t p[256];
    struct stun_view v;
    struct hmac_sha1 key = short_term(), wrong = long_term();
    CHECK_EQ(parse(&v, p, unhex(p, request_hex)), STUN_OK);
    CHECK_EQ(v.class, STUN_REQUEST);
    CHECK_EQ(v.method, STUN_BINDING);
    CHECK_BYTES(v.txid, p + 8, 12);
    CHECK(bytes_equal(v.username, "evtj:h6vY", 9));
    CHECK(v.has_priority && v.priority == 0x6e0001ff);
    CHECK(v.has_controlled && !v.has_controlling && v.tie_breaker == 0x932ff9b151263b36);
    CHECK(v.fingerprint && !v.use_candidate && !v.has_mapped);
    CHECK_EQ(v.unknown_count, 0);
    CHECK(stun_check(&v, &key));
    CHECK(!stun_check(&v, &wrong));
}

static void sample_responses_carry_the_mapped_address(void)
{
    uint8_t p[256];
    struct stun_view v;
    struct address a;
    struct hmac_sha1 key = short_term();
    CHECK_EQ(parse(&v, p, unhex(p, v4_hex)), STUN_OK);
    CHECK_EQ(v.class, STUN_SUCCESS);
    CHECK(address_parse(&a, "192.0.2.1", 32853));
    CHECK(v.has_mapped && address_equal(&v.mapped, &a));
    CHECK(v.fingerprint && stun_check(&v, &key));
    CHECK_EQ(parse(&v, p, unhex(p, v6_hex)), STUN_OK);
    CHECK(address_parse(&a, "2001:db8:1234:5678:11:2233:4455:6677", 32853));
    CHECK(v.has_mapped && address_equal(&v.mapped, &a));
    CHECK(v.fingerprint && stun_check(&v, &key));
}

static void long_term_request_is_read_and_checked(void)
{
    uint8_t p[256];
    struct stun_view v;
    struct hmac_sha1 key = long_term();
    CHECK_EQ(parse(&v, p, unhex(p, long_term_hex)), STUN_OK);
    CHECK_EQ(v.username.len, 18);
    CHECK(!v.fingerprint);
    CHECK_EQ(v.unknown_count, 0);
    CHECK(stun_check(&v, &key));
}

/* Adds a text padded with spaces, as the vectors have it: the MAC covers the padding. */
static void add_spaced(struct stun_writer *w, uint16_t attribute, const char *text)
{
    char padded[64];
    size_t len = strlen(text), whole = (len + 3) & ~(size_t)3, at = w->len;
    memset(padded, ' ', sizeof padded);
    memcpy(padded, text, len);
    stun_add(w, attribute, padded, whole);
    put16(w->data + at + 2, (uint16_t)len);
}

static void sample_request_is_built_byte_by_byte(void)
{
    uint8_t p[256], out[256];
    struct stun_writer w;
    struct hmac_sha1 key = short_term();
    size_t len = unhex(p, request_hex);
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, p + 8);
    stun_add(&w, ATTR_SOFTWARE, "STUN test client", 16);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 0x6e0001ff);
    stun_add_u64(&w, STUN_ATTR_CONTROLLED, 0x932ff9b151263b36);
    add_spaced(&w, STUN_ATTR_USERNAME, "evtj:h6vY");
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    CHECK_EQ(stun_end(&w), len);
    CHECK_BYTES(out, p, len);
}

static void sample_responses_are_built_byte_by_byte(void)
{
    const char *hex[] = {v4_hex, v6_hex}, *ip[] = {"192.0.2.1", "2001:db8:1234:5678:11:2233:4455:6677"};
    for (int i = 0; i < 2; i++) {
        uint8_t p[256], out[256];
        struct stun_writer w;
        struct address a;
        struct hmac_sha1 key = short_term();
        size_t len = unhex(p, hex[i]);
        CHECK(address_parse(&a, ip[i], 32853));
        stun_begin(&w, out, sizeof out, STUN_SUCCESS, STUN_BINDING, p + 8);
        add_spaced(&w, ATTR_SOFTWARE, "test vector");
        stun_add_mapped(&w, &a);
        stun_add_integrity(&w, &key);
        stun_add_fingerprint(&w);
        CHECK_EQ(stun_end(&w), len);
        CHECK_BYTES(out, p, len);
    }
}

static void long_term_request_is_built_byte_by_byte(void)
{
    uint8_t p[256], out[256];
    struct stun_writer w;
    struct hmac_sha1 key = long_term();
    size_t len = unhex(p, long_term_hex);
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, p + 8);
    stun_add(&w, STUN_ATTR_USERNAME, p + 24, 18);
    stun_add(&w, STUN_ATTR_NONCE, "f//499k954d6OL34oL9FSTvy64sA", 28);
    stun_add(&w, STUN_ATTR_REALM, "example.org", 11);
    stun_add_integrity(&w, &key);
    CHECK_EQ(stun_end(&w), len);
    CHECK_BYTES(out, p, len);
}

/* By the MAC or by FINGERPRINT. A flip in FINGERPRINT's own type leaves an authentic message followed by an
 * unknown attribute and without FINGERPRINT, which is valid. */
static void every_flipped_bit_is_noticed(void)
{
    const char *hex[] = {request_hex, v4_hex, v6_hex, long_term_hex};
    for (int i = 0; i < 4; i++) {
        uint8_t p[256];
        size_t len = unhex(p, hex[i]);
        struct hmac_sha1 key = i == 3 ? long_term() : short_term();
        for (size_t bit = 0; bit < 8 * len; bit++) {
            struct stun_view v;
            p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            bool in_type = i != 3 && bit / 8 >= len - 8 && bit / 8 < len - 6;
            if (parse(&v, p, len) == STUN_OK)
                CHECK(in_type ? !v.fingerprint : !stun_check(&v, &key));
            p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void every_truncation_is_refused(void)
{
    const char *hex[] = {request_hex, v4_hex, v6_hex, long_term_hex};
    for (int i = 0; i < 4; i++) {
        uint8_t p[256];
        size_t len = unhex(p, hex[i]);
        struct hmac_sha1 key = short_term();
        for (size_t n = 0; n < len; n++) {
            struct stun_view v;
            CHECK(parse(&v, p, n) != STUN_OK);
            if (n < 20 || n % 4)
                continue;
            /* The same with a length that matches the cut message. */
            uint8_t cut[256];
            memcpy(cut, p, n);
            put16(cut + 2, (uint16_t)(n - 20));
            if (parse(&v, cut, n) == STUN_OK)
                CHECK(!stun_check(&v, &key) || n == len - 8); /* only FINGERPRINT is missing */
        }
    }
}

static void header_errors_are_told_apart(void)
{
    uint8_t p[256], q[256];
    struct stun_view v;
    size_t len = unhex(p, request_hex);
    CHECK_EQ(parse(&v, p, 0), STUN_SHORT);
    CHECK_EQ(parse(&v, p, 19), STUN_SHORT);
    CHECK_EQ(parse(&v, p, len - 4), STUN_LENGTH);
    memcpy(q, p, len);
    memset(q + len, 0, 4);
    CHECK_EQ(parse(&v, q, len + 4), STUN_LENGTH); /* bytes behind the message */
    q[0] = 0x40;
    CHECK_EQ(parse(&v, q, len), STUN_NOT_STUN);
    q[0] = 0;
    q[4] ^= 1;
    CHECK_EQ(parse(&v, q, len), STUN_NOT_STUN);
    memcpy(q, p, len);
    q[len - 1] ^= 1;
    CHECK_EQ(parse(&v, q, len), STUN_FINGERPRINT);
}

static void attribute_lengths_that_lie_are_refused(void)
{
    uint8_t p[256];
    size_t len = unhex(p, request_hex);
    for (size_t at = 20; at < len;) {
        uint16_t right = get16(p + at + 2);
        for (uint32_t lie = 0; lie <= 0xffff; lie += lie < 200 ? 1 : 251) {
            struct stun_view v;
            struct hmac_sha1 key = short_term();
            put16(p + at + 2, (uint16_t)lie);
            if (parse(&v, p, len) == STUN_OK)
                CHECK(lie == right || !stun_check(&v, &key));
        }
        put16(p + at + 2, right);
        at += 4 + ((right + 3u) & ~3u);
    }
}

/* A message of one attribute, without FINGERPRINT. */
static enum stun_error parse_one(struct stun_view *v, uint16_t attribute, const void *value, size_t len)
{
    static const uint8_t txid[12];
    uint8_t out[1024];
    struct stun_writer w;
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, attribute, value, len);
    return parse(v, out, stun_end(&w));
}

static void values_of_a_wrong_size_are_refused(void)
{
    static const struct {
        uint16_t attribute;
        size_t size;
    } fixed[] = {{STUN_ATTR_INTEGRITY, 20},
                 {STUN_ATTR_PRIORITY, 4},
                 {STUN_ATTR_USE_CANDIDATE, 0},
                 {STUN_ATTR_CONTROLLED, 8},
                 {STUN_ATTR_CONTROLLING, 8}};
    static const uint8_t zero[600];
    struct stun_view v;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        for (size_t len = 0; len < 32; len++)
            CHECK_EQ(parse_one(&v, fixed[i].attribute, zero, len) == STUN_OK, len == fixed[i].size);
    for (size_t len = 0; len < 32; len++) {
        const uint8_t v4[32] = {0, 1}, v6[32] = {0, 2}, other[32] = {0, 3}, code[32] = {0, 0, 4, 87};
        CHECK_EQ(parse_one(&v, STUN_ATTR_XOR_MAPPED, v4, len) == STUN_OK, len == 8);
        CHECK_EQ(parse_one(&v, STUN_ATTR_XOR_MAPPED, v6, len) == STUN_OK, len == 20);
        CHECK(parse_one(&v, STUN_ATTR_XOR_MAPPED, other, len) != STUN_OK);
        CHECK_EQ(parse_one(&v, STUN_ATTR_ERROR_CODE, code, len) == STUN_OK, len >= 4);
    }
    CHECK_EQ(parse_one(&v, STUN_ATTR_USERNAME, zero, 513), STUN_OK);
    CHECK_EQ(parse_one(&v, STUN_ATTR_USERNAME, zero, 514), STUN_ATTRIBUTE);
}

static void error_code_is_written_and_read(void)
{
    uint8_t out[64];
    struct stun_writer w;
    struct stun_view v;
    static const uint8_t txid[12] = {1};
    const uint8_t bad[][4] = {{0, 0, 2, 0}, {0, 0, 7, 0}, {0, 0, 4, 100}};
    stun_begin(&w, out, sizeof out, STUN_ERROR, STUN_BINDING, txid);
    stun_add_error(&w, 487, "Role Conflict");
    CHECK_EQ(parse(&v, out, stun_end(&w)), STUN_OK);
    CHECK_EQ(v.class, STUN_ERROR);
    CHECK_EQ(v.error_code, 487);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(parse_one(&v, STUN_ATTR_ERROR_CODE, bad[i], 4), STUN_ATTRIBUTE);
}

static void unknown_required_attributes_are_listed(void)
{
    static const uint8_t txid[12];
    uint8_t out[128];
    struct stun_writer w;
    struct stun_view v;
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, 0x0001, "\0\1\x10\0\300\0\2\1", 8); /* MAPPED-ADDRESS: known, and not needed */
    for (uint16_t type = 0x7f00; type < 0x7f06; type++)
        stun_add(&w, type, "ab", 2);
    stun_add(&w, 0xc057, "abcd", 4); /* Chromium's network info: optional */
    CHECK_EQ(parse(&v, out, stun_end(&w)), STUN_OK);
    CHECK_EQ(v.unknown_count, 4);
    CHECK_EQ(v.unknown_required[0], 0x7f00);
    CHECK_EQ(v.unknown_required[3], 0x7f03);
}

static void what_follows_integrity_is_ignored(void)
{
    static const uint8_t txid[12];
    uint8_t out[256];
    struct stun_writer w;
    struct stun_view v;
    struct hmac_sha1 key = short_term();
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, STUN_ATTR_USERNAME, "a:b", 3);
    stun_add_integrity(&w, &key);
    stun_add(&w, STUN_ATTR_USE_CANDIDATE, NULL, 0);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 1);
    stun_add(&w, 0x7f00, "x", 1);
    stun_add_integrity(&w, &key);
    stun_add_fingerprint(&w);
    CHECK_EQ(parse(&v, out, stun_end(&w)), STUN_OK);
    CHECK(!v.use_candidate && !v.has_priority && v.unknown_count == 0 && v.fingerprint);
    CHECK(stun_check(&v, &key));
}

/* RFC 8489 14.7: FINGERPRINT must be the last attribute. Its value here is right for the message as it is:
 * only its place is wrong. */
static void fingerprint_must_be_last(void)
{
    static const uint8_t txid[12];
    uint8_t out[256];
    struct stun_writer w;
    struct stun_view v;
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 1);
    size_t at = w.len;
    stun_add_fingerprint(&w);
    stun_add_u32(&w, STUN_ATTR_CONTROLLED, 1); /* an attribute behind it */
    put16(out + at + 8, 0xc057);
    put32(out + at + 4, stun_crc32(out, at) ^ 0x5354554e);
    CHECK_EQ(parse(&v, out, stun_end(&w)), STUN_FINGERPRINT);
    put16(out + 2, (uint16_t)(at + 8 - 20)); /* without that one */
    put32(out + at + 4, stun_crc32(out, at) ^ 0x5354554e);
    CHECK_EQ(parse(&v, out, at + 8), STUN_OK);
    CHECK(v.fingerprint);
}

static void first_of_a_repeated_attribute_counts(void)
{
    static const uint8_t txid[12];
    uint8_t out[256];
    struct stun_writer w;
    struct stun_view v;
    struct address a, b;
    address_parse(&a, "192.0.2.1", 1);
    address_parse(&b, "192.0.2.2", 2);
    stun_begin(&w, out, sizeof out, STUN_REQUEST, STUN_BINDING, txid);
    stun_add(&w, STUN_ATTR_USERNAME, "one:", 4);
    stun_add(&w, STUN_ATTR_USERNAME, "two:", 4);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 1);
    stun_add_u32(&w, STUN_ATTR_PRIORITY, 2);
    stun_add_mapped(&w, &a);
    stun_add_mapped(&w, &b);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, 3);
    stun_add_u64(&w, STUN_ATTR_CONTROLLING, 4);
    CHECK_EQ(parse(&v, out, stun_end(&w)), STUN_OK);
    CHECK(bytes_equal(v.username, "one:", 4));
    CHECK_EQ(v.priority, 1);
    CHECK(address_equal(&v.mapped, &a));
    CHECK_EQ(v.tie_breaker, 3);
}

static void message_without_integrity_fails_the_check(void)
{
    struct stun_view v;
    struct hmac_sha1 key = short_term();
    CHECK_EQ(parse_one(&v, STUN_ATTR_USERNAME, "a:b", 3), STUN_OK);
    CHECK(!stun_check(&v, &key));
}

static void every_class_and_method_round_trips(void)
{
    static const uint8_t txid[12] = {9};
    for (int class = 0; class < 4; class ++)
        for (uint16_t method = 0; method < 0x1000; method++) {
            uint8_t out[20];
            struct stun_writer w;
            struct stun_view v;
            stun_begin(&w, out, sizeof out, (enum stun_class) class, method, txid);
            if (stun_parse(&v, out, stun_end(&w)) != STUN_OK || v.class != (enum stun_class) class ||
                v.method != method)
                CHECK_EQ(method, -1);
        }
}

/* RFC 8489 6.3.1.1; with a FINGERPRINT where the request has one. */
static void plain_request_is_answered_with_its_source(void)
{
    static const uint8_t txid[12] = {3, 1, 4};
    static const char *const ips[] = {"192.0.2.1", "2001:db8::1"};
    for (int i = 0; i < 4; i++) {
        uint8_t p[64], reply[STUN_ANSWER_SIZE];
        struct stun_writer w;
        struct stun_view v, r;
        struct address from;
        CHECK(address_parse(&from, ips[i / 2], 4711));
        stun_begin(&w, p, sizeof p, STUN_REQUEST, STUN_BINDING, txid);
        if (i % 2)
            stun_add_fingerprint(&w);
        CHECK_EQ(parse(&v, p, stun_end(&w)), STUN_OK);
        CHECK(stun_is_plain_binding(&v));
        CHECK_EQ(parse(&r, reply, stun_answer(&v, &from, reply)), STUN_OK);
        CHECK(r.class == STUN_SUCCESS && r.method == STUN_BINDING);
        CHECK_BYTES(r.txid, txid, 12);
        CHECK(r.has_mapped && address_equal(&r.mapped, &from));
        CHECK_EQ(r.fingerprint, i % 2);
    }
}

static void writer_without_room_fails(void)
{
    static const uint8_t txid[12];
    struct hmac_sha1 key = short_term();
    struct address a;
    address_parse(&a, "2001:db8::1", 1);
    for (size_t size = 0; size < 160; size++) {
        uint8_t *out = malloc(size ? size : 1);
        struct stun_writer w;
        stun_begin(&w, out, size, STUN_SUCCESS, STUN_BINDING, txid);
        stun_add_mapped(&w, &a);
        stun_add_error(&w, 420, "Unknown Attribute");
        stun_add_u32(&w, STUN_ATTR_PRIORITY, 1);
        stun_add_integrity(&w, &key);
        stun_add_fingerprint(&w);
        CHECK_EQ(stun_end(&w), size < 20 + 24 + 28 + 8 + 24 + 8 ? 0 : 112);
        free(out);
    }
}

static void crc_is_the_common_one(void)
{
    struct prng r;
    uint8_t p[64];
    prng_seed(&r, 1);
    CHECK_EQ(stun_crc32((const uint8_t *)"123456789", 9), 0xcbf43926);
    CHECK_EQ(stun_crc32(p, 0), 0);
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (uint8_t)prng_next(&r);
    for (size_t len = 0; len <= sizeof p; len++) { /* eight at a time and bit by bit agree */
        uint32_t c = ~0u;
        for (size_t i = 0; i < len; i++) {
            c ^= p[i];
            for (int bit = 0; bit < 8; bit++)
                c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        }
        CHECK_EQ(stun_crc32(exact(p, len), len), (uint32_t)~c);
    }
}

static void random_attributes_are_survived(void)
{
    static const uint16_t types[] = {STUN_ATTR_USERNAME,    STUN_ATTR_INTEGRITY,
                                     STUN_ATTR_ERROR_CODE,  STUN_ATTR_XOR_MAPPED,
                                     STUN_ATTR_PRIORITY,    STUN_ATTR_USE_CANDIDATE,
                                     STUN_ATTR_FINGERPRINT, STUN_ATTR_CONTROLLED,
                                     STUN_ATTR_CONTROLLING, 0x7f00};
    struct prng r;
    struct hmac_sha1 key = short_term();
    prng_seed(&r, 11);
    for (int round = 0; round < 200000; round++) {
        uint8_t p[120];
        size_t len = 20 + 4 * prng_below(&r, 25);
        for (size_t i = 0; i < len; i++)
            p[i] = (uint8_t)prng_next(&r);
        p[0] &= 0x3f;
        put16(p + 2, (uint16_t)(len - 20));
        put32(p + 4, STUN_COOKIE);
        for (size_t at = 20; at + 4 <= len; at += 4 + 4 * prng_below(&r, 6)) {
            put16(p + at, types[prng_below(&r, sizeof types / sizeof *types)]);
            put16(p + at + 2, (uint16_t)prng_below(&r, 26));
        }
        struct stun_view v;
        if (parse(&v, p, len) == STUN_OK)
            CHECK(!stun_check(&v, &key));
    }
}

TEST_MAIN(TEST(sample_request_is_read_and_checked), TEST(sample_responses_carry_the_mapped_address),
          TEST(long_term_request_is_read_and_checked), TEST(sample_request_is_built_byte_by_byte),
          TEST(sample_responses_are_built_byte_by_byte), TEST(long_term_request_is_built_byte_by_byte),
          TEST(every_flipped_bit_is_noticed), TEST(every_truncation_is_refused),
          TEST(header_errors_are_told_apart), TEST(attribute_lengths_that_lie_are_refused),
          TEST(values_of_a_wrong_size_are_refused), TEST(error_code_is_written_and_read),
          TEST(unknown_required_attributes_are_listed), TEST(what_follows_integrity_is_ignored),
          TEST(fingerprint_must_be_last), TEST(first_of_a_repeated_attribute_counts),
          TEST(message_without_integrity_fails_the_check), TEST(every_class_and_method_round_trips),
          TEST(plain_request_is_answered_with_its_source), TEST(writer_without_room_fails),
          TEST(crc_is_the_common_one), TEST(random_attributes_are_survived))
