/* Our DTLS server with foreign clients, and our client with foreign servers: plain OpenSSL with various
 * certificates, ciphers and profiles. */
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "proto/dtls.h"
#include "tests/unit/test.h"
#include "tests/virtual_clock.h"
#ifndef INT_MAX /* OpenSSL's headers want it, and base's limits.h hides the system's */
#define INT_MAX __INT_MAX__
#endif
#include <openssl/ssl.h>

#define MTU 1200

static mp_time clock_now; /* OpenSSL's too */

struct stranger {
    SSL_CTX *context;
    SSL *ssl;
};

static void stranger_open(struct stranger *s, int version, bool with_profile)
{
    s->context = SSL_CTX_new(DTLS_method());
    SSL_CTX_set_security_level(s->context, 0);
    SSL_CTX_set_min_proto_version(s->context, version);
    SSL_CTX_set_max_proto_version(s->context, version);
    if (with_profile)
        SSL_CTX_set_tlsext_use_srtp(s->context, "SRTP_AEAD_AES_128_GCM");
    s->ssl = SSL_new(s->context);
    SSL_set_options(s->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(s->ssl, MTU);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(s->ssl, in, out);
    SSL_set_connect_state(s->ssl);
}

static void stranger_certify(struct stranger *s, EVP_PKEY *key)
{
    X509 *c = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(c), 0);
    X509_gmtime_adj(X509_getm_notAfter(c), 1000);
    X509_set_pubkey(c, key);
    X509_sign(c, key, EVP_sha256());
    SSL_use_certificate(s->ssl, c);
    SSL_use_PrivateKey(s->ssl, key);
    X509_free(c);
    EVP_PKEY_free(key);
}

static int any_certificate(X509_STORE_CTX *store, void *arg) { return 1; }

/* Connects it with our end and returns that; `role`: ours. */
static struct dtls *stranger_talk(struct stranger *s, struct dtls_identity *id, enum dtls_role role)
{
    struct fingerprint any = {.hash = "sha-256", .len = 32};
    X509 *own = SSL_get_certificate(s->ssl);
    if (own)
        X509_digest(own, EVP_sha256(), any.value, NULL);
    struct dtls *d = dtls_new(id, role, DTLS_GCM_OR_CM, &any, 0);
    for (int i = 0; i < 8; i++) {
        uint8_t b[4096];
        int n;
        SSL_do_handshake(s->ssl);
        while ((n = BIO_read(SSL_get_wbio(s->ssl), b, sizeof b)) > 0)
            dtls_input(d, b, (size_t)n, 0);
        while ((n = (int)dtls_output(d, b, sizeof b)) > 0) {
            BIO_write(SSL_get_rbio(s->ssl), b, n);
            SSL_do_handshake(s->ssl);
        }
    }
    return d;
}

static struct dtls *stranger_run(struct stranger *s, struct dtls_identity *id)
{
    return stranger_talk(s, id, DTLS_SERVER);
}

static void stranger_close(struct stranger *s)
{
    SSL_free(s->ssl);
    SSL_CTX_free(s->context);
}

/* Takes the key; without one it has no certificate. */
static void stranger_ends(int version, EVP_PKEY *key, bool profile, enum dtls_state state,
                          enum dtls_failure failure)
{
    struct stranger s;
    struct dtls_identity *id = dtls_identity_new();
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    stranger_open(&s, version, profile);
    if (key)
        stranger_certify(&s, key);
    struct dtls *d = stranger_run(&s, id);
    CHECK_EQ(dtls_state(d), state);
    CHECK_EQ(dtls_failure(d), failure);
    dtls_free(d);
    stranger_close(&s);
    dtls_identity_free(id);
}

