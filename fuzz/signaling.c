/* The signaling from its first byte on: raw texts of two clients, with a worker's answers between them. Each
 * line of the input is one text; its first character chooses the client and the worker's answer. */
#include "fuzz/control_stage.h"
#include "fuzz/fuzz.h"
#include <stdlib.h>

#define CLIENTS 2

static struct control_stage stage;
static struct participant *participants[CLIENTS];
static bool closed[CLIENTS];

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

static void open_client(unsigned i)
{
    struct signal_client client = {.socket = &closed[i], .host = "monoport.example"};
    INVARIANT(address_parse(&client.local, "192.0.2.1", 443));
    closed[i] = false;
    participants[i] = signal_opened(stage.signaling, &client, stage.now);
    INVARIANT(participants[i] != NULL);
}

static void close_client(unsigned i)
{
    if (participants[i])
        signal_closed(stage.signaling, participants[i], stage.now);
    participants[i] = NULL;
}

static void line(const char *text, size_t len)
{
    unsigned who = (unsigned char)*text & 1;
    if (*text & 2)
        control_stage_work(&stage);
    stage.now += MP_MS(100);
    if (signal_deadline(stage.signaling) <= stage.now)
        signal_timeout(stage.signaling, stage.now);
    if (!participants[who] || closed[who]) {
        close_client(who);
        open_client(who);
    }
    char *own = malloc(len); /* exact size, so that the sanitizer sees reads past the end */
    INVARIANT(own != NULL);
    memcpy(own, text + 1, len - 1);
    own[len - 1] = 0;
    signal_text(stage.signaling, participants[who], own, len - 1, stage.now);
    free(own);
    if (!(*text & 4)) /* else it waits behind the next */
        while (signal_go_on(stage.signaling, stage.now))
            ;
}

void fuzz_signaling(const uint8_t *data, size_t len)
{
    const char *at = (const char *)data, *end = at + len;
    control_stage_begin(&stage, (struct signal_io){.send = io_send, .close = io_close});
    for (unsigned lines = 0; at < end && lines < 64; lines++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (n)
            line(at, n);
        at += n + 1;
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        close_client(i);
    control_stage_end(&stage);
}
