#include "base/manual.h"
#include "tests/unit/test.h"
#include <stdlib.h>

static const struct manual_option options[] = {
    {"First", "a-switch", NULL, "no", "does it at once"},
    {NULL, "size", "BYTES", "1 - 2",
     "of a thing\\that is described by so many words that no line of any terminal, however "
     "wide, holds all of them beside the name of the option"},
    {"Second", "very-long-name-of-an-option", "VALUE", "none", ".begins with a point"},
};
static const struct manual manual = {.program = "it",
                                     .version = "1.2",
                                     .purpose = "does it",
                                     .synopsis = "[OPTION]...",
                                     .description = "One.\n\n.Two.",
                                     .environment_prefix = "IT_",
                                     .notes = "Three.",
                                     .options = options,
                                     .count = sizeof options / sizeof *options};

static char *text;

static void print(void how(const struct manual *, FILE *))
{
    size_t size;
    free(text);
    FILE *out = open_memstream(&text, &size);
    how(&manual, out);
    fclose(out);
}

static bool has_line(const char *line)
{
    size_t n = strlen(line);
    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[n] == '\n')
            return true;
    return false;
}

static void every_option_is_in_both_with_its_variable_and_default(void)
{
    print(manual_help);
    CHECK(strstr(text, "Usage: it [OPTION]...\n") == text);
    CHECK(strstr(
        text,
        "  --a-switch            does it at once\n                        default: no; environment: IT_A_SWITCH\n"));
    CHECK(strstr(text, "\nFirst\n  --a-switch") &&
          strstr(text, "\nSecond\n  --very-long-name-of-an-option VALUE\n"));
    CHECK(strstr(text, "--size BYTES") && strstr(text, "IT_SIZE") && strstr(text, "--help") &&
          strstr(text, "--version"));
    print(manual_page);
    CHECK(has_line(".B \\-\\-a\\-switch") && has_line(".B \\-\\-size \\fIBYTES\\fR"));
    CHECK(has_line("Environment: \\fBIT_VERY_LONG_NAME_OF_AN_OPTION\\fR.") && has_line("Default: 1 \\- 2."));
    CHECK(has_line(".SS First") && has_line(".SS Second"));
}

static void help_fits_a_hundred_columns_and_loses_no_word(void)
{
    print(manual_help);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        CHECK(strcspn(line, "\n") <= 100);
    CHECK(strstr(text, "of a thing\\that is described") && strstr(text, "the option\n"));
}

/* man(7): a line that begins with a point is a request, a backslash begins an escape, and a bare - becomes a
 * hyphen that nobody can paste. */
static void a_page_has_no_request_that_was_meant_as_text(void)
{
    print(manual_page);
    CHECK(strstr(text, ".TH IT 1 \"\" \"Monoport 1.2\"") == text);
    CHECK(has_line("One.") && has_line(".PP") && has_line("\\&.Two.") &&
          has_line("\\&.begins with a point."));
    CHECK(strstr(text, "thing\\ethat") != NULL);
    CHECK(has_line(".SH NOTES") && has_line("it \\- does it"));
}

static void a_program_without_variables_says_its_defaults_behind_the_words(void)
{
    struct manual without = manual;
    size_t size;
    char *out;
    without.environment_prefix = NULL;
    FILE *f = open_memstream(&out, &size);
    manual_help(&without, f);
    fclose(f);
    CHECK(strstr(out, "does it at once (default: no)\n") && !strstr(out, "environment"));
    free(out);
}

TEST_MAIN(TEST(every_option_is_in_both_with_its_variable_and_default),
          TEST(help_fits_a_hundred_columns_and_loses_no_word),
          TEST(a_page_has_no_request_that_was_meant_as_text),
          TEST(a_program_without_variables_says_its_defaults_behind_the_words))
