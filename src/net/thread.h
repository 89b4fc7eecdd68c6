/* Threads that leave signals to the one that started the program. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

/* `name` is for debuggers, at most 15 characters. False: the system has no room for another. */
bool thread_start(pthread_t *, const char *name, void *(*run)(void *), void *context);
