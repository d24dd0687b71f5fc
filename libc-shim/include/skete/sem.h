/* One semaphore, three functions, numbers only: for teaching. Everything that goes wrong is -1. They are sets of one semaphore, in the same
 * table as those of <sys/sem.h>. */
#ifndef SKETE_SEM_H
#define SKETE_SEM_H

#ifdef __cplusplus
extern "C" {
#endif

#define SKETE_GETVAL 0
#define SKETE_SETVAL 1
#define SKETE_RMID 3

/* The semaphore of `key`, made if there is none: its id. Key 0 is nobody's: always a new one, with value 0. */
int skete_semget(int key);
/* SKETE_GETVAL: the value. SKETE_SETVAL, SKETE_RMID: 0. */
int skete_semctl(int id, int command, int value);
/* Any `operation` above 0 is one up, any below 0 one down, sleeping while the value is 0: 0. */
int skete_semop(int id, int operation);

#ifdef __cplusplus
}
#endif

#endif
