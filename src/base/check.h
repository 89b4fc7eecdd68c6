/* For our own mistakes: a broken invariant ends the process, in release builds too. Never for bytes that a
 * peer sent. */
#pragma once

_Noreturn void invariant_broken(const char *condition, const char *file, int line);

#define INVARIANT(c) ((c) ? (void)0 : invariant_broken(#c, __FILE__, __LINE__))
