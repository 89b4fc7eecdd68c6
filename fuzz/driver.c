/* libFuzzer's entry for one target. */
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    FUZZ_TARGET(data, len);
    return 0;
}
