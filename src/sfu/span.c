#include "sfu/span.h"
#include <stddef.h>
#include <stdlib.h>

void spans_keep(struct spans **spans, const struct span *span)
{
    if (span->first == span->end)
        return;
    if (!*spans && !(*spans = calloc(1, sizeof **spans)))
        return;
    (*spans)->list[(*spans)->next] = *span;
    (*spans)->next = ((*spans)->next + 1) % SPANS_MAX;
}

const struct span *spans_find(const struct spans *spans, int64_t number)
{
    for (unsigned i = 0; spans && i < SPANS_MAX; i++)
        if (number >= spans->list[i].first && number < spans->list[i].end)
            return &spans->list[i];
    return NULL;
}
