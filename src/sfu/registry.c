#include "sfu/registry.h"
#include "base/check.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A slot's word: generation << 16 | open << 8 | owner. Only this word has more than one writing thread. The
 * credentials are atomic words, so that a reader may race with the slot's next use: it reads the slot's word
 * before and after, and uses the credentials only if the word did not change. */
#define WORD(generation, open, owner) ((uint64_t)(generation) << 16 | (uint64_t)(open) << 8 | (owner))
#define WORD_GENERATION(w)            ((uint32_t)((w) >> 16))
#define WORD_OPEN(w)                  (((w) >> 8 & 1) != 0)
#define WORD_OWNER(w)                 ((unsigned)((w)&0xff))

#define SLOT_CHARS  4
#define SECRET_SIZE (UFRAG_SIZE - SLOT_CHARS + PASSWORD_SIZE)

_Static_assert(SECRET_SIZE % 8 == 0, "credentials are whole words");
_Static_assert(SESSIONS_MAX <= 1 << (6 * SLOT_CHARS), "a slot's number fits its characters");
_Static_assert((SESSION_NONE & ((1u << SESSION_SLOT_BITS) - 1)) >= SESSIONS_MAX,
               "no session's id is SESSION_NONE");
_Static_assert(WORKERS_MAX < OWNER_NONE, "a worker's number fits the word");

struct slot {
    _Atomic uint64_t word;
    /* rest of the ufrag, password; zero: none */
    _Atomic uint64_t secret[ICE_GENERATIONS_MAX][SECRET_SIZE / 8];
    /* of each secret; the lowest is in use; 0: none; control thread */
    uint32_t generation[ICE_GENERATIONS_MAX];
    struct session_setup setup; /* read by the owner only, after its claim */
    uint32_t next_free;
};

struct registry {
    size_t size;
    uint32_t free; /* first free slot; control thread */
    struct slot slots[];
};

/* ice-char, RFC 8839 5.4 */
static const char ice_char[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

struct registry *registry_new(size_t sessions_max)
{
    INVARIANT(sessions_max > 0 && sessions_max <= SESSIONS_MAX);
    struct registry *r = calloc(1, sizeof *r + sessions_max * sizeof r->slots[0]);
    if (!r)
        return NULL;
    r->size = sessions_max;
    for (size_t i = 0; i < sessions_max; i++) {
        atomic_init(&r->slots[i].word, WORD(0, 0, OWNER_NONE));
        r->slots[i].next_free = i + 1 < sessions_max ? (uint32_t)i + 1 : SESSION_NONE;
    }
    return r;
}

void registry_free(struct registry *r) { free(r); }

size_t registry_size(const struct registry *r) { return r->size; }

static uint32_t session_id(uint32_t slot, uint64_t word)
{
    return slot | WORD_GENERATION(word) << SESSION_SLOT_BITS;
}

static struct slot *slot_of(struct registry *r, uint32_t session)
{
    uint32_t i = session_slot(session);
    INVARIANT(i < r->size);
    return &r->slots[i];
}

static const struct slot *slot_read(const struct registry *r, uint32_t session)
{
    uint32_t i = session_slot(session);
    INVARIANT(i < r->size);
    return &r->slots[i];
}

/* False for a closed session: another session may use the slot by now. */
static bool is_open(const struct slot *s, uint32_t session)
{
    uint64_t word = atomic_load_explicit(&s->word, memory_order_acquire);
    return WORD_OPEN(word) && session_id(session_slot(session), word) == session;
}

/* Release: a thread that sees a new secret also sees that the slot is closed or newer; or, in an ICE restart,
 * the same session. A mixture of two secrets authenticates nothing. */
static void secret_store(struct slot *s, unsigned which, const uint64_t words[SECRET_SIZE / 8])
{
    for (size_t k = 0; k < SECRET_SIZE / 8; k++)
        atomic_store_explicit(&s->secret[which][k], words[k], memory_order_release);
}

static const uint64_t no_secret[SECRET_SIZE / 8];

static void secret_end(struct slot *s, unsigned which)
{
    secret_store(s, which, no_secret);
    s->generation[which] = 0;
}

static void secret_make(struct slot *s, uint32_t i, unsigned which,
                        const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE],
                        struct session_credentials *credentials)
{
    char secret[SECRET_SIZE];
    uint64_t words[SECRET_SIZE / 8];
    for (int k = 0; k < SLOT_CHARS; k++)
        credentials->ufrag[k] = ice_char[i >> (6 * k) & 63];
    for (int k = 0; k < SECRET_SIZE; k++)
        secret[k] = ice_char[random[k] & 63];
    memcpy(credentials->ufrag + SLOT_CHARS, secret, UFRAG_SIZE - SLOT_CHARS);
    memcpy(credentials->password, secret + UFRAG_SIZE - SLOT_CHARS, PASSWORD_SIZE);
    credentials->ufrag[UFRAG_SIZE] = credentials->password[PASSWORD_SIZE] = 0;
    memcpy(words, secret, sizeof words);
    secret_store(s, which, words);
}

