/* The signaling from its first byte on: texts of two clients, as they are, with answers of a worker between
 * them. Each line of the input is one text; its first character says whose it is and what a worker says
 * meanwhile. */
#include "signaling.h"
#include "fuzz.h"
#include "log.h"
#include "prng.h"
#include <jansson.h>
#include <stdlib.h>

#define CLIENTS 2

static struct stage {
    struct registry *registry;
    struct stats stats;
    struct signaling *signaling;
    struct prng prng;
    struct participant *participants[CLIENTS];
    bool closed[CLIENTS];
    uint32_t sessions[64]; /* that were closed, and wait for the worker's word */
    size_t session_count;
    mp_time now;
} stage;

static void io_send(void *context, void *socket, const char *text, size_t len)
{
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    INVARIANT(text[len] == 0 && json_is_string(json_object_get(message, "type")));
    json_decref(message);
}

static void io_close(void *context, void *socket, uint16_t code, const char *reason)
{
    *(bool *)socket = true;
}

static void io_command(void *context, const struct message *m)
{
    INVARIANT(registry_owner(stage.registry, m->session) == m->to);
    if (m->type == MESSAGE_SESSION_CLOSE && stage.session_count < 64)
        stage.sessions[stage.session_count++] = m->session;
}

static void io_random(void *context, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(&stage.prng);
}

static void quiet(enum log_level level, const char *line) {}

static void begin(void)
{
    static const struct stats *list[] = {&stage.stats};
    static struct address address;
    struct signal_config config = {
        .stats = list, .workers = 1, .addresses = &address, .address_count = 1, .port = 8000, .version = "0"};
    struct signal_io io = {.send = io_send, .close = io_close, .command = io_command, .random = io_random};
    log_setup(LOG_LEVEL_ERROR, quiet);
    json_object_seed(1);
    INVARIANT(address_parse(&address, "198.51.100.1", 8000));
    stage.registry = registry_new(8);
    config.registry = stage.registry;
    prng_seed(&stage.prng, 1);
    stage.now = MP_S(1);
    stage.signaling = signal_new(&config, &io);
    INVARIANT(stage.signaling != NULL);
}

static void open_client(unsigned i)
{
    struct signal_client client = {.socket = &stage.closed[i], .host = "monoport.example"};
    INVARIANT(address_parse(&client.local, "192.0.2.1", 443));
    stage.closed[i] = false;
    stage.participants[i] = signal_opened(stage.signaling, &client, stage.now);
    INVARIANT(stage.participants[i] != NULL);
}

static void close_client(unsigned i)
{
    if (stage.participants[i])
        signal_closed(stage.signaling, stage.participants[i], stage.now);
    stage.participants[i] = NULL;
}

static void event(enum message_type type, uint32_t session)
{
    struct message m = {.type = (uint8_t)type, .to = TO_CONTROL, .session = session, .reason = END_CLOSED};
    if (type == MESSAGE_PATH_SEEN)
        INVARIANT(address_parse(&m.path.remote, "203.0.113.9", 4444));
    signal_event(stage.signaling, &m, stage.now);
}

/* Every session that waits is claimed and connected; every one that was closed ends. */
static void work(void)
{
    for (uint32_t slot = 0; slot < registry_size(stage.registry); slot++)
        for (uint32_t generation = 0; generation < 64; generation++)
            if (registry_claim(stage.registry, slot | generation << 20, 0)) {
                event(MESSAGE_CLAIMED, slot | generation << 20);
                event(MESSAGE_PATH_SEEN, slot | generation << 20);
                event(MESSAGE_CONNECTED, slot | generation << 20);
            }
    while (stage.session_count)
        event(MESSAGE_ENDED, stage.sessions[--stage.session_count]);
}

static void line(const char *text, size_t len)
{
    unsigned who = (unsigned char)*text & 1;
    if (*text & 2)
        work();
    stage.now += MP_MS(100);
    if (signal_deadline(stage.signaling) <= stage.now)
        signal_timeout(stage.signaling, stage.now);
    if (!stage.participants[who] || stage.closed[who]) {
        close_client(who);
        open_client(who);
    }
    char *own = malloc(len); /* its end is seen by the sanitizer */
    INVARIANT(own != NULL);
    memcpy(own, text + 1, len - 1);
    own[len - 1] = 0;
    signal_text(stage.signaling, stage.participants[who], own, len - 1, stage.now);
    free(own);
}

void fuzz_signaling(const uint8_t *data, size_t len)
{
    const char *at = (const char *)data, *end = at + len;
    begin();
    for (unsigned lines = 0; at < end && lines < 64; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (n)
            line(at, n);
        at += n + 1;
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        close_client(i);
    work();
    signal_free(stage.signaling);
    for (size_t i = 0; i < registry_size(stage.registry); i++) { /* every slot is free again */
        struct session_credentials c;
        uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {0};
        INVARIANT(registry_open(stage.registry, &(struct session_setup){0}, random, &c) != SESSION_NONE);
    }
    registry_free(stage.registry);
}
