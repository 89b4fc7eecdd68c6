#include "signal/whip_sdp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t line_length(const char *line) { return strcspn(line, "\r\n"); }

static const char *next_line(const char *line)
{
    line += line_length(line);
    return line + strspn(line, "\r\n");
}

static bool begins(const char *line, const char *with) { return strncmp(line, with, strlen(with)) == 0; }

/* The attribute's value in this line, its first word; NULL: another line. */
static const char *value_in(const char *line, const char *name, size_t *len)
{
    char start[64];
    snprintf(start, sizeof start, "a=%s:", name);
    if (!begins(line, start))
        return NULL;
    const char *value = line + strlen(start);
    value += strspn(value, " \t");
    *len = strcspn(value, " \t\r\n");
    return value;
}

bool whip_attribute(const char *sdp, const char *name, char *value, size_t size)
{
    size_t len;
    for (const char *line = sdp; *line; line = next_line(line)) {
        const char *found = value_in(line, name, &len);
        if (!found || len >= size)
            continue;
        memcpy(value, found, len);
        value[len] = 0;
        return true;
    }
    return false;
}

bool whip_has_attribute(const char *sdp, const char *name, const char *value)
{
    size_t len;
    for (const char *line = sdp; *line; line = next_line(line)) {
        const char *found = value_in(line, name, &len);
        if (found && len == strlen(value) && memcmp(found, value, len) == 0)
            return true;
    }
    return false;
}

char *whip_restarted_offer(const char *offer, const char *ufrag, const char *password)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    for (const char *line = offer; f && *line; line = next_line(line))
        if (begins(line, "a=ice-ufrag:"))
            fprintf(f, "a=ice-ufrag:%s\r\n", ufrag);
        else if (begins(line, "a=ice-pwd:"))
            fprintf(f, "a=ice-pwd:%s\r\n", password);
        else if (!begins(line, "a=candidate:"))
            fprintf(f, "%.*s\r\n", (int)line_length(line), line);
    if (f && fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *whip_fragment(const char *answer)
{
    static const char *const kept[] = {
        "a=ice-", "a=group:", "m=", "a=mid:", "a=candidate:", "a=end-of-candidates"};
    char *text = NULL;
    size_t len;
    int sections = 0;
    FILE *f = open_memstream(&text, &len);
    for (const char *line = answer; f && *line; line = next_line(line)) {
        sections += begins(line, "m=");
        for (size_t i = 0; i < sizeof kept / sizeof *kept && sections < 2; i++)
            if (begins(line, kept[i]))
                fprintf(f, "%.*s\r\n", (int)line_length(line), line);
    }
    if (f && fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
