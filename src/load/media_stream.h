/* A client's connection: ICE-TCP (RFC 6544; frames of RFC 4571), or TURN over TCP or TLS. */
#pragma once
#include "base/time.h"
#include "load/options.h"
#include "load/turn_client.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct media_stream;

struct media_stream_config {
    enum way way; /* none of UDP */
    const struct sockaddr *to;
    socklen_t len;
    struct address server;   /* the same, where TURN's only peer is, too */
    struct turn_login login; /* of TURN */
};

/* Connects, and blocks until done. Sets *fd, -1 after a failure. NULL: failed. */
struct media_stream *media_stream_connect(const struct media_stream_config *, int *fd);
void media_stream_free(struct media_stream *);

/* one datagram; false: not sent */
bool media_stream_send(struct media_stream *, int fd, const uint8_t *, size_t len);
/* Reads the available bytes and calls `each` for every datagram. False: the connection ended. */
bool media_stream_read(struct media_stream *, int fd,
                       void (*each)(void *context, const uint8_t *, size_t len, mp_time), void *context,
                       mp_time now);
