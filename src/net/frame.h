/* Datagrams in a byte stream. ICE-TCP prefixes each with its length (RFC 4571 2); TURN messages contain their
 * length, and ChannelData is padded to four bytes (RFC 8656 12.5). */
#pragma once
#include "base/bytes.h"

enum frame_format { FRAME_RFC4571, FRAME_TURN };

#define FRAME_HEADER_MAX 4 /* bytes that determine a frame's size */

struct frame {
    size_t size;       /* in the stream */
    size_t start, len; /* of the datagram in it */
};

enum frame_result {
    FRAME_OK,
    FRAME_MORE /* needs more bytes for the size */,
    FRAME_BAD /* invalid, or over STREAM_DATAGRAM_MAX */
};
/* The frame that begins at `data`; the caller checks whether all of it is there. */
enum frame_result frame_read(struct frame *, enum frame_format, const uint8_t *, size_t len);
/* The bytes before a datagram in the stream, and the number of zeros behind it. False: the format cannot
 * carry the datagram, because frame_read would not find it again. */
bool frame_write(uint8_t header[FRAME_HEADER_MAX], size_t *header_len, size_t *behind, enum frame_format,
                 const uint8_t *datagram, size_t len);
/* Whether a frame is media, judged by its first FRAME_HEADER_MAX + 1 bytes: late media is worthless. */
bool frame_is_media(enum frame_format, const uint8_t *);
