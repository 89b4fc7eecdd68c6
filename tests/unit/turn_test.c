#include "proto/turn.h"
#include "tests/unit/exact.h"
#include "tests/unit/test.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const uint8_t txid[STUN_TXID_SIZE] = "abcdefghijkl";

static struct hmac_sha1 secret_of(const char *text)
{
    struct hmac_sha1 key;
    hmac_sha1_key(&key, (const uint8_t *)text, strlen(text));
    return key;
}

static struct bytes text(const char *s) { return (struct bytes){(const uint8_t *)s, strlen(s)}; }

/* A message with one attribute, parsed. False: turn_parse refused it. */
static bool parse_one(struct turn_view *t, uint16_t attribute, const void *value, size_t len)
{
    static uint8_t buffer[256];
    struct stun_writer w;
    struct stun_view v;
    stun_begin(&w, buffer, sizeof buffer, STUN_REQUEST, TURN_ALLOCATE, txid);
    stun_add(&w, attribute, value, len);
    size_t n = stun_end(&w);
    CHECK_EQ(stun_parse(&v, exact(buffer, n), n), STUN_OK);
    return turn_parse(t, &v);
}

static void attributes_are_read(void)
{
    uint8_t buffer[512];
    struct stun_writer w;
    struct stun_view v;
    struct turn_view t;
    struct address v4, v6;
    CHECK(address_parse(&v4, "192.0.2.1", 8000) && address_parse(&v6, "2001:db8::1", 9000));
    stun_begin(&w, buffer, sizeof buffer, STUN_REQUEST, TURN_ALLOCATE, txid);
    stun_add_u32(&w, TURN_ATTR_TRANSPORT, 17u << 24);
    stun_add_u32(&w, TURN_ATTR_LIFETIME, 777);
    stun_add_u32(&w, TURN_ATTR_LIFETIME, 778);
    stun_add_u32(&w, TURN_ATTR_CHANNEL, 0x4001u << 16);
    stun_add_u32(&w, TURN_ATTR_FAMILY, 2u << 24);
    stun_add_u32(&w, TURN_ATTR_ADDITIONAL_FAMILY, 2u << 24);
    stun_add(&w, TURN_ATTR_EVEN_PORT, "\x80", 1);
    stun_add(&w, TURN_ATTR_DONT_FRAGMENT, NULL, 0);
    stun_add(&w, TURN_ATTR_RESERVATION, "12345678", 8);
    stun_add_xor_address(&w, TURN_ATTR_XOR_PEER, &v4);
    stun_add_xor_address(&w, TURN_ATTR_XOR_PEER, &v6);
    stun_add(&w, TURN_ATTR_DATA, "hello", 5);
    stun_add(&w, 0x7fff, NULL, 0);
    stun_add(&w, STUN_ATTR_REALM, "r", 1);
    stun_add(&w, STUN_ATTR_NONCE, "nn", 2);
    CHECK_EQ(stun_parse(&v, buffer, stun_end(&w)), STUN_OK);
    CHECK(bytes_equal(v.realm, "r", 1) && bytes_equal(v.nonce, "nn", 2));
    CHECK(turn_parse(&t, &v));
    CHECK(t.has_transport && t.transport == TURN_TRANSPORT_UDP && t.has_lifetime && t.lifetime == 777);
    CHECK(t.has_channel && t.channel == 0x4001 && t.has_family && t.family == STUN_FAMILY_V6 &&
          t.has_additional);
    CHECK(t.even_port && t.reserve_next && t.has_reservation);
    CHECK(t.peer_count == 2 && address_equal(&t.peers[0].address, &v4) &&
          address_equal(&t.peers[1].address, &v6));
    CHECK(t.peers[0].family == STUN_FAMILY_V4 && t.peers[1].family == STUN_FAMILY_V6);
    CHECK(bytes_equal(t.data, "hello", 5));
    CHECK(t.unknown_count == 1 && t.unknown_required[0] == 0x7fff);
}

