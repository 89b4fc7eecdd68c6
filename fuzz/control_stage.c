#include "fuzz/control_stage.h"
#include "base/log.h"
#include "fuzz/fuzz.h"

static void io_command(void *context, const struct message *m)
{
    struct control_stage *s = context;
    INVARIANT(registry_owner(s->registry, m->session) == m->to);
    if (m->type == MESSAGE_SESSION_CLOSE && s->session_count < sizeof s->sessions / sizeof s->sessions[0])
        s->sessions[s->session_count++] = m->session;
}

static void io_random(void *context, uint8_t *out, size_t len)
{
    struct control_stage *s = context;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)prng_next(&s->prng);
}

static void quiet(enum log_level level, const char *line) {}

void control_stage_begin(struct control_stage *s, struct signal_io io)
{
    s->stats_list[0] = &s->stats;
    struct signal_config config = {.stats = s->stats_list,
                                   .workers = 1,
                                   .addresses = &s->address,
                                   .address_count = 1,
                                   .port = 8000,
                                   .version = "0"};
    io.context = s;
    io.command = io_command;
    io.random = io_random;
    log_setup(LOG_LEVEL_ERROR, quiet);
    json_object_seed(1);
    INVARIANT(address_parse(&s->address, "198.51.100.1", 8000));
    config.registry = s->registry = registry_new(8);
    prng_seed(&s->prng, 1);
    s->session_count = 0;
    s->now = MP_S(1);
    s->signaling = signal_new(&config, &io);
    INVARIANT(s->signaling != NULL);
}

static void event(struct control_stage *s, enum message_type type, uint32_t session)
{
    struct message m = {.type = (uint8_t)type, .to = TO_CONTROL, .session = session, .reason = END_CLOSED};
    if (type == MESSAGE_PATH_SEEN)
        INVARIANT(address_parse(&m.path.remote, "203.0.113.9", 4444));
    signal_event(s->signaling, &m, s->now);
}

void control_stage_work(struct control_stage *s)
{
    for (uint32_t slot = 0; slot < registry_size(s->registry); slot++)
        for (uint32_t generation = 0; generation < 64; generation++)
            if (registry_claim(s->registry, slot | generation << 20, 0)) {
                event(s, MESSAGE_CLAIMED, slot | generation << 20);
                event(s, MESSAGE_PATH_SEEN, slot | generation << 20);
                event(s, MESSAGE_CONNECTED, slot | generation << 20);
            }
    while (s->session_count)
        event(s, MESSAGE_ENDED, s->sessions[--s->session_count]);
}

void control_stage_end(struct control_stage *s)
{
    control_stage_work(s);
    signal_free(s->signaling);
    for (size_t i = 0; i < registry_size(s->registry); i++) {
        struct session_credentials c;
        uint8_t random[UFRAG_SIZE + PASSWORD_SIZE] = {0};
        INVARIANT(registry_open(s->registry, &(struct session_setup){0}, random, &c) != SESSION_NONE);
    }
    registry_free(s->registry);
}
