#include "http/utf8.h"

/* RFC 3629 4: refuses overlong forms, surrogates, and values over U+10FFFF. */
static bool begin(struct utf8 *u, uint8_t c)
{
    if (c < 0xc2 || c > 0xf4)
        return false;
    u->left = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return true;
}

bool utf8_check(struct utf8 *u, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        if (!u->left && c < 0x80)
            continue;
        if (!u->left) {
            if (!begin(u, c))
                return false;
            continue;
        }
        if (c < u->low || c > u->high)
            return false;
        u->left--;
        u->low = 0x80;
        u->high = 0xbf;
    }
    return true;
}
