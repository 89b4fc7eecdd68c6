/* Structured log lines: an event and key=value pairs. Never pass secrets (passwords, tokens, keys). */
#pragma once
#include "base/time.h"
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Writes one line, without its newline. Called from any thread. */
typedef void log_sink(enum log_level, const char *line);

void log_setup(enum log_level most, log_sink *); /* once, before any thread starts */
bool log_level_parse(enum log_level *, const char *name);
bool log_enabled(enum log_level);

/* log_line(LOG_LEVEL_INFO, "session connected", "session=%u ms=%d", id, ms): values from peers must be quoted
 * by log_quote. */
void log_line(enum log_level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* `text` in quotes; escapes control characters and quotes, and cuts text longer than the buffer. */
const char *log_quote(char *buffer, int size, const char *text);

/* Rate limit for lines that a peer can provoke: at most `per_s` lines a second from one call site. */
struct log_limit {
    mp_time second;
    int lines;
    int suppressed;
};
bool log_allow(struct log_limit *, int per_s, mp_time now);
