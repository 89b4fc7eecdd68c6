#include "load/simulcast.h"
#include "base/bytes.h"

const struct simulcast_layer simulcast[SIMULCAST_MAX] = {
    {"q", 150000, 320, 180}, {"h", 450000, 640, 360}, {"f", 1800000, 1280, 720}};

uint32_t simulcast_bps(unsigned layers)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < layers; i++)
        sum += simulcast[i].bps;
    return sum;
}

uint32_t simulcast_share(unsigned layer, unsigned layers, uint32_t bps)
{
    return (uint32_t)((uint64_t)bps * simulcast[layer].bps / simulcast_bps(layers));
}

/* --- pictures --- */

#define KEY_SHARE  6.0 /* a key frame, in mean pictures */
#define SAVE_SHARE 0.2 /* of a picture's size, for a key frame */

/* The pattern that libwebrtc repeats behind a key frame. The sync pictures refer to temporal layer 0
 * alone. */
static const struct {
    uint8_t temporal;
    bool sync;
} pattern[] = {{0, false}, {2, true}, {1, true}, {2, false}, {0, false}, {2, false}, {1, false}, {2, false}};

#define PATTERN (sizeof pattern / sizeof *pattern)

void pictures_init(struct pictures *p, struct prng *prng)
{
    *p = (struct pictures){.id = (uint16_t)prng_below(prng, 0x8000), .tl0 = (uint8_t)prng_below(prng, 0x100)};
}

static unsigned temporal(const struct pictures *p) { return pattern[p->place % PATTERN].temporal; }

void pictures_next(struct pictures *p, bool key)
{
    p->key = key;
    p->place = key ? 0 : p->place + 1;
    p->id = (p->id + 1) & 0x7fff;
    p->tl0 += temporal(p) == 0;
}

/* The rate of the temporal layers is shared 40 : 20 : 40, over a quarter, a quarter and half of the
 * pictures. */
double pictures_share(const struct pictures *p)
{
    static const double shares[] = {1.6, 0.8, 0.8};
    return p->key ? KEY_SHARE : shares[temporal(p)];
}

double pictures_save(double size, double *owed)
{
    double saved = size * SAVE_SHARE;
    if (*owed >= 0)
        return size;
    if (saved > -*owed)
        saved = -*owed;
    *owed += saved;
    return size - saved;
}

/*  0 1 2 3 4 5 6 7
 * |X|R|N|S|R| PID |   N: no other picture refers to this one
 * |I|L|T|K|  RSV  |
 * |M| PictureID   |
 * |   PictureID   |
 * |   TL0PICIDX   |
 * |TID|Y|  KEYIDX | */
size_t pictures_write(const struct pictures *p, uint8_t *out)
{
    unsigned layer = temporal(p);
    out[0] = (uint8_t)(0x80 | (layer == 2 ? 0x20 : 0));
    out[1] = 0xe0;
    put16(out + 2, (uint16_t)(0x8000 | p->id));
    out[4] = p->tl0;
    out[5] = (uint8_t)(layer << 6 | (pattern[p->place % PATTERN].sync ? 0x20 : 0));
    return PICTURES_DESCRIPTOR;
}
