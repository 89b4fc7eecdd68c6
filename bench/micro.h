/* Parts of the server alone, in memory. Each part prints its lines: a name, ns of thread CPU time per packet,
 * the least of several repetitions. */
#pragma once
#include "crypto/crypto.h"
#include "net/clock.h"
#include <stdio.h>

#define MICRO_REPEAT 30

struct micro { /* one figure */
    double least;
    mp_time begun;
};

static inline void micro_begin(struct micro *m) { m->begun = clock_thread_cpu(); }
static inline void micro_end(struct micro *m, unsigned long packets)
{
    double each = packets ? (double)(clock_thread_cpu() - m->begun) / (double)packets : 0;
    if (packets && (m->least == 0 || each < m->least))
        m->least = each;
}
static inline void micro_print(const struct micro *m, const char *what, const char *how)
{
    printf("%-28s %-44s %9.0f ns\n", what, how, m->least);
}

void micro_srtp(enum crypto_kind, const char *cipher);
void micro_stun(void);
void micro_codec(void); /* payloads and header extensions that are parsed per packet */
void micro_adapt(void); /* the estimate of a viewer's line, and its allocation */
void micro_dtls(void);
void micro_feedback(void);
void micro_forward(unsigned viewers); /* the core with one publisher, and retransmissions from its history */
