/* The certificate of the TCP port, and the TLS contexts that use it; a worker terminates each TLS connection
 * (stream.h). tls_refresh reads changed files again; existing connections keep their certificate. Any thread
 * may call these functions, except tls_new and tls_free. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct tls;
struct ssl_st; /* OpenSSL's SSL: its header has macros of the names in proto/srtp.h */

#define TLS_ERROR_SIZE 256

struct tls_config {
    const char *certificate,
        *key;             /* PEM files; "": makes a self-signed certificate once and keeps it in `state` */
    const char *state;    /* a directory, created if it is missing */
    bool (*make)(FILE *); /* writes a key and a self-signed certificate, in PEM */
};

struct tls *tls_new(const struct tls_config *, char error[TLS_ERROR_SIZE]); /* NULL: error says why */
void tls_free(struct tls *);
bool tls_self_signed(const struct tls *);

/* The server's end of a connection, TLS 1.2 or 1.3, with the current certificate; NULL: no memory. */
struct ssl_st *tls_accept(struct tls *, int fd);

/* Reads the files again if they changed (or `always`). If it cannot use them, it logs the error and keeps the
 * old certificate. True: there is a new one. */
bool tls_refresh(struct tls *, bool always);
