/* Clocks and sleep. */
#include "check.h"
#include <errno.h>
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

const struct check times[] = {
    { "clocks go forward", clocks_go_forward },
    { "sleep is never short", sleep_is_never_short },
    { "the wall clock can be set", the_wall_clock_can_be_set },
    { 0 },
};
