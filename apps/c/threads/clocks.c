/* For how long a thread has run, and the program. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000

static int64_t ns_of(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void compute(int64_t ns) {
    int64_t end = ns_of(CLOCK_MONOTONIC) + ns;
    while (ns_of(CLOCK_MONOTONIC) < end) {
    }
}

static void who_computes_is_charged_and_who_sleeps_is_not(void) {
    int64_t wall = ns_of(CLOCK_MONOTONIC), mine = ns_of(CLOCK_THREAD_CPUTIME_ID);
    compute(20 * MS);
    int64_t then = ns_of(CLOCK_THREAD_CPUTIME_ID);
    CHECK(then - mine >= 19 * MS && then - mine <= ns_of(CLOCK_MONOTONIC) - wall + 1000);
    wall = ns_of(CLOCK_MONOTONIC);
    int64_t all = ns_of(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < 20; i++)
        CHECK(nanosleep(&(struct timespec){ .tv_nsec = 5 * MS }, NULL) == 0);
    int64_t slept = ns_of(CLOCK_MONOTONIC) - wall;
    CHECK(slept >= 100 * MS && ns_of(CLOCK_THREAD_CPUTIME_ID) - then < slept / 2);
    CHECK(ns_of(CLOCK_PROCESS_CPUTIME_ID) - all < slept / 2);
}

static pthread_barrier_t line;
static int64_t ran[2];

static void *computes_on_one_core(void *place) {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof first, &first) == 0);
    pthread_barrier_wait(&line);
    int64_t before = ns_of(CLOCK_THREAD_CPUTIME_ID);
    compute(60 * MS);
    *(int64_t *)place = ns_of(CLOCK_THREAD_CPUTIME_ID) - before;
    return NULL;
}

static void two_who_share_a_core_share_its_time(void) {
    pthread_t threads[2];
    CHECK(pthread_barrier_init(&line, NULL, 3) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, computes_on_one_core, &ran[i]) == 0);
    int64_t wall = ns_of(CLOCK_MONOTONIC), all = ns_of(CLOCK_PROCESS_CPUTIME_ID);
    pthread_barrier_wait(&line);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    all = ns_of(CLOCK_PROCESS_CPUTIME_ID) - all, wall = ns_of(CLOCK_MONOTONIC) - wall;
    CHECK(ran[0] > 5 * MS && ran[1] > 5 * MS && ran[0] + ran[1] <= wall + 1000 && ran[0] + ran[1] <= all + 1000);
    CHECK(pthread_barrier_destroy(&line) == 0);
}

static sem_t begins, ends;

static void *waits(void *argument) {
    CHECK(sem_post(&begins) == 0 && sem_wait(&ends) == 0);
    /* It was young when it began: nobody has charged it for who lived in its record before. */
    CHECK(ns_of(CLOCK_THREAD_CPUTIME_ID) < 1000 * MS);
    return argument;
}

