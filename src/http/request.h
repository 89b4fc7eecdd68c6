/* The head of an HTTP/1.1 request (RFC 9112). It is read strictly: what a proxy before us might read in another
 * way (a blank before a colon, two lengths, a folded or a bare line end) is refused instead of mended, as two
 * readings of one stream are how requests get smuggled. */
#pragma once
#include "base/limits.h"
#include <stdbool.h>
#include <stddef.h>

struct http_text { /* a view; `data` NULL: there is none */
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
    struct http_text authority; /* the target's, else Host's; "" where HTTP/1.0 names none */
    bool old;                   /* HTTP/1.0 */
    bool persistent;            /* the client does not want the connection to end with the answer */
    bool expects;               /* "100 (Continue)" before it sends the body */
    bool has_length, chunked;
    size_t length; /* of the body, as announced; SIZE_MAX: more than a number can say */
    struct http_field fields[HTTP_FIELDS_MAX];
    size_t field_count;
};

#define HTTP_HEAD_WRONG ((size_t)-1)

/* The length of the head that these bytes begin with, its empty line included. 0: it is not whole yet.
 * HTTP_HEAD_WRONG: no head begins like this. `*seen` has to be 0 for a new head; bytes up to there are not looked
 * at again. */
size_t http_head_length(const char *data, size_t len, size_t *seen);

/* A whole head. 0, or the status that refuses it: 400, 417, 431, 501, 505. */
unsigned http_parse(struct http_request *, const char *head, size_t len);

/* All values of a field that is a list, as one, "" where there is none, 0-terminated. False: too long. */
bool http_field(const struct http_request *, const char *name, char *out, size_t size);
bool http_has(const struct http_request *, const char *name);
/* Whether the list of a field has this token, in any case of letters. */
bool http_lists(const struct http_request *, const char *name, const char *token);
bool http_is(struct http_text, const char *text); /* the same, letter by letter */

/* Without its escapes (RFC 3986 2.1), 0-terminated. 0, or the status that refuses it: 400 for an escape that is
 * none or a NUL, 414 where it is too long. A plus stays one. */
unsigned http_decode(struct http_text, char *out, size_t size);