uint32_t registry_open(struct registry *r, const struct session_setup *setup,
                       const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE],
                       struct session_credentials *credentials)
{
    uint32_t i = r->free;
    if (i == SESSION_NONE)
        return SESSION_NONE;
    struct slot *s = &r->slots[i];
    r->free = s->next_free;
    for (unsigned which = 1; which < ICE_GENERATIONS_MAX; which++)
        secret_end(s, which);
    s->generation[0] = 1;
    secret_make(s, i, 0, random, credentials);
    s->setup = *setup;
    uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
    INVARIANT(!WORD_OPEN(word));
    word = WORD(WORD_GENERATION(word) + 1, 1, OWNER_NONE);
    atomic_store_explicit(&s->word, word, memory_order_release);
    return session_id(i, word);
}

/* The slot for a newer secret: a free one, or that of the oldest secret that is not in use. */
static unsigned secret_place(const struct slot *s)
{
    unsigned oldest = 0, next;
    for (unsigned which = 0; which < ICE_GENERATIONS_MAX; which++)
        if (!s->generation[which])
            return which;
        else if (s->generation[which] < s->generation[oldest])
            oldest = which;
    next = oldest == 0;
    for (unsigned which = 0; which < ICE_GENERATIONS_MAX; which++)
        if (which != oldest && s->generation[which] < s->generation[next])
            next = which;
    return next;
}
_Static_assert(ICE_GENERATIONS_MAX > 1, "a restart needs a place beside the one in use");

static uint32_t newest(const struct slot *s)
{
    uint32_t generation = 0;
    for (unsigned which = 0; which < ICE_GENERATIONS_MAX; which++)
        if (s->generation[which] > generation)
            generation = s->generation[which];
    return generation;
}

void registry_restart(struct registry *r, uint32_t session, uint32_t generation,
                      const uint8_t random[UFRAG_SIZE + PASSWORD_SIZE],
                      struct session_credentials *credentials)
{
    struct slot *s = slot_of(r, session);
    INVARIANT(is_open(s, session) && generation > newest(s));
    unsigned which = secret_place(s);
    secret_make(s, session_slot(session), which, random, credentials);
    s->generation[which] = generation;
}

void registry_retire(struct registry *r, uint32_t session, uint32_t generation)
{
    struct slot *s = slot_of(r, session);
    INVARIANT(is_open(s, session));
    for (unsigned which = 0; which < ICE_GENERATIONS_MAX; which++)
        if (s->generation[which] < generation)
            secret_end(s, which);
}

static void give_back(struct registry *r, struct slot *s, uint32_t session)
{
    memset(&s->setup, 0, sizeof s->setup);
    s->next_free = r->free;
    r->free = session_slot(session);
}

