/* VP9 payloads (RFC 9628). */
#pragma once
#include "proto/codec.h"

struct codec_info vp9_inspect(struct bytes payload);
