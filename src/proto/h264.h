/* H.264 payloads (RFC 6184): single NAL units, STAP-A and FU-A. */
#pragma once
#include "proto/codec.h"

struct codec_info h264_inspect(struct bytes payload);
