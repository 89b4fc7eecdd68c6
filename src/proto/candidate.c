#include "proto/candidate.h"
#include "base/check.h"
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

/* RFC 8839 5.1:
 *   candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE [raddr A rport P] *(NAME VALUE)
 * and RFC 6544 4.5 for TCP: tcptype active, passive or so, among the names. */

struct candidate_text { /* the rest of the line */
    const char *at, *end;
};

struct word {
    const char *data;
    size_t len;
};

/* The next word; one space separates two words. False: no word, an empty one, or an invalid byte. */
static bool next_word(struct candidate_text *t, struct word *w)
{
    const char *start = t->at;
    while (t->at < t->end && *t->at != ' ') {
        unsigned char c = (unsigned char)*t->at++;
        if (c < 0x21 || c == 0x7f)
            return false;
    }
    *w = (struct word){start, (size_t)(t->at - start)};
    if (t->at < t->end && ++t->at == t->end) /* a space at the end separates nothing */
        return false;
    return w->len > 0;
}

static bool is_word(struct word w, const char *text)
{
    return w.len == strlen(text) && strncasecmp(w.data, text, w.len) == 0;
}

static bool skip(struct candidate_text *t, const char *prefix)
{
    size_t n = strlen(prefix);
    if ((size_t)(t->end - t->at) < n || strncasecmp(t->at, prefix, n) != 0)
        return false;
    t->at += n;
    return true;
}

