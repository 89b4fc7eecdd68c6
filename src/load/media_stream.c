#include "media_stream.h"
#include "frame.h"
#include "limits.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)

struct media_stream {
    size_t len;
    uint8_t data[STREAM_FRAME_MAX]; /* of a frame that is not whole yet */
};

struct media_stream *stream_connect(const struct sockaddr *to, socklen_t len, int *fd)
{
    struct media_stream *s = calloc(1, sizeof *s);
    int on = 1;
    *fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s && *fd >= 0 && connect(*fd, to, len) == 0 &&
        setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        return s;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    free(s);
    return NULL;
}

void stream_free(struct media_stream *s)
{
    free(s);
}

/* What such a client sends is little: a connection that takes only a part of it is taken for broken. */
bool stream_send(int fd, const uint8_t *data, size_t len)
{
    uint8_t frame[STREAM_FRAME_MAX];
    size_t behind, n = frame_write(frame, FRAME_RFC4571, data, len, &behind);
    memcpy(frame + n, data, len);
    return send(fd, frame, n + len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(n + len);
}

bool stream_read(struct media_stream *s, int fd,
                 void (*each)(void *context, const uint8_t *, size_t len, mp_time), void *context,
                 mp_time now)
{
    static _Thread_local uint8_t data[STREAM_FRAME_MAX + READ_SIZE];
    ssize_t n;
    do {
        struct frame f;
        memcpy(data, s->data, s->len);
        n = recv(fd, data + s->len, READ_SIZE, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        size_t len = s->len + (size_t)n, at = 0;
        while (frame_read(&f, FRAME_RFC4571, data + at, len - at) == FRAME_OK && f.size <= len - at) {
            each(context, data + at + f.start, f.len, now);
            at += f.size;
        }
        if (len - at > sizeof s->data)
            return false;
        s->len = len - at;
        memcpy(s->data, data + at, s->len);
    } while (n == READ_SIZE);
    return true;
}
