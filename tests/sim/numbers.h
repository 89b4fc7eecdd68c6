/* Viewers whose streams pause and resume, on command of the simulation, and what a client relies on then:
 * nothing is sent of a paused stream, and its numbers continue behind the last that was sent. */
#pragma once
#include "tests/sim/sim.h"
#include <stddef.h>
#include <stdint.h>

void numbers_open(void);
void numbers_close(void);
void numbers_toggle(struct sim *);     /* pauses one of all streams to viewers, or resumes it */
void numbers_resume_all(struct sim *); /* every viewer gets everything again */
/* The server sends this datagram of RTP, whose header is not encrypted. */
void check_numbers(struct sim *, const uint8_t *, size_t len);
