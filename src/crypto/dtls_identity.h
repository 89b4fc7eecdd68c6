/* Inside src/crypto only: the process' certificate and the OpenSSL context of its associations. */
#pragma once
#include "crypto/crypto.h"
#include <openssl/ssl.h>

struct dtls_identity {
    OSSL_LIB_CTX *library; /* dtls_library.c */
    OSSL_PROVIDER *provider;
    SSL_CTX
    *context; /* both roles; OpenSSL counts its references atomically, so every worker uses this one */
    BIO_METHOD *datagrams;
    uint8_t sha256[32];
};

/* OpenSSL's view of our datagram queues (dtls_engine.c). NULL: no memory. */
BIO_METHOD *datagram_bio_method(void);

/* Loads the parts of OpenSSL's default provider that DTLS needs (dtls_library.c): sets id->library and
 * id->provider. False: no memory. */
bool dtls_library_open(struct dtls_identity *);
void dtls_library_close(struct dtls_identity *);
