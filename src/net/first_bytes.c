#include "net/first_bytes.h"
#include "base/limits.h"

#define RECORD_HEADER   5
#define RECORD_MAX      16384
#define HANDSHAKE       22
#define CLIENT_HELLO    1
#define HELLO_MIN       38 /* RFC 8446 4.1.2: version, random, and the lengths of what follows them */
#define STUN_HEADER     20
#define STUN_COOKIE     0x2112a442u
#define BINDING_REQUEST 0x0001

/* --- TLS --- */

/* Length of the handshake message at the start of `flat`; SIZE_MAX: not known yet. */
static size_t message_len(const uint8_t *flat, size_t n)
{
    return n < 4 ? SIZE_MAX : 4 + (size_t)get24(flat + 1);
}

/* Copies the handshake bytes of the records so far, until the first message is complete. Ignores data behind
 * the ClientHello (early data). -1: not TLS. */
static int flatten(const uint8_t *data, size_t len, uint8_t out[FIRST_BYTES_MAX])
{
    size_t n = 0;
    while (len > 0 && n < message_len(out, n)) {
        if (data[0] != HANDSHAKE || (len > 1 && data[1] != 3))
            return -1;
        if (len < RECORD_HEADER)
            break;
        size_t record = get16(data + 3), here = len - RECORD_HEADER;
        if (record == 0 || record > RECORD_MAX)
            return -1;
        if (here > record)
            here = record;
        memcpy(out + n, data + RECORD_HEADER, here);
        n += here;
        data += RECORD_HEADER + here;
        len -= RECORD_HEADER + here;
    }
    return (int)n;
}

static enum first_bytes of_tls(const uint8_t *data, size_t len)
{
    uint8_t flat[FIRST_BYTES_MAX];
    int n = flatten(data, len, flat);
    if (n < 0 || (n > 0 && flat[0] != CLIENT_HELLO))
        return FIRST_NONE;
    size_t hello = message_len(flat, (size_t)n);
    if ((size_t)n >= hello)
        return hello - 4 < HELLO_MIN ? FIRST_NONE : FIRST_TLS;
    return len < FIRST_BYTES_MAX && (n < 4 || hello < FIRST_BYTES_MAX) ? FIRST_MORE : FIRST_NONE;
}

/* --- STUN --- */

static enum first_bytes of_stun(const uint8_t *data, size_t len)
{
    if (len < 8)
        return FIRST_MORE;
    if (data[0] < 2 && get32(data + 4) == STUN_COOKIE)
        return FIRST_TURN;
    size_t frame = get16(data);
    if (frame < STUN_HEADER || frame > DATAGRAM_IN_MAX || get16(data + 2) != BINDING_REQUEST)
        return FIRST_NONE;
    if (len < 10)
        return FIRST_MORE;
    if (get32(data + 6) != STUN_COOKIE)
        return FIRST_NONE;
    return len < 2 + frame ? FIRST_MORE : FIRST_ICE;
}

/* --- either --- */

static bool is_letter(uint8_t c) { return c >= 'A' && c <= 'Z'; }

enum first_bytes first_bytes(const uint8_t *data, size_t len)
{
    if (len == 0)
        return FIRST_MORE;
    if (len > FIRST_BYTES_MAX)
        len = FIRST_BYTES_MAX;
    if (data[0] == HANDSHAKE)
        return of_tls(data, len);
    if (is_letter(data[0]))
        return FIRST_HTTP;
    return data[0] <= DATAGRAM_IN_MAX >> 8 ? of_stun(data, len) : FIRST_NONE;
}

enum first_bytes first_bytes_inside(const uint8_t *data, size_t len)
{
    enum first_bytes first = first_bytes(data, len);
    bool ours = first == FIRST_MORE || first == FIRST_HTTP || first == FIRST_TURN;
    return ours && !(len && data[0] == HANDSHAKE) ? first : FIRST_NONE;
}
