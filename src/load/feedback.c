#include "load/feedback.h"
#include "load/source.h"

#define HEADER_MAX   128 /* bytes of a header that is read; the server's are below 60 */
#define PADDING_FLAG 0x20

/* The padding of an encrypted packet cannot be read, so its header is parsed as that of a packet without. */
static bool transport_number(const uint8_t *data, size_t len, uint16_t *number)
{
    uint8_t header[HEADER_MAX];
    struct rtp_view v;
    struct bytes value;
    size_t n = rtp_header_len(data, len);
    if (!n || n > sizeof header)
        return false;
    memcpy(header, data, n);
    header[0] &= (uint8_t)~PADDING_FLAG;
    if (!rtp_parse(&v, header, n) || !rtp_extension_find(&v, SEND_TRANSPORT_CC, &value) || value.len != 2)
        return false;
    *number = get16(value.data);
    return true;
}

/* Tells the arrivals until `now`, and of a full queue the first one. */
static void take_later(struct feedback *f, mp_time now)
{
    while (f->later_count) {
        const struct feedback_arrival *a = &f->later[f->later_first];
        if (a->at > now && f->later_count < FEEDBACK_LATER)
            return;
        twcc_arrived(&f->arrivals, a->number, a->at);
        f->later_first = (f->later_first + 1) % FEEDBACK_LATER;
        f->later_count--;
    }
}

void feedback_packet(struct feedback *f, const uint8_t *data, size_t len, mp_time arrival, mp_time now)
{
    uint16_t number;
    if (!transport_number(data, len, &number))
        return;
    f->media = get32(data + 8);
    if (arrival <= now && !f->later_count) {
        twcc_arrived(&f->arrivals, number, arrival);
        return;
    }
    take_later(f, now);
    f->later[(f->later_first + f->later_count++) % FEEDBACK_LATER] =
        (struct feedback_arrival){.at = arrival, .number = number};
}

size_t feedback_write(struct feedback *f, uint8_t *out, size_t size, uint32_t sender, mp_time now)
{
    take_later(f, now);
    return twcc_write(&f->arrivals, out, size, sender, f->media);
}
