/* Makes tokens as an application would. */
#pragma once
#include "tests/unit/test.h"
#include <jwt.h>
#include <stdlib.h>

/* Valid until the next call. */
static inline char *token(const char *claims, jwt_alg_t algorithm, const char *key)
{
    static char text[8192];
    jwt_t *jwt;
    jwt_new(&jwt);
    CHECK_EQ(jwt_add_grants_json(jwt, claims), 0);
    CHECK_EQ(jwt_set_alg(jwt, algorithm, (const unsigned char *)key, key ? (int)strlen(key) : 0), 0);
    char *encoded = jwt_encode_str(jwt);
    snprintf(text, sizeof text, "%s", encoded ? encoded : "");
    free(encoded);
    jwt_free(jwt);
    return text;
}
