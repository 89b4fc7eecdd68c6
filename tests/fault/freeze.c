/* Stops one thread of a process: freeze PID NAME. Says "frozen" when it stands, and lets it go at the end of
 * its input. SIGSTOP would stop all of them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* 0: there is none of this name. */
static pid_t thread_of(const char *process, const char *name)
{
    char path[64], said[32];
    pid_t found = 0;
    snprintf(path, sizeof path, "/proc/%.16s/task", process);
    DIR *tasks = opendir(path);
    for (struct dirent *d; tasks && !found && (d = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%.16s/task/%.16s/comm", process, d->d_name);
        FILE *f = fopen(path, "r");
        if (f && fgets(said, sizeof said, f) && strncmp(said, name, strlen(name)) == 0 &&
            said[strlen(name)] == '\n')
            found = (pid_t)atoi(d->d_name);
        if (f)
            fclose(f);
    }
    if (tasks)
        closedir(tasks);
    return found;
}

int main(int argc, char **argv)
{
    int status;
    pid_t thread = argc == 3 ? thread_of(argv[1], argv[2]) : 0;
    if (!thread || ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0 ||
        ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) != 0 || waitpid(thread, &status, __WALL) != thread) {
        fprintf(stderr, "freeze: %s\n", thread ? strerror(errno) : "no such thread");
        return 1;
    }
    puts("frozen");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return ptrace(PTRACE_DETACH, thread, NULL, NULL) != 0;
}
