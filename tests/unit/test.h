/* A unit test is a function named for the behaviour it proves; a test file lists them in TESTS and prints
 * TAP. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int test_failures;

#define CHECK(c)                                                                                             \
    do {                                                                                                     \
        if (!(c)) {                                                                                          \
            printf("# %s:%d: not so: %s\n", __FILE__, __LINE__, #c);                                         \
            test_failures++;                                                                                 \
        }                                                                                                    \
    } while (0)
#define CHECK_EQ(a, b)                                                                                       \
    do {                                                                                                     \
        long long a_ = (long long)(a), b_ = (long long)(b);                                                  \
        if (a_ != b_) {                                                                                      \
            printf("# %s:%d: %s is %lld, %s is %lld\n", __FILE__, __LINE__, #a, a_, #b, b_);                 \
            test_failures++;                                                                                 \
        }                                                                                                    \
    } while (0)
#define CHECK_BYTES(a, b, n) CHECK(memcmp((a), (b), (n)) == 0)

struct test {
    const char *name;
    void (*run)(void);
};
#define TEST(f)                                                                                              \
    {                                                                                                        \
#f, f                                                                                                \
    }

/* Reads "00 ff 1A…" into out; returns the bytes. */
static inline size_t unhex(uint8_t *out, const char *hex)
{
    size_t n = 0;
    int high = -1;
    for (; *hex; hex++) {
        int v = *hex >= '0' && *hex <= '9'   ? *hex - '0'
                : *hex >= 'a' && *hex <= 'f' ? *hex - 'a' + 10
                : *hex >= 'A' && *hex <= 'F' ? *hex - 'A' + 10
                                             : -1;
        if (v < 0)
            continue;
        if (high < 0) {
            high = v;
        } else {
            out[n++] = (uint8_t)(high << 4 | v);
            high = -1;
        }
    }
    return n;
}

static inline int run_tests(const struct test *tests, size_t count)
{
    int failed = 0;
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        test_failures = 0;
        tests[i].run();
        printf("%s %zu - %s\n", test_failures ? "not ok" : "ok", i + 1, tests[i].name);
        fflush(stdout);
        failed += test_failures != 0;
    }
    return failed != 0;
}
#define TEST_MAIN(...)                                                                                       \
    int main(void)                                                                                           \
    {                                                                                                        \
        static const struct test tests[] = {__VA_ARGS__};                                                    \
        return run_tests(tests, sizeof tests / sizeof *tests);                                               \
    }
