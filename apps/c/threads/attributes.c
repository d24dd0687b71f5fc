/* What a thread is to be, and what can be asked of it. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

static void attributes_keep_what_they_are_told(void) {
    pthread_attr_t attr;
    int number;
    size_t bytes;
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_getdetachstate(&attr, &number) == 0 && number == PTHREAD_CREATE_JOINABLE);
    CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    CHECK(pthread_attr_getdetachstate(&attr, &number) == 0 && number == PTHREAD_CREATE_DETACHED);
    CHECK(pthread_attr_setdetachstate(&attr, 7) == EINVAL);
    CHECK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1) == EINVAL);
    CHECK(pthread_attr_setstacksize(&attr, 123456) == 0);
    CHECK(pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes == 123456);
    CHECK(pthread_attr_setguardsize(&attr, 8192) == 0);
    CHECK(pthread_attr_getguardsize(&attr, &bytes) == 0 && bytes == 8192);
    CHECK(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
    CHECK(pthread_attr_getinheritsched(&attr, &number) == 0 && number == PTHREAD_EXPLICIT_SCHED);
    CHECK(pthread_attr_setschedpolicy(&attr, 77) == EINVAL);
    CHECK(pthread_attr_setschedpolicy(&attr, SCHED_FIFO) == 0);
    CHECK(pthread_attr_getschedpolicy(&attr, &number) == 0 && number == SCHED_FIFO);
    struct sched_param param = { .sched_priority = sched_get_priority_max(SCHED_FIFO) };
    CHECK(pthread_attr_setschedparam(&attr, &param) == 0);
    param.sched_priority++;
    CHECK(pthread_attr_setschedparam(&attr, &param) == EINVAL);
    CHECK(pthread_attr_getschedparam(&attr, &param) == 0 && param.sched_priority == sched_get_priority_max(SCHED_FIFO));
    CHECK(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == ENOTSUP);
    CHECK(pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM) == 0);
    CHECK(pthread_attr_destroy(&attr) == 0);
}

static char stack[1 << 16] __attribute__((aligned(16)));

static void *where_am_i(void *argument) {
    char here;
    uintptr_t at = (uintptr_t)&here;
    return (void *)(at >= (uintptr_t)stack && at < (uintptr_t)stack + sizeof stack ? argument : NULL);
}

static void *leave(void *argument) { pthread_exit(where_am_i(argument)); }

static void a_thread_runs_on_the_stack_that_it_is_given(void) {
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_setstack(&attr, stack, 16) == EINVAL);
    CHECK(pthread_attr_setstack(&attr, stack, sizeof stack) == 0);
    for (int i = 0; i < 200; i++) {
        CHECK(pthread_create(&thread, &attr, i % 2 ? where_am_i : leave, (void *)1) == 0);
        CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
        /* Whoever has joined may do with the stack what it likes. */
        memset(stack, 0xee, sizeof stack);
    }
}

static void *deep(void *argument) {
    volatile char bytes[200000];
    memset((char *)bytes, 1, sizeof bytes);
    return bytes[sizeof bytes - 1] == 1 ? argument : NULL;
}

static void *describe(void *argument) {
    pthread_attr_t attr;
    void *lowest;
    size_t bytes;
    CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
    CHECK(pthread_attr_getstack(&attr, &lowest, &bytes) == 0);
    CHECK((char *)&attr >= (char *)lowest && (char *)&attr < (char *)lowest + bytes);
    CHECK(bytes >= 300000);
    return deep(argument);
}

static void a_stack_is_as_large_as_asked(void) {
    pthread_attr_t attr;
    pthread_t thread;
    void *result;
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, 300000) == 0);
    CHECK(pthread_create(&thread, &attr, describe, (void *)1) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
}

static void *named(void *argument) {
    char name[16];
    CHECK(pthread_setname_np(pthread_self(), "worker") == 0);
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && !strcmp(name, "worker"));
    CHECK(pthread_getname_np(pthread_self(), name, 4) == ERANGE);
    CHECK(pthread_setname_np(pthread_self(), "sixteen bytes, at") == ERANGE);
    return argument;
}

static void threads_have_names(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, named, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void what_has_no_meaning_here_is_remembered(void) {
    CHECK(pthread_setconcurrency(3) == 0 && pthread_getconcurrency() == 3);
    CHECK(pthread_setconcurrency(-1) == EINVAL);
    CHECK(pthread_atfork(NULL, NULL, NULL) == 0);
}

const struct check attributes[] = {
    { "attributes keep what they are told", attributes_keep_what_they_are_told },
    { "a thread runs on the stack that it is given", a_thread_runs_on_the_stack_that_it_is_given },
    { "a stack is as large as asked", a_stack_is_as_large_as_asked },
    { "threads have names", threads_have_names },
    { "what has no meaning here is remembered", what_has_no_meaning_here_is_remembered },
    { 0 },
};
