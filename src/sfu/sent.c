#include "sfu/sent.h"
#include "base/limits.h"
#include <stdlib.h>

_Static_assert(SENT_LOG >= HISTORY_VIDEO, "what a history has can be written again");

void sent_keep(struct sent **log, int64_t seq, const struct sent *sent)
{
    if (!*log && !(*log = calloc(SENT_LOG, sizeof **log)))
        return;
    struct sent *kept = &(*log)[(uint64_t)seq % SENT_LOG];
    *kept = *sent;
    kept->seq = (uint32_t)seq;
    kept->kept = true;
}

const struct sent *sent_find(const struct sent *log, int64_t seq)
{
    const struct sent *sent = log ? &log[(uint64_t)seq % SENT_LOG] : NULL;
    return sent && sent->kept && sent->seq == (uint32_t)seq ? sent : NULL;
}
