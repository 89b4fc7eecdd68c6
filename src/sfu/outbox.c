#include "sfu/outbox.h"
#include "base/check.h"
#include "sfu/core.h"
#include <stdlib.h>

/* An empty queue restarts at its first slot: its memory stays in the cache, and a turn touches no more than
 * it needs. */
static void begin_again(size_t *head, size_t *tail)
{
    if (*head == *tail)
        *head = *tail = 0;
}

bool outbox_init(struct sfu *sfu)
{
    sfu->outbox.items = calloc(OUTBOX_MAX, sizeof *sfu->outbox.items);
    sfu->emissions.size = EMISSIONS_MAX;
    sfu->emissions.items = calloc(EMISSIONS_MAX, sizeof *sfu->emissions.items);
    return sfu->outbox.items && sfu->emissions.items;
}

void outbox_free(struct sfu *sfu)
{
    struct outbox *o = &sfu->outbox;
    struct emissions *e = &sfu->emissions;
    for (; o->items && o->tail != o->head; o->tail++)
        packet_drop(&sfu->pool, o->items[o->tail & (OUTBOX_MAX - 1)].packet);
    for (; e->items && e->tail != e->head; e->tail++)
        if (e->items[e->tail & (e->size - 1)].packet)
            packet_drop(&sfu->pool, e->items[e->tail & (e->size - 1)].packet);
    if (e->lent)
        packet_drop(&sfu->pool, e->lent);
    free(o->items);
    free(e->items);
}

struct packet *outbox_packet(struct sfu *sfu)
{
    struct packet *p = packet_take(&sfu->pool);
    if (!p)
        drop(sfu, DROP_POOL);
    return p;
}

void outbox_send(struct sfu *sfu, const struct path *path, struct packet *packet)
{
    struct outbox *o = &sfu->outbox;
    if (o->head - o->tail == OUTBOX_MAX) {
        drop(sfu, DROP_OUTBOX);
        packet_drop(&sfu->pool, packet);
        return;
    }
    begin_again(&o->head, &o->tail);
    o->items[o->head++ & (OUTBOX_MAX - 1)] = (struct datagram){*path, packet};
}

void outbox_copy(struct sfu *sfu, const struct path *path, const uint8_t *data, size_t len)
{
    struct packet *p = outbox_packet(sfu);
    if (!p)
        return;
    INVARIANT(len <= PACKET_SIZE);
    memcpy(p->data, data, len);
    p->len = (uint16_t)len;
    outbox_send(sfu, path, p);
}

static void emissions_grow(struct emissions *e)
{
    struct emission *items = malloc(2 * e->size * sizeof *items);
    INVARIANT(items != NULL); /* a lost state change would leave two threads in disagreement for ever */
    for (size_t i = e->tail; i != e->head; i++)
        items[i & (2 * e->size - 1)] = e->items[i & (e->size - 1)];
    free(e->items);
    e->items = items;
    e->size *= 2;
}

void outbox_emit(struct sfu *sfu, const struct message *message, struct packet *packet)
{
    struct emissions *e = &sfu->emissions;
    begin_again(&e->head, &e->tail);
    size_t used = e->head - e->tail;
    if (message_may_drop(message) && used >= EMISSIONS_MAX / 4 * 3) {
        drop(sfu, DROP_INBOX);
        return;
    }
    if (used == e->size)
        emissions_grow(e);
    struct emission *item = &e->items[e->head++ & (e->size - 1)];
    item->message = *message;
    item->message.from = (uint8_t)sfu->config.worker;
    item->packet = packet ? packet_ref(packet) : NULL;
}

bool sfu_emit(struct sfu *sfu, struct message *message)
{
    struct emissions *e = &sfu->emissions;
    if (e->lent) {
        packet_drop(&sfu->pool, e->lent);
        e->lent = NULL;
    }
    if (e->tail == e->head)
        return false;
    struct emission *item = &e->items[e->tail++ & (e->size - 1)];
    *message = item->message;
    message->payload = (struct bytes){NULL, 0};
    if (item->packet) {
        e->lent = item->packet;
        message->payload = (struct bytes){item->packet->data, item->packet->len};
    }
    return true;
}

bool outbox_may_answer(struct sfu *sfu, const struct path *path, mp_time now)
{
    struct rate *rate = &sfu->stun_rates[address_network_hash(&path->remote, sfu->hash_key) % STUN_BUCKETS];
    if (rate_take(rate, 1, STUN_ANSWERS_PER_S, STUN_ANSWERS_BURST, now))
        return true;
    drop(sfu, DROP_STUN_RATE);
    return false;
}
