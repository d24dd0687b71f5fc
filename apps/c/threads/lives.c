/* Threads begin, end, are joined and detached. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static thread_local long own = 5;

static void *twice(void *argument) {
    own += (long)argument;
    return (void *)(2 * own);
}

static void results_come_back(void) {
    pthread_t threads[50];
    for (long i = 0; i < 50; i++) {
        CHECK(pthread_create(&threads[i], NULL, twice, (void *)i) == 0);
    }
    for (long i = 0; i < 50; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0);
        CHECK((long)result == 2 * (5 + i));
    }
    CHECK(own == 5);
}

static void *nothing(void *argument) { return argument; }

static void stacks_and_blocks_are_used_again(void) {
    for (long i = 0; i < 5000; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, nothing, (void *)i) == 0);
        CHECK(pthread_join(thread, &result) == 0 && (long)result == i);
    }
}

static pthread_t told;

static void *tell_itself(void *argument) {
    told = pthread_self();
    CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
    return argument;
}

static void a_thread_knows_itself(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, tell_itself, NULL) == 0);
    CHECK(!pthread_equal(thread, pthread_self()));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(pthread_equal(thread, told));
    CHECK(pthread_join(thread, NULL) == ESRCH);
}

static atomic_int released;

static void *wait_for_release(void *argument) {
    while (!atomic_load(&released)) {
        sched_yield();
    }
    return argument;
}

static struct timespec in(clockid_t clock, long ns) {
    struct timespec now;
    clock_gettime(clock, &now);
    now.tv_nsec += ns;
    now.tv_sec += now.tv_nsec / 1000000000;
    now.tv_nsec %= 1000000000;
    return now;
}

static void a_join_may_give_up(void) {
    pthread_t thread;
    void *result;
    atomic_store(&released, 0);
    CHECK(pthread_create(&thread, NULL, wait_for_release, (void *)7) == 0);
    CHECK(pthread_tryjoin_np(thread, &result) == EBUSY);
    struct timespec soon = in(CLOCK_REALTIME, 2000000);
    CHECK(pthread_timedjoin_np(thread, &result, &soon) == ETIMEDOUT);
    soon = in(CLOCK_MONOTONIC, 2000000);
    CHECK(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &soon) == ETIMEDOUT);
    soon.tv_nsec = 1000000000;
    CHECK(pthread_timedjoin_np(thread, &result, &soon) == EINVAL);
    atomic_store(&released, 1);
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)7);
}

static void detached_threads_are_nobodys(void) {
    pthread_t thread;
    atomic_store(&released, 0);
    CHECK(pthread_create(&thread, NULL, wait_for_release, NULL) == 0);
    CHECK(pthread_detach(thread) == 0);
    CHECK(pthread_detach(thread) == EINVAL);
    CHECK(pthread_join(thread, NULL) == EINVAL);
    atomic_store(&released, 1);
    /* One that ended before it was detached. */
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
    struct sched_param parameters;
    int policy;
    while (pthread_getschedparam(thread, &policy, &parameters) == 0) {
        sched_yield();
    }
    /* It is there until somebody has joined it, or will not. */
    CHECK(pthread_kill(thread, 0) == 0 && pthread_kill(thread, SIGKILL) == 0 && pthread_kill(thread, 65) == EINVAL);
    CHECK(pthread_detach(thread) == 0);
    CHECK(pthread_detach(thread) == ESRCH);
}

static void *leave(void *argument) {
    pthread_exit(argument);
}

static void a_thread_may_leave_from_anywhere(void) {
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, leave, (void *)9) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)9);
}

static int minus(void *argument) { return -(int)(intptr_t)argument; }

static void c11_has_the_same(void) {
    thrd_t thread;
    int result;
    CHECK(thrd_create(&thread, minus, (void *)3) == thrd_success);
    CHECK(thrd_join(thread, &result) == thrd_success && result == -3);
    CHECK(thrd_equal(thrd_current(), pthread_self()));
    struct timespec moment = { 0, 1000000 };
    CHECK(thrd_sleep(&moment, NULL) == 0);
    moment.tv_nsec = -1;
    CHECK(thrd_sleep(&moment, NULL) == -2);
}

static void *print(void *argument) {
    for (int i = 0; i < 20; i++) {
        printf("%s line\n", (char *)argument);
    }
    return NULL;
}

static void threads_print_whole_lines(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, print, "whole") == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

const struct check lives[] = {
    { "results come back, and thread-locals are a thread's own", results_come_back },
    { "stacks and blocks are used again", stacks_and_blocks_are_used_again },
    { "a thread knows itself, and does not wait for itself", a_thread_knows_itself },
    { "a join may give up", a_join_may_give_up },
    { "detached threads are nobody's", detached_threads_are_nobodys },
    { "a thread may leave from anywhere", a_thread_may_leave_from_anywhere },
    { "C11 has the same", c11_has_the_same },
    { "threads print whole lines", threads_print_whole_lines },
    { 0 },
};
