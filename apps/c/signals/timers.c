/* Timers of POSIX, and those of `alarm` and `setitimer`. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int count, value, overrun;

static void told(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    count++;
    value = info->si_value.sival_int;
    overrun = info->si_overrun;
}

static void install(int signal) {
    struct sigaction action = { .sa_sigaction = told, .sa_flags = SA_SIGINFO };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    count = 0;
}

/* Waits until handlers have run `least` times: `signal` comes in only while this sleeps, so that none is missed. */
static void await_handler(int signal, int least) {
    sigset_t set, before, open;
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK(sigprocmask(SIG_BLOCK, &set, &before) == 0);
    open = before;
    sigdelset(&open, signal);
    while (count < least) {
        CHECK(sigsuspend(&open) == -1 && errno == EINTR);
    }
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

static timer_t by_signal(int clock, int signal) {
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signal, .sigev_value.sival_int = 99 };
    timer_t timer;
    install(signal);
    CHECK(timer_create(clock, &event, &timer) == 0);
    return timer;
}

static void alarm_comes_and_tells_what_was_left(void) {
    install(SIGALRM);
    CHECK(alarm(100) == 0 && alarm(0) == 100 && alarm(0) == 0);
    struct itimerval brief = { .it_value = { 0, 2000 } }, left;
    CHECK(setitimer(ITIMER_REAL, &brief, NULL) == 0);
    await_handler(SIGALRM, 1);
    CHECK(count == 1);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
    CHECK(setitimer(ITIMER_VIRTUAL, &brief, NULL) == -1 && errno == EINVAL);
}

static void an_interval_comes_again(void) {
    struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
    install(SIGALRM);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    await_handler(SIGALRM, 5);
    CHECK(setitimer(ITIMER_REAL, &off, &every) == 0 && every.it_interval.tv_usec == 1000);
}

static void a_timer_sends_its_signal_and_value(void) {
    timer_t timer = by_signal(CLOCK_MONOTONIC, SIGRTMIN);
    struct itimerspec setting = { .it_value = { 0, 1000000 } }, left;
    CHECK(timer_settime(timer, 0, &setting, NULL) == 0);
    await_handler(SIGRTMIN, 1);
    CHECK(count == 1 && value == 99);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    CHECK(timer_delete(timer) == 0 && timer_delete(timer) == -1 && errno == EINVAL);
}

static void an_absolute_moment_may_have_passed(void) {
    timer_t timer = by_signal(CLOCK_REALTIME, SIGRTMIN);
    struct itimerspec setting;
    memset(&setting, 0, sizeof setting);
    CHECK(clock_gettime(CLOCK_REALTIME, &setting.it_value) == 0);
    CHECK(timer_settime(timer, TIMER_ABSTIME, &setting, NULL) == 0);
    await_handler(SIGRTMIN, 1);
    setting.it_value.tv_sec += 1000;
    CHECK(timer_settime(timer, TIMER_ABSTIME, &setting, NULL) == 0);
    CHECK(timer_gettime(timer, &setting) == 0 && setting.it_value.tv_sec > 900 && setting.it_value.tv_sec <= 1000);
    CHECK(timer_delete(timer) == 0);
}

static void what_a_masked_timer_missed_is_counted(void) {
    timer_t timer = by_signal(CLOCK_MONOTONIC, SIGRTMIN);
    struct itimerspec setting = { { 0, 1000000 }, { 0, 1000000 } };
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && timer_settime(timer, 0, &setting, NULL) == 0);
    usleep(20000);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGRTMIN) && count == 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count >= 1);
    CHECK(timer_delete(timer) == 0 && timer_getoverrun(timer) == -1 && errno == EINVAL);
    /* The first signal that was let through told of 18 at least; a second one may have come since. */
    CHECK(count > 1 || overrun >= 18);
}

static void a_silent_timer_can_be_asked(void) {
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    struct itimerspec setting = { .it_value = { 50, 0 } }, old;
    timer_t timer;
    CHECK(timer_create(CLOCK_REALTIME, &event, &timer) == 0 && timer_settime(timer, 0, &setting, NULL) == 0);
    CHECK(timer_gettime(timer, &old) == 0 && old.it_value.tv_sec >= 40 && old.it_value.tv_sec <= 50);
    setting.it_value.tv_sec = 0;
    CHECK(timer_settime(timer, 0, &setting, &old) == 0 && old.it_value.tv_sec >= 40);
    setting.it_value.tv_nsec = 1000000000;
    CHECK(timer_settime(timer, 0, &setting, NULL) == -1 && errno == EINVAL);
    CHECK(timer_delete(timer) == 0 && timer_create(77, &event, &timer) == -1 && errno == EINVAL);
}

static sem_t posted;

static void notified(union sigval given) {
    CHECK(given.sival_int == 12);
    CHECK(sem_post(&posted) == 0);
}

static void a_timer_may_begin_threads(void) {
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified, .sigev_value.sival_int = 12 };
    struct itimerspec setting = { { 0, 1000000 }, { 0, 1000000 } };
    timer_t timer;
    CHECK(sem_init(&posted, 0, 0) == 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &setting, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        CHECK(sem_wait(&posted) == 0);
    }
    CHECK(timer_delete(timer) == 0);
}

static void an_ignored_timer_does_no_harm(void) {
    timer_t timer = by_signal(CLOCK_MONOTONIC, SIGRTMIN);
    struct itimerspec setting = { { 0, 1 }, { 0, 1 } };
    signal(SIGRTMIN, SIG_IGN);
    CHECK(timer_settime(timer, 0, &setting, NULL) == 0);
    usleep(5000);
    install(SIGRTMIN);
    await_handler(SIGRTMIN, 1);
    CHECK(timer_delete(timer) == 0);
}

const struct check timers[] = {
    { "alarm comes, and tells what was left", alarm_comes_and_tells_what_was_left },
    { "an interval comes again", an_interval_comes_again },
    { "a timer sends its signal and value", a_timer_sends_its_signal_and_value },
    { "an absolute moment may have passed", an_absolute_moment_may_have_passed },
    { "what a masked timer missed is counted", what_a_masked_timer_missed_is_counted },
    { "a silent timer can be asked", a_silent_timer_can_be_asked },
    { "a timer may begin threads", a_timer_may_begin_threads },
    { "an ignored timer does no harm", an_ignored_timer_does_no_harm },
    { 0 },
};
