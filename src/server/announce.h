/* Which addresses clients are told: those of --announce, looked up where they are names, or what the machine
 * has. */
#pragma once
#include "server/config.h"
#include "sfu/turn/relay_config.h"

struct announce {
    const struct config *config;
    struct resolver resolver;
    struct address addresses[CANDIDATES_MAX]; /* with the one port; they change only in announce_changed */
    size_t count;
};

/* Before any thread and any socket. Waits for names, but not for ever. Fills the relay's part of it. */
void announce_start(struct announce *, const struct config *, struct relay_config *);
/* True: names lead elsewhere by now, and `addresses` are others. Costs a read that finds nothing. */
bool announce_changed(struct announce *, struct relay_config *);
/* Logs what clients, and an operator's firewall, need. */
void announce_say_needs(const struct announce *);
void announce_stop(struct announce *);