static void attributes_of_a_wrong_length_are_refused(void)
{
    static const struct {
        uint16_t attribute;
        int right[2];
    } table[] = {{TURN_ATTR_CHANNEL, {4, 4}},    {TURN_ATTR_LIFETIME, {4, 4}},
                 {TURN_ATTR_XOR_PEER, {8, 20}},  {TURN_ATTR_FAMILY, {4, 4}},
                 {TURN_ATTR_TRANSPORT, {4, 4}},  {TURN_ATTR_ADDITIONAL_FAMILY, {4, 4}},
                 {TURN_ATTR_EVEN_PORT, {1, 1}},  {TURN_ATTR_DONT_FRAGMENT, {0, 0}},
                 {TURN_ATTR_RESERVATION, {8, 8}}};
    struct turn_view t;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (int len = 0; len < 32; len++) {
            uint8_t value[32] = {0, (uint8_t)(len == 8 ? STUN_FAMILY_V4 : STUN_FAMILY_V6)};
            CHECK_EQ(parse_one(&t, table[i].attribute, value, (size_t)len),
                     len == table[i].right[0] || len == table[i].right[1]);
        }
    uint8_t family[8] = {0, 3};
    CHECK(!parse_one(&t, TURN_ATTR_XOR_PEER, family, sizeof family));
}

static void peers_of_one_request_are_bounded(void)
{
    uint8_t buffer[1200];
    for (int count = TURN_PEERS_MAX; count <= TURN_PEERS_MAX + 1; count++) {
        struct stun_writer w;
        struct stun_view v;
        struct turn_view t;
        struct address a;
        CHECK(address_parse(&a, "192.0.2.1", 8000));
        stun_begin(&w, buffer, sizeof buffer, STUN_REQUEST, TURN_CREATE_PERMISSION, txid);
        for (int i = 0; i < count; i++)
            stun_add_xor_address(&w, TURN_ATTR_XOR_PEER, &a);
        CHECK_EQ(stun_parse(&v, buffer, stun_end(&w)), STUN_OK);
        CHECK_EQ(turn_parse(&t, &v), count == TURN_PEERS_MAX);
    }
}

static void channel_data_of_every_length(void)
{
    uint8_t message[TURN_CHANNEL_HEAD + 1500] = {0};
    for (size_t len = 0; len <= 1500; len++) {
        uint16_t channel = 0;
        struct bytes data = {NULL, 0};
        turn_channel_head(message, 0x4abc, len);
        CHECK(turn_channel_data(exact(message, TURN_CHANNEL_HEAD + len), TURN_CHANNEL_HEAD + len, &channel,
                                &data));
        CHECK(channel == 0x4abc && data.len == len);
        CHECK(turn_channel_data(message, sizeof message, &channel, &data) &&
              data.len == len); /* padding behind it */
        size_t cut = len ? TURN_CHANNEL_HEAD + len - 1 : TURN_CHANNEL_HEAD - 1;
        CHECK(!turn_channel_data(exact(message, cut), cut, &channel, &data));
    }
}

/* base64(HMAC-SHA1), as the makers of such credentials elsewhere compute it. */
static void password_is_that_of_the_common_scheme(void)
{
    static const char username[] = "1893456000:alice";
    struct hmac_sha1 secret = secret_of("north-wind-and-sun");
    uint8_t mac[64];
    unsigned n;
    char expected[64], password[TURN_PASSWORD_SIZE + 1];
    HMAC(EVP_sha1(), "north-wind-and-sun", 18, (const uint8_t *)username, sizeof username - 1, mac, &n);
    EVP_EncodeBlock((uint8_t *)expected, mac, (int)n);
    turn_password(&secret, text(username), password);
    CHECK_EQ(strlen(password), TURN_PASSWORD_SIZE);
    CHECK(strcmp(password, expected) == 0);
}

