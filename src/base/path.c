#include "base/path.h"
#include "base/bytes.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_v4(const struct address *a) { return memcmp(a->ip, v4_prefix, 12) == 0; }

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, 16) == 0;
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t v6[16] = {[15] = 1};
    return address_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, v6, sizeof v6) == 0;
}

bool path_equal(const struct path *a, const struct path *b)
{
    return a->link == b->link && address_equal(&a->remote, &b->remote) && address_equal(&a->local, &b->local);
}

/* wyhash's mixing step: both halves of a 64 x 64 product. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 u128;
    u128 r = (u128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static uint64_t hash_ip(const uint8_t ip[16], uint64_t key)
{
    uint64_t lo, hi;
    memcpy(&lo, ip, 8);
    memcpy(&hi, ip + 8, 8);
    return mix(lo ^ key ^ 0xa0761d6478bd642full, hi ^ mix(key, 0xe7037ed1a0b428dbull));
}

uint64_t network_hash(const struct address *a, uint64_t key)
{
    uint8_t ip[16] = {0};
    memcpy(ip, a->ip, address_is_v4(a) ? 16 : 8);
    return hash_ip(ip, key);
}

uint64_t path_hash(const struct path *p, uint64_t key)
{
    uint64_t h = hash_ip(p->remote.ip, key);
    h = mix(h ^ p->remote.port, key ^ 0x8ebc6af09c88c6e3ull);
    return hash_ip(p->local.ip, h ^ p->local.port ^ (uint64_t)p->link << 16);
}

const char *address_ip_text(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    bool v4 = address_is_v4(a);
    if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + 12 : a->ip, text, ADDRESS_TEXT_SIZE))
        text[0] = 0;
    return text;
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT_SIZE])
{
    char ip[ADDRESS_TEXT_SIZE];
    address_ip_text(a, ip);
    snprintf(text, ADDRESS_TEXT_SIZE, address_is_v4(a) ? "%.47s:%u" : "[%.47s]:%u", ip, a->port);
    return text;
}

bool address_parse(struct address *a, const char *ip, uint16_t port)
{
    char plain[INET6_ADDRSTRLEN + 1];
    size_t n = strlen(ip);
    if (n >= 2 && ip[0] == '[' && ip[n - 1] == ']') {
        ip++;
        n -= 2;
    }
    if (n >= sizeof plain)
        return false;
    memcpy(plain, ip, n);
    plain[n] = 0;
    memset(a, 0, sizeof *a);
    a->port = port;
    if (inet_pton(AF_INET, plain, a->ip + 12) == 1) {
        memcpy(a->ip, v4_prefix, 12);
        return true;
    }
    return inet_pton(AF_INET6, plain, a->ip) == 1;
}
