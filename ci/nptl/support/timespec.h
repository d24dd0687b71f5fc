/* Moments, added and compared. */
#ifndef SKETE_TIMESPEC_H
#define SKETE_TIMESPEC_H

#include <errno.h>

#include <support/xtime.h>

enum { TIMESPEC_HZ = 1000000000 };

static inline struct timespec make_timespec(time_t seconds, long nanoseconds)
{
    struct timespec made = {seconds, nanoseconds};
    return made;
}

static inline struct timespec timespec_add(struct timespec left, struct timespec right)
{
    long nanoseconds = left.tv_nsec + right.tv_nsec;
    return make_timespec(left.tv_sec + right.tv_sec + nanoseconds / TIMESPEC_HZ, nanoseconds % TIMESPEC_HZ);
}

static inline struct timespec timespec_sub(struct timespec left, struct timespec right)
{
    long nanoseconds = left.tv_nsec - right.tv_nsec;
    return nanoseconds < 0 ? make_timespec(left.tv_sec - right.tv_sec - 1, nanoseconds + TIMESPEC_HZ)
                           : make_timespec(left.tv_sec - right.tv_sec, nanoseconds);
}

static inline time_t support_timespec_ns(struct timespec time)
{
    return time.tv_sec * TIMESPEC_HZ + time.tv_nsec;
}

static inline int support_is_before(struct timespec left, struct timespec right)
{
    return left.tv_sec != right.tv_sec ? left.tv_sec < right.tv_sec : left.tv_nsec < right.tv_nsec;
}

#define TEST_TIMESPEC_BEFORE(left, right) TEST_VERIFY(support_is_before((left), (right)))
#define TEST_TIMESPEC_EQUAL_OR_AFTER(left, right) TEST_VERIFY(!support_is_before((left), (right)))
#define TEST_TIMESPEC_BEFORE_NOW(left, clock)                          \
    do {                                                               \
        int support_errno = errno;                                     \
        TEST_TIMESPEC_BEFORE((left), xclock_now(clock));               \
        errno = support_errno;                                         \
    } while (0)
#define TEST_TIMESPEC_NOW_OR_AFTER(clock, right)                       \
    do {                                                               \
        int support_errno = errno;                                     \
        TEST_TIMESPEC_EQUAL_OR_AFTER(xclock_now(clock), (right));      \
        errno = support_errno;                                         \
    } while (0)

#endif
