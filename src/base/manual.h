/* A program's options as text for --help and as a manual page (man(7)): both from the same table, so that
 * they agree. */
#pragma once
#include <stddef.h>
#include <stdio.h>

struct manual_option {
    const char *group; /* a heading before this option; NULL: none */
    const char *name;  /* without the dashes */
    const char *value; /* what it takes; NULL: a switch */
    /* its default; NULL: not mentioned, which only a program without an environment_prefix may do */
    const char *standard;
    const char *help; /* a phrase, without a full stop */
};

struct manual {
    const char *program, *version;
    const char *purpose;            /* one line, for NAME */
    const char *synopsis;           /* what follows the program's name */
    const char *description;        /* paragraphs, separated by empty lines */
    const char *environment_prefix; /* "X_": option --a-b is also variable X_A_B; NULL: none are */
    const char *notes;              /* paragraphs after the options; may be NULL */
    const struct manual_option *options;
    size_t count;
};

#define MANUAL_ENVIRONMENT_SIZE 64
/* The environment variable of an option: the prefix, then its name in capitals with _ for -. */
const char *manual_environment(const char *prefix, const char *name, char out[MANUAL_ENVIRONMENT_SIZE]);

void manual_help(const struct manual *, FILE *); /* at most 100 columns */
void manual_page(const struct manual *, FILE *); /* section 1 */
