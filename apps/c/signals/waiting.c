/* Waiting for signals, and what is pending. */
#include "check.h"
#include <errno.h>
#include <futaphore.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int count;

static void counts(int signal) {
    (void)signal;
    count++;
}

static sigset_t just(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static void what_is_masked_is_pending_until_it_is_let_through(void) {
    sigset_t set = just(SIGUSR1), pending;
    count = 0;
    signal(SIGUSR1, counts);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0 && raise(SIGUSR1) == 0 && count == 0);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1 && sigismember(&pending, SIGUSR2) == 0);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count == 1);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0);
}

static void ignoring_what_is_pending_forgets_it(void) {
    sigset_t set = just(SIGUSR1), pending;
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0);
    signal(SIGUSR1, SIG_IGN);
    CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0);
    signal(SIGUSR1, SIG_DFL);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

static void sigwait_takes_what_is_pending(void) {
    sigset_t set = just(SIGUSR1);
    siginfo_t info;
    int signal = 0;
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0);
    CHECK(sigwait(&set, &signal) == 0 && signal == SIGUSR1);
    CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ .sival_int = 3 }) == 0);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_value.sival_int == 3 && info.si_code == SI_QUEUE);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

static void sigtimedwait_gives_up(void) {
    sigset_t set = just(SIGUSR1);
    struct timespec brief = { 0, 2000000 }, none = { 0, 0 };
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN);
    CHECK(sigtimedwait(&set, NULL, &brief) == -1 && errno == EAGAIN);
    raise(SIGUSR1);
    CHECK(sigtimedwait(&set, NULL, &none) == SIGUSR1);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
}

static pthread_t main_thread;

static void *sends(void *argument) {
    for (int i = 0; i < 200; i++) {
        CHECK(kill(getpid(), SIGUSR1) == 0);
        usleep(10);
    }
    return argument;
}

static void a_signal_that_all_keep_away_reaches_who_waits(void) {
    /* The sender keeps it away too: only who waits can take it. */
    sigset_t set = just(SIGUSR1);
    struct timespec long_enough = { 10, 0 };
    pthread_t thread;
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && pthread_create(&thread, NULL, sends, NULL) == 0);
    CHECK(sigtimedwait(&set, NULL, &long_enough) == SIGUSR1);
    CHECK(pthread_join(thread, NULL) == 0);
    while (sigtimedwait(&set, NULL, &(struct timespec){ 0, 0 }) == SIGUSR1) {
    }
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}

static void sigsuspend_lets_a_signal_through_and_restores_the_mask(void) {
    sigset_t set = just(SIGUSR1), none, now;
    count = 0;
    signal(SIGUSR1, counts);
    sigemptyset(&none);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0 && count == 0);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR && count == 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &set, &now) == 0 && sigismember(&now, SIGUSR1));
}

static void *answers(void *argument) {
    sigset_t set = just(SIGUSR2);
    int signal;
    for (int i = 0; i < 500; i++) {
        CHECK(sigwait(&set, &signal) == 0 && signal == SIGUSR2);
        CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
    }
    return argument;
}

static void two_threads_call_each_other_by_signals_and_none_is_lost(void) {
    sigset_t both = just(SIGUSR1), one = just(SIGUSR1);
    pthread_t thread;
    int signal;
    main_thread = pthread_self();
    sigaddset(&both, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0 && pthread_create(&thread, NULL, answers, NULL) == 0);
    for (int i = 0; i < 500; i++) {
        CHECK(pthread_kill(thread, SIGUSR2) == 0);
        CHECK(sigwait(&one, &signal) == 0 && signal == SIGUSR1);
    }
    CHECK(pthread_join(thread, NULL) == 0 && pthread_sigmask(SIG_UNBLOCK, &both, NULL) == 0);
}

static void *interrupts(void *argument) {
    for (int i = 0; i < 300; i++) {
        CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
        sched_yield();
    }
    __atomic_store_n((int *)argument, 1, __ATOMIC_RELEASE);
    CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
    return NULL;
}

