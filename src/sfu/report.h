/* RTCP that the server sends to a client: sender reports for its subscriptions; receiver reports, transport
 * feedback, NACKs and key frame requests for its own streams. */
#pragma once
#include "base/time.h"

struct sfu;
struct session;

/* after the keys: browsers want a sender report early, for lip-sync and round trip */
#define REPORT_FIRST    MP_MS(200)
#define REPORT_INTERVAL MP_S(1)
#define TWCC_DELAY      (MP_GRID / 2) /* at least, after the first packet that a feedback covers */

mp_time report_deadline(const struct session *);
void report_timeout(struct sfu *, struct session *, mp_time now);
