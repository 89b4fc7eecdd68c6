/* A library context of OpenSSL with only the algorithms that DTLS needs.
 *
 * To read the public key of a peer's certificate, OpenSSL 3 tries every decoder and key type of every
 * provider, builds a chain of the possible ones, and discards it: a third of a handshake's time. The
 * algorithms here are the default provider's own, chosen by name. */
#include "crypto/dtls_identity.h"
#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHMS_MAX 16 /* of one kind */

/* First names of the default provider's algorithms; decoders and encoders for DER only. */
static const struct kind {
    int operation;
    const char *names[8];
    const char *properties; /* an algorithm must have these */
} kinds[] = {
    {OSSL_OP_DIGEST, {"SHA1", "SHA2-256", "SHA2-384", "SHA2-512"}, ""},
    {OSSL_OP_CIPHER, {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305", "AES-256-CTR"}, ""},
    {OSSL_OP_MAC, {"HMAC"}, ""},
    {OSSL_OP_KDF, {"TLS1-PRF"}, ""},
    {OSSL_OP_RAND, {"CTR-DRBG", "SEED-SRC"}, ""},
    {OSSL_OP_KEYMGMT, {"EC", "X25519", "RSA"}, ""},
    {OSSL_OP_KEYEXCH, {"ECDH", "X25519"}, ""},
    {OSSL_OP_SIGNATURE, {"ECDSA", "RSA"}, ""},
    {OSSL_OP_DECODER, {"EC", "RSA"}, "input=der,structure=SubjectPublicKeyInfo"},
    {OSSL_OP_ENCODER, {"EC"}, "output=der,structure=SubjectPublicKeyInfo"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static OSSL_PROVIDER *whole; /* the default provider */
static OSSL_ALGORITHM chosen[KINDS][ALGORITHMS_MAX + 1];

static bool is_wanted(const struct kind *k, const OSSL_ALGORITHM *a)
{
    size_t n = strcspn(a->algorithm_names, ":");
    if (!strstr(a->property_definition, k->properties))
        return false;
    for (size_t i = 0; i < sizeof k->names / sizeof *k->names && k->names[i]; i++)
        if (strlen(k->names[i]) == n && memcmp(k->names[i], a->algorithm_names, n) == 0)
            return true;
    return false;
}

static void choose(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        int no_cache;
        size_t n = 0;
        const OSSL_ALGORITHM *a = OSSL_PROVIDER_query_operation(whole, kinds[i].operation, &no_cache);
        for (; a && a->algorithm_names && n < ALGORITHMS_MAX; a++)
            if (is_wanted(&kinds[i], a))
                chosen[i][n++] = *a;
    }
}

static const OSSL_ALGORITHM *query(void *context, int operation, int *no_cache)
{
    *no_cache = 0;
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].operation == operation)
            return chosen[i];
    return NULL;
}

static int capabilities(void *context, const char *capability, OSSL_CALLBACK *each, void *arg)
{
    return OSSL_PROVIDER_get_capabilities(whole, capability, each, arg);
}

static int start(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                 void **context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
        {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, (void (*)(void))capabilities},
        {0, NULL},
    };
    *out = functions;
    /* the algorithms expect the default provider's context */
    *context = OSSL_PROVIDER_get0_provider_ctx(whole);
    return 1;
}

bool dtls_library_open(struct dtls_identity *id)
{
    id->library = OSSL_LIB_CTX_new();
    if (!whole && (whole = OSSL_PROVIDER_load(NULL, "default")))
        choose();
    if (id->library && whole && OSSL_PROVIDER_add_builtin(id->library, "dtls", start) == 1)
        id->provider = OSSL_PROVIDER_load(id->library, "dtls");
    return id->provider != NULL;
}

/* Freeing the context does not unload the providers that were loaded into it. */
void dtls_library_close(struct dtls_identity *id)
{
    if (id->provider)
        OSSL_PROVIDER_unload(id->provider);
    OSSL_LIB_CTX_free(id->library);
}
