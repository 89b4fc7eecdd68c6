/* Converts an address to a socket address of its own family. */
#pragma once
#include "base/path.h"
#include <sys/socket.h>

socklen_t to_sockaddr(struct sockaddr_storage *, const struct address *);
