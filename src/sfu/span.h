/* The stretches of one viewer's sequence numbers. Within a span a viewer's number is the source's plus a
 * constant; a viewer that is paused and resumed, or that changes to another operating point, begins the next
 * span, and its numbers continue there without a gap. The past spans say which packet of the source an older
 * number belongs to. */
#pragma once
#include <stdint.h>

#define SPANS_MAX 8 /* past ones; a packet of an older one is not sent again */

struct span {
    int64_t first, end; /* the viewer's extended numbers: [first, end) */
    int64_t delta;      /* its number = source seq + delta */
    uint32_t track;     /* id */
};

struct spans {
    struct span list[SPANS_MAX];
    uint8_t next; /* place of the next one: that of the oldest */
};

/* Keeps a span that has ended, behind the kept ones. NULL: none is kept yet. Without memory it is not
 * kept. */
void spans_keep(struct spans **, const struct span *);
const struct span *spans_find(const struct spans *, int64_t number); /* NULL: of none that is kept */
