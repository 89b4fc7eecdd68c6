#include "server/probe_port.h"
#include "base/limits.h"
#include "base/rate.h"
#include "net/clock.h"
#include "net/loop.h"
#include "net/random.h"
#include "net/thread.h"
#include "net/udp.h"
#include "proto/stun.h"
#include <stdatomic.h>
#include <stdlib.h>

struct probe_port {
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    struct pulse pulse;
    struct udp *udp;
    struct loop *loop;
    uint64_t hash_key;
    struct rate rates[STUN_BUCKETS];
};

static void answer(void *context, const struct path *path, const uint8_t *data, size_t len, mp_time arrival)
{
    struct probe_port *p = context;
    uint8_t reply[STUN_ANSWER_SIZE];
    struct stun_view v;
    struct udp_sent sent = {0};
    if (stun_parse(&v, data, len) != STUN_OK || !stun_is_plain_binding(&v) ||
        !rate_take(&p->rates[address_network_hash(&path->remote, p->hash_key) % STUN_BUCKETS], 1,
                   STUN_ANSWERS_PER_S, STUN_ANSWERS_BURST, clock_now()))
        return;
    struct transmit t = {
        .path = *path, .data = reply, .len = (uint32_t)stun_answer(&v, &path->remote, reply)};
    t.segment = (uint16_t)t.len;
    udp_send(p->udp, &t, 1, &sent);
}

static void *run(void *context)
{
    struct probe_port *p = context;
    while (!atomic_load(&p->stop)) {
        mp_time now = clock_now();
        pulse_turn(&p->pulse, now);
        mp_time rest = udp_receive(p->udp, answer, p, now) == RX_BATCH ? 0 : WATCH_BEAT;
        pulse_turn(&p->pulse, clock_now() + rest);
        loop_wait(p->loop, rest);
    }
    pulse_turn(&p->pulse, 0);
    return NULL;
}

struct probe_port *probe_port_open(const struct address *listen, const char **error)
{
    if (!udp_probe(listen, error))
        return NULL;
    struct probe_port *p = calloc(1, sizeof *p);
    *error = "out of memory or descriptors";
    if (!p)
        return NULL;
    random_bytes((uint8_t *)&p->hash_key, sizeof p->hash_key);
    p->loop = loop_new();
    p->udp = udp_open(listen, UDP_SINGLY, error);
    if (p->loop && p->udp && loop_add(p->loop, udp_fd(p->udp), NULL))
        return p;
    probe_port_close(p);
    return NULL;
}

bool probe_port_start(struct probe_port *p)
{
    p->started = thread_start(&p->thread, "probe port", run, p);
    return p->started;
}

const struct pulse *probe_port_pulse(const struct probe_port *p) { return &p->pulse; }

void probe_port_close(struct probe_port *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    if (p->started) {
        loop_wake(p->loop);
        pthread_join(p->thread, NULL);
    }
    loop_free(p->loop);
    if (p->udp)
        udp_close(p->udp);
    free(p);
}
