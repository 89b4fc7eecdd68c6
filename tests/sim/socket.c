#include "tests/sim/socket.h"
#include "base/check.h"
#include "tests/sim/guest.h"
#include "tests/sim/server.h"
#include <stdlib.h>
#include <string.h>

enum letter_kind { LETTER_OPEN, LETTER_TEXT, LETTER_CLOSE };

struct letter {
    struct event event;
    struct socket *socket;
    enum letter_kind kind;
    bool up;
    struct letter *next;
    size_t len;
    char text[];
};

static void deliver(struct sim *s, struct letter *l)
{
    struct socket *k = l->socket;
    trace(s, mix_bytes((uint64_t)s->now ^ l->up, l->text, l->len));
    if (l->up && l->kind == LETTER_OPEN)
        server_opened(s, k);
    else if (l->up && l->kind == LETTER_TEXT)
        server_text(s, k, l->text, l->len);
    else if (l->up)
        server_closed(s, k);
    else if (k->guest && l->kind == LETTER_TEXT)
        guest_text(s, k->guest, l->text, l->len);
    else if (k->guest)
        guest_closed(s, k->guest);
    free(l);
}

static void arrive(struct sim *s, struct event *e)
{
    struct letter *l = (struct letter *)e;
    struct socket *k = l->socket;
    struct letter **first = l->up ? &k->up_first : &k->down_first;
    mp_time *last = l->up ? &k->up_at : &k->down_at;
    if (k->guest && l->kind == LETTER_TEXT &&
        guest_host(k->guest)->out_until > s->now) { /* TCP sends it again */
        event_at(s, e, s->now + MP_MS(200));
        *last = mp_max(*last, s->now + MP_MS(200));
        return;
    }
    if (l != *first) { /* an earlier text was delayed */
        event_at(s, e, s->now + MP_MS(1));
        return;
    }
    *first = l->next;
    deliver(s, l);
}

static void post(struct sim *s, struct socket *k, enum letter_kind kind, bool up, const char *text,
                 size_t len, mp_time after)
{
    struct letter *l = malloc(sizeof *l + len + 1);
    INVARIANT(l != NULL);
    *l = (struct letter){.event = {.run = arrive}, .socket = k, .kind = kind, .up = up, .len = len};
    if (len)
        memcpy(l->text, text, len);
    l->text[len] = 0;
    struct letter **end = up ? &k->up_first : &k->down_first;
    while (*end)
        end = &(*end)->next;
    *end = l;
    mp_time *last = up ? &k->up_at : &k->down_at;
    mp_time delay = chance(s, 100) ? 4 * k->delay + MP_MS(200) : k->delay; /* a segment was lost */
    *last = mp_max(*last + 1, s->now + delay + after);
    event_at(s, &l->event, *last);
}

struct socket *socket_open(struct sim *s, struct guest *g)
{
    struct socket *k = calloc(1, sizeof *k);
    INVARIANT(k != NULL);
    k->guest = g;
    k->delay = guest_host(g)->up.profile.delay + between(s, 0, MP_MS(10));
    server_keep(s, k);
    post(s, k, LETTER_OPEN, true, NULL, 0, 2 * k->delay);
    return k;
}

void socket_text(struct sim *s, struct socket *k, bool up, const char *text, size_t len)
{
    post(s, k, LETTER_TEXT, up, text, len, 0);
}

void socket_close(struct sim *s, struct socket *k, bool up, mp_time after)
{
    post(s, k, LETTER_CLOSE, up, NULL, 0, after);
}
