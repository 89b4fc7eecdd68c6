/* The addresses that clients are told: those of --announce, with names resolved, or the machine's. */
#pragma once
#include "server/config.h"
#include "sfu/turn/relay_config.h"

struct announce {
    const struct config *config;
    struct resolver resolver;
    struct address addresses[CANDIDATES_MAX]; /* with the server's port; they change only in
                                                 announce_changed */
    size_t count;
};

/* Call before any thread and socket. Waits for names, for a limited time. Fills the relay's configuration. */
void announce_start(struct announce *, const struct config *, struct relay_config *);
/* True: names resolved to other addresses, and `addresses` changed. Cheap: one read without result. */
bool announce_changed(struct announce *, struct relay_config *);
/* Logs the addresses for clients, and the firewall rules for the operator. */
void announce_say_needs(const struct announce *);
void announce_stop(struct announce *);
