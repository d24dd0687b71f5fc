/* musl's stdlib.h, and glibc's on_exit, which musl has not: one function, that is told no status but 0. */
#include_next <stdlib.h>

#ifndef SKETE_ON_EXIT
#define SKETE_ON_EXIT

static void (*support_last_function)(int, void *);
static void *support_last_argument;

static inline void support_last(void)
{
    support_last_function(0, support_last_argument);
}

static inline int on_exit(void (*function)(int, void *), void *argument)
{
    support_last_function = function;
    support_last_argument = argument;
    return atexit(support_last);
}

#endif