static void sigsuspend_misses_nothing(void) {
    sigset_t set = just(SIGUSR1), none;
    pthread_t thread;
    int done = 0;
    count = 0;
    sigemptyset(&none);
    signal(SIGUSR1, counts);
    main_thread = pthread_self();
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && pthread_create(&thread, NULL, interrupts, &done) == 0);
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        CHECK(sigsuspend(&none) == -1 && errno == EINTR);
    }
    CHECK(pthread_join(thread, NULL) == 0 && sigprocmask(SIG_UNBLOCK, &set, NULL) == 0 && count > 0);
}

static uint32_t lock;

/* Interrupts the main thread while it waits for the lock, over and over; then lets the lock go. */
static void *holds_and_interrupts(void *argument) {
    CHECK(syscall(SYS_futex, &lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(pthread_barrier_wait(argument) <= 0);
    while (!(__atomic_load_n(&lock, __ATOMIC_RELAXED) & FUTEX_WAITERS)) {
        sched_yield();
    }
    for (int i = 0; i < 100; i++) {
        int before = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
        CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
        while (__atomic_load_n(&count, __ATOMIC_ACQUIRE) == before) {
            sched_yield();
        }
    }
    CHECK(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    return NULL;
}

static void no_handler_ends_a_wait_for_a_lock_that_lends_priority(void) {
    pthread_barrier_t both;
    pthread_t thread;
    struct timespec until;
    lock = 0;
    count = 0;
    signal(SIGUSR1, counts);
    main_thread = pthread_self();
    CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
    until.tv_sec += 1000;
    CHECK(pthread_barrier_init(&both, NULL, 2) == 0 && pthread_create(&thread, NULL, holds_and_interrupts, &both) == 0);
    CHECK(pthread_barrier_wait(&both) <= 0);
    CHECK(syscall(SYS_futex, &lock, FUTEX_LOCK_PI, 0, &until, NULL, 0) == 0);
    CHECK(count == 100 && syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && pthread_barrier_destroy(&both) == 0);
}

static uint32_t condition;

static void *waits_to_be_moved(void *argument) {
    CHECK(syscall(SYS_futex, &condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &lock, 0) == -1 && errno == EAGAIN);
    return argument;
}

/* It has been told of already: to begin anew would be to wait for what does not come. */
static void one_who_was_moved_to_a_lock_does_not_wait_anew_behind_a_handler(void) {
    struct sigaction action = { .sa_handler = counts, .sa_flags = SA_RESTART };
    pthread_t thread;
    lock = condition = 0;
    count = 0;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && syscall(SYS_futex, &lock, FUTEX_LOCK_PI, 0, NULL, NULL, 0) == 0);
    CHECK(pthread_create(&thread, NULL, waits_to_be_moved, NULL) == 0);
    while (syscall(SYS_futex, &condition, FUTEX_CMP_REQUEUE_PI, 1, NULL, &lock, 0) != 1) {
        sched_yield();
    }
    CHECK(pthread_kill(thread, SIGUSR1) == 0 && pthread_join(thread, NULL) == 0 && count == 1);
    CHECK(syscall(SYS_futex, &lock, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0) == 0 && lock == 0);
}

static unsigned long page, fut;

static void *takes(void *argument) {
    CHECK(fut_p(page, fut) == 0);
    return argument;
}

static void *takes_in_time(void *argument) {
    CHECK(fut_p_timeout(page, fut, ~0ul) == 0);
    return argument;
}

static void a_handler_runs_while_its_thread_waits_for_a_futaphore(void) {
    void *(*const bodies[])(void *) = { takes, takes_in_time };
    page = get_fut_page();
    fut = fut_new(page, 0);
    CHECK(fut != 0);
    signal(SIGUSR1, counts);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        count = 0;
        CHECK(pthread_create(&thread, NULL, bodies[round % 2], NULL) == 0);
        for (int i = 0; i < 20; i++) {
            CHECK(pthread_kill(thread, SIGUSR1) == 0);
            while (__atomic_load_n(&count, __ATOMIC_ACQUIRE) == i) {
                sched_yield();
            }
        }
        CHECK(fut_v(page, fut) == 0 && pthread_join(thread, NULL) == 0 && count == 20 && fut_value(page, fut) == 0);
    }
    CHECK(fut_free(page, fut) == 0);
}

static sigjmp_buf away;
static uint32_t is_away;

static void jumps(int signal) {
    (void)signal;
    siglongjmp(away, 1);
}

static void *takes_or_jumps(void *argument) {
    sigset_t set = just(SIGUSR2);
    if (sigsetjmp(away, 1) == 0) {
        CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
        fut_p(page, fut);
        CHECK(!"nobody gives");
    }
    __atomic_store_n(&is_away, 1, __ATOMIC_RELEASE);
    return argument;
}

static void one_whose_handler_jumps_out_of_a_wait_for_a_futaphore_takes_nothing(void) {
    sigset_t set = just(SIGUSR2);
    page = get_fut_page();
    fut = fut_new(page, 0);
    signal(SIGUSR2, jumps);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        is_away = 0;
        CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && pthread_create(&thread, NULL, takes_or_jumps, NULL) == 0);
        for (int i = 0; i < round; i++) {
            sched_yield();
        }
        CHECK(pthread_kill(thread, SIGUSR2) == 0);
        while (!__atomic_load_n(&is_away, __ATOMIC_ACQUIRE)) {
            sched_yield();
        }
        CHECK(pthread_join(thread, NULL) == 0 && pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
        CHECK(fut_v(page, fut) == 0 && fut_value(page, fut) == 1 && fut_p(page, fut) == 0);
    }
    CHECK(fut_free(page, fut) == 0);
}

