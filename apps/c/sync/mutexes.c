/* Mutexes of every type and protocol, and condition variables with each. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

enum { KINDS = 7, THREADS = 4, ROUNDS = 2000 };

static void begin(pthread_mutex_t *mutex, int kind) {
    pthread_mutexattr_t attr;
    CHECK(pthread_mutexattr_init(&attr) == 0);
    switch (kind) {
    case 1: CHECK(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0); break;
    case 2: CHECK(pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK) == 0); break;
    case 3: CHECK(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0); break;
    case 4: CHECK(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT) == 0); break;
    case 5: CHECK(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0); break;
    case 6:
        CHECK(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0);
        CHECK(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT) == 0);
        break;
    }
    CHECK(pthread_mutex_init(mutex, &attr) == 0 && pthread_mutexattr_destroy(&attr) == 0);
}

static struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    long count;
    int is_open, gone;
} shared;

static void *add(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&shared.mutex) == 0);
        shared.count++;
        CHECK(pthread_mutex_unlock(&shared.mutex) == 0);
    }
    return argument;
}

static void every_kind_counts_right(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        pthread_t threads[THREADS];
        begin(&shared.mutex, kind);
        shared.count = 0;
        for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, add, NULL) == 0);
        for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(shared.count == THREADS * ROUNDS && pthread_mutex_destroy(&shared.mutex) == 0);
    }
}

static void *pass_through(void *argument) {
    CHECK(pthread_mutex_lock(&shared.mutex) == 0);
    shared.count++;
    CHECK(pthread_cond_signal(&shared.condition) == 0);
    while (!shared.is_open) CHECK(pthread_cond_wait(&shared.condition, &shared.mutex) == 0);
    shared.gone++;
    CHECK(pthread_mutex_unlock(&shared.mutex) == 0);
    return argument;
}

static void a_broadcast_strands_nobody(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        for (int round = 0; round < 10; round++) {
            pthread_t threads[8];
            begin(&shared.mutex, kind);
            CHECK(pthread_cond_init(&shared.condition, NULL) == 0);
            shared.count = shared.is_open = shared.gone = 0;
            for (int i = 0; i < 8; i++) CHECK(pthread_create(&threads[i], NULL, pass_through, NULL) == 0);
            CHECK(pthread_mutex_lock(&shared.mutex) == 0);
            while (shared.count < 8) {
                struct timespec time = in_ms(CLOCK_REALTIME, 1);
                int waited = pthread_cond_timedwait(&shared.condition, &shared.mutex, &time);
                CHECK(waited == 0 || waited == ETIMEDOUT);
            }
            shared.is_open = 1;
            CHECK(pthread_cond_broadcast(&shared.condition) == 0);
            /* All are woken: it may go, with the mutex held. */
            CHECK(pthread_cond_destroy(&shared.condition) == 0);
            CHECK(pthread_mutex_unlock(&shared.mutex) == 0);
            for (int i = 0; i < 8; i++) CHECK(pthread_join(threads[i], NULL) == 0);
            CHECK(shared.gone == 8 && pthread_mutex_destroy(&shared.mutex) == 0);
        }
    }
}

static void *take_and_end(void *argument) {
    CHECK(pthread_mutex_lock(argument) == 0);
    return NULL;
}

static void a_holder_that_ends_is_told_of(void) {
    for (int kind = 5; kind <= 6; kind++) {
        for (int is_made_good = 0; is_made_good < 2; is_made_good++) {
            pthread_t thread;
            pthread_mutex_t before, mutex, after;
            begin(&before, 5), begin(&mutex, kind), begin(&after, 6);
            CHECK(pthread_mutex_lock(&before) == 0);
            CHECK(pthread_create(&thread, NULL, take_and_end, &mutex) == 0 && pthread_join(thread, NULL) == 0);
            CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD && pthread_mutex_lock(&after) == 0);
            CHECK(pthread_mutex_unlock(&before) == 0);
            if (is_made_good) CHECK(pthread_mutex_consistent(&mutex) == 0);
            CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&after) == 0);
            CHECK(pthread_mutex_lock(&mutex) == (is_made_good ? 0 : ENOTRECOVERABLE));
            if (is_made_good) CHECK(pthread_mutex_unlock(&mutex) == 0);
            CHECK(pthread_mutex_destroy(&mutex) == 0);
        }
    }
}

