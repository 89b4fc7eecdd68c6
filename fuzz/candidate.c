/* Candidate lines: writing a parsed line and parsing it again gives the same candidate. */
#include "proto/candidate.h"
#include "fuzz/fuzz.h"

void fuzz_candidate(const uint8_t *data, size_t len)
{
    struct candidate c, again;
    char text[512];
    if (!candidate_parse(&c, (const char *)data, len))
        return;
    if (c.hidden || c.tcp) /* neither is ever ours */
        return;
    size_t n = candidate_write(&c, text, sizeof text);
    INVARIANT(n < sizeof text);
    if (!n)
        return;
    INVARIANT(candidate_parse(&again, text, n));
    INVARIANT(address_equal(&again.address, &c.address) && again.type == c.type &&
              again.priority == c.priority);
    INVARIANT(candidate_write(&c, text, n) == 0); /* no room for its end */
}
