#include "net/random.h"
#include "base/check.h"
#include <errno.h>
#include <sys/random.h>

void random_bytes(uint8_t *out, size_t len)
{
    while (len) {
        ssize_t n = getrandom(out, len, 0);
        INVARIANT(n > 0 || errno == EINTR);
        if (n > 0) {
            out += n;
            len -= (size_t)n;
        }
    }
}
