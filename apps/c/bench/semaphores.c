/* System V semaphores: alone, and handed over there and back. */
#include "rows.h"
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>

static int made(int count) {
    int id = semget(IPC_PRIVATE, count, IPC_CREAT | 0600);
    if (id < 0) {
        abort();
    }
    return id;
}

static int set;
static struct sembuf up = { 0, 1, 0 }, down = { 0, -1, 0 }, up_other = { 1, 1, 0 }, down_other = { 1, -1, 0 };

static void one_by_one(void) {
    semop(set, &up, 1);
    semop(set, &down, 1);
}

static void both_at_once(void) {
    struct sembuf both[2] = { up, down };
    semop(set, both, 2);
}

static void make_remove(void) { semctl(made(1), 0, IPC_RMID); }

static void *answer(void *argument) {
    while (semop(set, &down_other, 1) == 0) {
        semop(set, &up, 1);
    }
    return argument;
}

static void there_and_back(void) {
    semop(set, &up_other, 1);
    semop(set, &down, 1);
}

void semaphores(void) {
    set = made(2);
    row("sysv.semop", MANY, one_by_one);
    row("sysv.semop_two", MANY, both_at_once);
    row("sysv.semget_rmid", SOME, make_remove);
    pthread_t thread;
    begin(&thread, answer);
    row("sysv.pingpong.same", SOME, there_and_back);
    semctl(set, 0, IPC_RMID);
    pthread_join(thread, NULL);
}
