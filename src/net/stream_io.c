#include "net/stream_internal.h"
#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>

/* --- one connection, in the clear or not --- */

/* Result of a failed OpenSSL call. 0: try again later; -1: the connection failed. Empties the error queue,
 * because all connections of the thread share it. */
static int tls_result(struct stream *s, int result)
{
    int e = SSL_get_error(s->ssl, result);
    ERR_clear_error();
    s->tls_wants = e;
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static int socket_result(void) { return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1; }

bool stream_handshake(struct stream *s)
{
    int r = SSL_accept(s->ssl);
    if (r == 1) {
        s->tls_wants = SSL_ERROR_NONE;
        s->phase = PHASE_FIRST;
        return true;
    }
    if (tls_result(s, r) == 0)
        return true;
    s->set->counts.tls_failed++;
    return false;
}

ssize_t stream_read(struct stream *s, uint8_t *to, size_t size)
{
    ssize_t n;
    if (s->ssl) {
        n = SSL_read(s->ssl, to, (int)size);
        if (n <= 0)
            return tls_result(s, (int)n);
        s->tls_wants = SSL_ERROR_NONE;
    } else {
        n = recv(s->fd, to, size, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0 ? socket_result() : -1;
    }
    s->set->counts.bytes_in += (uint64_t)n;
    return n;
}

static ssize_t write_some(struct stream *s, const uint8_t *data, size_t len)
{
    ssize_t n;
    if (s->ssl) {
        n = SSL_write(s->ssl, data, (int)len);
        if (n <= 0)
            return tls_result(s, (int)n);
        s->tls_wants = SSL_ERROR_NONE;
    } else {
        n = send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return socket_result();
    }
    s->set->counts.bytes_out += (uint64_t)n;
    return n;
}

/* --- partly sent data --- */

static bool keep(struct stream *s, struct bytes rest)
{
    s->begun = malloc(rest.len);
    if (!s->begun)
        return false; /* the stream would continue in the middle of a frame */
    memcpy(s->begun, rest.data, rest.len);
    s->begun_len = rest.len;
    s->begun_at = 0;
    return true;
}

bool stream_begin(struct stream *s, const uint8_t *data, size_t len)
{
    ssize_t n = write_some(s, data, len);
    if (n < 0)
        return false;
    return (size_t)n == len || keep(s, (struct bytes){data + n, len - (size_t)n});
}

static bool flush_begun(struct stream *s)
{
    ssize_t n = write_some(s, s->begun + s->begun_at, s->begun_len - s->begun_at);
    if (n < 0)
        return false;
    s->begun_at += (size_t)n;
    if (s->begun_at == s->begun_len) {
        free(s->begun);
        s->begun = NULL;
    }
    return true;
}

bool stream_flush(struct stream *s)
{
    if (s->begun && !flush_begun(s))
        return false;
    while (!s->begun && s->queue.len) {
        size_t n = frame_queue_take(&s->queue, s->format, s->set->out, sizeof s->set->out);
        if (!stream_begin(s, s->set->out, n))
            return false;
    }
    return true;
}

/* --- frames --- */

struct piece { /* one frame to send */
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_len, behind;
    struct bytes datagram;
};

static size_t piece_size(const struct piece *p) { return p->header_len + p->datagram.len + p->behind; }

static size_t cut(const struct stream *s, const struct transmit *t, struct piece pieces[RUN_PACKETS_MAX])
{
    size_t count = 0;
    for (uint32_t at = 0; at < t->len && count < RUN_PACKETS_MAX; at += t->segment) {
        struct piece *p = &pieces[count];
        p->datagram = (struct bytes){t->data + at, t->len - at < t->segment ? t->len - at : t->segment};
        if (frame_write(p->header, &p->header_len, &p->behind, s->format, p->datagram.data, p->datagram.len))
            count++;
        else
            s->set->counts.unframed++;
    }
    return count;
}

static void enqueue(struct stream *s, const struct piece *p)
{
    uint64_t before = s->queue.dropped;
    frame_queue_add(&s->queue, s->format, (struct bytes){p->header, p->header_len}, p->datagram, p->behind);
    s->set->counts.dropped += s->queue.dropped - before;
}

static const uint8_t zeros[4];

static void copy_piece(uint8_t *out, const struct piece *p)
{
    memcpy(out, p->header, p->header_len);
    memcpy(out + p->header_len, p->datagram.data, p->datagram.len);
    memcpy(out + p->header_len + p->datagram.len, zeros, p->behind);
}

/* The kernel accepted `sent` bytes of the pieces. Keeps the rest of a partly sent piece to send next, and
 * queues the others. */
static bool keep_unsent(struct stream *s, const struct piece *pieces, size_t count, size_t sent)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = piece_size(&pieces[i]);
        if (sent >= size) {
            sent -= size;
        } else if (sent > 0) {
            copy_piece(s->set->out, &pieces[i]);
            if (!keep(s, (struct bytes){s->set->out + sent, size - sent}))
                return false;
            sent = 0;
        } else {
            enqueue(s, &pieces[i]);
        }
    }
    return true;
}

static struct iovec iov(const void *data, size_t len)
{
    union {
        void *out;
        const void *in;
    } unqualified = {.in = data}; /* struct iovec serves both directions and knows no const */
    return (struct iovec){unqualified.out, len};
}

/* Sends a run in one call, without a copy. */
static bool send_clear(struct stream *s, const struct piece *pieces, size_t count)
{
    struct iovec v[3 * RUN_PACKETS_MAX];
    struct msghdr m = {.msg_iov = v};
    for (size_t i = 0; i < count; i++) {
        const struct piece *p = &pieces[i];
        if (p->header_len)
            v[m.msg_iovlen++] = iov(p->header, p->header_len);
        v[m.msg_iovlen++] = iov(p->datagram.data, p->datagram.len);
        if (p->behind)
            v[m.msg_iovlen++] = iov(zeros, p->behind);
    }
    ssize_t n = sendmsg(s->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (n = socket_result()) < 0)
        return false;
    s->set->counts.bytes_out += (uint64_t)n;
    return keep_unsent(s, pieces, count, (size_t)n);
}

/* Sends a run in as few TLS records as possible. */
static bool send_tls(struct stream *s, const struct piece *pieces, size_t count)
{
    size_t i = 0;
    while (i < count && !s->begun) {
        size_t len = 0;
        for (; i < count && len + piece_size(&pieces[i]) <= sizeof s->set->out; i++) {
            copy_piece(s->set->out + len, &pieces[i]);
            len += piece_size(&pieces[i]);
        }
        if (!stream_begin(s, s->set->out, len))
            return false;
    }
    for (; i < count; i++)
        enqueue(s, &pieces[i]);
    return true;
}

bool stream_push(struct stream *s, const struct transmit *t)
{
    struct piece pieces[RUN_PACKETS_MAX];
    size_t count = cut(s, t, pieces);
    s->set->counts.frames_out += count;
    if (!count)
        return true;
    if (!s->begun && !s->queue.len)
        return s->ssl ? send_tls(s, pieces, count) : send_clear(s, pieces, count);
    for (size_t i = 0; i < count; i++)
        enqueue(s, &pieces[i]);
    return true;
}
