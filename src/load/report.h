/* The results of a run, as text and as JSON. */
#pragma once
#include "load/media.h"

struct results {
    const struct options *options;
    unsigned joined, failed;
    unsigned stays, connected; /* of a run with --churn: all stays, and the ones that got into the call */
    struct histogram back;     /* from the loss of the server until all wanted streams flow again */
    struct histogram join_time;
    uint64_t views; /* `view` messages, joining included */
    struct media_totals media;
    double seconds;              /* measured */
    double cpu_user, cpu_system; /* ours, s, within that time */
    bool interrupted;
};

/* Adds one thread's figures; `end` returns the index after a client's last packet of one kind. */
void report_add(struct results *, struct media *, unsigned clients_from, unsigned step,
                int64_t (*end)(void *context, unsigned client, bool video), void *context);
void report_table(const struct results *);
bool report_json(const struct results *, const char *file); /* false: cannot be written; it printed the
                                                               error */
bool report_good(const struct results *);                   /* every client joined and received its media */
