/* Four producers and four consumers over two queues of sixteen places.

   Floor of `queue.4to4`, 74: the mutex, there and back (2 × 12), whether there is room or an item (2 × 3), the place in the ring (2 × 5), the
   item stored and loaded (2), its count (2 × 3), a signal that nobody waits for (2 × 3), one of sixteen items pays for a switch there and
   back (20). */
#include "rows.h"
#include <pthread.h>
#include <stdlib.h>

enum { PLACES = 16, SIDE = 4, ITEMS = 20000 };

static struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t has_room, has_items;
    long items[PLACES];
    unsigned first, count;
} queues_of[2] = {
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, { 0 }, 0, 0 },
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, { 0 }, 0, 0 },
};

static void *produce(void *argument) {
    struct queue *queue = argument;
    for (long i = 1; i <= ITEMS / SIDE; i++) {
        pthread_mutex_lock(&queue->mutex);
        while (queue->count == PLACES) {
            pthread_cond_wait(&queue->has_room, &queue->mutex);
        }
        queue->items[(queue->first + queue->count++) % PLACES] = i;
        pthread_cond_signal(&queue->has_items);
        pthread_mutex_unlock(&queue->mutex);
    }
    return NULL;
}

static void *consume(void *argument) {
    struct queue *queue = argument;
    long sum = 0;
    for (long i = 0; i < ITEMS / SIDE; i++) {
        pthread_mutex_lock(&queue->mutex);
        while (queue->count == 0) {
            pthread_cond_wait(&queue->has_items, &queue->mutex);
        }
        sum += queue->items[queue->first++ % PLACES];
        queue->count--;
        pthread_cond_signal(&queue->has_room);
        pthread_mutex_unlock(&queue->mutex);
    }
    return (void *)sum;
}

void queues(void) {
    pthread_t producers[SIDE], consumers[SIDE];
    long sum = 0, each = ITEMS / SIDE;
    long long before = now();
    for (int i = 0; i < SIDE; i++) {
        if (pthread_create(&consumers[i], NULL, consume, &queues_of[i % 2]) || pthread_create(&producers[i], NULL, produce, &queues_of[i % 2])) {
            abort();
        }
    }
    for (int i = 0; i < SIDE; i++) {
        void *part;
        pthread_join(producers[i], NULL);
        pthread_join(consumers[i], &part);
        sum += (long)part;
    }
    told("queue.4to4", (double)(now() - before) / ITEMS);
    if (sum != SIDE * each * (each + 1) / 2) {
        abort();
    }
}
