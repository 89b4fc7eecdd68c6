#include "base/address.h"
#include "base/bytes.h"
#include "base/hash.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_is_v4(const struct address *a) { return memcmp(a->ip, v4_prefix, 12) == 0; }

bool address_is_loopback(const struct address *a)
{
    static const uint8_t v6[16] = {[15] = 1};
    return address_is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, v6, sizeof v6) == 0;
}

uint64_t address_network_hash(const struct address *a, uint64_t key)
{
    uint8_t ip[16] = {0};
    memcpy(ip, a->ip, address_is_v4(a) ? 16 : 8);
    return hash_ip(ip, key);
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
