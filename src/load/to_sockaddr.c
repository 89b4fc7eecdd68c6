#include "load/to_sockaddr.h"
#include <netinet/in.h>
#include <string.h>

socklen_t to_sockaddr(struct sockaddr_storage *out, const struct address *a)
{
    memset(out, 0, sizeof *out);
    if (address_is_v4(a)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(a->port);
        memcpy(&v4->sin_addr, a->ip + 12, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(a->port);
    memcpy(&v6->sin6_addr, a->ip, 16);
    return sizeof *v6;
}
