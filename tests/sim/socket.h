/* A WebSocket: texts in order, none lost, however late; either end may close, or be gone without a word. */
#pragma once
#include "tests/sim/sim.h"
#include <stddef.h>

struct participant;
struct guest;
struct letter;

struct socket {
    struct socket *next;                  /* of the server's list; all live until the end of the run */
    struct guest *guest;                  /* NULL: it has given it up */
    struct participant *participant;      /* NULL: the server has not, or has no longer, anybody behind it */
    bool closing;                         /* the server's side */
    mp_time up_at, down_at;               /* when the last letter arrives */
    struct letter *up_first, *down_first; /* under way, in order */
    mp_time delay;
};

struct socket *socket_open(struct sim *, struct guest *);
void socket_text(struct sim *, struct socket *, bool up, const char *, size_t len);
void socket_close(struct sim *, struct socket *, bool up, mp_time after);

/* server.c's ends of it */
void server_opened(struct sim *, struct socket *);
void server_text(struct sim *, struct socket *, const char *, size_t len);
void server_closed(struct sim *, struct socket *);
