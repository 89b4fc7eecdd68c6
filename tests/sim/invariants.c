#include "tests/sim/invariants.h"
#include "base/check.h"
#include "proto/demux.h"
#include "sfu/core.h"
#include "sfu/session.h"
#include "sfu/track.h"
#include "signal/signaling.h"
#include "tests/sim/guest.h"
#include "tests/sim/network.h"
#include "tests/sim/nonces.h"
#include "tests/sim/numbers.h"
#include "tests/sim/server.h"
#include <stdio.h>
#include <stdlib.h>

#define SLOTS 64

struct invariants {
    struct set authentic;               /* by address */
    struct set owed;                    /* by address: tenths of bytes that the server may send there */
    struct set tracks;                  /* by id: room */
    struct set connected, failed;       /* by session: at the server; at the guest */
    struct credentials sessions[SLOTS]; /* by slot */
};

static struct invariants of; /* one simulation runs at a time */

void invariants_open(struct sim *s)
{
    memset(&of, 0, sizeof of);
    nonces_open(s);
    numbers_open();
}

void invariants_close(struct sim *s)
{
    set_free(&of.authentic);
    set_free(&of.owed);
    set_free(&of.tracks);
    set_free(&of.connected);
    set_free(&of.failed);
    nonces_close();
    numbers_close();
}

static uint64_t key_of(const struct address *a) { return mix_bytes(a->port, a->ip, sizeof a->ip); }

/* --- authentication --- */

void note_datagram(struct sim *s, const struct address *a, size_t len, bool check)
{
    bool added;
    if (check)
        set_put(&of.authentic, key_of(a), &added);
    set_put(&of.owed, key_of(a), &added)->value += len * 30;
}

void note_stranger(struct sim *s, const struct address *a, size_t len)
{
    bool added;
    set_put(&of.owed, key_of(a), &added)->value += len * 16;
}

void check_sent(struct sim *s, const struct path *path, const uint8_t *data, size_t len)
{
    bool added;
    char text[ADDRESS_TEXT_SIZE];
    enum datagram_kind kind = demux(data, len);
    if (len > DATAGRAM_OUT_MAX)
        violated(s, "content", "a datagram of %zu bytes", len);
    if (kind == DATAGRAM_RTP)
        check_numbers(s, data, len);
    if (set_find(&of.authentic, key_of(&path->remote)))
        return;
    if (kind != DATAGRAM_STUN) {
        violated(s, "authentication", "%zu bytes of kind %d to %s, which never sent an authentic check", len,
                 kind, address_text(&path->remote, text));
        return;
    }
    struct set_entry *e = set_put(&of.owed, key_of(&path->remote), &added);
    if (len * 10 > e->value)
        violated(s, "authentication", "%zu bytes to %s, which sent too little for that", len,
                 address_text(&path->remote, text));
    else
        e->value -= len * 10;
}

/* --- rooms --- */

void note_session(struct sim *s, const struct guest *g, const char *ufrag, const char *password)
{
    uint32_t session;
    unsigned owner;
    struct session_credentials c;
    struct bytes view = {(const uint8_t *)ufrag, strlen(ufrag)};
    if (!registry_find(server_registry(s), view, &session, &owner, &c))
        return;
    struct credentials *known = &of.sessions[session_slot(session)];
    *known = (struct credentials){.room = g->room, .guest = g->number, .session = session};
    snprintf(known->ufrag, sizeof known->ufrag, "%s", ufrag);
    snprintf(known->password, sizeof known->password, "%s", password);
}

void note_failed(struct sim *s, const struct guest *g)
{
    bool added;
    for (unsigned i = 0; i < SLOTS; i++)
        if (of.sessions[i].ufrag[0] && of.sessions[i].guest == g->number)
            set_put(&of.failed, of.sessions[i].session + 1ull, &added);
}

const struct credentials *some_session(struct sim *s, unsigned number)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (of.sessions[(number + i) % SLOTS].ufrag[0])
            return &of.sessions[(number + i) % SLOTS];
    return NULL;
}

void note_command(struct sim *s, const struct message *m)
{
    bool added;
    if (m->type == MESSAGE_PUBLISH)
        set_put(&of.tracks, m->track, &added)->value = of.sessions[session_slot(m->session)].room;
}

