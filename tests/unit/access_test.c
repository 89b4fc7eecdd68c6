#include "signal/access.h"
#include "tests/unit/test.h"
#include "tests/unit/token.h"
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define NOW    1000000
#define SECRET "0123456789abcdef0123456789abcdef"
#define CLAIMS "{\"sub\":\"ada\",\"room\":\"blue\",\"rights\":[\"publish\",\"watch\"],\"exp\":1000060}"

static struct access hs = {
    .algorithm = ACCESS_HS256, .key = SECRET, .key_len = sizeof SECRET - 1, .open_rooms = "", .origins = ""};
static char private_rsa[4096], public_rsa[4096], private_ec[4096], public_ec[4096];

/* --- making tokens --- */

static void write_key(EVP_PKEY *key, char private[4096], char public[4096])
{
    BIO *b = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL);
    private[BIO_read(b, private, 4095)] = 0;
    PEM_write_bio_PUBKEY(b, key);
    public[BIO_read(b, public, 4095)] = 0;
    BIO_free(b);
    EVP_PKEY_free(key);
}

/* base64url(header).base64url(claims).signature, for tokens that no correct library writes. */
static char *forged(const char *header, const char *claims, const char *signature)
{
    static char text[8192];
    unsigned char part[4096];
    text[0] = 0;
    for (int i = 0; i < 2; i++) {
        const char *in = i ? claims : header;
        int n = EVP_EncodeBlock(part, (const unsigned char *)in, (int)strlen(in));
        while (n > 0 && part[n - 1] == '=')
            part[--n] = 0;
        for (int k = 0; k < n; k++)
            part[k] = part[k] == '+' ? '-' : part[k] == '/' ? '_' : part[k];
        strcat(strcat(text, (char *)part), ".");
    }
    return strcat(text, signature);
}

static bool taken(const char *claims)
{
    struct grant g;
    return access_token(&hs, token(claims, JWT_ALG_HS256, SECRET), NOW, &g);
}

/* --- tokens --- */

static void a_token_grants_what_it_says(void)
{
    struct grant g;
    CHECK(access_token(&hs, token(CLAIMS, JWT_ALG_HS256, SECRET), NOW, &g));
    CHECK(strcmp(g.identity, "ada") == 0 && strcmp(g.room, "blue") == 0 && !*g.name);
    CHECK(g.publish && g.watch && !g.admin);
    CHECK_EQ(g.expires, NOW + 60);
    CHECK(access_token(
        &hs, token("{\"rights\":[\"admin\",\"fly\",7],\"name\":\"Ada\",\"exp\":1e18}", JWT_ALG_HS256, SECRET),
        NOW, &g));
    CHECK(g.admin && !g.publish && !g.watch && !*g.room && !*g.identity && strcmp(g.name, "Ada") == 0);
}

static void a_token_is_valid_in_its_time(void)
{
    CHECK(taken("{\"exp\":1000001}") && taken("{\"exp\":1000000.5}") &&
          taken("{\"exp\":1000060,\"nbf\":1000060}")); /* RFC 7519 4.1.5: clocks differ */
    CHECK(!taken("{\"exp\":1000000}") && !taken("{\"exp\":-1}") &&
          !taken("{\"exp\":1000999,\"nbf\":1000061}"));
    CHECK(!taken("{}") && !taken("{\"exp\":\"1000060\"}") && !taken("{\"exp\":1000060,\"nbf\":\"0\"}"));
}

static void claims_of_other_kinds_are_refused(void)
{
    static char longest[512], claims[600];
    CHECK(!taken("{\"exp\":1000060,\"room\":7}") && !taken("{\"exp\":1000060,\"sub\":[\"ada\"]}"));
    CHECK(taken("{\"exp\":1000060,\"rights\":\"admin\"}"));
    memset(longest, 'x', 300);
    snprintf(claims, sizeof claims, "{\"exp\":1000060,\"room\":\"%s\"}", longest);
    CHECK(!taken(claims));
}

