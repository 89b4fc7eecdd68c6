/* The thread that looks whether the others turn, and tells the service manager so: READY=1 when they do for
 * the first time, then WATCHDOG=1 every second while all is well, STOPPING=1 at the end. */
#pragma once
#include "base/watch.h"

struct watchdog;
/* While the process still may do all it wants: the service manager's socket is opened here. NULL: no memory
 * or descriptors. */
struct watchdog *watchdog_new(void);
struct watch *watchdog_watch(struct watchdog *);
bool watchdog_start(struct watchdog *); /* false: no thread */
void watchdog_stop(struct watchdog *);  /* before those who are watched stop */
void watchdog_free(struct watchdog *);  /* may be NULL */
