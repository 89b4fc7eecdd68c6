#include "server/announce.h"
#include "base/log.h"
#include "net/addresses.h"
#include <string.h>

#define NAMES_PATIENCE 5000 /* ms to wait at the start; then the known addresses must do */

static bool is_announced(const struct config *c)
{
    return c->announce_count > 0 || c->announce_name_count > 0;
}

/* Workers only get additions: a former address of ours may become one again. */
static void add_relay_address(struct relay_config *r, const struct address *a)
{
    size_t n = r->address_count;
    for (size_t i = 0; i < n; i++)
        if (address_equal(&r->addresses[i], a))
            return;
    if (n == CANDIDATES_MAX)
        return;
    r->addresses[n] = *a;
    r->address_count = n + 1;
}

/* The announced addresses, then the resolved names. */
static void set_addresses(struct announce *a, struct relay_config *relay, const struct address *found,
                          size_t count)
{
    size_t n = a->config->announce_count;
    memcpy(a->addresses, a->config->announce, n * sizeof a->addresses[0]);
    for (size_t i = 0; i < count && n < CANDIDATES_MAX; i++)
        a->addresses[n++] = found[i];
    a->count = n;
    for (size_t i = 0; i < n; i++) {
        a->addresses[i].port = a->config->port;
        add_relay_address(relay, &a->addresses[i]);
    }
}

static void say_addresses(const struct announce *a)
{
    char text[ADDRESS_TEXT_SIZE];
    for (size_t i = 0; i < a->count; i++)
        log_line(LOG_LEVEL_INFO, "announcing", "address=%s", address_text(&a->addresses[i], text));
}

void announce_start(struct announce *a, const struct config *config, struct relay_config *relay)
{
    static const uint8_t any[16];
    struct address found[CANDIDATES_MAX];
    size_t count = 0;
    a->config = config;
    a->resolver.fd = -1;
    relay->announced = is_announced(config);
    relay->port = config->port;
    if (config->announce_name_count) {
        if (!resolver_start(&a->resolver, config->announce_names, config->announce_name_count) ||
            !resolver_read(&a->resolver, NAMES_PATIENCE, found, &count) || !count)
            log_line(LOG_LEVEL_WARN, "cannot resolve the announced names yet", "names=%zu",
                     config->announce_name_count);
    } else if (!config->announce_count && memcmp(config->listen.ip, any, 16) != 0) {
        found[count++] = config->listen;
    } else if (!config->announce_count) {
        count = addresses_of_machine(found, CANDIDATES_MAX);
    }
    set_addresses(a, relay, found, count);
}

bool announce_changed(struct announce *a, struct relay_config *relay)
{
    struct address found[CANDIDATES_MAX];
    size_t count;
    if (!resolver_read(&a->resolver, 0, found, &count))
        return false;
    set_addresses(a, relay, found, count);
    say_addresses(a);
    return true;
}

void announce_say_needs(const struct announce *a)
{
    const struct config *c = a->config;
    say_addresses(a);
    if (!is_announced(c))
        log_line(LOG_LEVEL_INFO, "announcing", "first=\"the address that each client reached the page by\"");
    log_line(LOG_LEVEL_INFO, "firewall",
             "needs=\"udp/%u and tcp/%u in\" nft=\"udp dport %u accept; tcp dport %u accept\" ufw=\"ufw "
             "allow %u\"",
             c->port, c->port, c->port, c->port, c->port);
}

void announce_stop(struct announce *a) { resolver_stop(&a->resolver); }
