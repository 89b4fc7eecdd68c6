/* Map, heap, ring and path table against plain models; the first byte chooses. */
#include "base/heap.h"
#include "base/map.h"
#include "base/ring.h"
#include "fuzz/fuzz.h"
#include "sfu/paths.h"
#include <stdlib.h>

#define KEYS 64

/* --- map: keys 0…63, whose hashes collide --- */

static bool equal(const void *owner, uint32_t value, const void *key)
{
    return value == *(const uint32_t *)key;
}

static void fuzz_map(struct bytes s)
{
    struct map m;
    bool there[KEYS] = {false};
    size_t count = 0;
    unsigned spread = 1 + script_u8(&s);
    INVARIANT(map_init(&m, KEYS / 2, equal, NULL));
    while (s.len) {
        uint8_t op = script_u8(&s);
        uint32_t key = op % KEYS;
        uint64_t hash = key % spread;
        if (op & 0x80) {
            INVARIANT(map_remove(&m, hash, &key) == there[key]);
            count -= there[key];
            there[key] = false;
        } else if (!there[key]) {
            INVARIANT(map_add(&m, hash, key) == (count < KEYS / 2));
            there[key] = count < KEYS / 2;
            count += there[key];
        }
        for (uint32_t k = 0; k < KEYS; k++)
            INVARIANT(map_find(&m, k % spread, &k) == (there[k] ? k : MAP_NONE));
        INVARIANT(m.count == count);
    }
    map_free(&m);
}

/* --- heap --- */

static void fuzz_heap(struct bytes s)
{
    struct heap h;
    struct heap_node nodes[KEYS] = {{0}};
    INVARIANT(heap_init(&h, KEYS));
    while (s.len) {
        uint8_t op = script_u8(&s);
        mp_time at = script_u8(&s), least = MP_NEVER;
        if (op < 0xc0) {
            heap_set(&h, &nodes[op % KEYS], op & 0x40 ? MP_NEVER : at);
        } else {
            mp_time next = heap_next(&h);
            struct heap_node *n = heap_pop(&h, at);
            INVARIANT((n != NULL) == (next <= at) && (!n || (n->at == next && n->index == 0)));
        }
        for (unsigned i = 0; i < KEYS; i++)
            if (nodes[i].index) {
                const struct heap_place *p = &h.places[nodes[i].index - 1];
                INVARIANT(p->node == &nodes[i] && p->at == nodes[i].at);
                least = mp_min(least, nodes[i].at);
            }
        INVARIANT(heap_next(&h) == least);
    }
    heap_free(&h);
}

/* --- ring: messages come out as they went in --- */

static void fuzz_ring(struct bytes s)
{
    struct ring r;
    uint8_t message[256];
    unsigned pushed = 0, popped = 0;
    size_t sizes[256], len;
    INVARIANT(ring_init(&r, (size_t)64 << script_u8(&s) % 5));
    while (s.len) {
        uint8_t op = script_u8(&s), half = script_u8(&s);
        if (op & 0x80) {
            const uint8_t *p = ring_peek(&r, &len);
            INVARIANT((p != NULL) == (pushed != popped));
            if (!p)
                continue;
            INVARIANT(len == sizes[popped % 256] && (uintptr_t)p % 8 == 0);
            for (size_t i = 0; i < len; i++)
                INVARIANT(p[i] == (uint8_t)popped);
            ring_pop(&r);
            popped++;
        } else if (pushed - popped < 256) {
            size_t a = half % (op + 1u);
            memset(message, (int)(uint8_t)pushed, op);
            if (ring_push(&r, message, a, message + a, op - a))
                sizes[pushed++ % 256] = op;
            else
                INVARIANT(pushed != popped || op + 16u > r.size / 2 - 8);
        }
    }
    ring_free(&r);
}

/* --- paths --- */

static struct path path_of(unsigned k) { return (struct path){.remote = {.port = (uint16_t)k}}; }

static void fuzz_paths(struct bytes s)
{
    struct paths p;
    struct {
        bool there;
        uint32_t session;
        unsigned owner;
    } model[KEYS] = {{0}};
    size_t count = 0;
    INVARIANT(paths_init(&p, KEYS / 2, script_u8(&s)));
    while (s.len) {
        uint8_t op = script_u8(&s), session = script_u8(&s) % 4;
        unsigned k = op % KEYS, owner = op >> 6 & 1;
        struct path path = path_of(k);
        if (op & 0x80) {
            paths_remove(&p, &path, session);
            count -= model[k].there && model[k].session == session;
            model[k].there &= model[k].session != session;
        } else if (paths_set(&p, &path, session, owner)) {
            count += !model[k].there;
            model[k].there = true;
            model[k].session = session;
            model[k].owner = owner;
        } else {
            INVARIANT(count == KEYS / 2 && !model[k].there);
        }
        for (k = 0; k < KEYS; k++) {
            path = path_of(k);
            const struct path_entry *e = paths_find(&p, &path);
            INVARIANT((e != NULL) == model[k].there);
            INVARIANT(!e || (e->session == model[k].session && e->owner == model[k].owner));
        }
    }
    paths_free(&p);
}

void fuzz_containers(const uint8_t *data, size_t len)
{
    static void (*const each[])(struct bytes) = {fuzz_map, fuzz_heap, fuzz_ring, fuzz_paths};
    struct bytes s = {data, len < 4096 ? len : 4096};
    each[script_u8(&s) % 4](s);
}
