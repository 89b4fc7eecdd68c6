/* Reports the process' state to the service manager: a datagram to the socket that NOTIFY_SOCKET names, see
 * sd_notify(3). */
#pragma once

int notify_open(void);                      /* -1: there is no service manager */
void notify_say(int fd, const char *state); /* "READY=1"; never blocks; no effect if fd is -1 */
