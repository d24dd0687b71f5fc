/* Policies, priorities, cores. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static void policies_have_their_priorities(void) {
    int policy;
    struct sched_param param;
    CHECK(sched_get_priority_min(SCHED_OTHER) == 0 && sched_get_priority_max(SCHED_OTHER) == 0);
    CHECK(sched_get_priority_min(SCHED_FIFO) == 1 && sched_get_priority_max(SCHED_RR) == 32);
    errno = 0;
    CHECK(sched_get_priority_max(99) == -1 && errno == EINVAL);
    CHECK(pthread_getschedparam(pthread_self(), &policy, &param) == 0 && policy == SCHED_OTHER && param.sched_priority == 0);
    param.sched_priority = 4;
    CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == EINVAL);
    CHECK(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0);
    CHECK(sched_getscheduler(0) == SCHED_FIFO && sched_getparam(0, &param) == 0 && param.sched_priority == 4);
    CHECK(pthread_setschedprio(pthread_self(), 33) == EINVAL && pthread_setschedprio(pthread_self(), 5) == 0);
    param.sched_priority = 0;
    CHECK(sched_setscheduler(0, SCHED_OTHER, &param) == 0 && sched_getscheduler(0) == SCHED_OTHER);
    struct timespec slice;
    CHECK(sched_rr_get_interval(0, &slice) == 0 && slice.tv_sec == 0 && slice.tv_nsec > 0);
}

static atomic_int turn;
static int order[3];

static void *note(void *argument) {
    order[atomic_fetch_add(&turn, 1)] = (int)(long)argument;
    return NULL;
}

/* On one core: the creator keeps it, being the most urgent, until it waits; then the others run by their urgency. */
static void the_more_urgent_runs_first(void) {
    cpu_set_t cores, before;
    pthread_attr_t attr;
    pthread_t threads[3];
    struct sched_param param = { .sched_priority = 20 };
    CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&cores);
    CPU_SET(0, &cores);
    CHECK(sched_setaffinity(0, sizeof cores, &cores) == 0);
    CHECK(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0);
    CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
    CHECK(pthread_attr_setschedpolicy(&attr, SCHED_FIFO) == 0);
    CHECK(pthread_attr_setaffinity_np(&attr, sizeof cores, (void *)&cores) == 0);
    for (long i = 0; i < 3; i++) {
        param.sched_priority = 5 + i;
        CHECK(pthread_attr_setschedparam(&attr, &param) == 0);
        CHECK(pthread_create(&threads[i], &attr, note, (void *)i) == 0);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(order[0] == 2 && order[1] == 1 && order[2] == 0);
    param.sched_priority = 0;
    CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &param) == 0);
    CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
}

static void a_thread_runs_where_it_may(void) {
    cpu_set_t cores, seen, before;
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    CHECK(pthread_getaffinity_np(pthread_self(), sizeof before, &before) == 0 && CPU_COUNT(&before) == count);
    for (int core = 0; core < count; core++) {
        CPU_ZERO(&cores);
        CPU_SET(core, &cores);
        CHECK(pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0);
        CHECK(sched_getcpu() == core);
        CHECK(pthread_getaffinity_np(pthread_self(), sizeof seen, &seen) == 0 && CPU_EQUAL(&seen, &cores));
    }
    CPU_ZERO(&cores);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == EINVAL);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof before, &before) == 0);
}

const struct check scheduling[] = {
    { "policies have their priorities", policies_have_their_priorities },
    { "the more urgent runs first", the_more_urgent_runs_first },
    { "a thread runs where it may", a_thread_runs_where_it_may },
    { 0 },
};
