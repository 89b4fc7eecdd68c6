/* WebSocket clients: many connections to one server, served by the thread that calls sockets_service. */
#pragma once
#include "base/time.h"
#include "load/options.h"
#include <stddef.h>

struct sockets;

struct socket_handler {
    void *context;
    void (*opened)(void *context, unsigned number);
    void (*text)(void *context, unsigned number, const char *text, size_t len);
    /* The connection ended or failed to open: `why`; NULL: closed in order. Not called by sockets_free. */
    void (*closed)(void *context, unsigned number, const char *why);
    void (*tick)(void *context); /* every SOCKETS_TICK */
};

#define SOCKETS_TICK MP_MS(10)

struct sockets *sockets_new(const struct options *, const struct socket_handler *,
                            unsigned count); /* NULL: failed */
void sockets_free(struct sockets *);
/* first call, or after `closed`; false: could not begin to connect */
bool sockets_open(struct sockets *, unsigned number);
void sockets_send(struct sockets *, unsigned number, const char *text, size_t len);
/* closes as if the client's program were killed; calls `closed` soon */
void sockets_cut(struct sockets *, unsigned number);
void sockets_service(struct sockets *); /* waits for the next event */
