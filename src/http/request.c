#include "http/request.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* --- the head --- */

static bool is_control(unsigned char c)
{
    return (c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 127;
}

size_t request_head_length(const char *data, size_t len, size_t *seen)
{
    for (size_t i = *seen; i < len; i++) {
        if (is_control((unsigned char)data[i]) || (data[i] == '\n' && (i == 0 || data[i - 1] != '\r')) ||
            (data[i] != '\n' && i > 0 && data[i - 1] == '\r'))
            return HTTP_HEAD_WRONG;
        if (i >= 3 && memcmp(data + i - 3, "\r\n\r\n", 4) == 0)
            return i + 1;
    }
    *seen = len;
    return 0;
}

/* --- words --- */

bool request_is(struct http_text t, const char *text)
{
    return t.len == strlen(text) && memcmp(t.data, text, t.len) == 0;
}

static bool is_word(struct http_text t, const char *text)
{
    return t.len == strlen(text) && strncasecmp(t.data, text, t.len) == 0;
}

/* RFC 9110 5.6.2 */
static bool is_token(struct http_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!isalnum((unsigned char)t.data[i]) && !strchr("!#$%&'*+-.^_`|~", t.data[i]))
            return false;
    return t.len > 0;
}

/* uri-host [":" port] (RFC 9110 7.2), without characters that would end it in a URL or name a user. */
static bool is_authority(struct http_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!isalnum((unsigned char)t.data[i]) && !strchr("-._~%!$&'()*+,;=:[]", t.data[i]))
            return false;
    return t.len < HTTP_HOST_SIZE;
}

static struct http_text trim(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (from < to && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct http_text){from, (size_t)(to - from)};
}

/* The text before the next such character, or all of it; `rest` continues after that character, and is NULL
 * at the end. */
static struct http_text cut(struct http_text *rest, char at)
{
    struct http_text first = *rest;
    const char *stop = memchr(first.data, at, first.len);
    if (!stop) {
        *rest = (struct http_text){NULL, 0};
        return first;
    }
    first.len = (size_t)(stop - first.data);
    rest->data += first.len + 1;
    rest->len -= first.len + 1;
    return first;
}

/* --- the request line --- */

static unsigned split_path(struct http_request *q, struct http_text path)
{
    if (memchr(path.data, '#', path.len))
        return 400;
    q->query = path;
    q->path = cut(&q->query, '?');
    return 0;
}

/* RFC 9112 3.2.2: an absolute URL; its authority overrides Host. */
static unsigned take_absolute(struct http_request *q, struct http_text t)
{
    size_t scheme = t.len > 8 && strncasecmp(t.data, "https://", 8) == 0  ? 8
                    : t.len > 7 && strncasecmp(t.data, "http://", 7) == 0 ? 7
                                                                          : 0;
    struct http_text rest = {t.data + scheme, t.len - scheme};
    size_t n = 0;
    while (n < rest.len && rest.data[n] != '/' && rest.data[n] != '?')
        n++;
    q->authority = (struct http_text){rest.data, n};
    if (!scheme || !n || !is_authority(q->authority))
        return 400;
    rest.data += n;
    rest.len -= n;
    unsigned wrong = split_path(q, rest);
    if (!q->path.len)
        q->path = (struct http_text){"/", 1};
    return wrong;
}

/* RFC 9112 3.2 */
static unsigned take_target(struct http_request *q, struct http_text t)
{
    for (size_t i = 0; i < t.len; i++)
        if (t.data[i] <= ' ' || t.data[i] == 127) /* char is signed: excludes bytes over 127 too (RFC 3986
                                                     2) */
            return 400;
    if (request_is(q->method, "CONNECT")) {
        q->path = (struct http_text){"", 0};
        q->authority = t;
        return t.len && is_authority(t) ? 0 : 400;
    }
    if (request_is(t, "*") && request_is(q->method, "OPTIONS")) {
        q->path = t;
        return 0;
    }
    return t.len && *t.data == '/' ? split_path(q, t) : take_absolute(q, t);
}

static unsigned take_version(struct http_request *q, struct http_text t)
{
    if (t.len != 8 || memcmp(t.data, "HTTP/", 5) != 0 || !isdigit((unsigned char)t.data[5]) ||
        t.data[6] != '.' || !isdigit((unsigned char)t.data[7]))
        return 400;
    q->old = t.data[7] == '0';
    return t.data[5] == '1' ? 0 : 505;
}

static unsigned take_request_line(struct http_request *q, struct http_text line)
{
    struct http_text rest = line;
    q->method = cut(&rest, ' ');
    if (!rest.data || !is_token(q->method))
        return 400;
    struct http_text target = cut(&rest, ' ');
    if (!rest.data)
        return 400;
    unsigned wrong = take_version(q, rest);
    return wrong ? wrong : take_target(q, target);
}

/* --- fields --- */

/* RFC 9112 5.1, 5.2: no blank before the colon, and no continuation lines. */
static unsigned take_field(struct http_request *q, struct http_text line)
{
    struct http_text value = line, name = cut(&value, ':');
    if (!value.data || !is_token(name) || memchr(value.data, '\r', value.len))
        return 400;
    if (q->field_count == HTTP_FIELDS_MAX)
        return 431;
    q->fields[q->field_count++] = (struct http_field){name, trim(value.data, value.data + value.len)};
    return 0;
}

