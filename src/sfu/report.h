/* RTCP that a session is sent: sender reports for what it watches; receiver reports, transport feedback, NACKs and key
 * frame requests for what it publishes. */
#pragma once
#include "mptime.h"

struct sfu;
struct peer;

#define REPORT_FIRST    MP_MS(200) /* after the keys: browsers want a sender report early, for lip-sync and round trip */
#define REPORT_INTERVAL MP_S(1)
#define REPORT_GRID     MP_MS(50) /* reports leave on it, together: one wake-up and one send call for many viewers */
#define TWCC_INTERVAL   MP_MS(50)

/* When a report is due that should leave `in` from now on. */
static inline mp_time report_after(mp_time in, mp_time now) { return (now + in + REPORT_GRID - 1) / REPORT_GRID * REPORT_GRID; }

mp_time report_deadline(const struct peer *);
void report_timeout(struct sfu *, struct peer *, mp_time now);
