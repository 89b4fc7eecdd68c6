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

void feedback_packet(struct feedback *f, const uint8_t *data, size_t len, mp_time arrival)
{
    uint16_t number;
    if (!transport_number(data, len, &number))
        return;
    twcc_arrived(&f->arrivals, number, arrival);
    f->media = get32(data + 8);
}

size_t feedback_write(struct feedback *f, uint8_t *out, size_t size, uint32_t sender)
{
    return twcc_write(&f->arrivals, out, size, sender, f->media);
}
