/* An address as the kernel wants it, in a socket of its own family. */
#pragma once
#include "base/path.h"
#include <sys/socket.h>

socklen_t to_sockaddr(struct sockaddr_storage *, const struct address *);