/* RFC 5769 2.4 is such a request; turn_key computes its key by the same MD5 from other texts. */
static void key_is_that_of_long_term_credentials(void)
{
    static const char sample[] =
        "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9:example.org:TheMatrIX";
    static const char request_hex[] = "00010060 2112a442 78ad3433c6ad72c029da412e"
                                      "00060012 e3839ee38388e383aae38383e382afe382b9 0000"
                                      "0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341"
                                      "0014000b 6578616d706c652e6f7267 00"
                                      "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666";
    struct hmac_sha1 secret = secret_of("s"), key, expected;
    uint8_t digest[MD5_SIZE], p[256];
    struct stun_view v;
    md5((const uint8_t *)sample, sizeof sample - 1, digest);
    hmac_sha1_key(&key, digest, sizeof digest);
    CHECK_EQ(stun_parse(&v, p, unhex(p, request_hex)), STUN_OK);
    CHECK(bytes_equal(v.realm, "example.org", 11) && v.nonce.len == 28);
    CHECK(stun_check(&v, &key));

    char password[TURN_PASSWORD_SIZE + 1], words[128];
    turn_password(&secret, text("17:bob"), password);
    snprintf(words, sizeof words, "17:bob:" TURN_REALM ":%s", password);
    md5((const uint8_t *)words, strlen(words), digest);
    hmac_sha1_key(&expected, digest, sizeof digest);
    CHECK(turn_key(&secret, text("17:bob"), &key));
    CHECK_BYTES(&key, &expected, sizeof key);
    memset(words, '1', sizeof words);
    CHECK(turn_key(&secret, (struct bytes){(uint8_t *)words, TURN_USERNAME_MAX}, &key));
    CHECK(!turn_key(&secret, (struct bytes){(uint8_t *)words, TURN_USERNAME_MAX + 1}, &key));
}

static void usernames_have_an_expiry_and_an_id(void)
{
    static const char *const bad[] = {"",
                                      ":",
                                      "17",
                                      "17:",
                                      ":bob",
                                      "x17:bob",
                                      "17bob",
                                      "-1:bob",
                                      "1234567890123:bob",
                                      "17:456789012345678901234567890123456789012345678901234567890123456"};
    uint64_t expiry;
    struct bytes id;
    CHECK(turn_username(text("17:bob:x"), &expiry, &id));
    CHECK(expiry == 17 && bytes_equal(id, "bob:x", 5));
    CHECK(turn_username(text("999999999999:b"), &expiry, &id) && expiry == 999999999999);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!turn_username((struct bytes){exact(bad[i], strlen(bad[i])), strlen(bad[i])}, &expiry, &id));
    CHECK(!turn_username((struct bytes){(const uint8_t *)"17:b\0b", 6}, &expiry, &id));
}

static void nonces_last_an_hour_at_most_and_are_bound_to_the_address(void)
{
    struct hmac_sha1 secret = secret_of("s"), other = secret_of("t");
    struct address a, elsewhere, port;
    char nonce[TURN_NONCE_SIZE];
    CHECK(address_parse(&a, "192.0.2.1", 5000) && address_parse(&elsewhere, "192.0.2.2", 5000) &&
          address_parse(&port, "192.0.2.1", 5001));
    uint64_t start = 1000 * 3600;
    turn_nonce(&secret, &a, start, nonce);
    struct bytes n = {(const uint8_t *)nonce, sizeof nonce};
    CHECK(turn_nonce_valid(&secret, &a, start, n) && turn_nonce_valid(&secret, &a, start + 3599, n));
    CHECK(!turn_nonce_valid(&secret, &a, start + 3600, n) && !turn_nonce_valid(&secret, &a, start - 1, n));
    CHECK(!turn_nonce_valid(&secret, &elsewhere, start, n) && !turn_nonce_valid(&secret, &port, start, n));
    CHECK(!turn_nonce_valid(&other, &a, start, n));
    n.len--;
    CHECK(!turn_nonce_valid(&secret, &a, start, n));
}

TEST_MAIN(TEST(attributes_are_read), TEST(attributes_of_a_wrong_length_are_refused),
          TEST(peers_of_one_request_are_bounded), TEST(channel_data_of_every_length),
          TEST(password_is_that_of_the_common_scheme), TEST(key_is_that_of_long_term_credentials),
          TEST(usernames_have_an_expiry_and_an_id),
          TEST(nonces_last_an_hour_at_most_and_are_bound_to_the_address))
