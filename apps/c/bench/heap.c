/* Blocks of the heap: of 32 that are held the oldest is given back for a new one, by one thread and by four of them; and blocks that another
   thread gives back. */
#include "rows.h"
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { HELD = 32, BATCH = 64, THREADS = 4 };

struct ring {
    void *held[HELD];
    unsigned oldest;
};

static inline __attribute__((always_inline)) void turn(struct ring *ring, size_t bytes) {
    void **place = &ring->held[ring->oldest++ % HELD];
    /* The compiler is not to know the size. */
    __asm__ volatile("" : "+r"(bytes));
    free(*place);
    *place = malloc(bytes);
    __asm__ volatile("" : : "r"(*place) : "memory");
}

static void give_back(struct ring *ring) {
    for (int i = 0; i < HELD; i++) {
        free(ring->held[i]);
    }
    *ring = (struct ring){ { NULL }, 0 };
}

static struct ring ring;

static void turn_16(void) { turn(&ring, 16); }
static void turn_256(void) { turn(&ring, 256); }
static void turn_4k(void) { turn(&ring, 4 << 10); }
static void turn_64k(void) { turn(&ring, 64 << 10); }
static void turn_1m(void) { turn(&ring, 1 << 20); }

static void *turns(void *argument) {
    struct ring own = { { NULL }, 0 };
    for (int i = 0; i < MANY; i++) {
        turn(&own, 64);
    }
    give_back(&own);
    return argument;
}

static void together(void) {
    if (explained) {
        return;
    }
    pthread_t threads[THREADS];
    long long before = now();
    for (int i = 0; i < THREADS; i++) {
        begin(&threads[i], turns);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    told("malloc.64B.4", (double)(now() - before) / THREADS / MANY);
}

static void *batch[BATCH];
static sem_t full, empty;

static void *free_batches(void *argument) {
    for (int i = 0; i < SOME; i++) {
        sem_wait(&full);
        for (int k = 0; k < BATCH; k++) {
            free(batch[k]);
        }
        sem_post(&empty);
    }
    return argument;
}

static void remote(void) {
    if (explained) {
        return;
    }
    pthread_t other;
    sem_init(&full, 0, 0);
    sem_init(&empty, 0, 0);
    begin(&other, free_batches);
    long long before = now();
    for (int i = 0; i < SOME; i++) {
        for (int k = 0; k < BATCH; k++) {
            batch[k] = malloc(64);
        }
        sem_post(&full);
        sem_wait(&empty);
    }
    told("malloc.64B.remote", (double)(now() - before) / SOME / BATCH);
    pthread_join(other, NULL);
}

void heap(void) {
    row("malloc.16B.1", MANY, turn_16);
    give_back(&ring);
    row("malloc.256B.1", MANY, turn_256);
    give_back(&ring);
    row("malloc.4K.1", MANY, turn_4k);
    give_back(&ring);
    row("malloc.64K.1", SOME, turn_64k);
    give_back(&ring);
    row("malloc.1M.1", SOME, turn_1m);
    give_back(&ring);
    together();
    remote();
}
