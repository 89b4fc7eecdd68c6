#include "http/accept_key.h"
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DIGITS 24

bool accept_key(char out[WEBSOCKET_ACCEPT_SIZE], const char *key)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[DIGITS + sizeof guid];
    uint8_t bytes[18], digest[EVP_MAX_MD_SIZE];
    if (strlen(key) != DIGITS || strcmp(key + DIGITS - 2, "==") != 0 ||
        EVP_DecodeBlock(bytes, (const uint8_t *)key, DIGITS) != 18)
        return false;
    snprintf(text, sizeof text, "%s%s", key, guid);
    return EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL) == 1 &&
           EVP_EncodeBlock((uint8_t *)out, digest, 20) == WEBSOCKET_ACCEPT_SIZE - 1;
}
