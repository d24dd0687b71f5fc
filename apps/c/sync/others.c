/* Locks for readers and writers, barriers, spin locks, onces, semaphores, and C11's names. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <futaphore.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <threads.h>
#include <time.h>

enum { THREADS = 4, ROUNDS = 1000 };

static void together(void *(*function)(void *), void *argument) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, function, argument) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static pthread_rwlock_t rwlock;
static long one, other;

static void *read_and_write(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
            one++, other++;
        } else {
            CHECK(pthread_rwlock_rdlock(&rwlock) == 0 && one == other);
        }
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return argument;
}

static void readers_see_what_writers_wrote(void) {
    for (int preference = 0; preference <= 2; preference++) {
        pthread_rwlockattr_t attr;
        CHECK(pthread_rwlockattr_init(&attr) == 0 && pthread_rwlockattr_setkind_np(&attr, preference) == 0);
        CHECK(pthread_rwlock_init(&rwlock, &attr) == 0);
        one = other = 0;
        together(read_and_write, NULL);
        CHECK(one == THREADS * ROUNDS / 4 && pthread_rwlock_destroy(&rwlock) == 0);
    }
}

static void a_lock_tells_mistakes(void) {
    struct timespec past = { 0, 0 }, never = { 0, -1 };
    CHECK(pthread_rwlock_init(&rwlock, NULL) == 0 && pthread_rwlock_unlock(&rwlock) == EPERM);
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0 && pthread_rwlock_rdlock(&rwlock) == EDEADLK && pthread_rwlock_wrlock(&rwlock) == EDEADLK);
    CHECK(pthread_rwlock_tryrdlock(&rwlock) == EBUSY && pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_rdlock(&rwlock) == 0);
    CHECK(pthread_rwlock_timedwrlock(&rwlock, &past) == ETIMEDOUT && pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &never) == EINVAL);
    CHECK(pthread_rwlock_timedrdlock(&rwlock, &never) == 0 && pthread_rwlock_unlock(&rwlock) == 0 && pthread_rwlock_unlock(&rwlock) == 0);
}

static pthread_barrier_t barrier;
static atomic_int told, arrived;

static void *meet(void *argument) {
    for (int round = 1; round <= ROUNDS; round++) {
        atomic_fetch_add(&arrived, 1);
        int result = pthread_barrier_wait(&barrier);
        CHECK(atomic_load(&arrived) >= round * THREADS);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        atomic_fetch_add(&told, result != 0);
    }
    return argument;
}

static void *meet_and_destroy(void *argument) {
    if (pthread_barrier_wait(argument) == PTHREAD_BARRIER_SERIAL_THREAD) {
        CHECK(pthread_barrier_destroy(argument) == 0);
        /* Its memory is this thread's now. */
        for (size_t i = 0; i < sizeof barrier / sizeof(int); i++) ((volatile int *)argument)[i] = -1;
    }
    return NULL;
}

static void a_barrier_is_used_again_at_once_and_gone_at_once(void) {
    CHECK(pthread_barrier_init(&barrier, NULL, 0) == EINVAL && pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    together(meet, NULL);
    CHECK(atomic_load(&told) == ROUNDS && pthread_barrier_destroy(&barrier) == 0);
    for (int i = 0; i < 50; i++) {
        CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
        together(meet_and_destroy, &barrier);
    }
}

static pthread_spinlock_t spin;

static void *turn(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_spin_lock(&spin) == 0);
        one++;
        CHECK(pthread_spin_unlock(&spin) == 0);
    }
    return argument;
}

static void a_spin_lock_counts_right(void) {
    CHECK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    one = 0;
    together(turn, NULL);
    CHECK(one == THREADS * ROUNDS && pthread_spin_lock(&spin) == 0 && pthread_spin_lock(&spin) == EDEADLK);
    CHECK(pthread_spin_trylock(&spin) == EBUSY && pthread_spin_unlock(&spin) == 0 && pthread_spin_destroy(&spin) == 0);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_int calls;

static void give_up_first(void) {
    if (atomic_fetch_add(&calls, 1) == 0) pthread_exit(NULL);
}

static void *call(void *argument) {
    CHECK(pthread_once(&once, give_up_first) == 0 && atomic_load(&calls) == 2);
    return argument;
}

static void once_is_again_for_one_who_gave_up(void) {
    together(call, NULL);
    CHECK(atomic_load(&calls) == 2);
}

static sem_t full, empty;

static void *hand_over(void *argument) {
    for (int i = 0; i < ROUNDS; i++) CHECK(sem_wait(&full) == 0 && sem_post(&empty) == 0);
    return argument;
}

static void a_semaphore_counts(void) {
    int value = -1;
    struct timespec past = { 0, 0 }, never = { 0, -1 };
    CHECK(sem_init(&full, 0, SEM_VALUE_MAX) == 0 && sem_post(&full) == -1 && errno == EOVERFLOW);
    CHECK(sem_init(&full, 0, (unsigned)SEM_VALUE_MAX + 1) == -1 && errno == EINVAL);
    CHECK(sem_init(&full, 0, 1) == 0 && sem_timedwait(&full, &never) == 0 && sem_trywait(&full) == -1 && errno == EAGAIN);
    CHECK(sem_timedwait(&full, &never) == -1 && errno == EINVAL && sem_clockwait(&full, CLOCK_MONOTONIC, &past) == -1 && errno == ETIMEDOUT);
    CHECK(sem_init(&empty, 0, 0) == 0 && sem_getvalue(&full, &value) == 0 && value == 0);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, hand_over, NULL) == 0);
    for (int i = 0; i < THREADS * ROUNDS; i++) CHECK(sem_post(&full) == 0);
    for (int i = 0; i < THREADS * ROUNDS; i++) CHECK(sem_wait(&empty) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(sem_trywait(&full) == -1 && sem_trywait(&empty) == -1 && sem_destroy(&full) == 0);
}

