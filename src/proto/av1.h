/* AV1 payloads (AOM's RTP specification 4). */
#pragma once
#include "proto/codec.h"

struct codec_info av1_inspect(struct bytes payload);
