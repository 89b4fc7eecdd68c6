/* What clients say: JSON messages to calls. */
#pragma once
#include "base/time.h"
#include <stddef.h>

struct participant;

void protocol_text(struct participant *, const char *text, size_t len, mp_time now);
