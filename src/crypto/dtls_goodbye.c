/* Recognises the close_notify of a peer after its association of 40 KB was freed: keeps only the peer's write
 * key. */
#include "base/bytes.h"
#include "crypto/dtls_engine.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define RECORD_HEADER_SIZE 13 /* RFC 6347 4.1: type, version, epoch, sequence number, length */
#define ALERT              21
#define ALERT_SIZE         2 /* level, description: 0 is close_notify */
#define TAG_SIZE           16
#define EXPLICIT_SIZE      8 /* the part of GCM's nonce that the record contains */

/* RFC 5246 6.3: key_block = PRF(master_secret, "key expansion", server_random + client_random). */
static bool expand(SSL *ssl, uint8_t *block, size_t len)
{
    uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[13 + 2 * SSL3_RANDOM_SIZE] = "key expansion";
    size_t master_len = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
    SSL_get_server_random(ssl, seed + 13, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + 13 + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
    EVP_KDF_CTX *context = kdf && md ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         md ? (char *)(uintptr_t)EVP_MD_get0_name(md) : NULL, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, master_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed), OSSL_PARAM_END};
    bool ok = context && EVP_KDF_derive(context, block, len, parameters) == 1;
    explicit_bzero(master, sizeof master);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return ok;
}

bool dtls_engine_goodbye(const struct dtls_engine *e, enum dtls_role role, struct dtls_goodbye *g)
{
    uint8_t block[2 * (sizeof g->key + sizeof g->iv)]; /* client's key, server's, client's IV, server's */
    SSL *ssl = dtls_engine_ssl(e);
    bool client = role == DTLS_CLIENT;
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    int nid = cipher ? SSL_CIPHER_get_cipher_nid(cipher) : NID_undef;
    bool gcm = nid == NID_aes_128_gcm || nid == NID_aes_256_gcm;
    *g = (struct dtls_goodbye){.key_len = nid == NID_aes_128_gcm ? 16 : 32, .iv_len = gcm ? 4 : 12};
    bool ok =
        (gcm || nid == NID_chacha20_poly1305) && expand(ssl, block, 2 * (size_t)(g->key_len + g->iv_len));
    if (ok) {
        /* the peer of a client writes as server */
        memcpy(g->key, block + (client ? g->key_len : 0), g->key_len);
        memcpy(g->iv, block + 2 * g->key_len + (client ? g->iv_len : 0), g->iv_len);
    } else {
        *g = (struct dtls_goodbye){0};
    }
    explicit_bzero(block, sizeof block);
    ERR_clear_error();
    return ok;
}

/* RFC 6347 4.1.2.1, RFC 5246 6.2.3.3: the additional data are epoch and sequence number, type, version and
 * length of the text. */
static bool open_record(const struct dtls_goodbye *g, const uint8_t *record, const uint8_t *sealed,
                        uint8_t text[ALERT_SIZE])
{
    uint8_t nonce[12] = {0}, tag[TAG_SIZE], aad[RECORD_HEADER_SIZE];
    const EVP_CIPHER *cipher = g->iv_len == 12    ? EVP_chacha20_poly1305()
                               : g->key_len == 16 ? EVP_aes_128_gcm()
                                                  : EVP_aes_256_gcm();
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n;
    memcpy(nonce, g->iv, g->iv_len);
    for (int i = 0; i < EXPLICIT_SIZE; i++)
        nonce[4 + i] ^= (g->iv_len == 4 ? record + RECORD_HEADER_SIZE : record + 3)[i];
    memcpy(aad, record + 3, 8);
    memcpy(aad + 8, record, 3);
    put16(aad + 11, ALERT_SIZE);
    memcpy(tag, sealed + ALERT_SIZE, TAG_SIZE);
    bool ok = c && EVP_DecryptInit_ex(c, cipher, NULL, g->key, nonce) == 1 &&
              EVP_DecryptUpdate(c, NULL, &n, aad, sizeof aad) == 1 &&
              EVP_DecryptUpdate(c, text, &n, sealed, ALERT_SIZE) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1 &&
              EVP_DecryptFinal_ex(c, tag, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    ERR_clear_error();
    return ok;
}

bool dtls_goodbye_is(const struct dtls_goodbye *g, const uint8_t *record, size_t len)
{
    uint8_t text[ALERT_SIZE];
    size_t before = RECORD_HEADER_SIZE + (g->iv_len == 4 ? EXPLICIT_SIZE : 0);
    if (!g->key_len || len != before + ALERT_SIZE + TAG_SIZE || record[0] != ALERT ||
        get16(record + 3) == 0 || get16(record + 11) != len - RECORD_HEADER_SIZE)
        return false;
    return open_record(g, record, record + before, text) && text[1] == 0;
}
