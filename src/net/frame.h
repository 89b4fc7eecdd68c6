/* Datagrams in a byte stream. ICE-TCP puts each behind its length (RFC 4571 2); what TURN sends tells its own
 * length, and ChannelData is padded to four bytes (RFC 8656 12.5). */
#pragma once
#include "base/bytes.h"

enum frame_format { FRAME_RFC4571, FRAME_TURN };

#define FRAME_HEADER_MAX 4 /* bytes that tell a frame's size */

struct frame {
    size_t size;       /* in the stream */
    size_t start, len; /* of the datagram in it */
};

enum frame_result {
    FRAME_OK,
    FRAME_MORE /* its size cannot be told yet */,
    FRAME_BAD /* none, or over STREAM_DATAGRAM_MAX */
};
/* The frame that begins at `data`; whether all of it is there is for the caller to see. */
enum frame_result frame_read(struct frame *, enum frame_format, const uint8_t *, size_t len);
/* What goes into the stream in front of a datagram, and how many zeros behind it. False: the format cannot carry it, as
 * frame_read would not find the same datagram again. */
bool frame_write(uint8_t header[FRAME_HEADER_MAX], size_t *header_len, size_t *behind, enum frame_format,
                 const uint8_t *datagram, size_t len);
/* Whether a frame of which FRAME_HEADER_MAX + 1 bytes are given is media: late it is worth nothing. */
bool frame_is_media(enum frame_format, const uint8_t *);
