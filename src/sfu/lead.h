/* What stands in front of a picture in packets of its own (H.264: parameter sets, SEI, delimiters) waits for the picture's
 * first packet, which tells whether it is a key frame. If it is, whoever begins there begins with these packets, for without its
 * parameter sets nobody decodes it. No picture is later for it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct packet;
struct packet_pool;

#define LEAD_MAX 8 /* a delimiter, SPS, some PPS and SEI; with more the first go ahead */

struct lead {
    uint32_t ssrc;
    uint8_t count;
    struct packet *packets[LEAD_MAX]; /* of one timestamp, in order of arrival */
};

/* Whether this packet, which leads, may be added to those that wait. */
bool lead_takes(const struct lead *, uint32_t ssrc, const struct packet *);
void lead_add(struct lead *, uint32_t ssrc, struct packet *); /* takes a reference */
/* Another packet of the source came. True: those that wait belong to its key frame, and viewers may begin at the first of them. */
bool lead_mark(struct lead *, uint32_t ssrc, const struct packet *next);
void lead_drop(struct packet_pool *, struct lead *); /* gives them back */
