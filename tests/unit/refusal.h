/* Failing allocations: runs the same scenario again and again, and each time another allocation of the server
 * fails: the first, the second, and so on, until none is left to fail. A failure may refuse a client or cost
 * it a stream, but the server continues, and in the end all memory is free (the leak check of the sanitized
 * build looks at the same runs). One file of a program. */
#pragma once
#include "tests/unit/test.h"
#include <stddef.h>
#include <stdlib.h>

static struct {
    bool armed; /* in the server's own code, not in the test's */
    unsigned long count, fail_at;
    bool failed;
} memory;

static bool refused(void)
{
    if (!memory.armed || ++memory.count != memory.fail_at)
        return false;
    return memory.failed = true;
}

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
char *__real_strdup(const char *);
char *__real_strndup(const char *, size_t);
int __real_posix_memalign(void **, size_t, size_t);

void *__wrap_malloc(size_t size) { return refused() ? NULL : __real_malloc(size); }
void *__wrap_calloc(size_t n, size_t size) { return refused() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t size) { return refused() ? NULL : __real_realloc(p, size); }
char *__wrap_strdup(const char *text) { return refused() ? NULL : __real_strdup(text); }
char *__wrap_strndup(const char *text, size_t n) { return refused() ? NULL : __real_strndup(text, n); }
int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
    return refused() ? 12 : __real_posix_memalign(p, alignment, size);
}

/* The C library's own allocations do not come by the functions above. A text in memory needs some when
 * open_memstream begins it, and until fclose ends it. */
FILE *__real_open_memstream(char **, size_t *);
int __real_fclose(FILE *);

FILE *__wrap_open_memstream(char **text, size_t *len)
{
    return refused() ? NULL : __real_open_memstream(text, len);
}
int __wrap_fclose(FILE *f)
{
    bool fails = refused();
    int result = __real_fclose(f);
    return fails ? EOF : result;
}

/* A function of the server's surface: allocations inside it may fail. The linker replaces the real function
 * by it. */
#define GUARDED(type, name, parameters, arguments)                                                           \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        bool before = memory.armed;                                                                          \
        memory.armed = true;                                                                                 \
        type result = __real_##name arguments;                                                               \
        memory.armed = before;                                                                               \
        return result;                                                                                       \
    }
#define GUARDED_VOID(name, parameters, arguments)                                                            \
    void __real_##name parameters;                                                                           \
    void __wrap_##name parameters;                                                                           \
    void __wrap_##name parameters                                                                            \
    {                                                                                                        \
        bool before = memory.armed;                                                                          \
        memory.armed = true;                                                                                 \
        __real_##name arguments;                                                                             \
        memory.armed = before;                                                                               \
    }

static void plays(void (*play)(void))
{
    unsigned long refusals = 0;
    memory.fail_at = 0;
    for (unsigned long n = 1;; n++) {
        memory.count = 0;
        memory.fail_at = n;
        memory.failed = false;
        play();
        if (!memory.failed)
            break;
        refusals++;
    }
    memory.fail_at = 0;
    printf("# %lu runs, each with another allocation refused\n", refusals);
    CHECK(refusals > 20);
}
