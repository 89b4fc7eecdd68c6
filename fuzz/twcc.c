/* Transport-wide feedback: the parser, and our writer against it. */
#include "proto/twcc.h"
#include "fuzz/fuzz.h"
#include "proto/rtcp.h"

struct seen {
    uint16_t next;
    size_t packets, received;
    bool begun;
};

static void packet(void *context, uint16_t seq, bool received, int64_t arrival)
{
    struct seen *s = context;
    INVARIANT(!s->begun || seq == s->next);
    s->begun = true;
    s->next = (uint16_t)(seq + 1);
    s->packets++;
    s->received += received;
}

/* Our feedback reports each arrival of the input once, in packets that our parser accepts. */
static void record(struct bytes s)
{
    static struct twcc_record r;
    uint8_t out[512];
    size_t arrived = 0, told = 0, size = 64 + script_u8(&s);
    uint16_t seq = script_u16(&s);
    mp_time now = MP_S(1);
    r = (struct twcc_record){0};
    while (s.len) {
        seq = (uint16_t)(seq + 1 + script_u8(&s) % 16);
        now += MP_US(100) * script_u16(&s);
        twcc_arrived(&r, seq, now);
        arrived++;
    }
    for (size_t n; twcc_pending(&r) && (n = twcc_write(&r, out, size, 1, 2));) {
        struct twcc_feedback f;
        struct rtcp_view v;
        struct seen seen = {0};
        size_t at = 0;
        INVARIANT(n <= size && n % 4 == 0 && rtcp_next(&v, out, n, &at) && at == n);
        INVARIANT(twcc_parse((struct bytes){v.body.data + 8, v.body.len - 8}, &f, packet, &seen));
        INVARIANT(seen.packets == f.count);
        told += seen.received;
    }
    INVARIANT(told <= arrived && (!arrived || told));
}

void fuzz_twcc(const uint8_t *data, size_t len)
{
    struct twcc_feedback f;
    struct seen seen = {0};
    if (twcc_parse((struct bytes){data, len}, &f, packet, &seen))
        INVARIANT(seen.packets == f.count);
    INVARIANT(seen.packets <= UINT16_MAX);
    record((struct bytes){data, len < 2000 ? len : 2000});
}
