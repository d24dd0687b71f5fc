/* musl's semaphore.h, and what it has not. */
#include_next <semaphore.h>

#ifndef SKETE_SEMAPHORE_H
#define SKETE_SEMAPHORE_H

#ifdef __cplusplus
extern "C" {
#endif

int sem_clockwait(sem_t *__restrict, int, const struct timespec *__restrict);

#ifdef __cplusplus
}
#endif

#endif
