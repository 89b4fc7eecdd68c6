/* The reader of the configuration file, and how all of the configuration reports an error. */
#pragma once
#include <stdbool.h>

/* One line on stderr: "monoport: WHERE: …". */
void config_complain(const char *where, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes one entry of the file; `where` is FILE:LINE. False: it was wrong, and that was said. */
typedef bool config_entry(void *context, const char *where, const char *key, const char *value);

/* Reads a YAML file of NAME: VALUE; the elements of a list are joined by commas. False: it was said what is
 * wrong. */
bool config_file_read(const char *path, config_entry *, void *context);
