#include "proto/stun.h"
#include "crypto/crypto.h"

/* RFC 8489 5:
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0|     STUN Message Type     |         Message Length        |
 *   |                         Magic Cookie                          |
 *   |                     Transaction ID (96 bits)                  |
 *
 * The length counts what follows the 20 bytes. Each attribute (14):
 *   |         Type                  |            Length             |
 *   |                         Value (variable), padded to 4 bytes   | */
#define HEADER_SIZE    20
#define ATTRIBUTE_HEAD 4
#define USERNAME_MAX   513 /* two fragments of 256 characters (RFC 8445 5.3) and the colon */
#define QUOTED_MAX     763 /* bytes of a REALM or NONCE (RFC 8489 14.9, 14.10) */
#define CRC_XOR        0x5354554eu

/* Attributes of RFC 8489 that a Binding request may carry and that ICE does not use: known, so not answered
 * with 420. */
enum {
    ATTR_MAPPED = 0x0001,
    ATTR_INTEGRITY_SHA256 = 0x001c,
    ATTR_PASSWORD_ALGORITHM = 0x001d,
    ATTR_USERHASH = 0x001e,
};

static size_t padded(size_t len) { return (len + 3) & ~(size_t)3; }

/* --- FINGERPRINT's CRC-32 (ITU V.42), eight bytes at a time --- */

static uint32_t crc_table[8][256];

/* Runs before main, so that no thread sees an incomplete table. */
__attribute__((constructor)) static void crc_build(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        crc_table[0][i] = c;
    }
    for (int t = 1; t < 8; t++)
        for (int i = 0; i < 256; i++)
            crc_table[t][i] = crc_table[t - 1][i] >> 8 ^ crc_table[0][crc_table[t - 1][i] & 255];
}

static uint32_t crc_add(uint32_t c, const uint8_t *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint32_t low =
            c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        c = crc_table[7][low & 255] ^ crc_table[6][low >> 8 & 255] ^ crc_table[5][low >> 16 & 255] ^
            crc_table[4][low >> 24] ^ crc_table[3][p[4]] ^ crc_table[2][p[5]] ^ crc_table[1][p[6]] ^
            crc_table[0][p[7]];
    }
    for (; len; len--)
        c = c >> 8 ^ crc_table[0][(c ^ *p++) & 255];
    return c;
}

uint32_t stun_crc32(const uint8_t *p, size_t len) { return ~crc_add(~0u, p, len); }

/* --- parsing --- */

bool stun_xor_address(const struct stun_view *v, struct bytes value, struct address *a,
                      enum stun_family *family)
{
    if (value.len < 4)
        return false;
    bool v4 = value.data[1] == STUN_FAMILY_V4;
    if (!v4 && value.data[1] != STUN_FAMILY_V6)
        return false;
    size_t size = v4 ? 4 : 16;
    if (value.len != 4 + size)
        return false;
    const uint8_t *mask = v->message.data + 4; /* the cookie, and the transaction id behind it */
    uint8_t *ip = a->ip + (16 - size);
    memset(a, 0, sizeof *a);
    if (v4)
        memset(a->ip + 10, 0xff, 2);
    for (size_t i = 0; i < size; i++)
        ip[i] = value.data[4 + i] ^ mask[i];
    a->port = get16(value.data + 2) ^ get16(mask);
    *family = v4 ? STUN_FAMILY_V4 : STUN_FAMILY_V6;
    return true;
}

static bool parse_mapped(struct stun_view *v, struct bytes value)
{
    enum stun_family family;
    v->has_mapped = stun_xor_address(v, value, &v->mapped, &family);
    return v->has_mapped;
}

static bool parse_quoted(struct bytes *into, struct bytes value)
{
    if (!into->data)
        *into = value;
    return value.len <= QUOTED_MAX;
}

/* RFC 8489 14.8: 21 reserved bits, the hundreds, the rest, a reason. */
static bool parse_error_code(struct stun_view *v, struct bytes value)
{
    if (value.len < 4)
        return false;
    uint8_t hundreds = value.data[2] & 7, rest = value.data[3];
    if (hundreds < 3 || hundreds > 6 || rest > 99)
        return false;
    v->error_code = (uint16_t)(hundreds * 100 + rest);
    return true;
}

static bool parse_tie_breaker(struct stun_view *v, struct bytes value, bool *has)
{
    if (value.len != 8)
        return false;
    *has = true;
    v->tie_breaker = get64(value.data);
    return true;
}

static void note_unknown(struct stun_view *v, uint16_t type)
{
    size_t room = sizeof v->unknown_required / sizeof *v->unknown_required;
    if (type < 0x8000 && v->unknown_count < room)
        v->unknown_required[v->unknown_count++] = type;
}

