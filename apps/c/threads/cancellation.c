/* Threads that are cancelled: at which points, and what they leave. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_int began, cleaned;

static void clean(void *value) { atomic_store(&cleaned, 10 * atomic_load(&cleaned) + (int)(long)value); }

static void await_begin(void) {
    while (!atomic_load(&began)) {
        sched_yield();
    }
}

/* Begins a thread, cancels it once it says that it has begun, and tells whether it was. */
static int is_cancelled(void *(*function)(void *), void *argument) {
    pthread_t thread;
    void *result;
    atomic_store(&began, 0);
    atomic_store(&cleaned, 0);
    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
    await_begin();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    return result == PTHREAD_CANCELED;
}

static void *sleeper(void *argument) {
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    atomic_store(&began, 1);
    sleep(1000);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void a_sleeper_is_cancelled_and_its_handlers_run_the_last_first(void) {
    for (int i = 0; i < 100; i++) {
        CHECK(is_cancelled(sleeper, NULL));
        CHECK(atomic_load(&cleaned) == 21);
    }
}

static void *reader(void *argument) {
    char byte;
    atomic_store(&began, 1);
    return read(0, &byte, 1) == 1 ? NULL : argument;
}

static void one_who_reads_is_cancelled(void) { CHECK(is_cancelled(reader, (void *)1)); }

static void *joiner(void *argument) {
    atomic_store(&began, 1);
    pthread_join(*(pthread_t *)argument, NULL);
    return NULL;
}

static atomic_int released;

static void *patient(void *argument) {
    while (!atomic_load(&released)) {
        sched_yield();
    }
    return argument;
}

static void one_who_joins_is_cancelled_and_another_may_join(void) {
    pthread_t thread;
    void *result;
    atomic_store(&released, 0);
    CHECK(pthread_create(&thread, NULL, patient, (void *)4) == 0);
    CHECK(is_cancelled(joiner, &thread));
    atomic_store(&released, 1);
    CHECK(pthread_join(thread, &result) == 0 && result == (void *)4);
}

static void *spinner(void *argument) {
    atomic_store(&began, 1);
    for (;;) {
        pthread_testcancel();
    }
    return argument;
}

static void a_point_is_enough(void) { CHECK(is_cancelled(spinner, NULL)); }

static void *stubborn(void *argument) {
    int before;
    struct timespec moment = { 0, 3000000 };
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before) == 0 && before == PTHREAD_CANCEL_ENABLE);
    atomic_store(&began, 1);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
    pthread_testcancel();
    return argument;
}

static void who_refuses_is_not_cancelled(void) { CHECK(!is_cancelled(stubborn, NULL)); }

static void *late(void *argument) {
    stubborn(argument);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    return argument;
}

static void who_refused_is_cancelled_later(void) { CHECK(is_cancelled(late, NULL)); }

static void *itself(void *argument) {
    int before;
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before) == 0 && before == PTHREAD_CANCEL_DEFERRED);
    CHECK(pthread_setcanceltype(9, NULL) == EINVAL && pthread_setcancelstate(9, NULL) == EINVAL);
    atomic_store(&began, 1);
    pthread_cancel(pthread_self());
    return argument;
}

static void a_thread_may_cancel_itself(void) {
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, itself, NULL) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void *popped(void *argument) {
    pthread_cleanup_push(clean, (void *)7);
    pthread_cleanup_pop(1);
    return argument;
}

static void a_handler_that_is_popped_runs_if_asked(void) {
    pthread_t thread;
    atomic_store(&cleaned, 0);
    CHECK(pthread_create(&thread, NULL, popped, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(atomic_load(&cleaned) == 7);
}

static void *busy(void *argument) {
    volatile unsigned turns = 0;
    pthread_cleanup_push(clean, (void *)3);
    pthread_cleanup_push(clean, (void *)4);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    atomic_store(&began, 1);
    for (;;) {
        turns++;
    }
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return argument;
}

static void who_computes_is_cancelled_if_it_may_be_anywhere(void) {
    for (int i = 0; i < 100; i++) {
        CHECK(is_cancelled(busy, NULL));
        CHECK(atomic_load(&cleaned) == 43);
    }
}

static atomic_int allowed;

static void *busy_for_a_while(void *argument) {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    atomic_store(&began, 1);
    while (!atomic_load(&allowed)) {
    }
    atomic_store(&cleaned, 5);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    return argument;
}

static void but_not_while_it_refuses(void) {
    pthread_t thread;
    void *result;
    atomic_store(&began, 0);
    atomic_store(&allowed, 0);
    CHECK(pthread_create(&thread, NULL, busy_for_a_while, NULL) == 0);
    await_begin();
    CHECK(pthread_cancel(thread) == 0);
    usleep(3000);
    atomic_store(&allowed, 1);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED && atomic_load(&cleaned) == 5);
}

static void *deferred(void *argument) {
    atomic_store(&began, 1);
    while (!atomic_load(&allowed)) {
    }
    return argument;
}

static void nor_one_that_wants_it_at_points_only(void) {
    pthread_t thread;
    void *result;
    atomic_store(&began, 0);
    atomic_store(&allowed, 0);
    CHECK(pthread_create(&thread, NULL, deferred, NULL) == 0);
    await_begin();
    CHECK(pthread_cancel(thread) == 0);
    usleep(3000);
    atomic_store(&allowed, 1);
    CHECK(pthread_join(thread, &result) == 0 && result == NULL);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *locks(void *argument) {
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    atomic_store(&began, 1);
    pthread_mutex_lock(&held);
    return argument;
}

static void one_who_waits_for_a_mutex_is_cancelled_if_it_may_be_anywhere(void) {
    CHECK(pthread_mutex_lock(&held) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(is_cancelled(locks, NULL));
    }
    CHECK(pthread_mutex_unlock(&held) == 0 && pthread_mutex_lock(&held) == 0 && pthread_mutex_unlock(&held) == 0);
}

const struct check cancellation[] = {
    { "a sleeper is cancelled, and its handlers run, the last first", a_sleeper_is_cancelled_and_its_handlers_run_the_last_first },
    { "one who reads is cancelled", one_who_reads_is_cancelled },
    { "one who joins is cancelled, and another may join", one_who_joins_is_cancelled_and_another_may_join },
    { "a point is enough", a_point_is_enough },
    { "who refuses is not cancelled", who_refuses_is_not_cancelled },
    { "who refused is cancelled later", who_refused_is_cancelled_later },
    { "a thread may cancel itself", a_thread_may_cancel_itself },
    { "a handler that is popped runs if asked", a_handler_that_is_popped_runs_if_asked },
    { "who computes is cancelled if it may be anywhere", who_computes_is_cancelled_if_it_may_be_anywhere },
    { "but not while it refuses", but_not_while_it_refuses },
    { "nor one that wants it at points only", nor_one_that_wants_it_at_points_only },
    { "one who waits for a mutex is cancelled if it may be anywhere", one_who_waits_for_a_mutex_is_cancelled_if_it_may_be_anywhere },
    { 0 },
};
