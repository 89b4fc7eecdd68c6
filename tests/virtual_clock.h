/* The time that a test lets pass, where a library asks the system for it. OpenSSL 3.0 takes the time of its
 * retransmissions from gettimeofday and the dates of certificates from time; these are found before libc's.
 */
#pragma once
#include "base/time.h"

void virtual_clock_follow(
    const mp_time *now); /* *now is read whenever somebody asks; NULL: time stands still */
