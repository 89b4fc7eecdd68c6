#include "proto/turn.h"
#include <stdio.h>

#define NONCE_WINDOW 1800 /* s */

/* --- attributes --- */

static bool known_to_stun(uint16_t attribute)
{
    switch (attribute) {
    case STUN_ATTR_USERNAME:
    case STUN_ATTR_REALM:
    case STUN_ATTR_NONCE:
    case STUN_ATTR_XOR_MAPPED:
    case STUN_ATTR_ERROR_CODE:
    case STUN_ATTR_UNKNOWN: return true;
    default: return attribute >= 0x8000; /* may be ignored */
    }
}

static bool parse_peer(struct turn_view *t, const struct stun_view *v, struct bytes value)
{
    struct turn_peer *p = &t->peers[t->peer_count];
    if (t->peer_count == TURN_PEERS_MAX || !stun_xor_address(v, value, &p->address, &p->family))
        return false;
    t->peer_count++;
    return true;
}

/* Its first byte, the rest reserved (RFC 8656 18.6, 18.8). */
static bool parse_byte(struct bytes value, size_t len, bool *has, uint8_t *byte)
{
    if (!*has && value.len == len)
        *byte = value.data[0];
    *has = true;
    return value.len == len;
}

static bool parse_lifetime(struct turn_view *t, struct bytes value)
{
    if (!t->has_lifetime && value.len == 4)
        t->lifetime = get32(value.data);
    t->has_lifetime = true;
    return value.len == 4;
}

static bool parse_channel(struct turn_view *t, struct bytes value)
{
    if (!t->has_channel && value.len == 4)
        t->channel = get16(value.data);
    t->has_channel = true;
    return value.len == 4;
}

static bool parse_attribute(struct turn_view *t, const struct stun_view *v, uint16_t attribute,
                            struct bytes value)
{
    uint8_t byte = 0;
    bool ok = true;
    switch (attribute) {
    case TURN_ATTR_CHANNEL: return parse_channel(t, value);
    case TURN_ATTR_LIFETIME: return parse_lifetime(t, value);
    case TURN_ATTR_XOR_PEER: return parse_peer(t, v, value);
    case TURN_ATTR_DATA:
        if (!t->data.data)
            t->data = value;
        return true;
    case TURN_ATTR_FAMILY: return parse_byte(value, 4, &t->has_family, &t->family);
    case TURN_ATTR_ADDITIONAL_FAMILY: return parse_byte(value, 4, &t->has_additional, &t->additional);
    case TURN_ATTR_TRANSPORT: return parse_byte(value, 4, &t->has_transport, &t->transport);
    case TURN_ATTR_EVEN_PORT:
        ok = parse_byte(value, 1, &t->even_port, &byte);
        t->reserve_next |= (byte & 0x80) != 0;
        return ok;
    case TURN_ATTR_DONT_FRAGMENT: return value.len == 0; /* relayed packets never leave this server */
    case TURN_ATTR_RESERVATION: t->has_reservation = true; return value.len == 8;
    default: break;
    }
    if (!known_to_stun(attribute) &&
        t->unknown_count < sizeof t->unknown_required / sizeof *t->unknown_required)
        t->unknown_required[t->unknown_count++] = attribute;
    return true;
}

bool turn_parse(struct turn_view *t, const struct stun_view *v)
{
    size_t at = 0;
    uint16_t attribute;
    struct bytes value;
    memset(t, 0, sizeof *t);
    while (stun_next(v, &at, &attribute, &value))
        if (!parse_attribute(t, v, attribute, value))
            return false;
    return true;
}

/* --- ChannelData ---
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   |         Channel Number        |            Length             |
 *   |                       Application Data                        | */

bool turn_channel_data(const uint8_t *p, size_t len, uint16_t *channel, struct bytes *data)
{
    if (len < TURN_CHANNEL_HEAD || get16(p + 2) > len - TURN_CHANNEL_HEAD)
        return false;
    *channel = get16(p);
    *data = (struct bytes){p + TURN_CHANNEL_HEAD, get16(p + 2)};
    return true;
}