/* One attribute before MESSAGE-INTEGRITY. False: it is malformed. */
static bool parse_attribute(struct stun_view *v, uint16_t type, struct bytes value)
{
    switch (type) {
    case STUN_ATTR_USERNAME:
        if (!v->username.data)
            v->username = value;
        return value.len <= USERNAME_MAX;
    case STUN_ATTR_REALM: return parse_quoted(&v->realm, value);
    case STUN_ATTR_NONCE: return parse_quoted(&v->nonce, value);
    case STUN_ATTR_INTEGRITY: v->integrity = value.data; return value.len == SHA1_SIZE;
    case STUN_ATTR_ERROR_CODE: return v->error_code || parse_error_code(v, value);
    case STUN_ATTR_XOR_MAPPED: return v->has_mapped || parse_mapped(v, value);
    case STUN_ATTR_PRIORITY:
        if (value.len == 4 && !v->has_priority) {
            v->has_priority = true;
            v->priority = get32(value.data);
        }
        return value.len == 4;
    case STUN_ATTR_USE_CANDIDATE: v->use_candidate = true; return value.len == 0;
    case STUN_ATTR_CONTROLLED: return v->has_controlled || parse_tie_breaker(v, value, &v->has_controlled);
    case STUN_ATTR_CONTROLLING: return v->has_controlling || parse_tie_breaker(v, value, &v->has_controlling);
    case STUN_ATTR_UNKNOWN:
    case ATTR_MAPPED:
    case ATTR_INTEGRITY_SHA256:
    case ATTR_PASSWORD_ALGORITHM:
    case ATTR_USERHASH: return true;
    default: note_unknown(v, type); return true;
    }
}

static enum stun_error parse_header(struct stun_view *v, const uint8_t *p, size_t len)
{
    if (len < HEADER_SIZE)
        return STUN_SHORT;
    if (p[0] & 0xc0 || get32(p + 4) != STUN_COOKIE)
        return STUN_NOT_STUN;
    size_t rest = get16(p + 2);
    if (rest % 4 || HEADER_SIZE + rest != len)
        return STUN_LENGTH;
    /* The class' two bits stand inside the method's twelve: M11-M7 C1 M6-M4 C0 M3-M0. */
    uint16_t type = get16(p);
    *v = (struct stun_view){
        .message = {p, len},
        .class = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1)),
        .method = (uint16_t)((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80)),
        .txid = p + 8,
    };
    return STUN_OK;
}

enum stun_error stun_parse(struct stun_view *v, const uint8_t *p, size_t len)
{
    enum stun_error error = parse_header(v, p, len);
    if (error)
        return error;
    for (size_t at = HEADER_SIZE; at < len;) {
        /* Header and lengths are multiples of 4, so an attribute's head is always whole. */
        uint16_t type = get16(p + at);
        struct bytes value = {p + at + ATTRIBUTE_HEAD, get16(p + at + 2)};
        if (padded(value.len) > len - at - ATTRIBUTE_HEAD)
            return STUN_ATTRIBUTE;
        if (type == STUN_ATTR_FINGERPRINT) {
            /* 14.7: the last attribute, over everything before it. */
            if (value.len != 4 || at + ATTRIBUTE_HEAD + 4 != len ||
                (stun_crc32(p, at) ^ CRC_XOR) != get32(value.data))
                return STUN_FINGERPRINT;
            v->fingerprint = true;
        } else if (!v->integrity && !parse_attribute(v, type, value)) {
            return STUN_ATTRIBUTE;
        }
        at += ATTRIBUTE_HEAD + padded(value.len);
    }
    return STUN_OK;
}

bool stun_next(const struct stun_view *v, size_t *at, uint16_t *attribute, struct bytes *value)
{
    const uint8_t *p = v->message.data + HEADER_SIZE + *at;
    if (HEADER_SIZE + *at >= v->message.len)
        return false;
    *attribute = get16(p);
    *value = (struct bytes){p + ATTRIBUTE_HEAD, get16(p + 2)};
    *at += ATTRIBUTE_HEAD + padded(value->len);
    return *attribute != STUN_ATTR_INTEGRITY && *attribute != STUN_ATTR_FINGERPRINT;
}

/* RFC 8489 14.5: the MAC covers the bytes before the attribute, with a message length that includes the
 * attribute. */
static void integrity(const uint8_t *p, size_t at, const struct hmac_sha1 *key, uint8_t mac[SHA1_SIZE])
{
    uint8_t head[4] = {p[0], p[1]};
    put16(head + 2, (uint16_t)(at + ATTRIBUTE_HEAD + SHA1_SIZE - HEADER_SIZE));
    const struct bytes parts[] = {{head, sizeof head}, {p + sizeof head, at - sizeof head}};
    hmac_sha1(key, parts, 2, mac);
}

bool stun_check(const struct stun_view *v, const struct hmac_sha1 *key)
{
    uint8_t mac[SHA1_SIZE];
    if (!v->integrity)
        return false;
    integrity(v->message.data, (size_t)(v->integrity - v->message.data) - ATTRIBUTE_HEAD, key, mac);
    return bytes_equal_secret(mac, v->integrity, SHA1_SIZE);
}

