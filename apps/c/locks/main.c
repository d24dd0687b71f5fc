/* Locks of C's own over whatever waits and wakes: the three classic ones of a futex word, a futaphore, a System V semaphore, and a futex
 * in shared memory that the threads know by different addresses. Four threads count to 400,000 under each; `c/locks TIMES` says how often
 * each thread adds. Prints `c/locks: N locks, every sum is right`; the status is 1 if one is not. */
#include <futaphore.h>
#include <linux/futex.h>
#include <pthread.h>
#include <skete/sem.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { THREADS = 4 };

static long times = 100000;
static volatile long sum;

static long futex(atomic_uint *word, int operation, unsigned value) {
    return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* 0: free, 1: held. Every release enters the kernel. */
static atomic_uint held;

static void lock_test_and_set(void) {
    while (atomic_exchange(&held, 1)) {
        futex(&held, FUTEX_WAIT, 1);
    }
}

static void unlock_test_and_set(void) {
    atomic_store(&held, 0);
    futex(&held, FUTEX_WAKE, 1);
}

/* A flag beside it says that somebody may sleep. Sleepers look at the flag, and one who slept leaves it up. */
static atomic_uint maybe;

static void lock_with_flag(void) {
    while (atomic_exchange(&held, 1)) {
        atomic_store(&maybe, 1);
        if (!atomic_exchange(&held, 1)) {
            return;
        }
        futex(&maybe, FUTEX_WAIT, 1);
        atomic_store(&maybe, 1);
    }
}

static void unlock_with_flag(void) {
    atomic_store(&held, 0);
    if (atomic_exchange(&maybe, 0)) {
        futex(&maybe, FUTEX_WAKE, 1);
    }
}

/* 0: free, 1: held, 2: held, and somebody may sleep. */
static void lock_three_state_at(atomic_uint *word) {
    unsigned seen = 0;
    if (atomic_compare_exchange_strong(word, &seen, 1)) {
        return;
    }
    while (atomic_exchange(word, 2)) {
        futex(word, FUTEX_WAIT, 2);
    }
}

static void unlock_three_state_at(atomic_uint *word) {
    if (atomic_exchange(word, 0) == 2) {
        futex(word, FUTEX_WAKE, 1);
    }
}

static void lock_three_state(void) { lock_three_state_at(&held); }
static void unlock_three_state(void) { unlock_three_state_at(&held); }

/* The same in a segment, which each thread knows by an address of its own. */
static _Thread_local atomic_uint *attached;
static atomic_uint *places[THREADS];
static int segment;

static void lock_shared(void) { lock_three_state_at(attached); }
static void unlock_shared(void) { unlock_three_state_at(attached); }

static unsigned long page, futaphore;

static void lock_futaphore(void) { fut_p(page, futaphore); }
static void unlock_futaphore(void) { fut_v(page, futaphore); }

static int semaphore;

static void lock_semaphore(void) { skete_semop(semaphore, -1); }
static void unlock_semaphore(void) { skete_semop(semaphore, 1); }

static const struct lock {
    const char *name;
    void (*lock)(void);
    void (*unlock)(void);
} locks[] = {
    { "test-and-set", lock_test_and_set, unlock_test_and_set },
    { "maybe flag", lock_with_flag, unlock_with_flag },
    { "three-state", lock_three_state, unlock_three_state },
    { "three-state in shared memory", lock_shared, unlock_shared },
    { "futaphore", lock_futaphore, unlock_futaphore },
    { "semaphore", lock_semaphore, unlock_semaphore },
};
enum { LOCKS = sizeof locks / sizeof *locks };

static const struct lock *chosen;

static void *work(void *place) {
    attached = place;
    for (long i = 0; i < times; i++) {
        chosen->lock();
        sum = sum + 1;
        chosen->unlock();
    }
    return NULL;
}

/* Whether nothing was lost. */
static int try(const struct lock *lock) {
    pthread_t threads[THREADS];
    sum = 0;
    chosen = lock;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)places[i])) {
            return 0;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("%s: %ld of %ld\n", lock->name, sum, THREADS * times);
    return sum == THREADS * times;
}

/* Whether the segment is to be had at as many addresses as there are threads. */
static int attach(void) {
    segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    for (int i = 0; i < THREADS; i++) {
        places[i] = shmat(segment, NULL, 0);
        if (places[i] == (void *)-1 || (i > 0 && places[i] == places[i - 1])) {
            return 0;
        }
    }
    return 1;
}

int main(int count, char **arguments) {
    if (count > 1) {
        times = atol(arguments[1]);
    }
    page = get_fut_page();
    futaphore = fut_new(page, 1);
    semaphore = skete_semget(0);
    if (!attach() || !futaphore || semaphore < 0 || skete_semctl(semaphore, SKETE_SETVAL, 1) < 0) {
        puts("c/locks: the locks cannot be made");
        return 1;
    }
    for (int i = 0; i < LOCKS; i++) {
        if (!try(&locks[i])) {
            printf("c/locks: %s loses\n", locks[i].name);
            return 1;
        }
    }
    fut_free(page, futaphore);
    skete_semctl(semaphore, SKETE_RMID, 0);
    shmctl(segment, IPC_RMID, NULL);
    printf("c/locks: %d locks, every sum is right\n", LOCKS);
    return 0;
}
