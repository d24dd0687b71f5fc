/* Who gets a signal, and what it does to calls that wait. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_int count, began;
static pthread_t last;

static void counts(int signal) {
    (void)signal;
    last = pthread_self();
    atomic_fetch_add(&count, 1);
}

static void install(int flags) {
    struct sigaction action = { .sa_handler = counts, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    atomic_store(&count, 0);
    atomic_store(&began, 0);
}

static void await(atomic_int *value, int least) {
    while (atomic_load(value) < least) {
        sched_yield();
    }
}

/* Begins a thread, sends it signals until its handler has run, and waits for its end. */
static void *interrupt(void *(*function)(void *)) {
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
    await(&began, 1);
    while (atomic_load(&began) < 2) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        usleep(1000);
    }
    CHECK(pthread_join(thread, &result) == 0 && atomic_load(&count) > 0 && pthread_equal(last, thread));
    return result;
}

static void *sleeps(void *argument) {
    struct timespec time = { 1000, 0 }, rest = { 0, 0 };
    atomic_store(&began, 1);
    CHECK(nanosleep(&time, &rest) == -1 && errno == EINTR && rest.tv_sec > 900);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &rest) == EINTR && rest.tv_sec > 900);
    CHECK(sleep(1000) > 900);
    CHECK(pause() == -1 && errno == EINTR);
    atomic_store(&began, 2);
    return argument;
}

static void sleeps_and_pauses_end(void) {
    install(SA_RESTART);
    interrupt(sleeps);
}

static sem_t semaphore;

static void *takes(void *argument) {
    atomic_store(&began, 1);
    CHECK(sem_wait(&semaphore) == -1 && errno == EINTR);
    CHECK(sem_timedwait(&semaphore, &(struct timespec){ 4000000000, 0 }) == -1 && errno == EINTR);
    atomic_store(&began, 2);
    return argument;
}

static void who_waits_for_a_semaphore_is_interrupted(void) {
    install(0);
    CHECK(sem_init(&semaphore, 0, 0) == 0);
    interrupt(takes);
}

static void *takes_on(void *argument) {
    atomic_store(&began, 1);
    CHECK(sem_wait(&semaphore) == 0);
    return argument;
}

static void but_not_where_the_handler_wants_it_to_go_on(void) {
    pthread_t thread;
    install(SA_RESTART);
    CHECK(pthread_create(&thread, NULL, takes_on, NULL) == 0);
    for (int i = 1; i <= 20; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(sem_post(&semaphore) == 0 && pthread_join(thread, NULL) == 0);
}

static void *reads(void *argument) {
    char byte;
    atomic_store(&began, 1);
    CHECK(read(0, &byte, 1) == -1 && errno == EINTR);
    atomic_store(&began, 2);
    return argument;
}

static void who_reads_is_interrupted(void) {
    install(0);
    interrupt(reads);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int is_free;

static void *locks(void *argument) {
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    return argument;
}

static void *waits(void *argument) {
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!is_free) {
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return argument;
}

static void who_waits_for_a_mutex_runs_the_handler_and_waits_on(void) {
    pthread_t thread;
    install(0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_create(&thread, NULL, locks, NULL) == 0);
    for (int i = 1; i <= 20; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_join(thread, NULL) == 0);
}

static void who_waits_for_a_condition_sees_no_error(void) {
    pthread_t thread;
    install(0);
    CHECK(pthread_create(&thread, NULL, waits, NULL) == 0);
    for (int i = 1; i <= 20; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_mutex_lock(&mutex) == 0);
    is_free = 1;
    CHECK(pthread_cond_broadcast(&condition) == 0 && pthread_mutex_unlock(&mutex) == 0 && pthread_join(thread, NULL) == 0);
}

static void *idles(void *argument) {
    atomic_store(&began, 1);
    while (atomic_load(&began) < 2) {
        usleep(100000);
    }
    return argument;
}

static void a_signal_for_the_program_goes_to_who_lets_it_in(void) {
    sigset_t set;
    pthread_t thread;
    install(0);
    CHECK(pthread_create(&thread, NULL, idles, NULL) == 0);
    await(&began, 1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && kill(getpid(), SIGUSR1) == 0);
    await(&count, 1);
    CHECK(pthread_equal(last, thread));
    atomic_store(&began, 2);
    CHECK(pthread_join(thread, NULL) == 0);
    /* Now everyone keeps it away, until this thread does not. */
    CHECK(kill(getpid(), SIGUSR1) == 0 && atomic_load(&count) == 1);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 && atomic_load(&count) == 2 && pthread_equal(last, pthread_self()));
}

static void *tells_its_mask(void *argument) {
    sigset_t now, pending;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR2) && !sigismember(&now, SIGUSR1));
    CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2));
    return argument;
}

static void a_thread_begins_with_its_makers_mask_and_nothing_pending(void) {
    sigset_t set;
    pthread_t thread;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    signal(SIGUSR2, counts);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && pthread_kill(pthread_self(), SIGUSR2) == 0);
    CHECK(pthread_create(&thread, NULL, tells_its_mask, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0 && pthread_sigmask(9, &set, NULL) == EINVAL);
    CHECK(pthread_kill(pthread_self(), 65) == EINVAL);
}

static void *cancelled(void *argument) {
    atomic_store(&began, 1);
    for (;;) {
        pause();
    }
    return argument;
}

static void who_is_interrupted_can_be_cancelled_too(void) {
    void *result;
    pthread_t thread;
    install(0);
    CHECK(pthread_create(&thread, NULL, cancelled, NULL) == 0);
    await(&began, 1);
    for (int i = 1; i <= 20; i++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
}

const struct check delivery[] = {
    { "sleeps and pauses end", sleeps_and_pauses_end },
    { "who waits for a semaphore is interrupted", who_waits_for_a_semaphore_is_interrupted },
    { "but not where the handler wants it to go on", but_not_where_the_handler_wants_it_to_go_on },
    { "who reads is interrupted", who_reads_is_interrupted },
    { "who waits for a mutex runs the handler and waits on", who_waits_for_a_mutex_runs_the_handler_and_waits_on },
    { "who waits for a condition sees no error", who_waits_for_a_condition_sees_no_error },
    { "a signal for the program goes to who lets it in", a_signal_for_the_program_goes_to_who_lets_it_in },
    { "a thread begins with its maker's mask and nothing pending", a_thread_begins_with_its_makers_mask_and_nothing_pending },
    { "who is interrupted can be cancelled too", who_is_interrupted_can_be_cancelled_too },
    { 0 },
};
