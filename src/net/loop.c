#include "net/loop.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct loop {
    int epoll, event;
    bool woken;
};

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->epoll < 0 || l->event < 0 || !loop_add(l, l->event, &l->woken)) {
        loop_free(l);
        return NULL;
    }
    return l;
}

bool loop_add(struct loop *l, int fd, bool *ready)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = ready};
    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0;
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->event >= 0)
        close(l->event);
    free(l);
}

int loop_events(int epoll, struct epoll_event *events, int most, mp_time timeout)
{
    struct timespec t = {.tv_sec = timeout / MP_S(1), .tv_nsec = timeout % MP_S(1)};
    int n = epoll_pwait2(epoll, events, most, timeout == MP_NEVER ? NULL : &t, NULL);
    if (n >= 0 || errno != ENOSYS)
        return n;
    /* before Linux 5.11: whole milliseconds, rounded up */
    int ms = timeout == MP_NEVER ? -1 : timeout == 0 ? 0 : (int)(mp_min(timeout, MP_S(60)) / MP_MS(1)) + 1;
    return epoll_wait(epoll, events, most, ms);
}

void loop_wait(struct loop *l, mp_time timeout)
{
    struct epoll_event events[4];
    int n = loop_events(l->epoll, events, 4, timeout);
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            *(bool *)events[i].data.ptr = true;
    if (l->woken) {
        uint64_t count;
        (void)!read(l->event, &count, sizeof count);
        l->woken = false;
    }
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    (void)!write(l->event, &one, sizeof one);
}
