/* One worker's UDP socket: receives batches, sends runs. Every worker binds its own socket to the same port
 * (SO_REUSEPORT); the kernel's flow hash distributes clients among them. */
#pragma once
#include "base/path.h"
#include "base/time.h"
#include "base/transmit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct udp;

/* Whether the port is free: with SO_REUSEPORT the server would silently share it with another process of the
 * same user. False: *error. */
bool udp_probe(const struct address *listen, const char **error);
enum udp_sending {
    UDP_RUNS,    /* runs of datagrams, segmented by the kernel (GSO), many in one call */
    UDP_BATCHES, /* datagrams, many in one call */
    UDP_SINGLY,  /* one call for each datagram, for comparison */
};
/* ip all zero: every address, both families */
struct udp *udp_open(const struct address *listen, enum udp_sending, const char **error);
void udp_close(struct udp *);
int udp_fd(const struct udp *);

typedef void udp_each(void *context, const struct path *, const uint8_t *, size_t len, mp_time arrival);
/* Receives one batch without waiting and calls `each` for every datagram; coalesced ones (GRO) are split.
 * `arrival` is when the kernel received it, never later than `now`. Returns the number of messages from the
 * kernel; RX_BATCH: there may be more. */
size_t udp_receive(struct udp *, udp_each *, void *context, mp_time now);

/* Datagrams that the kernel dropped since the last call, because the socket's buffer was full (before Linux
 * 4.12: always 0). */
uint32_t udp_dropped(struct udp *);

struct udp_sent {
    /* errors: datagrams that the kernel refused, lost */
    uint64_t datagrams, bytes, operations, errors;
};
/* Sends all of them without waiting; adds to `sent`. */
void udp_send(struct udp *, const struct transmit *, size_t count, struct udp_sent *sent);
