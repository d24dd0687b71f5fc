/* What a test of glibc's nptl says when something is not as it must be. Written for `cargo xtask conformance`; only the names are glibc's. */
#ifndef SKETE_CHECK_H
#define SKETE_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* How many checks have failed; the driver ends with status 1 then. */
static int support_failures;

static inline void support_record_failure(void)
{
    __atomic_fetch_add(&support_failures, 1, __ATOMIC_RELAXED);
}

#define SUPPORT_SAY(...) (printf("%s:%d: ", __FILE__, __LINE__), printf(__VA_ARGS__), putchar('\n'))

#define FAIL(...) (support_record_failure(), (void) SUPPORT_SAY(__VA_ARGS__))
#define FAIL_RET(...)      \
    do {                   \
        FAIL(__VA_ARGS__); \
        return 1;          \
    } while (0)
#define FAIL_EXIT(status, ...) (FAIL(__VA_ARGS__), exit(status))
#define FAIL_EXIT1(...) FAIL_EXIT(1, __VA_ARGS__)
#define FAIL_UNSUPPORTED(...) (SUPPORT_SAY(__VA_ARGS__), exit(77))

#define TEST_VERIFY(what) ((what) ? (void) 0 : FAIL("not true: %s", #what))
#define TEST_VERIFY_EXIT(what) ((what) ? (void) 0 : FAIL_EXIT1("not true: %s", #what))

#define TEST_COMPARE(left, right)                                                                              \
    do {                                                                                                       \
        long long support_left = (long long) (left), support_right = (long long) (right);                      \
        if (support_left != support_right)                                                                     \
            FAIL("%s is %lld, and %s is %lld", #left, support_left, #right, support_right);                    \
    } while (0)
#define TEST_COMPARE_BLOB(left, left_size, right, right_size)                                                  \
    TEST_VERIFY((left_size) == (right_size) && memcmp((left), (right), (left_size)) == 0)
#define TEST_COMPARE_STRING(left, right) TEST_VERIFY(strcmp((left), (right)) == 0)
#define TEST_COMPARE_STRING_WIDE(left, right) TEST_VERIFY(wcscmp((left), (right)) == 0)

#define support_static_assert _Static_assert

/* What a call that returns an error number, or −1 and `errno`, must have returned. */
#define SUPPORT_NUMBER(call)                                                                                   \
    do {                                                                                                       \
        int support_number = (call);                                                                           \
        if (support_number != 0)                                                                               \
            FAIL_EXIT1("%s: %s", #call, strerror(support_number));                                             \
    } while (0)
#define SUPPORT_ERRNO(call)                                                                                    \
    do {                                                                                                       \
        if ((call) < 0)                                                                                        \
            FAIL_EXIT1("%s: %m", #call);                                                                       \
    } while (0)

#endif
