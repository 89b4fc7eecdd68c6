/* Runs every target with the files of its corpus: seeds, and inputs of past bugs. An input that breaks an
 * invariant ends the program, which prints the name first. */
#include "fuzz/fuzz.h"
#include "tests/unit/test.h"
#include <dirent.h>
#include <stdlib.h>

static void replay(void (*target)(const uint8_t *, size_t), const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    INVARIANT(f && fseek(f, 0, SEEK_END) == 0);
    size_t len = (size_t)ftell(f);
    uint8_t *data = malloc(len + !len); /* exact size, so that the sanitizer sees reads past the end */
    rewind(f);
    INVARIANT(data && fread(data, 1, len, f) == len);
    fclose(f);
    setenv("FUZZ_INPUT", path, 1); /* for reading a core dump */
    target(data, len);
    free(data);
}

static unsigned replay_all(void (*target)(const uint8_t *, size_t), const char *part, const char *name)
{
    char folder[300];
    unsigned count = 0;
    snprintf(folder, sizeof folder, "%s/fuzz/%s/%s", SOURCE_ROOT, part, name);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            replay(target, folder, e->d_name);
            count++;
        }
    if (d)
        closedir(d);
    return count;
}

#define X(name)                                                                                              \
    static void name##_takes_its_corpus(void)                                                                \
    {                                                                                                        \
        fuzz_##name((const uint8_t *)"", 0);                                                                 \
        unsigned count = replay_all(fuzz_##name, "corpus", #name);                                           \
        CHECK(count > 0);                                                                                    \
        printf("# %u seeds, %u regressions\n", count, replay_all(fuzz_##name, "regressions", #name));        \
    }
FUZZ_TARGETS(X)
#undef X

#define X(name) TEST(name##_takes_its_corpus),
TEST_MAIN(FUZZ_TARGETS(X))
