/* Access to the TURN server inside: its URLs and credentials. */
#include "proto/turn.h"
#include "signal/state.h"
#include <ctype.h>
#include <stdio.h>

/* The name or address in a Host header, with its brackets, if it is valid in a URL. False: it is not. */
static bool host_name(const char *host, char out[256])
{
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (n == 0 || (host[0] == '[' && n < 4) || n > strlen(host) || n >= 256)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)host[i]) && !strchr(host[0] == '[' ? "[:.]" : "-._", host[i]))
            return false;
    memcpy(out, host, n);
    out[n] = 0;
    return true;
}

bool turn_access(const struct signaling *s, const struct address *local, const char *host, uint64_t id,
                 struct turn_access *t, mp_time now)
{
    static const char *const forms[TURN_URLS] = {"turn:%s:%u?transport=tcp", "turns:%s:%u?transport=tcp"};
    char name[256], ip[ADDRESS_TEXT_SIZE];
    memset(t, 0, sizeof *t);
    if (!s->config.turn_secret)
        return false;
    if (!host_name(host, name))
        snprintf(name, sizeof name, address_is_v4(local) ? "%s" : "[%s]", address_ip_text(local, ip));
    for (size_t i = 0; i < TURN_URLS; i++)
        snprintf(t->urls[i], sizeof t->urls[i], forms[i], name, s->config.port);
    snprintf(t->username, sizeof t->username, "%llu:%016llx",
             (unsigned long long)mp_unix_s(s->config.wall + now) + TURN_CREDENTIAL_S, (unsigned long long)id);
    turn_password(s->config.turn_secret, (struct bytes){(const uint8_t *)t->username, strlen(t->username)},
                  t->credential);
    return true;
}