/* --- building --- */

void stun_begin(struct stun_writer *w, uint8_t *buffer, size_t size, enum stun_class class, uint16_t method,
                const uint8_t txid[STUN_TXID_SIZE])
{
    *w = (struct stun_writer){.data = buffer, .size = size, .failed = size < HEADER_SIZE};
    if (w->failed)
        return;
    put16(buffer, (uint16_t)((method & 0xf) | (method & 0x70) << 1 | (method & 0xf80) << 2 |
                             (class & 1) << 4 | (class & 2) << 7));
    put16(buffer + 2, 0);
    put32(buffer + 4, STUN_COOKIE);
    memcpy(buffer + 8, txid, STUN_TXID_SIZE);
    w->len = HEADER_SIZE;
}

/* Room for one attribute, with its head and padding written and the message's length moved. NULL: it does not
 * fit. */
static uint8_t *reserve(struct stun_writer *w, uint16_t attribute, size_t len)
{
    if (w->failed || len > UINT16_MAX || ATTRIBUTE_HEAD + padded(len) > w->size - w->len) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->len;
    put16(p, attribute);
    put16(p + 2, (uint16_t)len);
    memset(p + ATTRIBUTE_HEAD + len, 0, padded(len) - len);
    w->len += ATTRIBUTE_HEAD + padded(len);
    put16(w->data + 2, (uint16_t)(w->len - HEADER_SIZE));
    return p + ATTRIBUTE_HEAD;
}

void stun_add(struct stun_writer *w, uint16_t attribute, const void *value, size_t len)
{
    uint8_t *p = reserve(w, attribute, len);
    if (p && len)
        memcpy(p, value, len);
}

void stun_add_u32(struct stun_writer *w, uint16_t attribute, uint32_t v)
{
    uint8_t value[4];
    put32(value, v);
    stun_add(w, attribute, value, sizeof value);
}

void stun_add_u64(struct stun_writer *w, uint16_t attribute, uint64_t v)
{
    uint8_t value[8];
    put64(value, v);
    stun_add(w, attribute, value, sizeof value);
}

void stun_add_xor_address(struct stun_writer *w, uint16_t attribute, const struct address *a)
{
    bool v4 = address_is_v4(a);
    size_t size = v4 ? 4 : 16;
    uint8_t *p = reserve(w, attribute, 4 + size);
    if (!p)
        return;
    const uint8_t *mask = w->data + 4, *ip = a->ip + (16 - size);
    p[0] = 0;
    p[1] = v4 ? STUN_FAMILY_V4 : STUN_FAMILY_V6;
    put16(p + 2, a->port ^ get16(mask));
    for (size_t i = 0; i < size; i++)
        p[4 + i] = ip[i] ^ mask[i];
}

void stun_add_mapped(struct stun_writer *w, const struct address *a)
{
    stun_add_xor_address(w, STUN_ATTR_XOR_MAPPED, a);
}

void stun_add_error(struct stun_writer *w, uint16_t code, const char *reason)
{
    size_t len = strlen(reason);
    uint8_t *p = reserve(w, STUN_ATTR_ERROR_CODE, 4 + len);
    if (!p)
        return;
    put16(p, 0);
    p[2] = (uint8_t)(code / 100);
    p[3] = (uint8_t)(code % 100);
    memcpy(p + 4, reason, len);
}

void stun_add_unknown(struct stun_writer *w, const uint16_t *attributes, size_t count)
{
    uint8_t *p = reserve(w, STUN_ATTR_UNKNOWN, 2 * count);
    for (size_t i = 0; p && i < count; i++)
        put16(p + 2 * i, attributes[i]);
}

void stun_add_integrity(struct stun_writer *w, const struct hmac_sha1 *key)
{
    size_t at = w->len;
    uint8_t *p = reserve(w, STUN_ATTR_INTEGRITY, SHA1_SIZE);
    if (p)
        integrity(w->data, at, key, p);
}

void stun_add_fingerprint(struct stun_writer *w)
{
    size_t at = w->len;
    uint8_t *p = reserve(w, STUN_ATTR_FINGERPRINT, 4);
    if (p)
        put32(p, stun_crc32(w->data, at) ^ CRC_XOR);
}

size_t stun_end(const struct stun_writer *w) { return w->failed ? 0 : w->len; }

bool stun_is_plain_binding(const struct stun_view *v)
{
    return v->class == STUN_REQUEST && v->method == STUN_BINDING && !v->username.data && !v->unknown_count;
}

size_t stun_answer(const struct stun_view *v, const struct address *from, uint8_t reply[STUN_ANSWER_SIZE])
{
    struct stun_writer w;
    stun_begin(&w, reply, STUN_ANSWER_SIZE, STUN_SUCCESS, STUN_BINDING, v->txid);
    stun_add_mapped(&w, from);
    if (v->fingerprint)
        stun_add_fingerprint(&w);
    return stun_end(&w);
}
