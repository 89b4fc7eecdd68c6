#include "base/manual.h"
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define COLUMNS 100
#define INDENT  24

const char *manual_environment(const char *prefix, const char *name, char out[MANUAL_ENVIRONMENT_SIZE])
{
    int n = snprintf(out, MANUAL_ENVIRONMENT_SIZE, "%s%s", prefix, name);
    for (int i = 0; i < n && i < MANUAL_ENVIRONMENT_SIZE - 1; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
    return out;
}

/* --- text --- */

/* Words of `text`, wrapped before COLUMNS; `at`: the present column, `indent`: where lines begin. */
static void wrap(FILE *out, const char *text, size_t at, size_t indent)
{
    while (*text) {
        size_t n = strcspn(text, " \n");
        if (at > indent && at + n + 1 > COLUMNS) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        at += (size_t)fprintf(out, "%s%.*s", at > indent ? " " : "", (int)n, text);
        text += n;
        if (text[0] == '\n' && text[1] == '\n') {
            fprintf(out, "\n\n%*s", (int)indent, "");
            at = indent;
        }
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void help_option(const struct manual *m, const struct manual_option *o, FILE *out)
{
    char flag[64], variable[MANUAL_ENVIRONMENT_SIZE], more[512];
    if (o->group)
        fprintf(out, "\n%s\n", o->group);
    int n = snprintf(flag, sizeof flag, "  --%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    fprintf(out, "%s", flag);
    fprintf(out, n < INDENT - 1 ? "%*s" : "\n%*s", n < INDENT - 1 ? INDENT - n : INDENT, "");
    if (!m->environment_prefix) {
        snprintf(more, sizeof more, o->standard ? "%s (default: %s)" : "%s", o->help, o->standard);
        wrap(out, more, INDENT, INDENT);
        return;
    }
    wrap(out, o->help, INDENT, INDENT);
    fprintf(out, "%*s", INDENT, "");
    snprintf(more, sizeof more, "default: %s; environment: %s", o->standard,
             manual_environment(m->environment_prefix, o->name, variable));
    wrap(out, more, INDENT, INDENT);
}

void manual_help(const struct manual *m, FILE *out)
{
    fprintf(out, "Usage: %s %s\n\n", m->program, m->synopsis);
    wrap(out, m->description, 0, 0);
    if (!m->options[0].group)
        fputc('\n', out);
    for (size_t i = 0; i < m->count; i++)
        help_option(m, &m->options[i], out);
    fprintf(out, "  --%-*sprints this text\n  --%-*sprints the version\n", INDENT - 4, "help", INDENT - 4,
            "version");
    if (m->notes) {
        fputc('\n', out);
        wrap(out, m->notes, 0, 0);
    }
}

/* --- manual page --- */

/* Text for troff: no escape, no control line, and hyphens that can be copied. */
static void roff(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        bool first = c == text || c[-1] == '\n';
        if (first && (*c == '.' || *c == '\''))
            fputs("\\&", out);
        if (c[0] == '\n' && c[1] == '\n')
            fputs("\n.PP\n", out), c++;
        else if (*c == '\\' || *c == '-')
            fputs(*c == '-' ? "\\-" : "\\e", out);
        else
            fputc(*c, out);
    }
}

static void page_option(const struct manual *m, const struct manual_option *o, FILE *out)
{
    char variable[MANUAL_ENVIRONMENT_SIZE];
    if (o->group) {
        fputs(".SS ", out);
        roff(out, o->group);
        fputc('\n', out);
    }
    fputs(".TP\n.B \\-\\-", out);
    roff(out, o->name);
    if (o->value) {
        fputs(" \\fI", out);
        roff(out, o->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    roff(out, o->help);
    fputs(".\n", out);
    if (o->standard) {
        fputs("Default: ", out);
        roff(out, o->standard);
        fputs(".\n", out);
    }
    if (m->environment_prefix)
        fprintf(out, "Environment: \\fB%s\\fR.\n",
                manual_environment(m->environment_prefix, o->name, variable));
}

static void section(FILE *out, const char *heading, const char *text)
{
    fprintf(out, ".SH %s\n", heading);
    roff(out, text);
    fputc('\n', out);
}

void manual_page(const struct manual *m, FILE *out)
{
    char title[32];
    size_t n = 0;
    for (; m->program[n] && n + 1 < sizeof title; n++)
        title[n] = (char)toupper((unsigned char)m->program[n]);
    title[n] = 0;
    fprintf(out, ".TH %s 1 \"\" \"Monoport %s\" \"User Commands\"\n.SH NAME\n", title, m->version);
    roff(out, m->program);
    fputs(" \\- ", out);
    roff(out, m->purpose);
    fputs("\n.SH SYNOPSIS\n.B ", out);
    roff(out, m->program);
    fputs("\n", out);
    roff(out, m->synopsis);
    fputc('\n', out);
    section(out, "DESCRIPTION", m->description);
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < m->count; i++)
        page_option(m, &m->options[i], out);
    fputs(
        ".TP\n.B \\-\\-help\nPrints a summary of the options.\n.TP\n.B \\-\\-version\nPrints the version.\n",
        out);
    if (m->notes)
        section(out, "NOTES", m->notes);
}
