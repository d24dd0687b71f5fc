/* Futexes by `syscall(2)`: the calls themselves, hand-overs, crowds of sleepers, and how late a timeout is. */
#include "rows.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef atomic_uint word;

static long wait_for(word *word, unsigned seen, const struct timespec *timeout) {
    return syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout, NULL, 0);
}

static long wake(word *word, int most) { return syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0); }

/* Wakes one and moves the others: how many both are. */
static long requeue(word *from, int woken, word *to) {
    return syscall(SYS_futex, from, FUTEX_CMP_REQUEUE_PRIVATE, woken, (unsigned long)INT_MAX, to, 0);
}

static word nobodys;

static void wake_nobody(void) { wake(&nobodys, 1); }

static void wait_mismatch(void) { wait_for(&nobodys, 1, NULL); }

enum { OURS, THEIRS, OVER };

static word turn;

static void *answer(void *argument) {
    for (;;) {
        wait_for(&turn, OURS, NULL);
        switch (atomic_load_explicit(&turn, memory_order_acquire)) {
        case OVER:
            return argument;
        case THEIRS:
            atomic_store_explicit(&turn, OURS, memory_order_release);
            wake(&turn, 1);
        }
    }
}

static void there_and_back(void) {
    atomic_store_explicit(&turn, THEIRS, memory_order_release);
    wake(&turn, 1);
    while (atomic_load_explicit(&turn, memory_order_acquire) == THEIRS) {
        wait_for(&turn, THEIRS, NULL);
    }
}

static void pingpong(void) {
    pthread_t thread;
    begin(&thread, answer);
    row("futex.pingpong.same", SOME * 10, there_and_back);
    atomic_store(&turn, OVER);
    wake(&turn, 1);
    pthread_join(thread, NULL);
}

/* A crowd comes to `entrance`, is moved to `hall`, of which it is known who sleeps there, and may be moved on to `yard`. */
static word entrance, hall, yard;
static int size;
static atomic_bool is_over;

static void *member(void *argument) {
    while (!atomic_load(&is_over)) {
        wait_for(&entrance, 0, NULL);
    }
    return argument;
}

static void wake_all(void) {
    wake(&entrance, INT_MAX);
    wake(&hall, INT_MAX);
    wake(&yard, INT_MAX);
}

static void gather(void) {
    wake_all();
    for (int moved = 0; moved < size; moved += requeue(&entrance, 0, &hall)) {
        sched_yield();
    }
}

static void wake_each(void) {
    for (int i = 0; i < size; i++) {
        if (wake(&hall, 1) != 1) {
            abort();
        }
    }
}

static void wake_together(void) {
    if (wake(&hall, INT_MAX) != size) {
        abort();
    }
}

static void move_on(void) {
    if (requeue(&hall, 1, &yard) != size) {
        abort();
    }
}

static inline __attribute__((always_inline)) void row_crowd(const char *name, int parts, int members, int rounds, void (*work)(void)) {
    if (!is_wanted(name)) {
        return;
    }
    pthread_t threads[64];
    size = members;
    atomic_store(&is_over, 0);
    for (int i = 0; i < size; i++) {
        begin(&threads[i], member);
    }
    row_apart(name, parts, rounds, gather, work);
    atomic_store(&is_over, 1);
    /* Who was about to sleep when the others were woken is woken later. */
    atomic_store(&entrance, 1);
    wake_all();
    for (int i = 0; i < size; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&entrance, 0);
}

static void lateness(void) {
    enum { ROUNDS = 100, WAIT = 1000000 };
    const struct timespec wait = { .tv_nsec = WAIT };
    if (!is_wanted("futex.timeout_1ms.over_mean")) {
        return;
    }
    long long late = 0;
    for (int i = 0; i < ROUNDS; i++) {
        long long before = now();
        if (wait_for(&nobodys, 0, &wait) != -1 || errno != ETIMEDOUT) {
            abort();
        }
        long long took = now() - before;
        if (took < WAIT) {
            abort();
        }
        late += took - WAIT;
    }
    told("futex.timeout_1ms.over_mean", (double)late / ROUNDS);
}

void futexes(void) {
    row("futex.wake_nobody", MANY, wake_nobody);
    row("futex.wait_mismatch", MANY, wait_mismatch);
    pingpong();
    row_crowd("futex.wake1_of_16", 16, 16, 200, wake_each);
    row_crowd("futex.wake_all_16", 1, 16, 200, wake_together);
    row_crowd("futex.requeue_64", 1, 64, 50, move_on);
    lateness();
}
