/* HTTP/2 (RFC 9113) for clients, HTTP/1.1 for the web server: nghttp2's session on one side, on the other one request after
 * the other. Bytes in, bytes out: no socket in it. WebSockets are not offered (RFC 8441): browsers open a connection of
 * HTTP/1.1 for each. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2;

struct h2 *h2_new(void); /* NULL: no memory */
void h2_free(struct h2 *); /* may be NULL */

/* --- the client's side. False: it is over, after what h2_output still has --- */
bool h2_input(struct h2 *, const uint8_t *, size_t len);
size_t h2_output(struct h2 *, uint8_t *out, size_t size); /* `size` at least H2_OUTPUT_MIN; 0: nothing now */
bool h2_is_over(struct h2 *);
void h2_goodbye(struct h2 *); /* no further requests: GOAWAY is the last that h2_output has */

/* --- the web server's side --- */
/* The next request, whole, once the one before was answered; a view until the next call. 0: none. */
size_t h2_request(struct h2 *, const char **text);
bool h2_awaits(const struct h2 *); /* more of the response can be taken: at most H2_RESPONSE_CHUNK bytes a call */
/* False: that is no response of ours; the connection to the web server is of no more use. */
bool h2_response(struct h2 *, const uint8_t *, size_t len);
void h2_response_cut(struct h2 *); /* the web server has closed: what is owed will not come */
bool h2_busy(const struct h2 *);     /* the last request is not finished */
/* True: the last request has just been answered, or its client has lost interest. Then h2_reusable tells whether the
 * connection to the web server takes another one. */
bool h2_finish(struct h2 *);
bool h2_reusable(const struct h2 *);
