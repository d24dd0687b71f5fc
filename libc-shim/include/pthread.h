/* musl's pthread.h, and what it has not: the newer functions of POSIX 2024 and GNU's. */
#include_next <pthread.h>

#ifndef SKETE_PTHREAD_H
#define SKETE_PTHREAD_H

#ifdef __cplusplus
extern "C" {
#endif

int pthread_mutex_clocklock(pthread_mutex_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_cond_clockwait(pthread_cond_t *__restrict, pthread_mutex_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_rwlock_clockrdlock(pthread_rwlock_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_rwlock_clockwrlock(pthread_rwlock_t *__restrict, clockid_t, const struct timespec *__restrict);
int pthread_mutexattr_getprioceiling(const pthread_mutexattr_t *__restrict, int *__restrict);
int pthread_mutexattr_setprioceiling(pthread_mutexattr_t *, int);

#ifdef _GNU_SOURCE
#include <signal.h>
#define PTHREAD_MUTEX_ADAPTIVE_NP 3
#define PTHREAD_MUTEX_STALLED_NP PTHREAD_MUTEX_STALLED
#define PTHREAD_MUTEX_ROBUST_NP PTHREAD_MUTEX_ROBUST
/* A mutex's kind is its first word. */
#define PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP {{{PTHREAD_MUTEX_RECURSIVE}}}
#define PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP {{{PTHREAD_MUTEX_ERRORCHECK}}}
#define PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP PTHREAD_MUTEX_INITIALIZER
#define pthread_mutexattr_setrobust_np pthread_mutexattr_setrobust
#define pthread_mutexattr_getrobust_np pthread_mutexattr_getrobust
#define pthread_mutex_consistent_np pthread_mutex_consistent
enum { PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP };
/* A lock's preference is its third word. */
#define PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP {{{0, 0, 1}}}
int pthread_rwlockattr_setkind_np(pthread_rwlockattr_t *, int);
int pthread_rwlockattr_getkind_np(const pthread_rwlockattr_t *__restrict, int *__restrict);
struct cpu_set_t;
int pthread_attr_setaffinity_np(pthread_attr_t *, size_t, const struct cpu_set_t *);
int pthread_attr_getaffinity_np(const pthread_attr_t *, size_t, struct cpu_set_t *);
#define PTHREAD_ATTR_NO_SIGMASK_NP (-1)
int pthread_attr_setsigmask_np(pthread_attr_t *, const sigset_t *);
int pthread_attr_getsigmask_np(const pthread_attr_t *__restrict, sigset_t *__restrict);
int pthread_clockjoin_np(pthread_t, void **, clockid_t, const struct timespec *);
#endif

#ifdef __cplusplus
}
#endif

#endif
