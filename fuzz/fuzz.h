/* A fuzz target is a function of some bytes: it feeds them to one parser or state machine and checks the
 * result. libFuzzer calls it by driver.c; replay_test.c calls all targets with the files of the corpus. The
 * checks are INVARIANTs, so that a build without libFuzzer has them too. */
#pragma once
#include "base/bytes.h"
#include "base/check.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_TARGETS(X)                                                                                      \
    X(adapt)                                                                                                 \
    X(candidate)                                                                                             \
    X(codec)                                                                                                 \
    X(containers)                                                                                            \
    X(dd)                                                                                                    \
    X(demux)                                                                                                 \
    X(dtls)                                                                                                  \
    X(h2)                                                                                                    \
    X(http)                                                                                                  \
    X(links)                                                                                                 \
    X(red)                                                                                                   \
    X(rtcp)                                                                                                  \
    X(rtp)                                                                                                   \
    X(sdp)                                                                                                   \
    X(sfu)                                                                                                   \
    X(signaling)                                                                                             \
    X(speaker)                                                                                               \
    X(srtp)                                                                                                  \
    X(stream)                                                                                                \
    X(stun)                                                                                                  \
    X(turn)                                                                                                  \
    X(twcc)                                                                                                  \
    X(vla)                                                                                                   \
    X(web)                                                                                                   \
    X(whip)
#define X(name) void fuzz_##name(const uint8_t *, size_t);
FUZZ_TARGETS(X)
#undef X

/* --- an input as a script: numbers first, then bytes --- */

static inline uint8_t script_u8(struct bytes *b)
{
    if (!b->len)
        return 0;
    b->len--;
    return *b->data++;
}

static inline uint16_t script_u16(struct bytes *b)
{
    uint16_t high = script_u8(b);
    return (uint16_t)(high << 8 | script_u8(b));
}

static inline uint32_t script_u32(struct bytes *b)
{
    uint32_t high = script_u16(b);
    return high << 16 | script_u16(b);
}

/* The next bytes behind their length in two bytes, cut where the script ends. */
static inline struct bytes script_bytes(struct bytes *b)
{
    size_t len = script_u16(b);
    struct bytes v = {b->data, len < b->len ? len : b->len};
    b->data += v.len;
    b->len -= v.len;
    return v;
}

/* Runs the script: at most `most` steps, each of which consumes its bytes. */
static inline void script_play(const uint8_t *data, size_t len, unsigned steps, void (*step)(struct bytes *))
{
    struct bytes s = {data, len};
    for (; s.len && steps; steps--)
        step(&s);
}
