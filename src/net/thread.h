/* Starts threads that block all signals, so that the main thread gets them. */
#pragma once
#include <pthread.h>
#include <stdbool.h>

/* `name` is for debuggers, at most 15 characters. False: the system has no room for another. */
bool thread_start(pthread_t *, const char *name, void *(*run)(void *), void *context);
