/* A client's ICE-TCP connection (RFC 6544; frames of RFC 4571). */
#pragma once
#include "mptime.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct media_stream;

/* Connects, waiting for it: *fd, -1 where it failed. NULL: so it did. */
struct media_stream *stream_connect(const struct sockaddr *, socklen_t, int *fd);
void stream_free(struct media_stream *);

bool stream_send(int fd, const uint8_t *, size_t len); /* one datagram; false: not sent */
/* Reads what is there and calls `each` for every datagram. False: the connection ended. */
bool stream_read(struct media_stream *, int fd,
                 void (*each)(void *context, const uint8_t *, size_t len, mp_time), void *context,
                 mp_time now);
