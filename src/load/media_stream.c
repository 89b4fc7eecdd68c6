#include "load/media_stream.h"
#include "base/limits.h"
#include "net/frame.h"
#include "proto/turn.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)
#define PATIENCE  10 /* s, for each answer while connecting */

struct media_stream {
    enum way way;
    SSL *ssl; /* NULL: in the clear */
    size_t len;
    uint8_t data[STREAM_FRAME_MAX]; /* of an incomplete frame */
};

/* --- connecting --- */

/* Accepts any certificate: this tool only measures and has no secrets. */
static bool secure(struct media_stream *s, int fd)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    s->ssl = ctx ? SSL_new(ctx) : NULL;
    SSL_CTX_free(ctx);
    return s->ssl && SSL_set_fd(s->ssl, fd) == 1 && SSL_connect(s->ssl) == 1;
}

static bool dial(struct media_stream *s, const struct media_stream_config *c, int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE};
    int on = 1;
    s->way = c->way;
    return connect(fd, c->to, c->len) == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           (c->way != WAY_TURN_TLS || secure(s, fd)) &&
           (c->way == WAY_TCP || turn_client_open(fd, s->ssl, &c->login, &c->server)) &&
           fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

struct media_stream *media_stream_connect(const struct media_stream_config *c, int *fd)
{
    struct media_stream *s = calloc(1, sizeof *s);
    *fd = socket(c->to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s && *fd >= 0 && dial(s, c, *fd))
        return s;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    media_stream_free(s);
    return NULL;
}

void media_stream_free(struct media_stream *s)
{
    if (s)
        SSL_free(s->ssl);
    free(s);
}

/* --- datagrams --- */

/* Such a client sends little: a connection that accepts only a part of it counts as broken. */
bool media_stream_send(struct media_stream *s, int fd, const uint8_t *data, size_t len)
{
    uint8_t frame[STREAM_FRAME_MAX] = {0};
    enum frame_format format = s->way == WAY_TCP ? FRAME_RFC4571 : FRAME_TURN;
    size_t head, behind, channel = s->way == WAY_TCP ? 0 : TURN_CHANNEL_HEAD;
    if (channel)
        turn_channel_head(frame, TURN_CLIENT_CHANNEL, len);
    if (!frame_write(frame, &head, &behind, format, frame, channel + len))
        return false;
    head += channel;
    memcpy(frame + head, data, len);
    len += head + behind;
    return (s->ssl ? SSL_write(s->ssl, frame, (int)len) : send(fd, frame, len, MSG_NOSIGNAL)) == (ssize_t)len;
}

/* Less than 0: nothing now. 0: it ended. */
static ssize_t read_some(struct media_stream *s, int fd, uint8_t *to, size_t size)
{
    if (!s->ssl) {
        ssize_t n = recv(fd, to, size, 0);
        return n < 0 && errno != EAGAIN ? 0 : n;
    }
    int n = SSL_read(s->ssl, to, (int)size);
    bool later = n <= 0 && SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return n > 0 ? n : later ? -1 : 0;
}

bool media_stream_read(struct media_stream *s, int fd,
                       void (*each)(void *context, const uint8_t *, size_t len, mp_time), void *context,
                       mp_time now)
{
    static _Thread_local uint8_t data[STREAM_FRAME_MAX + READ_SIZE];
    enum frame_format format = s->way == WAY_TCP ? FRAME_RFC4571 : FRAME_TURN;
    for (;;) {
        struct frame f;
        struct bytes inside;
        uint16_t channel;
        ssize_t n = read_some(s, fd, data + s->len, READ_SIZE);
        if (n <= 0)
            return n < 0;
        memcpy(data, s->data, s->len);
        size_t len = s->len + (size_t)n, at = 0;
        while (frame_read(&f, format, data + at, len - at) == FRAME_OK && f.size <= len - at) {
            if (format == FRAME_RFC4571)
                each(context, data + at + f.start, f.len, now);
            else if (turn_channel_data(data + at, f.len, &channel, &inside))
                each(context, inside.data, inside.len, now);
            at += f.size;
        }
        if (len - at > sizeof s->data)
            return false;
        s->len = len - at;
        memcpy(s->data, data + at, s->len);
    }
}
