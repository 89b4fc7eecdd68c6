/* The head of an HTTP/1.1 request (RFC 9112), parsed strictly: the parser refuses every form that a proxy
 * might read differently (a blank before a colon, two lengths, a folded or a bare line end). Two readings of
 * one stream make request smuggling possible. */
#pragma once
#include "base/limits.h"
#include <stdbool.h>
#include <stddef.h>

struct http_text { /* a view; `data` NULL: absent */
    const char *data;
    size_t len;
};

struct http_field {
    struct http_text name, value; /* the value without the blanks around it */
};

struct http_request { /* views into the head */
    struct http_text method;
    struct http_text path;      /* still escaped; "*" of OPTIONS alone, "" of CONNECT */
    struct http_text query;     /* still escaped, without its question mark */
    struct http_text authority; /* the target's, else Host's; "" if HTTP/1.0 names none */
    bool old;                   /* HTTP/1.0 */
    bool persistent;            /* the connection stays open after the answer */
    bool expects;               /* the client waits for "100 Continue" before it sends the body */
    bool has_length, chunked;
    size_t length; /* of the body, as announced; SIZE_MAX: larger than a size_t */
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
};

#define HTTP_HEAD_WRONG ((size_t)-1)

/* The length of the head at the start of the bytes, its empty line included. 0: incomplete. HTTP_HEAD_WRONG:
 * no valid head. `*seen` must be 0 for a new head; the function does not examine bytes before it again. */
size_t request_head_length(const char *data, size_t len, size_t *seen);

/* Parses a complete head. 0, or the status that refuses it: 400, 417, 431, 501, 505. */
unsigned request_parse(struct http_request *, const char *head, size_t len);

/* All values of a list field as one, "" if absent, 0-terminated. False: too long. */
bool request_field(const struct http_request *, const char *name, char *out, size_t size);
bool request_has(const struct http_request *, const char *name);
/* Whether the list of a field has this token, in any case of letters. */
bool request_lists(const struct http_request *, const char *name, const char *token);
bool request_is(struct http_text, const char *text); /* the same, letter by letter */

/* Removes percent escapes (RFC 3986 2.1); 0-terminated. 0, or the status that refuses it: 400 for an invalid
 * escape or a NUL, 414 if too long. A plus stays a plus. */
unsigned request_decode(struct http_text, char *out, size_t size);
