/* The thread that checks the progress of the others and reports it to the service manager: READY=1 once all
 * make progress, then WATCHDOG=1 every second while none is stalled, STOPPING=1 at the end. */
#pragma once
#include "base/watch.h"

struct watchdog;
/* Call before privileges are dropped: it opens the service manager's socket. NULL: no memory or
 * descriptors. */
struct watchdog *watchdog_new(void);
struct watch *watchdog_watch(struct watchdog *);
bool watchdog_start(struct watchdog *); /* false: no thread */
void watchdog_stop(struct watchdog *);  /* call before the watched threads stop */
void watchdog_free(struct watchdog *);  /* may be NULL */
