/* What things cost by way of C: `bench GROUP`, of `posix` (threads, the clock, locks, queues), `threads` (yields), `sync` (futexes,
   futaphores, System V) and `memory` (the heap, copies, pages); without one, the whole suite, as a board runs it. The same source is measured
   on Linux. Everything runs on core 0. Behind a star on each line stand all bytes before it XORed (ci/src/bench/log.rs). */
#define _GNU_SOURCE
#include "rows.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static __attribute__((format(printf, 1, 2))) void line(const char *format, ...) {
    char text[200];
    unsigned char check = 0;
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    for (const char *at = text; *at; at++) {
        check ^= *at;
    }
    printf("%s *%02x\n", text, check);
}

/* Since the group began. */
static unsigned rows;

void told(const char *name, double ns) {
    rows++;
    line("row %s %.1f ns", name, ns);
}

const char *explained;

int is_wanted(const char *name) { return !explained || !strcmp(explained, name); }

void told_rounds(int rounds) { printf("explained %d\n", rounds); }

void begin(pthread_t *thread, void *(*function)(void *)) {
    if (pthread_create(thread, NULL, function, NULL)) {
        abort();
    }
}

__attribute__((noinline)) void mark_begin(void) { __asm__ volatile(""); }

__attribute__((noinline)) void mark_end(void) { __asm__ volatile(" "); }

static void *return_at_once(void *argument) { return argument; }

/* Floor of `thread.create_join`, 580: attributes (10), record and stack off their lists and back on them (4 × 20), thread-local storage laid
   out (60), first registers (30), the run queue (20), a number (10), entry and bucket of who joins (12), into the bucket (20), locks
   (7 × 7), registers out and in (2 × 47), into the run queue and out of it (4 × 20), the first function called (20), keys and handlers
   looked through (20), the result stored (5), who joins is woken (70). */

static void create_join(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, return_at_once, NULL) || pthread_join(thread, NULL)) {
        abort();
    }
}

/* Of 32 blocks that are held, the oldest is given back for a new one.

   Floor of `malloc.64B.1`, 20: the list of this size, there and back (2 × 3), interrupts masked and let through (2 × 3), the first block
   taken off and put back (2 × 3), whether there is one (2). */
static void malloc_free(void) {
    static void *held[32];
    static unsigned oldest;
    void **place = &held[oldest++ % 32];
    free(*place);
    *place = malloc(64);
    __asm__ volatile("" : : "r"(*place) : "memory");
}

/* Floor of `clock.gettime`, 13: which clock (1), its factor (2), the counter (1), their product (3), seconds parted from the rest (3), both
   stored (1), the result and the return (2). */
static void tell_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
}

/* Floor of `key.get`, 5: the thread's pointer (1), whether there is such a key (2), its value (1), the return (1). */
static pthread_key_t key;

static void get_specific(void) {
    void *value = pthread_getspecific(key);
    __asm__ volatile("" : : "r"(value));
}

static void posix(void) {
    row("thread.create_join", SOME, create_join);
    row("malloc.64B.1", MANY, malloc_free);
    row("clock.gettime", MANY, tell_time);
    if (pthread_key_create(&key, NULL)) {
        abort();
    }
    row("key.get", MANY, get_specific);
    locks();
    if (is_wanted("queue.4to4")) {
        queues();
    }
}

static void sync_rows(void) {
    futexes();
    futaphores();
    semaphores();
    shared_memory();
}

static void memory_rows(void) {
    heap();
    copies();
    pages();
}

static const struct group {
    const char *name;
    void (*rows)(void);
} groups[] = { { "posix", posix }, { "threads", yields }, { "sync", sync_rows }, { "memory", memory_rows } };

enum { GROUPS = sizeof groups / sizeof *groups };

static void measure(const struct group *group) {
    rows = 0;
    line("group %s begins", group->name);
    group->rows();
    line("group %s ends, %u rows", group->name, rows);
}

int main(int count, char **words) {
    const char *asked = count > 1 ? words[1] : NULL;
    if (count == 3 && !strcmp(asked, "explain")) {
        explained = words[2];
    }
    cpu_set_t core;
    CPU_ZERO(&core);
    CPU_SET(0, &core);
    if (sched_setaffinity(0, sizeof core, &core)) {
        perror("core 0");
        return 1;
    }
    if (explained) {
        for (int i = 0; i < GROUPS; i++) {
            groups[i].rows();
        }
        return 0;
    }
    if (!asked) {
        line("suite c/bench begins on raspi3b");
        for (int i = 0; i < GROUPS; i++) {
            measure(&groups[i]);
        }
        line("suite c/bench ends, %d groups", GROUPS);
        return 0;
    }
    for (int i = 0; i < GROUPS; i++) {
        if (!strcmp(asked, groups[i].name)) {
            measure(&groups[i]);
            return 0;
        }
    }
    fprintf(stderr, "no group of rows is called %s\n", asked);
    return 1;
}
