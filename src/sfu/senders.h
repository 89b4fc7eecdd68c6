/* Index of sessions by the SSRCs that they send. It finds a session whose media comes from an unknown
 * address, after its NAT or its network changed the address. Authentication has to confirm the result. A
 * look-up costs a bounded number of comparisons, whatever clients send.
 *
 * A sender has two entries. One has its SSRC and its network (an IPv4 address, a /64): a NAT that forgets a
 * mapping keeps its address, and an IPv6 host that changes its address keeps its /64. The other has its SSRC
 * alone; it helps only clients that send media, because Chromium sends a viewer's feedback under SSRC 1. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrival;
struct session;

#define SENDERS_MAX      4  /* of one session: the first SSRCs that it sent */
#define SENDER_STEPS_MAX 64 /* entries that one look-up may pass, in each of its two chains */
#define SENDER_TRIES_MAX 4  /* sessions that one datagram may be tried with */

struct sender_entry {
    struct sender_entry *next, **link; /* of its chain */
    struct sender *sender;
    uint64_t hash;
};

struct sender {
    struct session *session;
    uint32_t ssrc;
    mp_time bye_at; /* of its last BYE; 0: none */
    struct sender_entry placed, alone;
};

struct senders {
    struct sender_entry **chains;
    size_t mask;
    uint64_t key;
};

bool senders_init(struct senders *, size_t capacity, uint64_t key); /* false: no memory */
void senders_free(struct senders *);
/* Fills in `sender`, which must not move in memory until sender_remove. */
void sender_add(struct senders *, struct sender *, struct session *, uint32_t ssrc,
                const struct address *place);
void sender_move(struct senders *, struct sender *,
                 const struct address *place); /* its session has this address now */
void sender_remove(struct sender *);
/* Sessions that may have sent this datagram of this SSRC, likely ones first, each once; `expects` looks
 * closer. At most SENDER_TRIES_MAX. */
typedef bool sender_expects(const struct session *, const struct arrival *);
size_t senders_find(const struct senders *, uint32_t ssrc, const struct arrival *, sender_expects *,
                    struct session *found[SENDER_TRIES_MAX]);