static void a_semaphore_has_a_name(void) {
    int value;
    CHECK(sem_open("/a", 0) == SEM_FAILED && errno == ENOENT);
    sem_t *first = sem_open("/a", O_CREAT | O_EXCL, 0600, 3), *again = sem_open("a", O_CREAT, 0600, 9);
    CHECK(first != SEM_FAILED && first == again && sem_getvalue(again, &value) == 0 && value == 3);
    CHECK(sem_open("/a", O_CREAT | O_EXCL, 0600, 3) == SEM_FAILED && errno == EEXIST);
    CHECK(sem_unlink("/a") == 0 && sem_unlink("/a") == -1 && errno == ENOENT);
    sem_t *new = sem_open("/a", O_CREAT, 0600, 0);
    CHECK(new != SEM_FAILED && new != first && sem_post(first) == 0 && sem_trywait(new) == -1);
    CHECK(sem_close(first) == 0 && sem_close(again) == 0 && sem_unlink("/a") == 0 && sem_close(new) == 0);
    CHECK(sem_close(new) == -1 && errno == EINVAL);
}

static void c11_has_them_too(void) {
    mtx_t mutex;
    cnd_t condition;
    struct timespec past = { 0, 0 };
    CHECK(mtx_init(&mutex, mtx_recursive | mtx_timed) == thrd_success && cnd_init(&condition) == thrd_success);
    CHECK(mtx_lock(&mutex) == thrd_success && mtx_trylock(&mutex) == thrd_success && mtx_unlock(&mutex) == thrd_success);
    CHECK(cnd_timedwait(&condition, &mutex, &past) == thrd_timedout && cnd_broadcast(&condition) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success && mtx_unlock(&mutex) == thrd_error);
    CHECK(mtx_init(&mutex, mtx_timed) == thrd_success && mtx_lock(&mutex) == thrd_success && mtx_trylock(&mutex) == thrd_busy);
    CHECK(mtx_timedlock(&mutex, &past) == thrd_timedout);
}

/* By the macros, which look and move by themselves, and by the functions. */
static void futaphores(void) {
    unsigned long page = get_fut_page(), fut = fut_new(page, 1), other = fut_new(page, INT_MAX);
    CHECK(fut >= 1 && fut <= 63 && other >= 1 && other <= 63 && other != fut);
    CHECK(fut_p(page, fut) == 0 && fut_value(page, fut) == 0);
    CHECK((fut_v)(page, fut) == 0 && (fut_p)(page, fut) == 0);
    CHECK(fut_try_p(page, fut) == -EAGAIN && fut_p_timeout(page, fut, 1000) == -ETIMEDOUT);
    CHECK(fut_v(page, fut) == 0 && fut_v(page, fut) == 0 && fut_value(page, fut) == 2);
    CHECK(fut_v(page, other) == -EOVERFLOW && fut_value(page, other) == INT_MAX);
    CHECK(fut_p(page, other) == 0 && fut_v(page, other) == 0);
    const unsigned long numbers[] = { 0, 64, 1UL << 58, -1UL };
    for (int i = 0; i < 4; i++) {
        CHECK(fut_p(page, numbers[i]) == -EINVAL && fut_v(page, numbers[i]) == -EINVAL);
    }
    CHECK(fut_p(page + 64, fut) == -EINVAL && fut_v(0, fut) == -EINVAL && fut_p(4, fut) == -EINVAL);
    CHECK(fut_free(page, fut) == 0 && fut_p(page, fut) == -EINVAL && fut_v(page, fut) == -EINVAL);
    CHECK(fut_free(page, other) == 0);
}

const struct check others[] = {
    { "futaphores, moved in the program and by functions", futaphores },
    { "readers see what writers wrote", readers_see_what_writers_wrote },
    { "a lock tells mistakes", a_lock_tells_mistakes },
    { "a barrier is used again at once, and gone at once", a_barrier_is_used_again_at_once_and_gone_at_once },
    { "a spin lock counts right", a_spin_lock_counts_right },
    { "once is again for one who gave up", once_is_again_for_one_who_gave_up },
    { "a semaphore counts", a_semaphore_counts },
    { "a semaphore has a name", a_semaphore_has_a_name },
    { "C11 has them too", c11_has_them_too },
    { NULL, NULL },
};
