/* Secret random bytes, from the kernel. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void random_bytes(uint8_t *, size_t); /* never fails: without randomness the program ends */