static void another_implementation_connects(void)
{
    stranger_ends(DTLS1_2_VERSION, EVP_EC_gen("P-256"), true, DTLS_UP, DTLS_OK);
}
/* RFC 8422 5.1.1: a server that requests ecdsa_secp384r1_sha384 must accept its curve too. */
static void a_certificate_of_p_384_will_do(void)
{
    stranger_ends(DTLS1_2_VERSION, EVP_EC_gen("P-384"), true, DTLS_UP, DTLS_OK);
}
/* It may sign by its curve's own hash alone, as Go does. */
static void a_signature_by_p_384_will_do(void)
{
    struct stranger s;
    struct dtls_identity *id = dtls_identity_new();
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    stranger_open(&s, DTLS1_2_VERSION, true);
    stranger_certify(&s, EVP_EC_gen("P-384"));
    CHECK_EQ(SSL_set1_client_sigalgs_list(s.ssl, "ECDSA+SHA384"), 1);
    struct dtls *d = stranger_run(&s, id);
    CHECK_EQ(dtls_state(d), DTLS_UP);
    dtls_free(d);
    stranger_close(&s);
    dtls_identity_free(id);
}
static void an_rsa_certificate_will_do(void)
{
    stranger_ends(DTLS1_2_VERSION, EVP_RSA_gen(2048), true, DTLS_UP, DTLS_OK);
}
/* GStreamer has RSA certificates, also as the server (a=setup:passive). Takes the key. */
static void stranger_serves(EVP_PKEY *key)
{
    struct stranger s;
    struct dtls_identity *id = dtls_identity_new();
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    stranger_open(&s, DTLS1_2_VERSION, true);
    SSL_set_accept_state(s.ssl);
    SSL_set_verify(s.ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(s.context, any_certificate, NULL);
    stranger_certify(&s, key);
    struct dtls *d = stranger_talk(&s, id, DTLS_CLIENT);
    CHECK_EQ(dtls_state(d), DTLS_UP);
    CHECK(SSL_is_init_finished(s.ssl));
    dtls_free(d);
    stranger_close(&s);
    dtls_identity_free(id);
}
static void a_server_of_any_certificate_will_do(void)
{
    stranger_serves(EVP_EC_gen("P-256"));
    stranger_serves(EVP_EC_gen("P-384"));
    stranger_serves(EVP_RSA_gen(2048));
}

static void a_client_without_certificate_is_refused(void)
{
    stranger_ends(DTLS1_2_VERSION, NULL, true, DTLS_FAILED, DTLS_PROTOCOL);
}
static void a_client_without_srtp_profile_is_refused(void)
{
    stranger_ends(DTLS1_2_VERSION, EVP_EC_gen("P-256"), false, DTLS_FAILED, DTLS_NO_PROFILE);
}
static void dtls_1_0_is_refused(void)
{
    stranger_ends(DTLS1_VERSION, EVP_EC_gen("P-256"), true, DTLS_FAILED, DTLS_PROTOCOL);
}

/* The result of a handshake with a peer that offers this cipher (NULL: its default list) and these
 * profiles. */
static enum dtls_state agreed(const char *cipher, const char *profiles, enum srtp_profile *profile)
{
    struct stranger s;
    struct srtp_master tx, rx;
    struct dtls_identity *id = dtls_identity_new();
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    stranger_open(&s, DTLS1_2_VERSION, true);
    stranger_certify(&s, EVP_EC_gen("P-256"));
    SSL_set_security_level(s.ssl, 0);
    CHECK(!cipher || SSL_set_cipher_list(s.ssl, cipher) == 1);
    SSL_set_tlsext_use_srtp(s.ssl, profiles);
    struct dtls *d = stranger_run(&s, id);
    enum dtls_state state = dtls_state(d);
    if (state == DTLS_UP) {
        dtls_masters(d, &tx, &rx);
        *profile = tx.profile;
    }
    dtls_free(d);
    stranger_close(&s);
    dtls_identity_free(id);
    return state;
}

/* RFC 5246 7.2.1: the server recognises its close_notify without the association, and nothing else counts as
 * one. */
static void the_goodbye_of_each_cipher_is_told(void)
{
    static const char *const ciphers[] = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                          "ECDHE-ECDSA-CHACHA20-POLY1305"};
    for (size_t k = 0; k < 3; k++) {
        struct stranger s;
        struct dtls_identity *id = dtls_identity_new();
        struct dtls_goodbye goodbye;
        uint8_t b[256], data[256];
        clock_now = 0;
        virtual_clock_follow(&clock_now);
        stranger_open(&s, DTLS1_2_VERSION, true);
        stranger_certify(&s, EVP_EC_gen("P-256"));
        CHECK_EQ(SSL_set_cipher_list(s.ssl, ciphers[k]), 1);
        struct dtls *d = stranger_run(&s, id);
        CHECK_EQ(dtls_state(d), DTLS_UP);
        dtls_goodbye(d, &goodbye);
        dtls_free(d);
        CHECK_EQ(SSL_write(s.ssl, "ab", 2), 2); /* as long as an alert, but application data */
        int n = BIO_read(SSL_get_wbio(s.ssl), data, sizeof data);
        CHECK(n > 0 && !dtls_goodbye_is(&goodbye, data, (size_t)n));
        data[0] = 21;
        CHECK(!dtls_goodbye_is(&goodbye, data, (size_t)n));
        SSL_shutdown(s.ssl);
        n = BIO_read(SSL_get_wbio(s.ssl), b, sizeof b);
        CHECK(n > 0 && dtls_goodbye_is(&goodbye, b, (size_t)n));
        for (int i = 0; i < n; i++) {
            b[i] ^= 1;
            CHECK(!dtls_goodbye_is(&goodbye, b, (size_t)n));
            b[i] ^= 1;
            CHECK(!dtls_goodbye_is(&goodbye, b, (size_t)i));
        }
        CHECK(!dtls_goodbye_is(&(struct dtls_goodbye){0}, b, (size_t)n));
        stranger_close(&s);
        dtls_identity_free(id);
    }
}

