/* Translates HTTP/2 (RFC 9113) of clients into HTTP/1.1 for the web server: nghttp2's session on one side,
 * one request at a time on the other. Bytes in, bytes out, no socket. It does not offer WebSockets (RFC
 * 8441): browsers open an HTTP/1.1 connection for each. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h2;

struct h2 *h2_new(void);   /* NULL: no memory */
void h2_free(struct h2 *); /* may be NULL */

/* --- the client's side. False: the connection ends after the remaining output of h2_output --- */
bool h2_input(struct h2 *, const uint8_t *, size_t len);
size_t h2_output(struct h2 *, uint8_t *out, size_t size); /* `size` at least H2_OUTPUT_MIN; 0: nothing now */
bool h2_is_over(struct h2 *);
void h2_goodbye(struct h2 *); /* no further requests: GOAWAY is the last frame of h2_output */

/* --- the web server's side --- */
/* The next complete request, after the response to the previous one; a view until the next call. 0: none. */
size_t h2_request(struct h2 *, const char **text);
bool h2_awaits(const struct h2 *); /* it accepts more of the response, at most H2_RESPONSE_CHUNK bytes a
                                      call */
/* False: an invalid response; do not use the connection to the web server again. */
bool h2_response(struct h2 *, const uint8_t *, size_t len);
void h2_response_cut(struct h2 *); /* the web server closed the connection: the response stays incomplete */
bool h2_busy(const struct h2 *);   /* a request is in progress */
/* True: the web server answered the request, or its client cancelled it. Then h2_reusable tells whether the
 * connection to the web server can take another. */
bool h2_finish(struct h2 *);
bool h2_reusable(const struct h2 *);
