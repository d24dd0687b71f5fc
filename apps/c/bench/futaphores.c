/* Futaphores: alone, and handed over there and back. */
#include "rows.h"
#include <futaphore.h>

static unsigned long page, alone, there, back;

static void p_v(void) {
    unsigned long where = page, which = alone;
    fut_p(where, which);
    fut_v(where, which);
}

static void *answer(void *argument) {
    while (fut_p(page, there) == 0) {
        fut_v(page, back);
    }
    return argument;
}

static void there_and_back(void) {
    fut_v(page, there);
    fut_p(page, back);
}

void futaphores(void) {
    page = get_fut_page();
    alone = fut_new(page, 1);
    there = fut_new(page, 0);
    back = fut_new(page, 0);
    row("futaphore.uncontended", MANY, p_v);
    pthread_t thread;
    begin(&thread, answer);
    row("futaphore.pingpong.same", SOME, there_and_back);
    fut_free(page, there);
    pthread_join(thread, NULL);
    fut_free(page, back);
    fut_free(page, alone);
}
