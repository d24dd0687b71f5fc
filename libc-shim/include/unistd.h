/* musl's unistd.h, with GNU's way to make a call anew that a signal has interrupted. */
#include_next <unistd.h>

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
