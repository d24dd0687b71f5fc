/* What files of rows use. */
#ifndef ROWS_H
#define ROWS_H

#include <pthread.h>

/* Rounds of what takes nanoseconds, and of what takes microseconds. */
enum { MANY = 100000, SOME = 2000 };

/* Nanoseconds since some moment. */
long long now(void);
/* Prints `row NAME NS ns`, as ci/src/bench/log.rs reads it. */
void told(const char *name, double ns);
/* Whether this row is to be measured: all are, unless one is to be explained. */
int is_wanted(const char *name);
/* The row that is to be explained; null if none is. */
extern const char *explained;
/* What stands round the rounds of an explained row (ci/src/explain.rs). */
void mark_begin(void);
void mark_end(void);
/* Says how many rounds lay between the marks. */
void told_rounds(int rounds);

/* Begins a thread, which must be. */
void begin(pthread_t *thread, void *(*function)(void *));

static inline void nothing(void) { __asm__ volatile(""); }

static inline __attribute__((always_inline)) long long gross(int rounds, void (*work)(void)) {
    long long before = now();
    for (int i = 0; i < rounds; i++) {
        work();
    }
    return now() - before;
}

/* The same of `work`: the mean of `rounds` rounds, after a tenth of them to warm up. `work` becomes part of the loop, as in a loop that was
   written for it alone, and what an empty loop takes is taken off. */
static inline __attribute__((always_inline)) void row(const char *name, int rounds, void (*work)(void)) {
    if (!is_wanted(name)) {
        return;
    }
    if (explained) {
        gross(SOME / 10, work);
        mark_begin();
        for (int i = 0; i < SOME; i++) {
            work();
        }
        mark_end();
        told_rounds(SOME);
        return;
    }
    gross(rounds / 10, work);
    long long net = gross(rounds, work) - gross(rounds, nothing);
    told(name, (double)(net < 0 ? 0 : net) / rounds);
}

/* Before each round of an apart row is measured. */
typedef void preparation(void);

/* The same of `work` alone, of which each round has `parts`, with `prepare` before it; what the clock costs is taken off. */
static inline __attribute__((always_inline)) void row_apart(const char *name, int parts, int rounds, preparation *prepare, void (*work)(void)) {
    if (!is_wanted(name)) {
        return;
    }
    long long net = 0;
    for (int i = 0; i < rounds; i++) {
        prepare();
        if (explained) {
            mark_begin();
            work();
            mark_end();
            continue;
        }
        long long clock = now(), before = now();
        work();
        net += now() - before - (before - clock);
    }
    if (explained) {
        told_rounds(rounds * parts);
    } else {
        told(name, (double)net / rounds / parts);
    }
}

/* The row of `work`, while a thread runs `answer` until it is cancelled. */
static inline __attribute__((always_inline)) void row_with(const char *name, void (*work)(void), void *(*answer)(void *)) {
    pthread_t thread;
    begin(&thread, answer);
    row(name, SOME, work);
    pthread_cancel(thread);
    pthread_join(thread, NULL);
}

/* The rows of each file. */
void copies(void);
void futaphores(void);
void futexes(void);
void heap(void);
void locks(void);
void pages(void);
void queues(void);
void semaphores(void);
void shared_memory(void);
void yields(void);

#endif
