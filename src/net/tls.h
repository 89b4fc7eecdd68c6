/* The certificate of the TCP port, and the TLS that shows it: all of it ends in a worker (stream.h). It is
 * read again when its files change; connections that stand keep theirs. Any thread may call any of it but
 * tls_new and tls_free. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

struct tls;
struct ssl_st; /* OpenSSL's SSL: its header has macros of the names in proto/srtp.h */

#define TLS_ERROR_SIZE 256

struct tls_config {
    const char *certificate,
        *key;             /* PEM files; "": a self-signed certificate is made, once, and kept in `state` */
    const char *state;    /* a directory, made if need be */
    bool (*make)(FILE *); /* writes a key and a self-signed certificate, in PEM */
};

struct tls *tls_new(const struct tls_config *, char error[TLS_ERROR_SIZE]); /* NULL: error says why */
void tls_free(struct tls *);
bool tls_self_signed(const struct tls *);

/* The server's end of a connection, TLS 1.2 or 1.3, with the current certificate; NULL: no memory. */
struct ssl_st *tls_accept(struct tls *, int fd);

/* Reads the files again if they changed since (or `always`). Files that cannot be used are logged and the old
 * certificate stays. True: there is a new one. */
bool tls_refresh(struct tls *, bool always);
