/* Clocks that are there. */
#ifndef SKETE_XTIME_H
#define SKETE_XTIME_H

#include <time.h>

#include <support/check.h>

static inline void xclock_gettime(clockid_t clock, struct timespec *now)
{
    SUPPORT_ERRNO(clock_gettime(clock, now));
}

static inline struct timespec xclock_now(clockid_t clock)
{
    struct timespec now;
    xclock_gettime(clock, &now);
    return now;
}

#endif
