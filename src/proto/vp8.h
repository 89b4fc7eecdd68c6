/* VP8 payloads (RFC 7741). */
#pragma once
#include "proto/codec.h"

struct codec_info vp8_inspect(struct bytes payload);
