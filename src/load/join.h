/* One client's signaling, without a socket: text in, text out. */
#pragma once
#include "base/time.h"
#include "load/describe.h"
#include "load/options.h"
#include <stdbool.h>

struct join;

struct join_io { /* shared by all clients */
    void *context;
    /* A message for the client's socket. */
    void (*send)(void *context, unsigned number, const char *text, size_t len);
    /* The server's answer arrived: connect. */
    void (*connect)(void *context, unsigned number, const struct media_remote *);
    /* The client failed; called once. */
    void (*failed)(void *context, unsigned number, const char *why);
};

struct join *join_new(const struct options *, const struct join_io *, unsigned number,
                      const struct media_peer *, const uint8_t fingerprint[32]); /* NULL: no memory */
void join_free(struct join *);
void join_opened(struct join *); /* call when the socket is open */
void join_text(struct join *, const char *text, size_t len);
/* Tells the wishes that change with time. */
void join_step(struct join *, mp_time now);
uint64_t join_views(const struct join *); /* `view` messages so far */
void join_leave(struct join *);
