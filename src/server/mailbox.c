#include "server/mailbox.h"
#include "base/check.h"
#include <stdlib.h>
#include <string.h>

struct deferred {
    struct deferred *next;
    struct message message;
    uint8_t payload[];
};

static size_t deferred_size(const struct message *m) { return sizeof(struct deferred) + m->payload.len; }

bool mailbox_init(struct mailbox *m, size_t size, struct waker *reader)
{
    *m = (struct mailbox){.reader = reader};
    return ring_init(&m->ring, size);
}

void mailbox_free(struct mailbox *m)
{
    while (m->first) {
        struct deferred *d = m->first;
        m->first = d->next;
        free(d);
    }
    ring_free(&m->ring);
}

static bool push(struct mailbox *m, const struct message *message)
{
    bool pushed = ring_push(&m->ring, message, sizeof *message, message->payload.data, message->payload.len);
    m->unread |= !pushed || !message_may_wait(message); /* if there is no room, the reader has to make some */
    return pushed;
}

static void wake(struct mailbox *m)
{
    if (!m->unread)
        return;
    m->unread = false;
    /* The reader swaps its state to asleep and then checks its rings once more. The writer writes the message
     * and then swaps the state to awake. The thread whose swap comes second sees everything that the other
     * did before its swap. */
    if (atomic_exchange(&m->reader->sleeping, false))
        m->reader->wake(m->reader->context);
}

/* True: no message waits any more. */
static bool push_deferred(struct mailbox *m)
{
    while (m->first) {
        struct deferred *d = m->first;
        if (!push(m, &d->message))
            return false;
        m->first = d->next;
        m->waiting -= deferred_size(&d->message);
        free(d);
    }
    return true;
}

bool mailbox_flush(struct mailbox *m)
{
    bool done = push_deferred(m);
    wake(m);
    return done;
}

/* False: no memory. */
static bool defer(struct mailbox *m, const struct message *message)
{
    struct deferred *d = malloc(deferred_size(message));
    if (!d)
        return false;
    d->next = NULL;
    d->message = *message;
    if (message->payload.len)
        memcpy(d->payload, message->payload.data, message->payload.len);
    d->message.payload.data = d->payload;
    if (m->first)
        m->last->next = d;
    else
        m->first = d;
    m->last = d;
    m->waiting += deferred_size(message);
    return true;
}

bool mailbox_send(struct mailbox *m, const struct message *message)
{
    if (push_deferred(m) && push(m, message))
        return true;
    if (message_may_drop(message))
        return m->waiting + deferred_size(message) <= MAILBOX_WAITING && defer(m, message);
    bool deferred = defer(m, message);
    INVARIANT(deferred); /* after a lost state change two threads would disagree forever */
    return true;
}

bool mailbox_peek(struct mailbox *m, struct message *message)
{
    size_t len;
    const uint8_t *data = ring_peek(&m->ring, &len);
    if (!data)
        return false;
    INVARIANT(len >= sizeof *message);
    memcpy(message, data, sizeof *message);
    message->payload = (struct bytes){data + sizeof *message, len - sizeof *message};
    return true;
}

void mailbox_next(struct mailbox *m) { ring_pop(&m->ring); }
