/* Bytes at the very end of an allocation, so that AddressSanitizer sees each read past them. */
#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A copy, valid until the next call. */
static inline const uint8_t *exact(const void *data, size_t len)
{
    static uint8_t *block;
    free(block);
    block = malloc(len + 1);
    if (!block)
        abort();
    if (len)
        memcpy(block + 1, data, len);
    return block + 1;
}
