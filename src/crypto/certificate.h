/* Self-signed certificates: for DTLS, where the SDP names their fingerprint, and for HTTPS without a real
 * certificate. */
#pragma once
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>

/* `names`: a subjectAltName ("DNS:localhost,IP:127.0.0.1"), or NULL. NULL result: no memory, or invalid
 * names. */
X509 *certificate_self_signed(OSSL_LIB_CTX *, EVP_PKEY *key, const char *names);
/* A new ECDSA P-256 key and its certificate, in PEM. */
bool certificate_write(FILE *, const char *names);