static void only_forward_secret_aead_ciphers_are_agreed(void)
{
    enum srtp_profile profile;
    unsigned offered = 0, taken = 0;
    SSL_CTX *all = SSL_CTX_new(DTLS_method());
    SSL_CTX_set_security_level(all, 0);
    CHECK_EQ(SSL_CTX_set_cipher_list(all, "ALL:COMPLEMENTOFALL"), 1);
    STACK_OF(SSL_CIPHER) *list = SSL_CTX_get_ciphers(all);
    for (int i = 0; i < sk_SSL_CIPHER_num(list); i++) {
        const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, i));
        if (strncmp(name, "TLS_", 4) == 0)
            continue; /* of TLS 1.3 */
        bool up = agreed(name, "SRTP_AEAD_AES_128_GCM", &profile) == DTLS_UP;
        bool strong =
            strncmp(name, "ECDHE-ECDSA-", 12) == 0 && (strstr(name, "-GCM-") || strstr(name, "POLY1305"));
        if (up && !strong)
            printf("# %s was agreed\n", name);
        CHECK(!up || strong);
        offered++;
        taken += up;
    }
    printf("# %u of %u ciphers\n", taken, offered);
    CHECK(offered > 50 && taken == 3);
    SSL_CTX_free(all);
}

static void only_strong_srtp_profiles_are_agreed(void)
{
    enum srtp_profile profile = 0;
    CHECK_EQ(agreed(NULL, "SRTP_AEAD_AES_128_GCM", &profile), DTLS_UP);
    CHECK_EQ(agreed(NULL, "SRTP_AES128_CM_SHA1_80", &profile), DTLS_UP);
    CHECK_EQ(agreed(NULL, "SRTP_AES128_CM_SHA1_32", &profile), DTLS_FAILED); /* a tag of 32 bits */
    CHECK_EQ(agreed(NULL, "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM", &profile),
             DTLS_UP);
    CHECK_EQ(profile, SRTP_AEAD_AES_128_GCM); /* the better one, whichever the client prefers */
}

/* A certificate that spells its curve out, its generator compressed, and a modulus that is not prime: OpenSSL
 * before 3.0.2 looped for ever to compute the square root of such a point (CVE-2022-0778). */
