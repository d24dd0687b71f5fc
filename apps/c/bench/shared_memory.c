/* System V's shared memory: a segment of 64 KiB is attached, one byte of it is touched, and it is detached. */
#include "rows.h"
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

static int made(void) {
    int id = shmget(IPC_PRIVATE, 65536, IPC_CREAT | 0600);
    if (id < 0) {
        abort();
    }
    return id;
}

static void *attached(int id) {
    void *start = shmat(id, NULL, 0);
    if (start == (void *)-1) {
        abort();
    }
    return start;
}

static void touch_detach(void *start) {
    (void)*(volatile char *)start;
    shmdt(start);
}

static int segment;

static void attach_detach(void) { touch_detach(attached(segment)); }

static void whole_life(void) {
    int id = made();
    touch_detach(attached(id));
    shmctl(id, IPC_RMID, NULL);
}

void shared_memory(void) {
    segment = made();
    void *once = attached(segment);
    row("shm.at_dt", SOME, attach_detach);
    row("shm.get_at_dt_rmid", SOME, whole_life);
    shmdt(once);
    shmctl(segment, IPC_RMID, NULL);
}
