/* The frames of a WebSocket (RFC 6455 5), either end's: bytes in, messages and control frames out. No
 * extension is spoken.
 *
 *    0                   1                   2                   3
 *   +-+-+-+-+-------+-+-------------+-------------------------------+
 *   |F|R|R|R| opcode|M| length      |  its 16 or 64 bits            |
 *   |I|S|S|S|  (4)  |A|     (7)     |  (length 126 or 127)          |
 *   |N|V|V|V|       |S|             +-------------------------------+
 *   | |1|2|3|       |K|             |  masking key, if M            |
 *   +-+-+-+-+-------+-+-------------+-------------------------------+ */
#pragma once
#include "http/utf8.h"

#define FRAME_HEAD_MAX    14
#define FRAME_CONTROL_MAX 125 /* bytes that a control frame carries (5.5) */

enum frame_opcode {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10
};

enum frame_code { /* close codes of a WebSocket (7.4.1) */
                  CLOSE_NORMAL = 1000,
                  CLOSE_PROTOCOL = 1002,
                  CLOSE_UNSUPPORTED = 1003,
                  CLOSE_NONE = 1005, /* never sent: stands for a close frame without a code */
                  CLOSE_TEXT = 1007,
                  CLOSE_POLICY = 1008,
                  CLOSE_TOO_LARGE = 1009,
                  CLOSE_INTERNAL = 1011
};

enum frame_event {
    FRAME_MORE, /* needs more bytes */
    /* a message starts: `opcode`, `first`, `final`, `length`; none of its payload was read yet */
    FRAME_BEGINS,
    FRAME_PAYLOAD, /* `data`, `len`: an unmasked part of it; `ends`: the message's last one. Also for 0
                      bytes */
    FRAME_CONTROL, /* `opcode`, `data`, `len`: a whole ping, pong or close; `code` of a close */
    FRAME_WRONG    /* `code`, `why`: a violation; read no further */
};

struct frames {
    bool from_client; /* their frames are masked, a server's are not (5.1) */
    bool in_message, in_payload;
    uint8_t head[FRAME_HEAD_MAX], have; /* the received bytes of a frame's head */
    uint8_t key_at;
    uint8_t control[FRAME_CONTROL_MAX], control_len;
    enum frame_opcode message;
    struct utf8 text; /* complete between messages */
    uint64_t left;    /* bytes of this frame still to come */
    /* of the last event */
    enum frame_opcode opcode;
    bool first, final, ends;
    uint64_t length;
    const uint8_t *data;
    size_t len;
    uint16_t code;
    const char *why;
};

/* Reads from *data, advances it, and unmasks in place. */
enum frame_event frames_read(struct frames *, uint8_t **data, size_t *len);

/* Writes the head of an unfragmented message or control frame; `key` NULL: not masked. Returns its length. */
size_t frames_head(uint8_t out[FRAME_HEAD_MAX], enum frame_opcode, uint64_t len, const uint8_t key[4]);
void frames_mask(uint8_t *data, size_t len, const uint8_t key[4]);
