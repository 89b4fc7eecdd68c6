#include "sfu/sent.h"
#include <stdlib.h>

struct sent_log *sent_log_new(size_t size)
{
    struct sent_log *log = calloc(1, sizeof *log + size * sizeof log->list[0]);
    if (log)
        log->mask = (uint32_t)size - 1;
    return log;
}

void sent_keep(struct sent_log *log, int64_t number, const struct sent *sent)
{
    struct sent *kept = &log->list[(uint64_t)number & log->mask];
    *kept = *sent;
    kept->number = (uint32_t)number;
    kept->kept = true;
}

const struct sent *sent_find(const struct sent_log *log, int64_t number)
{
    const struct sent *sent = log ? &log->list[(uint64_t)number & log->mask] : NULL;
    return sent && sent->kept && sent->number == (uint32_t)number ? sent : NULL;
}
