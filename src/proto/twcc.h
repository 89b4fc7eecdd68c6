/* Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): the
 * receiver's record of arrivals, the writer of feedback packets, and their parser. */
#pragma once
#include "base/bytes.h"
#include "base/time.h"
#include <stdbool.h>

#define TWCC_STATUSES 4096 /* a few bytes can tell of 65,535; browsers report ten times a second */
#define TWCC_WINDOW   1024 /* sequence numbers remembered; a power of two */

struct twcc_record {
    mp_time arrival[TWCC_WINDOW]; /* 0: not received */
    int64_t next;                 /* first extended number without feedback */
    int64_t end;                  /* highest received + 1 */
    bool started;
    uint8_t feedback_count;
};

/* Notes one packet's arrival (`now` > 0). Numbers far behind or far ahead of the window restart the
 * record. */
void twcc_arrived(struct twcc_record *, uint16_t seq, mp_time now);
bool twcc_pending(const struct twcc_record *); /* packets arrived since the last feedback */
/* Writes one feedback packet about the pending packets, as many as fit in `size` (at least 64). 0: none. */
size_t twcc_write(struct twcc_record *, uint8_t *out, size_t size, uint32_t sender, uint32_t media);

struct twcc_feedback { /* a parsed packet's head */
    uint16_t base_seq, count;
    int32_t reference_time; /* multiples of 64 ms */
    uint8_t feedback_count;
};
/* Parses the FCI (body of an RTPFB packet with FMT 15, behind the two SSRCs). Calls `packet` for each
 * sequence number in order: arrival in units of 250 us since the reference time of 0, or received false.
 * False: malformed (the callback may have run for a first part), or of more than TWCC_STATUSES packets. */
bool twcc_parse(struct bytes fci, struct twcc_feedback *,
                void (*packet)(void *, uint16_t seq, bool received, int64_t arrival_250us), void *context);