/* The next field of this name after number `*at`; NULL: none. */
static const struct http_field *next_field(const struct http_request *q, const char *name, size_t *at)
{
    while (*at < q->field_count) {
        const struct http_field *f = &q->fields[(*at)++];
        if (is_word(f->name, name))
            return f;
    }
    return NULL;
}

bool request_has(const struct http_request *q, const char *name)
{
    size_t at = 0;
    return next_field(q, name, &at) != NULL;
}

bool request_field(const struct http_request *q, const char *name, char *out, size_t size)
{
    size_t at = 0, len = 0;
    for (const struct http_field *f; (f = next_field(q, name, &at));) {
        size_t comma = len ? 2 : 0;
        if (f->value.len + comma >= size - len)
            return false;
        memcpy(out + len, ", ", comma);
        memcpy(out + len + comma, f->value.data, f->value.len);
        len += comma + f->value.len;
    }
    out[len] = 0;
    return true;
}

bool request_lists(const struct http_request *q, const char *name, const char *token)
{
    size_t at = 0;
    for (const struct http_field *f; (f = next_field(q, name, &at));)
        for (struct http_text rest = f->value, item; rest.data;) {
            item = cut(&rest, ',');
            if (is_word(trim(item.data, item.data + item.len), token))
                return true;
        }
    return false;
}

/* RFC 9110 5.3: a field that is not a list occurs once. */
static bool is_doubled(const struct http_request *q)
{
    static const char *const once[] = {
        "host",   "content-length",    "content-type",          "authorization",
        "origin", "sec-websocket-key", "sec-websocket-version", "transfer-encoding"};
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        size_t at = 0;
        if (next_field(q, once[i], &at) && next_field(q, once[i], &at))
            return true;
    }
    return false;
}

/* --- meaning of the fields --- */

/* RFC 9112 3.2: an HTTP/1.1 request has a Host, and no request has two. */
static unsigned find_host(struct http_request *q)
{
    size_t at = 0;
    const struct http_field *host = next_field(q, "host", &at);
    if (!host)
        return q->old ? 0 : 400;
    if (!is_authority(host->value))
        return 400;
    if (!q->authority.data)
        q->authority = host->value;
    return 0;
}

static unsigned take_length(struct http_request *q, struct http_text digits)
{
    q->has_length = true;
    for (size_t i = 0; i < digits.len; i++) {
        if (!isdigit((unsigned char)digits.data[i]))
            return 400;
        q->length =
            q->length > (SIZE_MAX - 9) / 10 ? SIZE_MAX : q->length * 10 + (size_t)(digits.data[i] - '0');
    }
    return digits.len ? 0 : 400;
}

/* RFC 9112 6.1, 6.3: one unambiguous length. */
static unsigned find_body(struct http_request *q)
{
    size_t at = 0, first = 0;
    const struct http_field *coding = next_field(q, "transfer-encoding", &at);
    const struct http_field *length = next_field(q, "content-length", &first);
    if (!coding)
        return length ? take_length(q, length->value) : 0;
    if (length || q->old || !request_lists(q, "transfer-encoding", "chunked"))
        return 400;
    q->chunked = true;
    return is_word(coding->value, "chunked") ? 0 : 501;
}

/* RFC 9110 10.1.1 */
static unsigned find_expectation(struct http_request *q)
{
    if (q->old || !request_has(q, "expect"))
        return 0;
    q->expects = request_lists(q, "expect", "100-continue");
    return q->expects ? 0 : 417;
}

static unsigned take_lines(struct http_request *q, struct http_text head)
{
    bool first = true;
    while (head.len) {
        struct http_text line = cut(&head, '\n');
        line.len--; /* its carriage return */
        if (!line.len)
            break;
        unsigned wrong = first ? take_request_line(q, line) : take_field(q, line);
        if (wrong)
            return wrong;
        first = false;
    }
    return first ? 400 : 0;
}

unsigned request_parse(struct http_request *q, const char *head, size_t len)
{
    q->query = q->authority = (struct http_text){NULL, 0};
    q->expects = q->has_length = q->chunked = false;
    q->length = q->field_count = 0;
    unsigned wrong = take_lines(q, (struct http_text){head, len});
    if (!wrong)
        wrong = is_doubled(q) ? 400 : find_host(q);
    if (!wrong)
        wrong = find_body(q);
    if (!wrong)
        wrong = find_expectation(q);
    q->persistent = !wrong && !q->old && !request_lists(q, "connection", "close");
    return wrong;
}

/* --- escapes --- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

unsigned request_decode(struct http_text t, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];
        if (c == '%') {
            int high = i + 2 < t.len ? hex(t.data[i + 1]) : -1, low = i + 2 < t.len ? hex(t.data[i + 2]) : -1;
            c = high < 0 || low < 0 ? 0 : (char)(high << 4 | low);
            i += 2;
        }
        if (!c)
            return 400;
        if (n + 1 >= size)
            return 414;
        out[n++] = c;
    }
    out[n] = 0;
    return 0;
}
