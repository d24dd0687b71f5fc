/* What differs from musl's <limits.h>: the least stack of a thread, which is whole pages and holds a printf. */
#include_next <limits.h>

#ifdef PTHREAD_STACK_MIN
#undef PTHREAD_STACK_MIN
#define PTHREAD_STACK_MIN 16384
#endif
