/* Clocks and sleep. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long ns_of(clockid_t clock) {
    struct timespec now = { 0, -1 };
    CHECK(clock_gettime(clock, &now) == 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void clocks_go_forward(void) {
    struct timespec resolution;
    struct timeval day;
    long long before = ns_of(CLOCK_MONOTONIC);
    CHECK(ns_of(CLOCK_MONOTONIC) > before - 1);
    CHECK(clock_getres(CLOCK_REALTIME, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec == 1);
    errno = 0;
    CHECK(clock_gettime(77, &resolution) == -1 && errno == EINVAL);
    CHECK(time(NULL) > 1700000000 && gettimeofday(&day, NULL) == 0 && day.tv_sec >= 1700000000 && day.tv_usec < 1000000);
    CHECK(clock() >= 0);
}

static void sleep_is_never_short(void) {
    struct timespec moment = { 0, 2000000 };
    long long before = ns_of(CLOCK_MONOTONIC);
    CHECK(nanosleep(&moment, NULL) == 0 && usleep(1000) == 0);
    CHECK(ns_of(CLOCK_MONOTONIC) - before >= 3000000);
    CHECK(clock_gettime(CLOCK_REALTIME, &moment) == 0);
    before = ns_of(CLOCK_REALTIME);
    moment.tv_sec += moment.tv_nsec >= 998000000;
    moment.tv_nsec = (moment.tv_nsec + 2000000) % 1000000000;
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &moment, NULL) == 0);
    CHECK(ns_of(CLOCK_REALTIME) >= moment.tv_sec * 1000000000LL + moment.tv_nsec);
    moment.tv_nsec = 1000000000;
    errno = 0;
    CHECK(nanosleep(&moment, NULL) == -1 && errno == EINVAL);
    CHECK(clock_nanosleep(77, 0, &moment, NULL) == EINVAL);
}

static void the_wall_clock_can_be_set(void) {
    struct timespec then = { 2000000000, 5 };
    CHECK(clock_settime(CLOCK_REALTIME, &then) == 0 && time(NULL) >= 2000000000 && time(NULL) < 2000000100);
    errno = 0;
    CHECK(clock_settime(CLOCK_MONOTONIC, &then) == -1 && errno == EINVAL);
}

static struct timespec end;

/* An hour, in seconds. */
enum { HOUR = 3600 };

static void shift(long seconds) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    now.tv_sec += seconds;
    CHECK(clock_settime(CLOCK_REALTIME, &now) == 0);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, free_one = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t read_lock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;

static int waits_for_a_mutex(void) { return pthread_mutex_timedlock(&held, &end); }

static int waits_for_a_condition(void) {
    int answer = 0;
    pthread_mutex_lock(&free_one);
    while (answer == 0) {
        answer = pthread_cond_timedwait(&condition, &free_one, &end);
    }
    pthread_mutex_unlock(&free_one);
    return answer;
}

static int waits_for_a_read_write_lock(void) { return pthread_rwlock_timedwrlock(&read_lock, &end); }

static int waits_for_a_semaphore(void) { return sem_timedwait(&semaphore, &end) == -1 ? errno : 0; }

static int sleeps(void) { return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL) == 0 ? ETIMEDOUT : 0; }

static int (*const ways[])(void) = {
    waits_for_a_mutex, waits_for_a_condition, waits_for_a_read_write_lock, waits_for_a_semaphore, sleeps,
};
enum { WAYS = sizeof ways / sizeof *ways };

static void *waits(void *way) {
    CHECK((*(int (*const *)(void))way)() == ETIMEDOUT);
    CHECK(ns_of(CLOCK_REALTIME) >= end.tv_sec * 1000000000LL + end.tv_nsec);
    return NULL;
}

static void begin(pthread_t threads[WAYS], int seconds) {
    CHECK(clock_gettime(CLOCK_REALTIME, &end) == 0);
    end.tv_sec += seconds;
    for (int i = 0; i < WAYS; i++) {
        CHECK(pthread_create(&threads[i], NULL, waits, (void *)&ways[i]) == 0);
    }
}

static void who_waits_for_a_moment_of_the_wall_clock_waits_for_it_however_that_is_set(void) {
    pthread_t threads[WAYS];
    CHECK(pthread_mutex_lock(&held) == 0 && pthread_rwlock_rdlock(&read_lock) == 0 && sem_init(&semaphore, 0, 0) == 0);
    /* Set past it. */
    begin(threads, HOUR);
    usleep(20000);
    shift(2 * HOUR);
    for (int i = 0; i < WAYS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    /* Set back: the time in which it would have come passes, and it has not. */
    begin(threads, 1);
    shift(-HOUR);
    usleep(1200000);
    shift(HOUR);
    for (int i = 0; i < WAYS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(pthread_mutex_unlock(&held) == 0 && pthread_rwlock_unlock(&read_lock) == 0 && sem_destroy(&semaphore) == 0);
}

const struct check times[] = {
    { "clocks go forward", clocks_go_forward },
    { "sleep is never short", sleep_is_never_short },
    { "the wall clock can be set", the_wall_clock_can_be_set },
    { "who waits for a moment of the wall clock waits for it however that is set",
      who_waits_for_a_moment_of_the_wall_clock_waits_for_it_however_that_is_set },
    { 0 },
};
