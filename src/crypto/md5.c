/* Uses the function that OpenSSL 3 marks as deprecated: a provider cannot refuse it, as it can EVP's, and
 * this use needs no cryptographic strength. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"
#include <openssl/md5.h>

void md5(const uint8_t *data, size_t len, uint8_t digest[MD5_SIZE]) { MD5(data, len, digest); }
