#include "signal/access.h"
#include <jansson.h>
#include <jwt.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- the key --- */

/* RFC 7518 3.2: "A key of the same size as the hash output or larger MUST be used"; 3.3: 2048 bits or larger.
 */
#define SECRET_MIN   32
#define RSA_BITS_MIN 2048

static const char *public_key_error(const struct access *a)
{
    BIO *in = BIO_new_mem_buf(a->key, (int)a->key_len);
    EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
    bool rsa = a->algorithm == ACCESS_RS256;
    const char *wrong = NULL;
    if (!key)
        wrong = "it is not a public key in PEM";
    else if (rsa && (!EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) < RSA_BITS_MIN))
        wrong = "RS256 needs an RSA key of at least 2048 bits";
    else if (!rsa && (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_bits(key) != 256))
        wrong = "ES256 needs a key on the curve P-256";
    EVP_PKEY_free(key);
    BIO_free(in);
    ERR_clear_error();
    return wrong;
}

const char *access_key_error(const struct access *a)
{
    if (strlen(a->key) != a->key_len)
        return "it contains a zero byte";
    if (a->algorithm != ACCESS_HS256)
        return public_key_error(a);
    if (strstr(a->key, "-----BEGIN"))
        return "it is a PEM file, but HS256 needs a secret";
    return a->key_len < SECRET_MIN ? "HS256 takes a secret of at least 32 bytes" : NULL;
}

/* --- tokens --- */

static bool text_claim(const json_t *claims, const char *name, char *out, size_t size)
{
    const json_t *claim = json_object_get(claims, name);
    size_t n = json_string_length(claim);
    out[0] = 0;
    if (!claim)
        return true;
    if (!json_is_string(claim) || n >= size || strlen(json_string_value(claim)) != n)
        return false;
    memcpy(out, json_string_value(claim), n + 1);
    return true;
}

static bool has_right(const json_t *claims, const char *name)
{
    const json_t *rights = json_object_get(claims, "rights");
    for (size_t i = 0; i < json_array_size(rights); i++) {
        const char *right = json_string_value(json_array_get(rights, i));
        if (right && strcmp(right, name) == 0)
            return true;
    }
    return false;
}

static bool read_claims(const json_t *claims, int64_t wall, struct grant *g)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    if (!json_is_number(exp) || (nbf && !json_is_number(nbf)))
        return false;
    double end = json_number_value(exp);
    double early = nbf ? json_number_value(nbf) - TOKEN_LEEWAY_S : 0;
    if (!((double)wall < end) || (nbf && !((double)wall >= early)))
        return false;
    *g = (struct grant){.expires = end < 1e15 ? (int64_t)end : (int64_t)1e15,
                        .publish = has_right(claims, "publish"),
                        .watch = has_right(claims, "watch"),
                        .admin = has_right(claims, "admin")};
    return text_claim(claims, "room", g->room, sizeof g->room) &&
           text_claim(claims, "sub", g->identity, sizeof g->identity) &&
           text_claim(claims, "name", g->name, sizeof g->name);
}

/* The library takes the algorithm from the token; we only accept ours. The comparison of signatures takes
 * constant time. */
bool access_token(const struct access *a, const char *token, int64_t wall, struct grant *g)
{
    static const jwt_alg_t algorithms[] = {JWT_ALG_HS256, JWT_ALG_RS256, JWT_ALG_ES256};
    jwt_t *jwt = NULL;
    bool valid = false;
    if (!a->key_len || strlen(token) > TOKEN_MAX)
        return false;
    if (jwt_decode(&jwt, token, (const unsigned char *)a->key, (int)a->key_len) != 0)
        jwt = NULL;
    if (jwt && jwt_get_alg(jwt) == algorithms[a->algorithm]) {
        char *text = jwt_get_grants_json(jwt, NULL);
        json_t *claims = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
        valid = claims && read_claims(claims, wall, g);
        json_decref(claims);
        free(text);
    }
    jwt_free(jwt);
    ERR_clear_error();
    return valid;
}

/* --- lists --- */

/* Whether the comma-separated list has the entry, or "*". */
static bool listed(const char *list, const char *entry, bool any_case)
{
    size_t len = strlen(entry);
    for (const char *at = list; at && *at; at += strcspn(at, ",")) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ", ");
        if ((n == 1 && *at == '*') || (n == len && (any_case ? strncasecmp : strncmp)(at, entry, n) == 0))
            return true;
    }
    return false;
}

bool access_room_open(const struct access *a, const char *room)
{
    return !a->key_len || listed(a->open_rooms, room, false);
}

/* --- origins --- */

/* Length of "host:port" without the scheme's own port. */
static size_t authority(const char *text, const char *port)
{
    size_t n = strlen(text), p = strlen(port);
    return n >= p && strcmp(text + n - p, port) == 0 ? n - p : n;
}

static bool same_origin(const char *origin, const char *host, bool secure)
{
    static const char *const schemes[][2] = {{"http://", ":80"}, {"https://", ":443"}};
    for (size_t i = secure; i < 2; i++) {
        size_t n = strlen(schemes[i][0]);
        if (strncasecmp(origin, schemes[i][0], n) != 0)
            continue;
        size_t a = authority(origin + n, schemes[i][1]), b = authority(host, schemes[i][1]);
        return a > 0 && a == b && strncasecmp(origin + n, host, a) == 0;
    }
    return false;
}

bool access_origin(const struct access *a, const char *origin, const char *host, bool secure)
{
    return !*origin || same_origin(origin, host, secure) || listed(a->origins, origin, true);
}

/* A token vouches for its holder, whichever page uses it: the holder gave it to that page. In an open room
 * only the origin tells a page that its user wanted from one that abuses its visitor's place in the
 * network. */
bool access_room_takes_guests(const struct access *a, const char *room) { return !access_room_open(a, room); }

bool access_takes_guests(const struct access *a) { return a->key_len && !listed(a->open_rooms, "*", false); }

/* --- the admin API --- */

/* DNS rebinding: a foreign page whose name resolves to this machine has that name in its Host header.
 * Requests forwarded by a proxy on this machine have the proxy's public name there, or an address. So only
 * host names that always mean this machine count as local. */
static bool host_is_local(const struct access_request *r)
{
    struct address a;
    char name[64];
    const char *host = r->host;
    size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (n == 0 || n >= sizeof name || n > strlen(host))
        return false;
    memcpy(name, host, n);
    name[n] = 0;
    if (strcasecmp(name, "localhost") == 0)
        return address_is_loopback(&r->remote);
    if (!address_parse(&a, name, 0))
        return false;
    return address_is_loopback(&r->remote) ? address_is_loopback(&a)
                                           : memcmp(a.ip, r->local.ip, sizeof a.ip) == 0;
}

static bool is_local(const struct access_request *r)
{
    return (address_is_loopback(&r->remote) || memcmp(r->remote.ip, r->local.ip, sizeof r->local.ip) == 0) &&
           !r->forwarded && host_is_local(r);
}

bool access_bearer(const struct access *a, const char *authorization, int64_t wall, struct grant *g)
{
    static const char scheme[] = "Bearer ";
    return strncasecmp(authorization, scheme, sizeof scheme - 1) == 0 &&
           access_token(a, authorization + sizeof scheme - 1, wall, g);
}

bool access_may(const struct access *a, enum access_who who, const struct access_request *r, int64_t wall)
{
    struct grant g;
    if (who == ACCESS_ANYONE || (who == ACCESS_LOCAL && is_local(r)))
        return true;
    return access_bearer(a, r->authorization, wall, &g) && g.admin;
}
