/* What things cost by way of C: threads, memory, the clock, locks, queues. */
#include "rows.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void told(const char *name, double ns) { printf("row %s %.1f ns\n", name, ns); }

const char *explained;

int is_wanted(const char *name) { return !explained || !strcmp(explained, name); }

void told_rounds(int rounds) { printf("explained %d\n", rounds); }

__attribute__((noinline)) void mark_begin(void) { __asm__ volatile(""); }

__attribute__((noinline)) void mark_end(void) { __asm__ volatile(" "); }

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

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "explain")) {
        explained = words[2];
    }
    row("thread.create_join", SOME, create_join);
    row("malloc.64B.1", MANY, malloc_free);
    row("clock.gettime", MANY, tell_time);
    if (pthread_key_create(&key, NULL)) {
        return 1;
    }
    row("key.get", MANY, get_specific);
    locks();
    if (is_wanted("queue.4to4")) {
        queues();
    }
    return 0;
}