static void the_algorithm_is_not_the_tokens_to_choose(void)
{
    struct grant g;
    struct access rs = {.algorithm = ACCESS_RS256, .key = public_rsa, .key_len = strlen(public_rsa)};
    struct access es = {.algorithm = ACCESS_ES256, .key = public_ec, .key_len = strlen(public_ec)};
    CHECK(access_token(&rs, token(CLAIMS, JWT_ALG_RS256, private_rsa), NOW, &g) &&
          strcmp(g.identity, "ada") == 0);
    CHECK(access_token(&es, token(CLAIMS, JWT_ALG_ES256, private_ec), NOW, &g) &&
          strcmp(g.identity, "ada") == 0);
    /* signed with the public key, as if it were a secret */
    CHECK(!access_token(&rs, token(CLAIMS, JWT_ALG_HS256, public_rsa), NOW, &g));
    CHECK(!access_token(&es, token(CLAIMS, JWT_ALG_HS256, public_ec), NOW, &g));
    CHECK(!access_token(&rs, token(CLAIMS, JWT_ALG_RS512, private_rsa), NOW, &g));
    CHECK(!access_token(&hs, token(CLAIMS, JWT_ALG_HS512, SECRET), NOW, &g));
    CHECK(!access_token(&es, token(CLAIMS, JWT_ALG_RS256, private_rsa), NOW, &g));
    CHECK(!access_token(&hs, token(CLAIMS, JWT_ALG_NONE, NULL), NOW, &g));
    static const char *const none[] = {"none", "None", "nOnE", "NONE", "", "HS256\\u0000", "hs256x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char header[64];
        snprintf(header, sizeof header, "{\"typ\":\"JWT\",\"alg\":\"%s\"}", none[i]);
        CHECK(!access_token(&hs, forged(header, CLAIMS, ""), NOW, &g));
        CHECK(!access_token(&rs, forged(header, CLAIMS, ""), NOW, &g));
    }
}

static void a_wrong_signature_is_refused(void)
{
    struct grant g;
    static const char *const headers[] = {"{\"alg\":\"HS256\"}",
                                          "{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}",
                                          "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
                                          "{}",
                                          "[]",
                                          "7",
                                          ""};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        CHECK(!access_token(&hs, forged(headers[i], CLAIMS, ""), NOW, &g));
        CHECK(!access_token(&hs, forged(headers[i], CLAIMS, "AAAA"), NOW, &g));
    }
    CHECK(!access_token(&hs, token(CLAIMS, JWT_ALG_HS256, SECRET "x"), NOW, &g));
    char *good = token(CLAIMS, JWT_ALG_HS256, SECRET);
    for (size_t i = 0, n = strlen(good); i < n; i++) { /* the last character has unused bits */
        char was = good[i];
        good[i] = was == 'A' ? 'B' : 'A';
        if (i + 1 < n)
            CHECK(!access_token(&hs, good, NOW, &g));
        good[i] = 0;
        CHECK(!access_token(&hs, good, NOW, &g));
        good[i] = was;
    }
    CHECK(access_token(&hs, good, NOW, &g));
    static const char *const nonsense[] = {"", ".", "..", "...", "a.b.c", "\x80\x81.\xff.\x01", "=.=.="};
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
        CHECK(!access_token(&hs, nonsense[i], NOW, &g));
    static char endless[TOKEN_MAX + 2];
    memset(endless, 'a', sizeof endless - 1);
    CHECK(!access_token(&hs, endless, NOW, &g));
}

static void without_a_key_no_token_is_good(void)
{
    struct grant g;
    struct access open = {.key = "", .open_rooms = ""};
    CHECK(!access_token(&open, token(CLAIMS, JWT_ALG_HS256, SECRET), NOW, &g));
    CHECK(!access_token(&open, forged("{\"alg\":\"none\"}", CLAIMS, ""), NOW, &g));
    CHECK(access_room_open(&open, "any"));
}

