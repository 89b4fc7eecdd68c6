/* The control thread: the web server's calls to signaling, signaling's to the web server and the workers. */
#pragma once
#include "http/web.h"
#include "server/config.h"
#include <stdbool.h>

struct control;
struct front;
struct watch;
struct workers;
struct registry;
struct relay_config;

/* Fills the web server's handler; nothing may be served before control_start. */
struct control *control_new(const struct config *, struct web_handler *); /* NULL: no memory */
const struct relay_config *control_relay(const struct control *); /* for the workers' TURN server */
bool control_start(struct control *, struct web *, struct workers *, struct registry *, const uint8_t fingerprint[32]);
/* Serves until *stop is set. /metrics has the front's counters, and it and /healthz what the watch has seen. */
void control_run(struct control *, const struct front *, const struct watch *, volatile const int *stop);
const struct pulse *control_pulse(const struct control *); /* of this thread */
void control_goodbye(struct control *); /* nothing is accepted any more: says goodbye to everyone, at most a second */
void control_detach(struct control *); /* the workers are about to stop: sockets that still close command them no more */
void control_free(struct control *);