static void the_clock_of_another_stands_while_it_sleeps(void) {
    pthread_t thread;
    clockid_t clock, mine, program;
    struct timespec time;
    CHECK(sem_init(&begins, 0, 0) == 0 && sem_init(&ends, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, waits, NULL) == 0 && sem_wait(&begins) == 0);
    CHECK(pthread_getcpuclockid(thread, &clock) == 0 && pthread_getcpuclockid(pthread_self(), &mine) == 0 && clock != mine);
    CHECK(clock_getcpuclockid(0, &program) == 0 && clock_getres(clock, &time) == 0);
    compute(20 * MS);
    int64_t first = ns_of(clock);
    compute(20 * MS);
    CHECK(ns_of(clock) == first && ns_of(mine) >= 38 * MS && ns_of(program) >= ns_of(mine));
    CHECK(sem_post(&ends) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(clock_gettime(clock, &time) == -1 && errno == EINVAL);
}

static volatile int is_over;

static void *watches(void *clock) {
    for (int64_t last = 0; !is_over;) {
        int64_t now = ns_of(*(clockid_t *)clock);
        CHECK(now >= last);
        last = now;
        sched_yield(); /* the one core there may be, at once and not when its time is over */
    }
    return NULL;
}

static void no_clock_goes_back_whatever_core_its_thread_is_on(void) {
    pthread_t thread;
    clockid_t clock;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    CHECK(pthread_getcpuclockid(pthread_self(), &clock) == 0);
    CHECK(pthread_create(&thread, NULL, watches, &clock) == 0);
    int64_t last = 0, all = 0;
    for (int i = 0; i < 4000; i++) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(i % cores, &set);
        CHECK(pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0);
        int64_t now = ns_of(CLOCK_THREAD_CPUTIME_ID), together = ns_of(CLOCK_PROCESS_CPUTIME_ID);
        CHECK(now >= last && together >= all);
        last = now, all = together;
        sched_yield();
    }
    is_over = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    cpu_set_t every;
    CPU_ZERO(&every);
    for (long core = 0; core < cores; core++)
        CPU_SET(core, &every);
    CHECK(pthread_setaffinity_np(pthread_self(), sizeof every, &every) == 0);
}

static void nobody_waits_for_a_clock_of_computing(void) {
    struct timespec moment = { .tv_nsec = 1 };
    clockid_t mine;
    timer_t timer;
    CHECK(sysconf(_SC_THREAD_CPUTIME) > 0 && pthread_getcpuclockid(pthread_self(), &mine) == 0);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &moment, NULL) == EINVAL);
    CHECK(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &moment, NULL) == ENOTSUP);
    CHECK(clock_nanosleep(mine, 0, &moment, NULL) == ENOTSUP);
    CHECK(timer_create(CLOCK_THREAD_CPUTIME_ID, &(struct sigevent){ .sigev_notify = SIGEV_NONE }, &timer) == -1 && errno == ENOTSUP);
    CHECK(timer_create(mine, &(struct sigevent){ .sigev_notify = SIGEV_NONE }, &timer) == -1 && errno == ENOTSUP);
    CHECK(clock_settime(CLOCK_THREAD_CPUTIME_ID, &moment) == -1 && errno == EINVAL);
    CHECK(clock_gettime(-1, &moment) == -1 && errno == EINVAL);
}

static int64_t us_of(const struct timeval *time) { return time->tv_sec * INT64_C(1000000) + time->tv_usec; }

static void usage_is_told_in_the_old_ways_too(void) {
    struct rusage first, second;
    struct tms tms;
    compute(5 * MS);
    CHECK(getrusage(RUSAGE_SELF, &first) == 0 && getrusage(RUSAGE_THREAD, &second) == 0);
    CHECK(us_of(&first.ru_utime) >= us_of(&second.ru_utime) && us_of(&second.ru_utime) >= 5000);
    CHECK(getrusage(RUSAGE_CHILDREN, &first) == 0 && us_of(&first.ru_utime) == 0);
    CHECK(getrusage(7, &first) == -1 && errno == EINVAL);
    clock_t before = clock();
    compute(30 * MS);
    CHECK(clock() - before >= 29000);
    CHECK(times(&tms) > 0 && tms.tms_utime >= 2 && tms.tms_cutime == 0);
}

const struct check clocks[] = {
    { "who computes is charged, and who sleeps is not", who_computes_is_charged_and_who_sleeps_is_not },
    { "two who share a core share its time", two_who_share_a_core_share_its_time },
    { "the clock of another stands while it sleeps", the_clock_of_another_stands_while_it_sleeps },
    { "no clock goes back, whatever core its thread is on", no_clock_goes_back_whatever_core_its_thread_is_on },
    { "nobody waits for a clock of computing", nobody_waits_for_a_clock_of_computing },
    { "usage is told in the old ways, too", usage_is_told_in_the_old_ways_too },
    { 0 },
};
