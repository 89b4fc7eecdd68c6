#include "net/addresses.h"
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

void addresses_from_sockaddr(struct address *out, const struct sockaddr_in6 *a)
{
    static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a->sin6_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
        memcpy(out->ip, v4_prefix, 12);
        memcpy(out->ip + 12, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
        return;
    }
    memcpy(out->ip, &a->sin6_addr, 16);
    out->port = ntohs(a->sin6_port);
}

static bool take(struct address *out, const struct ifaddrs *i, int family)
{
    if (!i->ifa_addr || i->ifa_addr->sa_family != family || !(i->ifa_flags & IFF_UP) ||
        (i->ifa_flags & IFF_LOOPBACK))
        return false;
    addresses_from_sockaddr(out, (const struct sockaddr_in6 *)(const void *)i->ifa_addr);
    out->port = 0;
    if (family == AF_INET)
        return out->ip[12] != 169 || out->ip[13] != 254;
    return !(out->ip[0] == 0xfe && (out->ip[1] & 0xc0) == 0x80);
}

size_t addresses_of_machine(struct address *out, size_t max)
{
    struct ifaddrs *all;
    size_t n = 0;
    if (getifaddrs(&all) != 0)
        return 0;
    for (int family = AF_INET; family; family = family == AF_INET ? AF_INET6 : 0)
        for (struct ifaddrs *i = all; i && n < max; i = i->ifa_next)
            n += take(&out[n], i, family);
    freeifaddrs(all);
    return n;
}