static void keys_are_looked_at(void)
{
    char small[4096], drop[4096];
    write_key(EVP_RSA_gen(1024), drop, small);
    const struct {
        enum access_algorithm algorithm;
        const char *key;
        bool good;
    } cases[] = {{ACCESS_HS256, SECRET, true},      {ACCESS_HS256, "0123456789abcdef0123456789abcde", false},
                 {ACCESS_HS256, public_rsa, false}, {ACCESS_RS256, public_rsa, true},
                 {ACCESS_RS256, public_ec, false},  {ACCESS_RS256, private_rsa, false},
                 {ACCESS_RS256, SECRET, false},     {ACCESS_RS256, small, false},
                 {ACCESS_ES256, public_ec, true},   {ACCESS_ES256, public_rsa, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct access a = {
            .algorithm = cases[i].algorithm, .key = cases[i].key, .key_len = strlen(cases[i].key)};
        CHECK_EQ(access_key_error(&a) == NULL, cases[i].good);
    }
    struct access zero = {.algorithm = ACCESS_HS256, .key = SECRET "\0" SECRET, .key_len = 65};
    CHECK(access_key_error(&zero) != NULL);
}

/* --- rooms and origins --- */

static void rooms_may_be_open(void)
{
    struct access a = hs;
    CHECK(!access_room_open(&a, "lobby"));
    a.open_rooms = "lobby, café";
    CHECK(access_room_open(&a, "lobby") && access_room_open(&a, "café"));
    CHECK(!access_room_open(&a, "lob") && !access_room_open(&a, "lobby2") && !access_room_open(&a, "Lobby") &&
          !access_room_open(&a, ""));
    a.open_rooms = "*";
    CHECK(access_room_open(&a, "any"));
}

static void a_page_of_this_server_may_connect(void)
{
    CHECK(access_origin(&hs, "http://good.com", "good.com", false) &&
          access_origin(&hs, "https://good.com:8443", "good.com:8443", false));
    CHECK(access_origin(&hs, "https://Good.com", "good.com:443", false) &&
          access_origin(&hs, "http://[::1]:8000", "[::1]:8000", false));
    CHECK(access_origin(&hs, "", "good.com", false)); /* no browser */
}

static void other_sites_may_not(void)
{
    static const char *const evil[] = {"https://evil.com",
                                       "https://good.com.evil",
                                       "https://evilgood.com",
                                       "https://good.com:444",
                                       "https://good.co",
                                       "https://good.com/",
                                       "null",
                                       "good.com",
                                       "https://",
                                       "ftp://good.com",
                                       "https://a@good.com",
                                       "https://good.com.",
                                       "chrome-extension://good.com"};
    for (size_t i = 0; i < sizeof evil / sizeof *evil; i++)
        CHECK(!access_origin(&hs, evil[i], "good.com", false));
    CHECK(!access_origin(&hs, "https://", "", false));
    CHECK(!access_origin(&hs, "http://:80", ":80", false));
}

/* Anybody on the network path can forge a page in plain HTTP. */
static void a_page_in_the_clear_is_not_of_a_server_by_tls(void)
{
    CHECK(access_origin(&hs, "https://good.com", "good.com", true) &&
          access_origin(&hs, "https://good.com", "good.com:443", true));
    CHECK(!access_origin(&hs, "http://good.com", "good.com", true) &&
          !access_origin(&hs, "http://good.com:8443", "good.com:8443", true));
    CHECK(access_origin(&hs, "", "good.com", true));
}

static void listed_sites_may(void)
{
    struct access a = hs;
    a.origins = "https://meet.example,https://app.example:8443";
    CHECK(access_origin(&a, "https://meet.example", "sfu.example", false) &&
          access_origin(&a, "https://APP.example:8443", "sfu.example", false));
    CHECK(!access_origin(&a, "https://meet.example.evil", "sfu.example", false) &&
          !access_origin(&a, "http://meet.example", "sfu.example", false));
    CHECK(!access_origin(&a, "https://app.example", "sfu.example", false) &&
          !access_origin(&a, "null", "sfu.example", false));
    a.origins = "*";
    CHECK(access_origin(&a, "https://any.example", "sfu.example", false) &&
          access_origin(&a, "null", "sfu.example", false));
}

static void pages_of_any_site_come_in_where_a_token_decides(void)
{
    struct access a = hs;
    CHECK(access_takes_guests(&a) && access_room_takes_guests(&a, "blue"));
    a.open_rooms = "lobby,yard";
    CHECK(access_takes_guests(&a) && access_room_takes_guests(&a, "blue") &&
          !access_room_takes_guests(&a, "yard"));
    a.open_rooms = "lobby,*";
    CHECK(!access_takes_guests(&a) && !access_room_takes_guests(&a, "blue"));
    a = (struct access){.key = "", .open_rooms = "", .origins = ""};
    CHECK(!access_takes_guests(&a) && !access_room_takes_guests(&a, "blue"));
}

/* --- the admin API --- */

static bool may(enum access_who who, const char *remote, const char *host, bool forwarded,
                const char *authorization)
{
    struct access_request r = {.host = host, .authorization = authorization, .forwarded = forwarded};
    CHECK(address_parse(&r.local, "192.0.2.1", 8000) && address_parse(&r.remote, remote, 5000));
    return access_may(&hs, who, &r, NOW);
}

static void the_api_is_for_this_machine(void)
{
    CHECK(may(ACCESS_LOCAL, "127.0.0.1", "localhost:8000", false, "") &&
          may(ACCESS_LOCAL, "::1", "[::1]:8000", false, ""));
    CHECK(may(ACCESS_LOCAL, "127.9.9.9", "127.0.0.1", false, "") &&
          may(ACCESS_LOCAL, "192.0.2.1", "192.0.2.1:8000", false, ""));
    CHECK(may(ACCESS_LOCAL, "::ffff:127.0.0.1", "LOCALHOST", false, ""));
    CHECK(!may(ACCESS_LOCAL, "127.0.0.1", "192.0.2.1", false,
               "") && /* by a proxy whose client used an IP address as host */
          !may(ACCESS_LOCAL, "127.0.0.1", "203.0.113.7:443", false, "") &&
          !may(ACCESS_LOCAL, "::1", "[2001:db8::1]:8000", false, "") &&
          !may(ACCESS_LOCAL, "127.0.0.1", "0.0.0.0", false, ""));
    CHECK(!may(ACCESS_LOCAL, "192.0.2.1", "203.0.113.7", false, "") &&
          !may(ACCESS_LOCAL, "192.0.2.1", "127.0.0.1", false, "") &&
          !may(ACCESS_LOCAL, "192.0.2.1", "localhost", false, ""));
    CHECK(!may(ACCESS_LOCAL, "192.0.2.2", "localhost", false, "") &&
          !may(ACCESS_LOCAL, "::2", "localhost", false, ""));
    CHECK(!may(ACCESS_LOCAL, "127.0.0.1", "localhost", true, "")); /* by a proxy */
    CHECK(!may(ACCESS_LOCAL, "127.0.0.1", "rebound.evil", false, "") &&
          !may(ACCESS_LOCAL, "127.0.0.1", "", false, ""));
    CHECK(!may(ACCESS_LOCAL, "127.0.0.1", "localhost.evil", false, "") &&
          !may(ACCESS_LOCAL, "127.0.0.1", "[::1", false, ""));
    for (size_t n = 60; n < 70; n++) { /* names as long as any buffer for them */
        char host[80] = "";
        memset(host, 'a', n);
        CHECK(!may(ACCESS_LOCAL, "127.0.0.1", host, false, ""));
    }
    CHECK(!may(ACCESS_TOKEN, "127.0.0.1", "localhost", false, "") &&
          may(ACCESS_ANYONE, "192.0.2.2", "any", true, ""));
}

static void the_api_is_for_admins(void)
{
    char header[8300];
    snprintf(header, sizeof header, "Bearer %s",
             token("{\"rights\":[\"admin\"],\"exp\":1000060}", JWT_ALG_HS256, SECRET));
    CHECK(may(ACCESS_LOCAL, "192.0.2.2", "any", false, header) &&
          may(ACCESS_TOKEN, "192.0.2.2", "any", true, header));
    CHECK(!may(ACCESS_LOCAL, "192.0.2.2", "any", false, header + 7) &&
          !may(ACCESS_LOCAL, "192.0.2.2", "any", false, "Bearer "));
    snprintf(header, sizeof header, "Bearer %s", token(CLAIMS, JWT_ALG_HS256, SECRET));
    CHECK(!may(ACCESS_LOCAL, "192.0.2.2", "any", false, header)); /* not an admin's */
    snprintf(header, sizeof header, "Bearer %s",
             token("{\"rights\":[\"admin\"],\"exp\":999999}", JWT_ALG_HS256, SECRET));
    CHECK(!may(ACCESS_LOCAL, "192.0.2.2", "any", false, header));
}

static const struct test tests[] = {TEST(a_token_grants_what_it_says),
                                    TEST(a_token_is_valid_in_its_time),
                                    TEST(claims_of_other_kinds_are_refused),
                                    TEST(the_algorithm_is_not_the_tokens_to_choose),
                                    TEST(a_wrong_signature_is_refused),
                                    TEST(without_a_key_no_token_is_good),
                                    TEST(keys_are_looked_at),
                                    TEST(rooms_may_be_open),
                                    TEST(a_page_of_this_server_may_connect),
                                    TEST(other_sites_may_not),
                                    TEST(a_page_in_the_clear_is_not_of_a_server_by_tls),
                                    TEST(listed_sites_may),
                                    TEST(pages_of_any_site_come_in_where_a_token_decides),
                                    TEST(the_api_is_for_this_machine),
                                    TEST(the_api_is_for_admins)};

int main(void)
{
    write_key(EVP_RSA_gen(2048), private_rsa, public_rsa);
    write_key(EVP_EC_gen("P-256"), private_ec, public_ec);
    return run_tests(tests, sizeof tests / sizeof *tests);
}