static void a_certificate_over_a_false_curve_ends_cleanly(void)
{
    static const uint8_t field[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    1,    [20] = 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,        0xff};
    static const uint8_t ends[] = {0xff /* as it is */, 0xf9, 0xf1, 0xe9, 0xe1, 0xd9, 0xd1, 0x01, 0x00};
    CHECK(OpenSSL_version_num() >= 0x30000020);
    for (size_t i = 0; i < sizeof ends; i++) {
        struct stranger s;
        struct dtls_identity *id = dtls_identity_new();
        struct fingerprint any = {.hash = "sha-256", .len = 32};
        EVP_PKEY *key = EVP_EC_gen("P-256");
        bool changed = false;
        clock_now = 0;
        virtual_clock_follow(&clock_now);
        CHECK_EQ(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
        CHECK_EQ(EVP_PKEY_set_utf8_string_param(key, "point-format", "compressed"), 1);
        stranger_open(&s, DTLS1_2_VERSION, true);
        stranger_certify(&s, key);
        struct dtls *d = dtls_new(id, DTLS_SERVER, DTLS_GCM_OR_CM, &any, 0);
        for (int turn = 0; turn < 8; turn++) {
            uint8_t b[4096], *at;
            int n;
            SSL_do_handshake(s.ssl);
            while ((n = BIO_read(SSL_get_wbio(s.ssl), b, sizeof b)) > 0) {
                if ((at = memmem(b, (size_t)n, field, sizeof field))) {
                    at[sizeof field - 1] = ends[i];
                    changed = true;
                }
                dtls_input(d, b, (size_t)n, 0);
            }
            while ((n = (int)dtls_output(d, b, sizeof b)) > 0)
                BIO_write(SSL_get_rbio(s.ssl), b, n);
        }
        CHECK(changed);
        CHECK_EQ(dtls_state(d), DTLS_FAILED); /* also as it is: RFC 8422 5.1.1 knows named curves only */
        dtls_free(d);
        stranger_close(&s);
        dtls_identity_free(id);
    }
}

static void application_data_and_renegotiation_are_ignored(void)
{
    struct stranger s;
    struct dtls_identity *id = dtls_identity_new();
    uint8_t b[4096];
    int n;
    clock_now = 0;
    virtual_clock_follow(&clock_now);
    stranger_open(&s, DTLS1_2_VERSION, true);
    stranger_certify(&s, EVP_EC_gen("P-256"));
    struct dtls *d = stranger_run(&s, id);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(SSL_write(s.ssl, b, 1 + i * 10), 1 + i * 10);
        n = BIO_read(SSL_get_wbio(s.ssl), b, sizeof b);
        CHECK_EQ(dtls_input(d, b, (size_t)n, 0), DTLS_UP);
    }
    SSL_renegotiate(s.ssl);
    SSL_do_handshake(s.ssl);
    while ((n = BIO_read(SSL_get_wbio(s.ssl), b, sizeof b)) > 0)
        CHECK_EQ(dtls_input(d, b, (size_t)n, 0), DTLS_UP);
    dtls_free(d);
    stranger_close(&s);
    dtls_identity_free(id);
}

TEST_MAIN(TEST(another_implementation_connects), TEST(a_certificate_of_p_384_will_do),
          TEST(a_signature_by_p_384_will_do), TEST(an_rsa_certificate_will_do),
          TEST(a_server_of_any_certificate_will_do), TEST(a_client_without_certificate_is_refused),
          TEST(a_client_without_srtp_profile_is_refused), TEST(dtls_1_0_is_refused),
          TEST(the_goodbye_of_each_cipher_is_told), TEST(only_forward_secret_aead_ciphers_are_agreed),
          TEST(only_strong_srtp_profiles_are_agreed), TEST(a_certificate_over_a_false_curve_ends_cleanly),
          TEST(application_data_and_renegotiation_are_ignored))
