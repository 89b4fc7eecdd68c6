/* Parses the clients' JSON messages and calls their handlers. */
#pragma once
#include "base/time.h"
#include <stddef.h>

struct participant;

void protocol_text(struct participant *, const char *text, size_t len, mp_time now);
