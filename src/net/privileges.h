/* Drops every right that serving does not need. An attacker who controls the process finds no program to
 * start, no file to read but the certificate's and none to write, no destination to connect to, no process to
 * signal, and no way to regain rights. */
#pragma once
#include "net/system_calls.h"

struct privileges {
    const char *user;           /* the account to become if root starts it: name or number */
    const char *const *reads;   /* files that it opens again later as root, with their folders' contents;
                                   NULL ends the list */
    const char *const *folders; /* folders that it reads later with the user's own rights; NULL ends the
                                   list */
    enum system_call_refusal refusal;
};

/* Drops the rights of the calling thread and of all threads that it starts afterwards: call it when every
 * socket is bound and before the first thread. A kernel that lacks a feature is no error; the log says what
 * was done. NULL: success; else the step that failed. */
const char *privileges_drop(const struct privileges *);
