/* A WebSocket: texts arrive in order, none is lost, some are late; either end may close or vanish. */
#pragma once
#include "tests/sim/sim.h"
#include <stddef.h>

struct participant;
struct guest;
struct letter;

struct socket {
    struct socket *next;                  /* of the server's list; all live until the end of the run */
    struct guest *guest;                  /* NULL: the guest closed it */
    struct participant *participant;      /* NULL: the server has no connection for it, or no longer */
    bool closing;                         /* the server's side */
    mp_time up_at, down_at;               /* arrival of the last text */
    struct letter *up_first, *down_first; /* in flight, in order */
    mp_time delay;
};

struct socket *socket_open(struct sim *, struct guest *);
void socket_text(struct sim *, struct socket *, bool up, const char *, size_t len);
void socket_close(struct sim *, struct socket *, bool up, mp_time after);

/* server.c's ends of it */
void server_opened(struct sim *, struct socket *);
void server_text(struct sim *, struct socket *, const char *, size_t len);
void server_closed(struct sim *, struct socket *);
