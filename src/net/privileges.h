/* What the process may still do once it listens: nothing but serve. Whoever takes it over finds no program to start, no file to
 * read but the certificate's and none to write, nowhere to connect to, nobody to signal, and no way back. */
#pragma once
#include "net/system_calls.h"

struct privileges {
    const char *user;           /* whose rights it takes if it is root's: an account's name, or its number */
    const char *const *reads;   /* files that it opens again later as root, with what is in their folders; NULL ends the list */
    const char *const *folders; /* that it reads later with the user's own rights; likewise */
    enum system_call_refusal refusal;
};

/* Of the calling thread and of all that it starts from then on: call it when every socket is bound and before the first thread.
 * A kernel that lacks something is no error; what was done is logged. NULL: good; else what failed. */
const char *privileges_drop(const struct privileges *);