unsigned room_of_track(struct sim *s, uint32_t track)
{
    const struct set_entry *e = set_find(&of.tracks, track);
    return e ? (unsigned)e->value : UINT32_MAX;
}

void check_room(struct sim *s, const struct guest *g, const struct content *stamp)
{
    if (stamp->room != g->room || !g->wanted)
        violated(s, "room", "guest %u in room %u was sent frame %u of guest %u in room %u", g->number,
                 g->room, stamp->frame, stamp->guest, stamp->room);
    else if (stamp->guest == g->number)
        violated(s, "room", "guest %u was sent its own frame %u", g->number, stamp->frame);
}

/* --- connections --- */

void check_event(struct sim *s, const struct message *m)
{
    bool added;
    uint64_t key = m->session + 1ull;
    if (m->to != TO_CONTROL)
        return;
    if (m->type == MESSAGE_CONNECTED)
        set_put(&of.connected, key, &added);
    if (m->type == MESSAGE_ENDED && m->reason == END_NO_MEMORY)
        violated(s, "connection", "session %u ended: no memory", m->session);
    if (m->type == MESSAGE_ENDED && m->reason == END_DTLS_FAILED && set_find(&of.connected, key) &&
        !set_find(&of.failed, key))
        violated(s, "connection", "session %u was connected and failed", m->session);
}

/* --- owners --- */

/* Invariants of a single thread, which hold at every moment. */
static void check_peers(struct sim *s)
{
    for (uint32_t slot = 0; slot < registry_size(server_registry(s)); slot++) {
        const struct session *found = NULL;
        for (unsigned w = 0; w < server_workers(s); w++) {
            const struct session *session = server_sfu(s, w)->sessions[slot];
            if (session && found)
                violated(s, "owners", "two workers have a session in slot %u", slot);
            if (session && registry_owner(server_registry(s), session->id) != w)
                violated(s, "owners", "worker %u has session %u, the registry says %u", w, session->id,
                         registry_owner(server_registry(s), session->id));
            found = session ? session : found;
        }
    }
}

static bool has_path(const struct session *session, const struct path *path, unsigned via)
{
    for (unsigned i = 0; i < session->path_count; i++)
        if (session->paths[i].via == via && path_equal(&session->paths[i].path, path))
            return true;
    return false;
}

/* Each path of a worker leads to a session that its owner has and that knows the path. */
static void check_paths(struct sim *s, unsigned w)
{
    struct sfu *sfu = server_sfu(s, w);
    for (size_t i = 0; i <= sfu->paths.map.mask; i++) {
        const struct map_slot *slot = &sfu->paths.map.slots[i];
        if (slot->value == MAP_NONE)
            continue;
        const struct path_entry *e = &sfu->paths.entries[slot->value];
        const struct session *session = session_find(server_sfu(s, e->owner), e->session);
        char text[ADDRESS_TEXT_SIZE];
        if (!session)
            violated(s, "owners", "worker %u takes %s for session %u, which worker %u does not have", w,
                     address_text(&e->path.remote, text), e->session, e->owner);
        else if (e->owner != w && !has_path(session, &e->path, w))
            violated(s, "owners", "worker %u passes %s to worker %u, which does not know", w,
                     address_text(&e->path.remote, text), e->owner);
    }
}

/* Each replica is known to its origin, and the other way round. */
static void check_replicas(struct sim *s, unsigned w)
{
    struct sfu *sfu = server_sfu(s, w);
    for (size_t i = 0; i < sfu->tracks_max; i++) {
        const struct track *t = sfu->tracks[i];
        if (!t)
            continue;
        if (t->origin != w) {
            const struct track *origin = track_find(server_sfu(s, t->origin), t->id);
            if (!origin || !(origin->replicas >> w & 1))
                violated(s, "owners", "worker %u has a replica of track %u, worker %u does not know", w,
                         t->id, t->origin);
        }
        for (unsigned other = 0; t->origin == w && other < server_workers(s); other++)
            if (t->replicas >> other & 1 && !track_find(server_sfu(s, other), t->id))
                violated(s, "pools", "worker %u copies track %u to worker %u, which has nobody for it", w,
                         t->id, other);
    }
}

