#include "proto/ice.h"
#include "signal/state.h"

static bool usable(const struct address *a)
{
    static const uint8_t zero[16];
    return memcmp(a->ip, zero, 16) != 0 && !(address_is_v4(a) && get32(a->ip + 12) == 0) &&
           !(a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80); /* link-local: unusable without its interface */
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

/* The address in the Host header, as the client typed it or its link had it: behind a 1:1 NAT it is the one
 * that works. */
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

/* The announced address that the client reached, else the first: then the kernel's address is behind a NAT
 * and must not be told. */
static size_t reached_announced(const struct signal_config *c, const struct address *local,
                                const struct address *named, struct address out[CANDIDATES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < c->address_count && !count; i++)
        if (memcmp(c->addresses[i].ip, named->ip, 16) == 0 || memcmp(c->addresses[i].ip, local->ip, 16) == 0)
            add(out, &count, c->addresses[i], c->port);
    if (!count && c->address_count)
        add(out, &count, c->addresses[0], c->port);
    return count;
}

/* The address by which a client reached us, as the client knows it. */
static size_t reached(const struct signal_config *c, const struct address *local, const char *host,
                      struct address out[CANDIDATES_MAX])
{
    struct address named = {.port = 0};
    size_t count = 0;
    bool is_named = host_address(host, &named);
    if (c->announced)
        return reached_announced(c, local, &named, out);
    if (is_named)
        add(out, &count, named, c->port);
    if (!count)
        add(out, &count, *local, c->port);
    return count;
}

size_t candidates_for(const struct signal_config *c, const struct address *local, const char *host,
                      struct address out[CANDIDATES_MAX])
{
    struct address named;
    size_t count = 0;
    if (!c->announced) {
        if (host_address(host, &named))
            add(out, &count, named, c->port);
        add(out, &count, *local, c->port);
    }
    for (size_t i = 0; i < c->address_count; i++)
        add(out, &count, c->addresses[i], c->port);
    return count;
}

void candidates_tell_network(json_t *message, const struct address *remote, uint16_t probe_port)
{
    char ip[ADDRESS_TEXT_SIZE];
    if (remote)
        json_object_set_new(message, "address", json_string(address_ip_text(remote, ip)));
    if (probe_port)
        json_object_set_new(message, "probePort", json_integer(probe_port));
}

char *signal_network(const struct signaling *s, const struct signal_client *client, bool all, size_t *len)
{
    struct address addresses[CANDIDATES_MAX];
    const struct signal_config *c = &s->config;
    size_t count = (all ? candidates_for : reached)(c, &client->local, client->host, addresses);
    char ip[ADDRESS_TEXT_SIZE];
    json_t *list = json_array(), *message = json_pack("{s:i, s:o}", "port", c->port, "addresses", list);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(address_ip_text(&addresses[i], ip)));
    candidates_tell_network(message, client->forwarded ? NULL : &client->remote, all ? c->probe_port : 0);
    char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
    json_decref(message);
    *len = text ? strlen(text) : 0;
    return text;
}
