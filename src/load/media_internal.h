/* Between media.c, the thread, and media_peer.c, one client in it. */
#pragma once
#include "load/media.h"
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
    mp_time read_at;          /* next round through the sockets that the thread reads at fixed intervals */
    mp_time wall;             /* Unix time at monotonic 0 */
    mp_time now;              /* of the present round of reading */
    struct media_peer *heard; /* client of the current datagram, */
    mp_time heard_at;         /* time when the kernel received it, or its line delivers it, */
    bool told; /* and whether the transport processed it: its state, output and deadline may have changed */
};

static inline void progress_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

void media_peer_init(struct media *, struct media_peer *, unsigned number);
void media_peer_free(struct media_peer *);
void media_peer_connect(struct media *, struct media_peer *, const struct media_remote *, mp_time now);
void media_peer_disconnect(struct media *, struct media_peer *);
void media_peer_read(struct media *, struct media_peer *, mp_time now); /* reads a client's socket */
void media_peer_timeout(struct media *, struct media_peer *, mp_time now);
void media_peer_phase(struct media *, struct media_peer *, mp_time now); /* m->phase has changed */

struct media_receiver *media_receiver_new(void);
void media_receiver_free(struct media_receiver *);
void media_receiver_options(int fd); /* prepares a socket for its reader */
typedef void media_receiver_each(void *context, const uint8_t *, size_t len, mp_time arrival);
/* Calls `each` for every datagram of one receive call. `wall`: Unix time at monotonic 0. True: there may be
 * more. */
bool media_receiver_read(struct media_receiver *, int fd, mp_time wall, media_receiver_each *each,
                         void *context, mp_time now);
