/* Messages from one thread to one other, over a ring: bounded, in order, without a lock.
 *
 * If the ring is full, messages wait on the writer's side, in order, until the reader has made room: one turn
 * of a worker may write more than a ring holds, and without its last packets a key frame is useless. If
 * MAILBOX_WAITING bytes wait already, the writer drops messages that may be dropped; a message that must
 * arrive always waits. The writer wakes the reader only if it sleeps, and once for all messages of a turn, so
 * that the reader gets the packets of a frame together. */
#pragma once
#include "base/ring.h"
#include "sfu/message.h"
#include <stdatomic.h>
#include <stdbool.h>

struct waker { /* of the reading thread; shared by all its mailboxes */
    _Atomic bool sleeping;
    void (*wake)(void *context);
    void *context;
};

struct deferred;
struct mailbox {
    struct ring ring;
    struct waker *reader;
    struct deferred *first, *last; /* writer's */
    size_t waiting;                /* writer's: bytes of the deferred messages */
    bool unread;                   /* writer's: since the last wake-up a message was sent that may not wait */
};

bool mailbox_init(struct mailbox *, size_t size, struct waker *reader); /* false: no memory */
void mailbox_free(struct mailbox *);

/* Writer; mailbox_flush must follow. False: it was dropped. */
bool mailbox_send(struct mailbox *, const struct message *);
/* Writer: retries deferred messages, and wakes the reader unless all new ones may wait. True: no message is
 * deferred. */
bool mailbox_flush(struct mailbox *);

/* Reader: the oldest message; its payload is valid until mailbox_next. False: empty. */
bool mailbox_peek(struct mailbox *, struct message *);
void mailbox_next(struct mailbox *);

/* Reader: before it sleeps. It must look into its mailboxes once more after waker_sleep. */
static inline void waker_sleep(struct waker *w) { atomic_exchange(&w->sleeping, true); }
static inline void waker_awake(struct waker *w) { atomic_store(&w->sleeping, false); }
