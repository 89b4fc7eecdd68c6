/* Tells the service manager how the process is: a datagram to the socket that NOTIFY_SOCKET names, see
 * sd_notify(3). */
#pragma once

int notify_open(void);                      /* -1: nobody wants to know */
void notify_say(int fd, const char *state); /* "READY=1"; without waiting; -1: nothing is said */
