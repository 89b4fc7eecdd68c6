/* The reader of the configuration file, and the error output of all configuration code. */
#pragma once
#include <stdbool.h>

/* One line on stderr: "monoport: WHERE: …". */
void config_complain(const char *where, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Takes one entry of the file; `where` is FILE:LINE. False: an error, which it printed. */
typedef bool config_entry(void *context, const char *where, const char *key, const char *value);

/* Reads a YAML file of NAME: VALUE; joins the elements of a list by commas. False: an error, which it
 * printed. */
bool config_file_read(const char *path, config_entry *, void *context);