void turn_channel_head(uint8_t out[TURN_CHANNEL_HEAD], uint16_t channel, size_t data_len)
{
    put16(out, channel);
    put16(out + 2, (uint16_t)data_len);
}

/* --- credentials --- */

/* RFC 4648 4; `out` has room for 4 characters for each 3 bytes or part of them. */
static void base64(const uint8_t *p, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v =
            (uint32_t)p[i] << 16 | (i + 1 < len ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < len ? p[i + 2] : 0);
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[v & 63] : '=';
    }
}

void turn_password(const struct hmac_sha1 *secret, struct bytes username, char out[TURN_PASSWORD_SIZE + 1])
{
    uint8_t mac[SHA1_SIZE];
    hmac_sha1(secret, &username, 1, mac);
    base64(mac, sizeof mac, out);
    out[TURN_PASSWORD_SIZE] = 0;
}
_Static_assert(TURN_PASSWORD_SIZE == (SHA1_SIZE + 2) / 3 * 4, "base64 of a MAC");

bool turn_key(const struct hmac_sha1 *secret, struct bytes username, struct hmac_sha1 *key)
{
    char password[TURN_PASSWORD_SIZE + 1],
        text[TURN_USERNAME_MAX + sizeof TURN_REALM + TURN_PASSWORD_SIZE + 3];
    uint8_t digest[MD5_SIZE];
    if (username.len > TURN_USERNAME_MAX)
        return false;
    turn_password(secret, username, password);
    int n = snprintf(text, sizeof text, "%.*s:" TURN_REALM ":%s", (int)username.len,
                     (const char *)username.data, password);
    md5((const uint8_t *)text, (size_t)n, digest);
    hmac_sha1_key(key, digest, sizeof digest);
    explicit_bzero(password, sizeof password);
    explicit_bzero(text, sizeof text);
    explicit_bzero(digest, sizeof digest);
    return true;
}

bool turn_username(struct bytes username, uint64_t *expiry, struct bytes *id)
{
    size_t i = 0;
    *expiry = 0;
    if (username.len > TURN_USERNAME_MAX)
        return false;
    for (; i < username.len && username.data[i] >= '0' && username.data[i] <= '9'; i++)
        *expiry = *expiry * 10 + (uint64_t)(username.data[i] - '0');
    if (i == 0 || i > 12 || i + 1 >= username.len || username.data[i] != ':')
        return false;
    *id = (struct bytes){username.data + i + 1, username.len - i - 1};
    return memchr(username.data, 0, username.len) == NULL;
}

/* --- nonces --- */

static void nonce_of(const struct hmac_sha1 *secret, const struct address *client, uint64_t window,
                     char out[TURN_NONCE_SIZE])
{
    static const char purpose[] = "nonce"; /* no username begins so */
    uint8_t text[16 + 2 + 8], mac[SHA1_SIZE];
    const struct bytes parts[] = {{(const uint8_t *)purpose, sizeof purpose}, {text, sizeof text}};
    memcpy(text, client->ip, 16);
    put16(text + 16, client->port);
    put64(text + 18, window);
    hmac_sha1(secret, parts, 2, mac);
    base64(mac, 3, out);
}

void turn_nonce(const struct hmac_sha1 *secret, const struct address *client, uint64_t unix_s,
                char out[TURN_NONCE_SIZE])
{
    nonce_of(secret, client, unix_s / NONCE_WINDOW, out);
}

bool turn_nonce_valid(const struct hmac_sha1 *secret, const struct address *client, uint64_t unix_s,
                      struct bytes nonce)
{
    char expected[TURN_NONCE_SIZE];
    for (uint64_t back = 0; back < 2; back++) {
        nonce_of(secret, client, unix_s / NONCE_WINDOW - back, expected);
        if (bytes_equal(nonce, expected, sizeof expected))
            return true;
    }
    return false;
}