bool registry_close(struct registry *r, uint32_t session)
{
    struct slot *s = slot_of(r, session);
    uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
    INVARIANT(WORD_OPEN(word) && session_id(session_slot(session), word) == session);
    if (WORD_OWNER(word) != OWNER_NONE ||
        !atomic_compare_exchange_strong_explicit(&s->word, &word, WORD(WORD_GENERATION(word), 0, OWNER_NONE),
                                                 memory_order_acq_rel, memory_order_relaxed))
        return false; /* owned, or claimed just now */
    give_back(r, s, session);
    return true;
}

void registry_release(struct registry *r, uint32_t session)
{
    struct slot *s = slot_of(r, session);
    uint64_t word = atomic_load_explicit(&s->word, memory_order_acquire);
    INVARIANT(WORD_OPEN(word) && session_id(session_slot(session), word) == session);
    atomic_store_explicit(&s->word, WORD(WORD_GENERATION(word), 0, OWNER_NONE), memory_order_release);
    give_back(r, s, session);
}

unsigned registry_owner(const struct registry *r, uint32_t session)
{
    return WORD_OWNER(atomic_load_explicit(&slot_read(r, session)->word, memory_order_acquire));
}

static int ice_char_value(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Acquire: the second read of the slot's word comes after these. */
static void secret_load(const struct slot *s, int which, char secret[SECRET_SIZE])
{
    uint64_t words[SECRET_SIZE / 8];
    for (size_t k = 0; k < SECRET_SIZE / 8; k++)
        words[k] = atomic_load_explicit(&s->secret[which][k], memory_order_acquire);
    memcpy(secret, words, sizeof words);
}

bool registry_find(const struct registry *r, struct bytes ufrag, uint32_t *session, unsigned *owner,
                   struct session_credentials *credentials)
{
    uint32_t i = 0;
    char secret[ICE_GENERATIONS_MAX][SECRET_SIZE];
    int which = 0;
    if (ufrag.len != UFRAG_SIZE)
        return false;
    for (int k = 0; k < SLOT_CHARS; k++) {
        int v = ice_char_value(ufrag.data[k]);
        if (v < 0)
            return false;
        i |= (uint32_t)v << (6 * k);
    }
    if (i >= r->size)
        return false;
    const struct slot *s = &r->slots[i];
    uint64_t word = atomic_load_explicit(&s->word, memory_order_acquire);
    if (!WORD_OPEN(word))
        return false;
    for (int k = 0; k < ICE_GENERATIONS_MAX; k++)
        secret_load(s, k, secret[k]);
    uint64_t again = atomic_load_explicit(&s->word, memory_order_acquire);
    if (!WORD_OPEN(again) || WORD_GENERATION(again) != WORD_GENERATION(word))
        return false;
    while (which < ICE_GENERATIONS_MAX &&
           memcmp(secret[which], ufrag.data + SLOT_CHARS, UFRAG_SIZE - SLOT_CHARS) != 0)
        which++;
    if (which == ICE_GENERATIONS_MAX || !secret[which][0])
        return false; /* all zero: no secret, which a ufrag of zeros would match */
    memcpy(credentials->ufrag, ufrag.data, UFRAG_SIZE);
    memcpy(credentials->password, secret[which] + UFRAG_SIZE - SLOT_CHARS, PASSWORD_SIZE);
    credentials->ufrag[UFRAG_SIZE] = credentials->password[PASSWORD_SIZE] = 0;
    *session = session_id(i, word);
    *owner = WORD_OWNER(again);
    return true;
}

bool registry_claim(struct registry *r, uint32_t session, unsigned worker)
{
    struct slot *s = slot_of(r, session);
    INVARIANT(worker < WORKERS_MAX);
    uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);
    return WORD_OPEN(word) && session_id(session_slot(session), word) == session &&
           WORD_OWNER(word) == OWNER_NONE &&
           atomic_compare_exchange_strong_explicit(&s->word, &word, WORD(WORD_GENERATION(word), 1, worker),
                                                   memory_order_acq_rel, memory_order_relaxed);
}

const struct session_setup *registry_setup(const struct registry *r, uint32_t session)
{
    const struct slot *s = slot_read(r, session);
    INVARIANT(is_open(s, session));
    return &s->setup;
}
