/* What things cost by way of C: threads, memory, the clock, locks, queues. */
#include "rows.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long gross(int rounds, void (*work)(void)) {
    long long before = now();
    for (int i = 0; i < rounds; i++) {
        work();
    }
    return now() - before;
}

static void nothing(void) { __asm__ volatile(""); }

void told(const char *name, double ns) { printf("row %s %.1f ns\n", name, ns); }

void row(const char *name, int rounds, void (*work)(void)) {
    gross(rounds / 10, work);
    long long net = gross(rounds, work) - gross(rounds, nothing);
    told(name, (double)(net < 0 ? 0 : net) / rounds);
}

static void *return_at_once(void *argument) { return argument; }

static void create_join(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, return_at_once, NULL) || pthread_join(thread, NULL)) {
        abort();
    }
}

/* Of 32 blocks that are held, the oldest is given back for a new one. */
static void malloc_free(void) {
    static void *held[32];
    static unsigned oldest;
    void **place = &held[oldest++ % 32];
    free(*place);
    *place = malloc(64);
    __asm__ volatile("" : : "r"(*place) : "memory");
}

static void tell_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
}

static pthread_key_t key;

static void get_specific(void) {
    void *value = pthread_getspecific(key);
    __asm__ volatile("" : : "r"(value));
}

int main(void) {
    row("thread.create_join", SOME, create_join);
    row("malloc.64B.1", MANY, malloc_free);
    row("clock.gettime", MANY, tell_time);
    if (pthread_key_create(&key, NULL)) {
        return 1;
    }
    row("key.get", MANY, get_specific);
    locks();
    queues();
    return 0;
}
