/* Locks that nobody else wants, and hand-overs there and back.

   Floor of `mutex.uncontended`, 12: taken: load it exclusively, compare, branch, store, branch (5), let go: exchange (4), whether somebody
   waits (1), two returns (2).

   Floor of `rwlock.read`, 14: one more reader: load, branch if one writes, add, store, branch (6), one less: load, subtract, store,
   branch, whether it was the last and somebody waits (6), two returns (2).

   Floor of `sem.uncontended`, 12: up: load, add, store, branch (4), whether somebody waits (1), down: load, branch, subtract, store,
   branch (5), two returns (2).

   Floor of `sem.pingpong.same`, 370: a futex there and back (350), the words up and down (4 × 5).

   Floor of `cond.pingpong.same`, 402: a futex there and back (350), the mutex taken and let go by each, and once more inside of the wait
   (4 × 10), the count that a wait looks at (2 × 6).

   Floor of `barrier.4`, 556: four who arrive (4 × 12), three who sleep: into the bucket and out of it, a token taken and given, into the
   run queue, two locks (3 × 80), a switch and who is taken from the run queue (4 × 67). */
#include "rows.h"
#include <pthread.h>
#include <semaphore.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore, there, back;

static void lock_unlock(void) {
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
}

static void read_unlock(void) {
    pthread_rwlock_rdlock(&rwlock);
    pthread_rwlock_unlock(&rwlock);
}

static void post_wait(void) {
    sem_post(&semaphore);
    sem_wait(&semaphore);
}

static void *answer_semaphore(void *argument) {
    for (;;) {
        sem_wait(&there);
        sem_post(&back);
    }
    return argument;
}

static void semaphore_there_and_back(void) {
    sem_post(&there);
    sem_wait(&back);
}

/* Whose turn it is: 0 the measuring thread's. */
static int turn;

static void unlock(void *argument) { pthread_mutex_unlock(argument); }

static void *answer_cond(void *argument) {
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, &mutex);
    for (;;) {
        while (turn == 0) {
            pthread_cond_wait(&cond, &mutex);
        }
        turn = 0;
        pthread_cond_signal(&cond);
    }
    pthread_cleanup_pop(1);
    return argument;
}

static void cond_there_and_back(void) {
    pthread_mutex_lock(&mutex);
    turn = 1;
    pthread_cond_signal(&cond);
    while (turn == 1) {
        pthread_cond_wait(&cond, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

static pthread_barrier_t barrier;

static void meet(void) { pthread_barrier_wait(&barrier); }

/* As often as `row` does, its warming up counted. */
static void *meet_often(void *argument) {
    for (int i = 0; i < SOME / 10 + SOME; i++) {
        meet();
    }
    return argument;
}

static void barriers(void) {
    if (!is_wanted("barrier.4")) {
        return;
    }
    pthread_t threads[3];
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 3; i++) {
        begin(&threads[i], meet_often);
    }
    row("barrier.4", SOME, meet);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
}

void locks(void) {
    sem_init(&semaphore, 0, 0);
    sem_init(&there, 0, 0);
    sem_init(&back, 0, 0);
    row("mutex.uncontended", MANY, lock_unlock);
    row("rwlock.read", MANY, read_unlock);
    row("sem.uncontended", MANY, post_wait);
    row_with("sem.pingpong.same", semaphore_there_and_back, answer_semaphore);
    row_with("cond.pingpong.same", cond_there_and_back, answer_cond);
    barriers();
}
