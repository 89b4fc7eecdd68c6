#include "net/thread.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct beginning {
    char name[16];
    void *(*run)(void *);
    void *context;
};

/* The thread names itself: to name another one, it would have to write a file, which privileges.c forbids. */
static void *begin(void *context)
{
    struct beginning b = *(struct beginning *)context;
    free(context);
    pthread_setname_np(pthread_self(), b.name);
    return b.run(b.context);
}

bool thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    struct beginning *b = malloc(sizeof *b);
    if (!b)
        return false;
    snprintf(b->name, sizeof b->name, "%s", name);
    b->run = run;
    b->context = context;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, NULL, begin, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!started)
        free(b);
    return started;
}
