/* The call that OpenSSL 3 marks as deprecated: unlike EVP's it cannot be refused by a provider, and what it
 * is for needs no strength of it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"
#include <openssl/md5.h>

void md5(const uint8_t *data, size_t len, uint8_t digest[MD5_SIZE]) { MD5(data, len, digest); }