static void *takes_until_cancelled(void *argument) {
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    fut_p(page, fut);
    CHECK(!"nobody gives");
    return argument;
}

static void one_who_is_cancelled_anywhere_is_so_while_it_waits_for_a_futaphore(void) {
    page = get_fut_page();
    fut = fut_new(page, 0);
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        void *left = NULL;
        CHECK(pthread_create(&thread, NULL, takes_until_cancelled, NULL) == 0);
        for (int i = 0; i < round; i++) {
            sched_yield();
        }
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &left) == 0 && left == PTHREAD_CANCELED);
        CHECK(fut_v(page, fut) == 0 && fut_value(page, fut) == 1 && fut_p(page, fut) == 0);
    }
    CHECK(fut_free(page, fut) == 0);
}

const struct check waiting[] = {
    { "what is masked is pending until it is let through", what_is_masked_is_pending_until_it_is_let_through },
    { "ignoring what is pending forgets it", ignoring_what_is_pending_forgets_it },
    { "sigwait takes what is pending", sigwait_takes_what_is_pending },
    { "sigtimedwait gives up", sigtimedwait_gives_up },
    { "a signal that all keep away reaches who waits for it", a_signal_that_all_keep_away_reaches_who_waits },
    { "sigsuspend lets a signal through and restores the mask", sigsuspend_lets_a_signal_through_and_restores_the_mask },
    { "two threads call each other by signals, and none is lost", two_threads_call_each_other_by_signals_and_none_is_lost },
    { "sigsuspend misses nothing", sigsuspend_misses_nothing },
    { "no handler ends a wait for a lock that lends priority", no_handler_ends_a_wait_for_a_lock_that_lends_priority },
    { "a handler runs while its thread waits for a futaphore", a_handler_runs_while_its_thread_waits_for_a_futaphore },
    { "one whose handler jumps out of a wait for a futaphore takes nothing",
      one_whose_handler_jumps_out_of_a_wait_for_a_futaphore_takes_nothing },
    { "one who is cancelled anywhere is so while it waits for a futaphore",
      one_who_is_cancelled_anywhere_is_so_while_it_waits_for_a_futaphore },
    { "one who was moved to a lock does not wait anew behind a handler", one_who_was_moved_to_a_lock_does_not_wait_anew_behind_a_handler },
    { 0 },
};
