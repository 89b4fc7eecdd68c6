/* H.264 payloads (RFC 6184): single NAL units, STAP-A and FU-A; and the picture's size from a sequence
 * parameter set. */
#pragma once
#include "proto/codec.h"

struct codec_info h264_inspect(struct bytes payload);

/* The size that a sequence parameter set in the payload tells, cropped (H.264 7.3.2.1.1, 7.4.2.1.1): of a
 * single NAL unit, of the first one in a STAP-A, or of an FU-A that starts one and reaches far enough.
 * False: there is none, it is cut off, malformed, or larger than 65535 either way; then nothing is
 * written. */
bool h264_size(struct bytes payload, uint16_t *width, uint16_t *height);