static void check_agreement(struct sim *s)
{
    check_peers(s);
    if (!server_quiet(s))
        return;
    for (unsigned w = 0; w < server_workers(s); w++) {
        check_paths(s, w);
        check_replicas(s, w);
    }
}

void check_owners(struct sim *s)
{
    if (!below(s, 16))
        check_agreement(s);
}

/* --- decoding --- */

static bool decodes(struct sim *s, const struct guest *viewer, const struct guest *publisher, mp_time since,
                    char *why, size_t size)
{
    for (unsigned video = 0; video < 2; video++) {
        const struct decoder *d = guest_sees(viewer, publisher, video);
        if (!d || d->last.time < since) {
            snprintf(why, size, "guest %u does not %s guest %u: %s, %lld ms ago%s", viewer->number,
                     video ? "see" : "hear", publisher->number, d ? "its last was made" : "nothing was",
                     d ? (long long)((s->now - d->last.time) / MP_MS(1)) : 0LL,
                     d && !d->synced ? ", waits for a key frame" : "");
            return false;
        }
        if (video && d->last.layer) {
            snprintf(why, size, "guest %u is sent layer %u of guest %u, which has a higher one",
                     viewer->number, d->last.layer, publisher->number);
            return false;
        }
    }
    return true;
}

bool all_connected(struct sim *s, mp_time since, char *why, size_t size)
{
    for (unsigned i = 0; i < s->guest_count; i++)
        if (s->guests[i]->wanted && !guest_connected(s->guests[i])) {
            snprintf(why, size, "guest %u is not connected", i);
            return false;
        }
    return true;
}

bool all_decode(struct sim *s, mp_time since, char *why, size_t size)
{
    for (unsigned i = 0; i < s->guest_count; i++)
        for (unsigned k = 0; k < s->guest_count && guest_watches(s->guests[i]); k++) {
            const struct guest *v = s->guests[i], *p = s->guests[k];
            if (p != v && guest_publishes(p) && p->room == v->room && !decodes(s, v, p, since, why, size))
                return false;
        }
    return true;
}

bool all_know(struct sim *s, mp_time since, char *why, size_t size)
{
    for (unsigned i = 0; i < s->guest_count; i++)
        for (unsigned k = 0; k < s->guest_count && guest_connected(s->guests[i]); k++) {
            const struct guest *g = s->guests[i], *other = s->guests[k];
            const struct entry *known = roster_find(&g->roster, other->id);
            if (g == other || !guest_connected(other) || other->room != g->room ||
                (known && known->muted == other->muted))
                continue;
            snprintf(why, size, "guest %u %s guest %u", i, known ? "has old news of" : "does not know of", k);
            return false;
        }
    return true;
}

/* --- the end --- */

static void check_worker_empty(struct sim *s, unsigned w)
{
    const struct sfu *sfu = server_sfu(s, w);
    if (sfu->session_count || sfu->subscription_count || sfu->track_ids.count)
        violated(s, "pools", "worker %u is left with %zu sessions, %zu subscriptions, %zu tracks", w,
                 sfu->session_count, sfu->subscription_count, sfu->track_ids.count);
    else if (sfu->pool.used || sfu->paths.map.count || sfu->timers.count)
        violated(s, "pools", "worker %u is left with %zu packets, %zu paths, %zu timers", w, sfu->pool.used,
                 sfu->paths.map.count, sfu->timers.count);
}

void check_empty(struct sim *s)
{
    struct session_credentials c;
    uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {0};
    size_t open = 0, size = registry_size(server_registry(s));
    check_agreement(s);
    for (unsigned w = 0; w < server_workers(s); w++)
        check_worker_empty(s, w);
    if (server_metric(s, "monoport_rooms") || server_metric(s, "monoport_participants"))
        violated(s, "pools", "%lld rooms and %lld participants are left", server_metric(s, "monoport_rooms"),
                 server_metric(s, "monoport_participants"));
    while (registry_open(server_registry(s), &(struct session_setup){0}, random, &c) != SESSION_NONE)
        open++;
    if (open != size)
        violated(s, "pools", "%zu of %zu sessions are not free", size - open, size);
}
