#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {"error", "warn", "info", "debug"};
static enum log_level level_most = LOG_LEVEL_INFO;
static log_sink *line_sink;

void log_setup(enum log_level most, log_sink *sink)
{
    level_most = most;
    line_sink = sink;
}

bool log_level_parse(enum log_level *level, const char *name)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_enabled(enum log_level level) { return line_sink && level <= level_most; }

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    char line[512];
    if (!log_enabled(level))
        return;
    int n = snprintf(line, sizeof line, "level=%s event=\"%s\"%s", names[level], event, *format ? " " : "");
    va_list args;
    va_start(args, format);
    if (n > 0 && (size_t)n < sizeof line)
        vsnprintf(line + n, sizeof line - (size_t)n, format, args);
    va_end(args);
    line_sink(level, line);
}

const char *log_quote(char *buffer, int size, const char *text)
{
    int n = 0;
    buffer[n++] = '"';
    for (; *text && n < size - 3; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            buffer[n++] = '\\';
        buffer[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    buffer[n++] = '"';
    buffer[n] = 0;
    return buffer;
}

bool log_allow(struct log_limit *l, int per_s, mp_time now)
{
    if (now - l->second >= MP_S(1) || l->second == 0) {
        l->second = now ? now : 1;
        l->lines = 0;
    }
    if (l->lines < per_s) {
        l->lines++;
        return true;
    }
    l->suppressed++;
    return false;
}
