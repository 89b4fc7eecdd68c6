/* Between media.c, the thread, and media_peer.c, one client in it. */
#pragma once
#include "media.h"
#include <pthread.h>

#define MEDIA_BATCH 16

struct media {
    const struct options *options;
    unsigned index, count;
    uint32_t run;
    struct dtls_identity *identity;
    struct crypto *crypto;
    struct media_peer *peers;
    int epoll, event;
    pthread_t thread;
    struct heap timers;
    pthread_mutex_t mutex; /* of the commands */
    struct media_command *commands, **commands_end;
    _Atomic int phase_wanted;
    _Atomic bool stop;
    enum media_phase phase;
    struct media_progress progress;
    struct media_totals totals;
    struct media_receiver *receiver;
};

static inline void progress_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void peer_init(struct media *, struct media_peer *, unsigned number);
void peer_free(struct media_peer *);
void peer_connect(struct media *, struct media_peer *, const struct media_remote *, mp_time now);
void peer_readable(struct media *, struct media_peer *, mp_time now);
void peer_timeout(struct media *, struct media_peer *, mp_time now);
void peer_phase(struct media *, struct media_peer *, mp_time now); /* m->phase has changed */
struct media_receiver *receiver_new(void);
void receiver_free(struct media_receiver *);
