/* The control thread: connects the web server to signaling, and signaling to the web server and the
 * workers. */
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

/* Fills the web server's handler; serve nothing before control_start. */
struct control *control_new(const struct config *, struct web_handler *); /* NULL: no memory */
const struct relay_config *control_relay(const struct control *);         /* for the workers' TURN server */
bool control_start(struct control *, struct web *, struct workers *, struct registry *,
                   const uint8_t fingerprint[32]);
/* Serves until *stop is set. /metrics includes the front's counters and the watch's; /healthz uses the
 * watch. */
void control_run(struct control *, const struct front *, const struct watch *, volatile const int *stop);
const struct pulse *control_pulse(const struct control *); /* of this thread */
void control_goodbye(struct control *); /* no more connections: says `bye` to everyone, takes at most a
                                           second */
void control_detach(struct control *);  /* call before the workers stop: closing sockets send them no more
                                          commands */
void control_free(struct control *);
