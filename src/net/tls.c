#include "net/tls.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct identity { /* a certificate, its issuers, and its key */
    X509 *certificate;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

struct tls_stamp { /* detects that a file was replaced or changed */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
};

struct tls {
    char certificate[1024], key[1024]; /* paths */
    bool self_signed;
    SSL_CTX *context;
    pthread_mutex_t lock; /* guards `identity` and `seen` */
    struct identity identity;
    struct tls_stamp seen[2]; /* stamps of the files at the last attempt to read them */
};

/* --- files --- */

static bool stamp_of(struct tls_stamp *stamp, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    memset(stamp, 0, sizeof *stamp); /* compared as bytes */
    stamp->device = st.st_dev;
    stamp->inode = st.st_ino;
    stamp->size = st.st_size;
    stamp->modified = st.st_mtim;
    return true;
}

static void identity_free(struct identity *id)
{
    X509_free(id->certificate);
    sk_X509_pop_free(id->chain, X509_free);
    EVP_PKEY_free(id->key);
    *id = (struct identity){NULL, NULL, NULL};
}

/* Refuses a key with a passphrase: nobody can enter it. */
static int no_passphrase(char *out, int size, int writing, void *unused) { return 0; }

static const char *read_certificates(struct identity *id, FILE *f)
{
    X509 *issuer;
    id->certificate = PEM_read_X509_AUX(f, NULL, no_passphrase, NULL);
    id->chain = sk_X509_new_null();
    if (!id->certificate || !id->chain)
        return "no certificate in it";
    while ((issuer = PEM_read_X509(f, NULL, no_passphrase, NULL)))
        if (!sk_X509_push(id->chain, issuer)) {
            X509_free(issuer);
            return "out of memory";
        }
    return NULL;
}

static const char *read_key(struct identity *id, FILE *f)
{
    id->key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
    return id->key ? NULL : "no private key in it, or one with a passphrase";
}

static const char *read_file(struct identity *id, const char *path,
                             const char *(*read)(struct identity *, FILE *))
{
    FILE *f = fopen(path, "re");
    if (!f)
        return strerror(errno);
    const char *why = read(id, f);
    fclose(f);
    return why;
}

static bool load(const struct tls *tls, struct identity *id, char error[TLS_ERROR_SIZE])
{
    const char *path = tls->certificate, *why = read_file(id, path, read_certificates);
    if (!why)
        why = read_file(id, path = tls->key, read_key);
    if (!why && X509_check_private_key(id->certificate, id->key) != 1)
        why = "the key is not the certificate's";
    if (why) {
        snprintf(error, TLS_ERROR_SIZE, "%.150s: %s", path, why);
        identity_free(id);
    }
    ERR_clear_error(); /* OpenSSL counts the end of a file as an error */
    return !why;
}

/* --- self-signed certificate --- */

static bool make_directory(const char *path)
{
    char part[1024];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return false;
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST;
}

/* Writes the file atomically, readable by its owner only. */
static bool make_file(const struct tls *tls, bool (*make)(FILE *), const char *path)
{
    char fresh[1100];
    snprintf(fresh, sizeof fresh, "%s.%ld", path, (long)getpid());
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    bool made = make(f);
    made &= fclose(f) == 0;
    if (made && rename(fresh, path) == 0)
        return true;
    unlink(fresh);
    return false;
}

static bool self_signed(struct tls *tls, const struct tls_config *c, char error[TLS_ERROR_SIZE])
{
    tls->self_signed = true;
    int n = snprintf(tls->certificate, sizeof tls->certificate, "%s/self-signed.pem", c->state);
    memcpy(tls->key, tls->certificate, sizeof tls->key); /* one file has both */
    if (n < 0 || (size_t)n >= sizeof tls->certificate) {
        snprintf(error, TLS_ERROR_SIZE, "the state directory's path is too long");
        return false;
    }
    if (access(tls->certificate, F_OK) == 0)
        return true;
    if (make_directory(c->state) && make_file(tls, c->make, tls->certificate)) {
        log_line(LOG_LEVEL_INFO, "made a self-signed certificate", "file=%s", tls->certificate);
        return true;
    }
    snprintf(error, TLS_ERROR_SIZE, "%.150s: %s", tls->certificate, strerror(errno));
    return false;
}

/* --- handshakes --- */

/* OpenSSL calls it at each handshake, on any thread. */
static int show(SSL *ssl, void *context)
{
    struct tls *tls = context;
    pthread_mutex_lock(&tls->lock);
    int ok = SSL_use_cert_and_key(ssl, tls->identity.certificate, tls->identity.key, tls->identity.chain, 1);
    pthread_mutex_unlock(&tls->lock);
    return ok;
}

/* RFC 7443 defines stun.turn; a client that offers it beside HTTP wants TURN. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *unused)
{
    static const unsigned char ours[] = "\x09stun.turn\x02h2\x08http/1.1";
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

SSL *tls_accept(struct tls *tls, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    if (ssl && SSL_set_fd(ssl, fd) == 1) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    ERR_clear_error();
    return NULL;
}

static bool make_context(struct tls *tls)
{
    SSL_CTX *ctx = tls->context = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return false;
    SSL_CTX_set_cert_cb(ctx, show, tls);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* RFC 9325 4.2: forward secrecy and AEAD; TLS 1.3 has only such ciphers */
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    /* Session tickets: the client stores the session, the server stores nothing. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    return true;
}

/* --- life --- */

struct tls *tls_new(const struct tls_config *c, char error[TLS_ERROR_SIZE])
{
    struct tls *tls = calloc(1, sizeof *tls);
    snprintf(error, TLS_ERROR_SIZE, "out of memory");
    if (!tls)
        return NULL;
    pthread_mutex_init(&tls->lock, NULL);
    snprintf(tls->certificate, sizeof tls->certificate, "%s", c->certificate);
    snprintf(tls->key, sizeof tls->key, "%s", c->key);
    if (!make_context(tls) || (!*c->certificate && !self_signed(tls, c, error)))
        goto failed;
    stamp_of(&tls->seen[0], tls->certificate);
    stamp_of(&tls->seen[1], tls->key);
    if (load(tls, &tls->identity, error))
        return tls;
failed:
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    identity_free(&tls->identity);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

bool tls_self_signed(const struct tls *tls) { return tls->self_signed; }

/* While somebody replaces the files, one may be missing or incomplete, or not match the other: then the next
 * check succeeds. */
bool tls_refresh(struct tls *tls, bool always)
{
    struct tls_stamp now[2] = {{0}, {0}};
    struct identity fresh = {NULL, NULL, NULL};
    char error[TLS_ERROR_SIZE], quoted[2 * TLS_ERROR_SIZE];
    if (!stamp_of(&now[0], tls->certificate) || !stamp_of(&now[1], tls->key))
        return false;
    pthread_mutex_lock(&tls->lock);
    bool changed = memcmp(now, tls->seen, sizeof now) != 0;
    memcpy(tls->seen, now, sizeof now);
    pthread_mutex_unlock(&tls->lock);
    if (!changed && !always)
        return false;
    if (!load(tls, &fresh, error)) {
        log_line(LOG_LEVEL_WARN, "cannot use the new certificate, keeping the old one", "error=%s",
                 log_quote(quoted, sizeof quoted, error));
        return false;
    }
    pthread_mutex_lock(&tls->lock);
    struct identity old = tls->identity;
    tls->identity = fresh;
    pthread_mutex_unlock(&tls->lock);
    identity_free(&old);
    log_line(LOG_LEVEL_INFO, "certificate reloaded", "file=%s", tls->certificate);
    return true;
}