static void mistakes_are_told(void) {
    pthread_mutex_t mutex;
    begin(&mutex, 2);
    struct timespec never = { 0, 1000000000 }, soon = in_ms(CLOCK_MONOTONIC, 5);
    CHECK(pthread_mutex_unlock(&mutex) == EPERM && pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_lock(&mutex) == EDEADLK && pthread_mutex_trylock(&mutex) == EBUSY);
    CHECK(pthread_mutex_destroy(&mutex) == EBUSY && pthread_mutex_unlock(&mutex) == 0);
    for (int kind = 0; kind <= 3; kind += 3) {
        begin(&mutex, kind);
        CHECK(pthread_mutex_timedlock(&mutex, &never) == 0 && pthread_mutex_timedlock(&mutex, &never) == EINVAL);
        CHECK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &soon) == ETIMEDOUT && pthread_mutex_unlock(&mutex) == 0);
    }
}

static void a_ceiling_is_kept(void) {
    pthread_mutex_t mutex;
    begin(&mutex, 4);
    int ceiling = 0, old = 0;
    CHECK(pthread_mutex_setprioceiling(&mutex, 7, &old) == 0 && pthread_mutex_getprioceiling(&mutex, &ceiling) == 0 && ceiling == 7);
    CHECK(pthread_mutex_setprioceiling(&mutex, 99, &old) == EINVAL && pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
}

static void a_wait_ends_at_its_clocks_time(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        begin(&shared.mutex, kind);
        CHECK(pthread_cond_init(&shared.condition, NULL) == 0 && pthread_mutex_lock(&shared.mutex) == 0);
        struct timespec soon = in_ms(CLOCK_MONOTONIC, 2), none = { 0, -1 };
        CHECK(pthread_cond_timedwait(&shared.condition, &shared.mutex, &none) == EINVAL);
        CHECK(pthread_cond_clockwait(&shared.condition, &shared.mutex, CLOCK_MONOTONIC, &soon) == ETIMEDOUT);
        CHECK(pthread_mutex_unlock(&shared.mutex) == 0 && pthread_cond_destroy(&shared.condition) == 0);
    }
}

static void let_go(void *mutex) {
    shared.gone++;
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

static void *wait_for_ever(void *argument) {
    CHECK(pthread_mutex_lock(&shared.mutex) == 0);
    pthread_cleanup_push(let_go, &shared.mutex);
    shared.count = 1;
    for (;;) pthread_cond_wait(&shared.condition, &shared.mutex);
    pthread_cleanup_pop(0);
    return argument;
}

static void who_is_cancelled_in_a_wait_holds_the_mutex(void) {
    for (int kind = 0; kind < KINDS; kind++) {
        pthread_t thread;
        void *result;
        begin(&shared.mutex, kind);
        CHECK(pthread_cond_init(&shared.condition, NULL) == 0);
        shared.count = shared.gone = 0;
        CHECK(pthread_create(&thread, NULL, wait_for_ever, NULL) == 0);
        for (int waits = 0; !waits;) {
            CHECK(pthread_mutex_lock(&shared.mutex) == 0);
            waits = shared.count;
            CHECK(pthread_mutex_unlock(&shared.mutex) == 0);
            /* Else each slice could end while it is locked: where instructions are counted, each is as long as the other. */
            sched_yield();
        }
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
        CHECK(shared.gone == 1 && pthread_mutex_lock(&shared.mutex) == 0 && pthread_mutex_unlock(&shared.mutex) == 0);
        CHECK(pthread_cond_destroy(&shared.condition) == 0);
    }
}

const struct check mutexes[] = {
    { "every kind counts right", every_kind_counts_right },
    { "a broadcast strands nobody", a_broadcast_strands_nobody },
    { "a holder that ends is told of", a_holder_that_ends_is_told_of },
    { "mistakes are told", mistakes_are_told },
    { "a ceiling is kept", a_ceiling_is_kept },
    { "a wait ends at its clock's time", a_wait_ends_at_its_clocks_time },
    { "who is cancelled in a wait holds the mutex", who_is_cancelled_in_a_wait_holds_the_mutex },
    { NULL, NULL },
};
