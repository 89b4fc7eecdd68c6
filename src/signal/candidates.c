#include "ice.h"
#include "state.h"

static bool usable(const struct address *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, 16) != 0 && !(address_is_v4(a) && get32(a->ip + 12) == 0) &&
           !(a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80); /* link-local: of no use without its interface */
}

static void add(struct address out[CANDIDATES_MAX], size_t *count, struct address a, uint16_t port)
{
    a.port = port;
    for (size_t i = 0; i < *count; i++)
        if (address_equal(&out[i], &a))
            return;
    if (*count < CANDIDATES_MAX && usable(&a))
        out[(*count)++] = a;
}

/* The address in the Host header, as the client typed it or its link had it: behind a 1:1 NAT it is the one that works. */
static bool host_address(const char *host, struct address *a)
{
    char ip[256];
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');
    size_t n = !end ? strlen(host) : (size_t)(end - host) + (host[0] == '[');
    if (n >= sizeof ip)
        return false;
    memcpy(ip, host, n);
    ip[n] = 0;
    return address_parse(a, ip, 0);
}

size_t candidates_for(const struct participant *p, struct address out[CANDIDATES_MAX])
{
    const struct signal_config *c = &p->signaling->config;
    struct address host;
    size_t count = 0;
    if (!c->announced) {
        if (host_address(p->host, &host))
            add(out, &count, host, c->port);
        add(out, &count, p->local, c->port);
    }
    for (size_t i = 0; i < c->address_count; i++)
        add(out, &count, c->addresses[i], c->port);
    return count;
}
