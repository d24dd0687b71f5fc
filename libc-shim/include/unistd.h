/* musl's unistd.h, without the clock that a thread's own time would have, and with GNU's way to make a call anew that a signal has
 * interrupted. */
#include_next <unistd.h>

#undef _POSIX_THREAD_CPUTIME
#define _POSIX_THREAD_CPUTIME (-1)

#if defined _GNU_SOURCE && !defined TEMP_FAILURE_RETRY
#include <errno.h>
#define TEMP_FAILURE_RETRY(call)                       \
    (__extension__({                                   \
        long skete_result;                             \
        do                                             \
            skete_result = (long) (call);              \
        while (skete_result == -1 && errno == EINTR); \
        skete_result;                                  \
    }))
#endif
