#include "crypto/certificate.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>

/* Browsers compare the fingerprint of a DTLS certificate and ignore its dates; other clients might not. */
#define VALID_BEFORE_S (24L * 3600)
#define VALID_AFTER_S  (10 * 365 * 24L * 3600)

static bool add_names(X509 *c, const char *names)
{
    X509_EXTENSION *e = names ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names) : NULL;
    bool ok = !names || (e && X509_add_ext(c, e, -1) == 1);
    X509_EXTENSION_free(e);
    return ok;
}

static bool fill(X509 *c, EVP_PKEY *key, const char *names)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(c);
    static const unsigned char cn[] = "monoport";
    return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
           X509_set_version(c, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(c), serial >> 1 | 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(c), -VALID_BEFORE_S) &&
           X509_gmtime_adj(X509_getm_notAfter(c), VALID_AFTER_S) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, cn, -1, -1, 0) == 1 &&
           X509_set_issuer_name(c, name) == 1 && X509_set_pubkey(c, key) == 1 && add_names(c, names) &&
           X509_sign(c, key, EVP_sha256()) > 0;
}

X509 *certificate_self_signed(OSSL_LIB_CTX *library, EVP_PKEY *key, const char *names)
{
    X509 *c = X509_new_ex(library, NULL);
    if (c && !fill(c, key, names)) {
        X509_free(c);
        c = NULL;
    }
    return c;
}

bool certificate_write(FILE *file, const char *names)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *c = key ? certificate_self_signed(NULL, key, names) : NULL;
    bool ok =
        c && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_X509(file, c) == 1;
    X509_free(c);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok;
}
