/* Packets that precede a picture (H.264: parameter sets, SEI, delimiters) wait for the picture's first
 * packet, which tells whether it is a key frame. If so, viewers start with these packets, because nobody can
 * decode the picture without its parameter sets. No picture is delayed. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct packet;
struct packet_pool;

#define LEAD_MAX 8 /* a delimiter, SPS, some PPS and SEI; if more arrive, the waiting ones are forwarded */

struct lead {
    uint32_t ssrc;
    uint8_t count;
    struct packet *packets[LEAD_MAX]; /* of one timestamp, in order of arrival */
};

/* Whether this leading packet may join the waiting ones. */
bool lead_takes(const struct lead *, uint32_t ssrc, const struct packet *);
void lead_add(struct lead *, uint32_t ssrc, struct packet *); /* takes a reference */
/* Another packet of the source arrived. True: the waiting packets belong to its key frame, and viewers may
 * start with the first of them. */
bool lead_mark(struct lead *, uint32_t ssrc, const struct packet *next);
void lead_drop(struct packet_pool *, struct lead *); /* releases them */
