/* What the process may still do once it listens: nothing but serve. Whoever takes it over finds no program to start, no file to
 * read but the certificate's, nowhere to connect to, and no way back. */
#pragma once
#include <stdbool.h>

struct privileges {
    const char *user;          /* whose rights it takes if it is root's */
    const char *const *reads;  /* files that it opens again later, with what is in their folders; NULL ends the list */
    const char *const *writes; /* folders in which it writes later; likewise */
};

/* Of the calling thread and of all that it starts from then on: call it when every socket is bound and before the first thread.
 * A kernel that lacks something is no error; what was done is logged. NULL: good; else what failed. */
const char *privileges_drop(const struct privileges *);
