/* The head of a request, or the frames of a WebSocket; the first byte chooses, also the sender of the
 * frames. */
#include "fuzz/fuzz.h"
#include "http/frames.h"
#include "http/request.h"
#include <stdio.h>
#include <stdlib.h>

/* --- heads --- */

static bool is_within(struct http_text t, const char *head, size_t len)
{
    return !t.data || !t.len || (t.data >= head && t.len <= len && (size_t)(t.data - head) <= len - t.len);
}

static void check_decoded(struct http_text t)
{
    char out[512];
    if (request_decode(t, out, sizeof out) == 0)
        INVARIANT(strlen(out) <= t.len);
}

static void check_request(const struct http_request *q, const char *head, size_t len)
{
    char host[HTTP_HOST_SIZE];
    INVARIANT(q->method.len && is_within(q->method, head, len) && is_within(q->query, head, len));
    INVARIANT(q->authority.len < HTTP_HOST_SIZE && is_within(q->authority, head, len));
    INVARIANT(!q->path.len || *q->path.data == '/' || request_is(q->path, "*"));
    INVARIANT(q->path.len || request_is(q->method, "CONNECT"));
    INVARIANT(!(q->chunked && q->has_length) && !(q->old && (q->persistent || q->chunked || q->expects)));
    INVARIANT(q->old || (request_has(q, "host") && request_field(q, "HOST", host, sizeof host)));
    INVARIANT(q->field_count <= HTTP_FIELDS_MAX);
    for (size_t i = 0; i < q->field_count; i++)
        INVARIANT(q->fields[i].name.len && is_within(q->fields[i].name, head, len) &&
                  is_within(q->fields[i].value, head, len));
    check_decoded(q->path);
    check_decoded(q->query);
}

/* A parsed request, written in the simplest form, parses to the same: another parser cannot read it
 * differently. */
static void check_again(const struct http_request *q)
{
    static struct http_request again;
    char *text = NULL;
    size_t len, seen = 0;
    FILE *f = open_memstream(&text, &len);
    INVARIANT(f);
    fprintf(f, "%.*s ", (int)q->method.len, q->method.data);
    if (!q->path.len)
        fprintf(f, "%.*s", (int)q->authority.len, q->authority.data);
    fprintf(f, "%.*s", (int)q->path.len, q->path.data);
    if (q->query.data)
        fprintf(f, "?%.*s", (int)q->query.len, q->query.data);
    fprintf(f, " HTTP/1.%d\r\n", !q->old);
    for (size_t i = 0; i < q->field_count; i++)
        fprintf(f, "%.*s:%.*s\r\n", (int)q->fields[i].name.len, q->fields[i].name.data,
                (int)q->fields[i].value.len, q->fields[i].value.len ? q->fields[i].value.data : "");
    fputs("\r\n", f);
    INVARIANT(fclose(f) == 0);
    INVARIANT(request_head_length(text, len, &seen) == len && request_parse(&again, text, len) == 0);
    INVARIANT(again.length == q->length && again.has_length == q->has_length && again.chunked == q->chunked &&
              again.persistent == q->persistent && again.expects == q->expects &&
              again.field_count == q->field_count && again.path.len == q->path.len &&
              again.query.len == q->query.len);
    free(text);
}

static void fuzz_head(struct bytes s)
{
    static struct http_request q;
    const char *head = (const char *)s.data;
    size_t seen = 0, whole = 0, told = request_head_length(head, s.len, &whole);
    size_t step = 1 + s.len / 64, piece = 0;
    for (size_t n = 0; n <= s.len && !piece; n += step) { /* same result, wherever the input is cut */
        piece = request_head_length(head, n, &seen);
        INVARIANT(!piece || piece == told);
    }
    if (!told || told == HTTP_HEAD_WRONG)
        return;
    INVARIANT(told <= s.len && memcmp(head + told - 4, "\r\n\r\n", 4) == 0);
    unsigned wrong = request_parse(&q, head, told);
    INVARIANT(!wrong || wrong == 400 || wrong == 417 || wrong == 431 || wrong == 501 || wrong == 505);
    if (wrong)
        return;
    check_request(&q, head, told);
    check_again(&q);
}

/* --- frames --- */

struct told { /* result of parsing some bytes, independent of where the payload was cut */
    uint64_t sum;
    size_t payload;
    struct utf8 text;
    uint16_t code;
};

static void mix(struct told *t, uint64_t v) { t->sum = (t->sum ^ v) * 0x100000001b3u; }

static void take(struct told *t, const struct frames *f, enum frame_event event)
{
    if (event == FRAME_BEGINS) {
        INVARIANT(f->opcode == FRAME_TEXT || f->opcode == FRAME_BINARY);
        if (f->first)
            t->text = (struct utf8){0};
        mix(t, 256 + f->length);
    } else if (event == FRAME_PAYLOAD) {
        INVARIANT(f->opcode != FRAME_TEXT || utf8_check(&t->text, f->data, f->len));
        INVARIANT(!f->ends || f->opcode != FRAME_TEXT || utf8_is_whole(&t->text));
        for (size_t i = 0; i < f->len; i++)
            mix(t, f->data[i]);
        t->payload += f->len;
        if (f->ends)
            mix(t, 257);
    } else if (event == FRAME_CONTROL) {
        INVARIANT(f->opcode >= FRAME_CLOSE && f->len <= FRAME_CONTROL_MAX);
        mix(t, 258 + f->opcode + f->len);
    } else if (event == FRAME_WRONG) {
        INVARIANT(f->why && (f->code == CLOSE_PROTOCOL || f->code == CLOSE_TEXT));
        t->code = f->code;
        mix(t, f->code);
    }
}

static struct told read_all(struct bytes s, bool from_client, size_t piece)
{
    struct told t = {0};
    struct frames f = {.from_client = from_client};
    uint8_t *copy = malloc(s.len + !s.len);
    INVARIANT(copy);
    memcpy(copy, s.data, s.len);
    for (size_t at = 0; at < s.len && !t.code; at += piece) {
        uint8_t *data = copy + at;
        size_t n = piece < s.len - at ? piece : s.len - at;
        for (enum frame_event e; !t.code && (e = frames_read(&f, &data, &n)) != FRAME_MORE;)
            take(&t, &f, e);
        INVARIANT(t.code || n == 0);
    }
    free(copy);
    return t;
}

static void fuzz_frames(struct bytes s, bool from_client)
{
    size_t piece = 1 + script_u8(&s);
    if (!s.len)
        return;
    struct told whole = read_all(s, from_client, s.len), cut = read_all(s, from_client, piece);
    /* an invalid text is reported with its frame or with its piece */
    INVARIANT(whole.code == cut.code &&
              (whole.code == CLOSE_TEXT || (whole.sum == cut.sum && whole.payload == cut.payload)));
}

void fuzz_http(const uint8_t *data, size_t len)
{
    struct bytes s = {data, len};
    uint8_t what = script_u8(&s);
    if (what % 3 == 0)
        fuzz_head(s);
    else
        fuzz_frames(s, what % 3 == 1);
}
