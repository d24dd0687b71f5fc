/* Yields: alone, and to another thread and back. */
#include "rows.h"
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

static void yield(void) { sched_yield(); }

enum { OURS, THEIRS, OVER };

static atomic_int turn;

static void yield_while(int whose) {
    while (atomic_load_explicit(&turn, memory_order_relaxed) == whose) {
        sched_yield();
    }
}

static void *answer(void *argument) {
    while (atomic_load(&turn) != OVER) {
        int theirs = THEIRS;
        atomic_compare_exchange_strong(&turn, &theirs, OURS);
        yield_while(OURS);
    }
    return argument;
}

/* A system may find that it is not the other's time yet: then this thread yields again. */
static void there_and_back(void) {
    atomic_store_explicit(&turn, THEIRS, memory_order_relaxed);
    yield_while(THEIRS);
}

void yields(void) {
    row("yield.alone", SOME * 10, yield);
    pthread_t thread;
    begin(&thread, answer);
    row("yield.pingpong.same", SOME, there_and_back);
    atomic_store(&turn, OVER);
    pthread_join(thread, NULL);
}
