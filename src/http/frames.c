#include "http/frames.h"
#include "base/bytes.h"

#define FINAL     0x80
#define RESERVED  0x70
#define OPCODE    0x0f
#define MASK      0x80
#define LENGTH    0x7f
#define LENGTH_16 126
#define LENGTH_64 127
#define KEY       4

static size_t head_size(const uint8_t *head)
{
    unsigned length = head[1] & LENGTH;
    return 2 + (length == LENGTH_64 ? 8u : length == LENGTH_16 ? 2u : 0u) + (head[1] & MASK ? KEY : 0u);
}

static uint64_t payload_of(const uint8_t *head)
{
    unsigned length = head[1] & LENGTH;
    return length == LENGTH_64 ? get64(head + 2) : length == LENGTH_16 ? get16(head + 2) : length;
}

static enum frame_event wrong(struct frames *f, uint16_t code, const char *why)
{
    f->code = code;
    f->why = why;
    return FRAME_WRONG;
}

static bool is_control(unsigned opcode) { return opcode >= FRAME_CLOSE; }

/* Errors that the first two bytes show; NULL: none. */
static const char *refuse_start(const struct frames *f)
{
    unsigned opcode = f->head[0] & OPCODE, length = f->head[1] & LENGTH;
    if (f->head[0] & RESERVED)
        return "a reserved bit is set";
    if ((opcode > FRAME_BINARY && opcode < FRAME_CLOSE) || opcode > FRAME_PONG)
        return "unknown opcode";
    if (!(f->head[1] & MASK) == f->from_client)
        return f->from_client ? "frames of clients are masked" : "frames of servers are not masked";
    if (is_control(opcode))
        return !(f->head[0] & FINAL) || length > FRAME_CONTROL_MAX ? "a control frame in pieces" : NULL;
    if ((opcode == FRAME_CONTINUATION) != f->in_message)
        return f->in_message ? "a message inside of another" : "nothing to continue";
    return NULL;
}

/* RFC 6455 5.2: the shortest form, at most 63 bits. */
static bool is_length(const uint8_t *head)
{
    uint64_t payload = payload_of(head);
    switch (head[1] & LENGTH) {
    case LENGTH_16: return payload >= LENGTH_16;
    case LENGTH_64: return payload > UINT16_MAX && payload <= INT64_MAX;
    default: return true;
    }
}

static enum frame_event begin(struct frames *f)
{
    f->have = f->key_at = 0;
    if (!is_length(f->head))
        return wrong(f, CLOSE_PROTOCOL, "a length that is not in its shortest form");
    f->left = f->length = payload_of(f->head);
    f->final = f->head[0] & FINAL;
    f->opcode = (enum frame_opcode)(f->head[0] & OPCODE);
    f->in_payload = true;
    f->control_len = 0;
    if (is_control(f->opcode))
        return FRAME_MORE;
    f->first = !f->in_message;
    if (f->first)
        f->message = f->opcode;
    f->opcode = f->message;
    f->in_message = !f->final;
    return FRAME_BEGINS;
}

static void unmask(struct frames *f, uint8_t *data, size_t len)
{
    const uint8_t *key = f->head + head_size(f->head) - KEY;
    for (size_t i = 0; i < len; i++)
        data[i] ^= key[(f->key_at + i) % KEY];
    f->key_at = (uint8_t)((f->key_at + len) % KEY);
}

/* RFC 6455 7.4: codes that may be sent. */
static bool is_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum frame_event control(struct frames *f)
{
    struct utf8 text = {0};
    f->data = f->control;
    f->len = f->control_len;
    f->code = CLOSE_NONE;
    if (f->opcode != FRAME_CLOSE || f->len == 0)
        return FRAME_CONTROL;
    f->code = f->len > 1 ? get16(f->data) : 0;
    if (!is_code(f->code))
        return wrong(f, CLOSE_PROTOCOL, "a code that nobody may send");
    return utf8_check(&text, f->data + 2, f->len - 2) && utf8_is_whole(&text)
               ? FRAME_CONTROL
               : wrong(f, CLOSE_TEXT, "no UTF-8");
}

static enum frame_event message(struct frames *f, uint8_t *data, size_t n)
{
    f->data = data;
    f->len = n;
    f->ends = f->final && !f->left;
    if (f->message == FRAME_TEXT && (!utf8_check(&f->text, data, n) || (f->ends && !utf8_is_whole(&f->text))))
        return wrong(f, CLOSE_TEXT, "no UTF-8");
    return FRAME_PAYLOAD;
}

static enum frame_event payload(struct frames *f, uint8_t **data, size_t *len)
{
    size_t n = f->left < *len ? (size_t)f->left : *len;
    uint8_t *piece = *data;
    if (f->from_client)
        unmask(f, piece, n);
    *data += n;
    *len -= n;
    f->left -= n;
    f->in_payload = f->left > 0;
    if (!is_control(f->opcode))
        return message(f, piece, n);
    memcpy(f->control + f->control_len, piece, n);
    f->control_len = (uint8_t)(f->control_len + n);
    return f->in_payload ? FRAME_MORE : control(f);
}

static enum frame_event head(struct frames *f, uint8_t **data, size_t *len)
{
    f->head[f->have++] = *(*data)++;
    (*len)--;
    if (f->have == 2) {
        const char *why = refuse_start(f);
        if (why)
            return wrong(f, CLOSE_PROTOCOL, why);
    }
    return f->have >= 2 && f->have == head_size(f->head) ? begin(f) : FRAME_MORE;
}

enum frame_event frames_read(struct frames *f, uint8_t **data, size_t *len)
{
    enum frame_event event = FRAME_MORE;
    while (event == FRAME_MORE && (*len || (f->in_payload && !f->left)))
        event = f->in_payload ? payload(f, data, len) : head(f, data, len);
    return event;
}

size_t frames_head(uint8_t out[FRAME_HEAD_MAX], enum frame_opcode opcode, uint64_t len, const uint8_t key[4])
{
    size_t n = 2;
    out[0] = (uint8_t)(FINAL | opcode);
    out[1] = key ? MASK : 0;
    if (len < LENGTH_16) {
        out[1] |= (uint8_t)len;
    } else if (len <= UINT16_MAX) {
        out[1] |= LENGTH_16;
        put16(out + 2, (uint16_t)len);
        n += 2;
    } else {
        out[1] |= LENGTH_64;
        put64(out + 2, len);
        n += 8;
    }
    if (key)
        memcpy(out + n, key, KEY);
    return n + (key ? KEY : 0);
}

void frames_mask(uint8_t *data, size_t len, const uint8_t key[4])
{
    for (size_t i = 0; i < len; i++)
        data[i] ^= key[i % KEY];
}
