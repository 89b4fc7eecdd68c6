/* The certificate of the TCP port, and TLS contexts that show it: ours (stream.h) and libwebsockets'. It is
 * read again when its files change; connections that stand keep theirs. Any thread may call any of it but
 * tls_new and tls_free. */
#pragma once
#include <stdlib.h> /* before OpenSSL: where that asks for limits.h, the compiler finds the project's beside the system's */

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>

struct tls;

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

/* Makes a context show the current certificate to each new connection, TLS 1.2 and 1.3 only. */
void tls_prepare(struct tls *, SSL_CTX *);
SSL *tls_accept(struct tls *, int fd); /* the server's end of a connection; NULL: no memory */

/* Reads the files again if they changed since (or `always`). Files that cannot be used are logged and the old
 * certificate stays. True: there is a new one. */
bool tls_refresh(struct tls *, bool always);
