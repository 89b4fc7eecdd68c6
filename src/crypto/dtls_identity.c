/* The certificate of this process and the settings of all its associations: DTLS 1.2, ECDHE and AEAD ciphers
 * (RFC 8827 6.5), certificates from both sides, no resumption, no renegotiation. */
#include "crypto/dtls_identity.h"
#include "crypto/certificate.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <stdlib.h>

/* A peer's Certificate message may be this long; OpenSSL allows at least one record for a handshake
 * message. */
#define PEER_CERTIFICATE_MAX 8192

/* Accepts any certificate: it is self-signed, and the fingerprint in the SDP identifies its owner (RFC 8827
 * 5.6.4). The handshake proves that the peer has the private key. */
static int certificate_accept(X509_STORE_CTX *store, void *arg) { return 1; }

static bool context_setup(SSL_CTX *ctx, X509 *certificate, EVP_PKEY *key)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, PEER_CERTIFICATE_MAX);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, certificate_accept, NULL);
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           /* The RSA ciphers are for peers with an RSA certificate that are the DTLS server. */
           SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
                                        "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:"
                                        "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384") == 1 &&
           /* X25519 first as the cheapest; the list must contain the curve of our certificate, and that of a
            * client's certificate (RFC 8422 5.1.1): the signature algorithms below allow P-384. */
           SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set1_sigalgs_list(ctx, "ECDSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA256:RSA+SHA256") == 1 &&
           SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;
}

struct dtls_identity *dtls_identity_new(void)
{
    struct dtls_identity *id = calloc(1, sizeof *id);
    OSSL_LIB_CTX *library = id && dtls_library_open(id) ? id->library : NULL;
    EVP_PKEY *key = library ? EVP_PKEY_Q_keygen(library, NULL, "EC", "P-256") : NULL;
    X509 *certificate = key ? certificate_self_signed(library, key, NULL) : NULL;
    bool ok = certificate && X509_digest(certificate, EVP_sha256(), id->sha256, NULL) == 1 &&
              (id->datagrams = datagram_bio_method()) &&
              (id->context = SSL_CTX_new_ex(library, NULL, DTLS_method())) &&
              context_setup(id->context, certificate, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    if (!ok) {
        dtls_identity_free(id);
        return NULL;
    }
    return id;
}

void dtls_identity_free(struct dtls_identity *id)
{
    if (!id)
        return;
    SSL_CTX_free(id->context);
    BIO_meth_free(id->datagrams);
    dtls_library_close(id);
    free(id);
}

void dtls_identity_fingerprint(const struct dtls_identity *id, uint8_t sha256[32])
{
    memcpy(sha256, id->sha256, sizeof id->sha256);
}