static bool next_number(struct candidate_text *t, uint32_t most, uint32_t *value)
{
    struct word w;
    uint64_t v = 0;
    if (!next_word(t, &w) || w.len > 10)
        return false;
    for (size_t i = 0; i < w.len; i++) {
        if (w.data[i] < '0' || w.data[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(w.data[i] - '0');
    }
    *value = (uint32_t)v;
    return v <= most;
}

static bool ice_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool next_foundation(struct candidate_text *t, struct candidate *c)
{
    struct word w;
    if (!next_word(t, &w) || w.len >= sizeof c->foundation)
        return false;
    for (size_t i = 0; i < w.len; i++)
        if (!ice_char(w.data[i]))
            return false;
    memcpy(c->foundation, w.data, w.len);
    return true;
}

static bool next_transport(struct candidate_text *t, struct candidate *c)
{
    struct word w;
    if (!next_word(t, &w))
        return false;
    c->tcp = is_word(w, "tcp");
    return c->tcp || is_word(w, "udp");
}

/* A browser without camera permission names its host addresses by an mDNS name (RFC 8828, mode 3). Other
 * names are refused: nothing here resolves them. */
static bool is_hidden(struct word w)
{
    static const char end[] = ".local";
    size_t n = sizeof end - 1;
    if (w.len <= n || w.len > 255 || strncasecmp(w.data + w.len - n, end, n) != 0)
        return false;
    for (size_t i = 0; i < w.len; i++)
        if (!(ice_char(w.data[i]) || w.data[i] == '-' || w.data[i] == '.') || w.data[i] == '+' ||
            w.data[i] == '/')
            return false;
    return true;
}

static bool next_address(struct candidate_text *t, struct candidate *c)
{
    char ip[ADDRESS_TEXT_SIZE];
    struct word w;
    uint32_t port;
    if (!next_word(t, &w) || !next_number(t, UINT16_MAX, &port))
        return false;
    c->hidden = is_hidden(w);
    if (c->hidden)
        return true;
    if (w.len >= sizeof ip || w.data[0] == '[')
        return false;
    memcpy(ip, w.data, w.len);
    ip[w.len] = 0;
    return address_parse(&c->address, ip, (uint16_t)port);
}

static const char *const type_name[] = {[CANDIDATE_HOST] = "host",
                                        [CANDIDATE_SRFLX] = "srflx",
                                        [CANDIDATE_PRFLX] = "prflx",
                                        [CANDIDATE_RELAY] = "relay"};

static bool next_type(struct candidate_text *t, struct candidate *c)
{
    struct word w;
    if (!next_word(t, &w) || !is_word(w, "typ") || !next_word(t, &w))
        return false;
    for (int i = 0; i <= CANDIDATE_RELAY; i++)
        if (is_word(w, type_name[i])) {
            c->type = (enum candidate_type)i;
            return true;
        }
    return false;
}

/* Pairs of name and value, raddr and rport among them. Unknown ones are skipped (RFC 8839 5.1). */
static bool rest_is_sound(struct candidate_text *t, const struct candidate *c)
{
    bool tcptype = false;
    while (t->at < t->end) {
        struct word name, value;
        if (!next_word(t, &name) || t->at == t->end || !next_word(t, &value))
            return false;
        if (!is_word(name, "tcptype"))
            continue;
        if (!is_word(value, "active") && !is_word(value, "passive") && !is_word(value, "so"))
            return false;
        tcptype = true;
    }
    return tcptype == c->tcp;
}

bool candidate_parse(struct candidate *c, const char *text, size_t len)
{
    struct candidate_text t = {text, text + len};
    uint32_t component;
    memset(c, 0, sizeof *c);
    skip(&t, "a=");
    skip(&t, "candidate:");
    if (!next_foundation(&t, c) || !next_number(&t, 256, &component) || component == 0)
        return false;
    c->component = (uint16_t)component;
    return next_transport(&t, c) && next_number(&t, INT32_MAX, &c->priority) && next_address(&t, c) &&
           next_type(&t, c) && rest_is_sound(&t, c);
}

bool candidate_is_line(const char *text, size_t len)
{
    struct candidate_text t = {text, text + len};
    struct word w = {0};
    int count = 0;
    skip(&t, "a=");
    if (!skip(&t, "candidate:"))
        return false;
    while (count < 8 && next_word(&t, &w) && (count != 6 || is_word(w, "typ")))
        count++;
    return count == 8;
}

size_t candidate_write(const struct candidate *c, char *out, size_t size)
{
    char ip[ADDRESS_TEXT_SIZE];
    INVARIANT(!c->hidden);
    /* RFC 8839 5.1: candidates other than host have a base; ours stays private (any address is valid) */
    const char *related = c->type == CANDIDATE_HOST    ? ""
                          : address_is_v4(&c->address) ? " raddr 0.0.0.0 rport 0"
                                                       : " raddr :: rport 0";
    int n = snprintf(out, size, "candidate:%s %u %s %" PRIu32 " %s %u typ %s%s%s", c->foundation,
                     c->component, c->tcp ? "tcp" : "udp", c->priority, address_ip_text(&c->address, ip),
                     c->address.port, type_name[c->type], related, c->tcp ? " tcptype passive" : "");
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

uint32_t candidate_priority(enum candidate_type type, uint16_t local_preference, uint16_t component)
{
    static const uint8_t preference[] = {
        [CANDIDATE_HOST] = 126, [CANDIDATE_SRFLX] = 100, [CANDIDATE_PRFLX] = 110, [CANDIDATE_RELAY] = 0};
    return (uint32_t)preference[type] << 24 | (uint32_t)local_preference << 8 | (256u - component);
}

struct candidate candidate_host(const struct address *address, size_t i, bool tcp)
{
    /* RFC 6544 4.2: 13 bits of preference below 3 of direction, where passive is 4 */
    uint16_t preference = (uint16_t)((tcp ? (5 << 13) - 1 : UINT16_MAX) - i);
    struct candidate c = {.component = 1,
                          .tcp = tcp,
                          .priority = candidate_priority(CANDIDATE_HOST, preference, 1),
                          .address = *address,
                          .type = CANDIDATE_HOST};
    snprintf(c.foundation, sizeof c.foundation, "%s%zu", tcp ? "t" : "", i + 1);
    return c;
}
