/* Calls of pthread.h that end the program if they fail. */
#ifndef SKETE_XTHREAD_H
#define SKETE_XTHREAD_H

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <support/check.h>

#define SUPPORT_CALL(name, parameters, arguments)        \
    static inline void x##name parameters                \
    {                                                    \
        SUPPORT_NUMBER(name arguments);                  \
    }

SUPPORT_CALL(pthread_attr_destroy, (pthread_attr_t *attributes), (attributes))
SUPPORT_CALL(pthread_attr_init, (pthread_attr_t *attributes), (attributes))
SUPPORT_CALL(pthread_attr_setdetachstate, (pthread_attr_t *attributes, int state), (attributes, state))
SUPPORT_CALL(pthread_attr_setguardsize, (pthread_attr_t *attributes, size_t size), (attributes, size))
SUPPORT_CALL(pthread_attr_setstack, (pthread_attr_t *attributes, void *stack, size_t size), (attributes, stack, size))
SUPPORT_CALL(pthread_attr_setstacksize, (pthread_attr_t *attributes, size_t size), (attributes, size))
SUPPORT_CALL(pthread_barrier_destroy, (pthread_barrier_t *barrier), (barrier))
SUPPORT_CALL(pthread_barrier_init, (pthread_barrier_t *barrier, const pthread_barrierattr_t *attributes, unsigned count),
             (barrier, attributes, count))
SUPPORT_CALL(pthread_cancel, (pthread_t thread), (thread))
SUPPORT_CALL(pthread_cond_broadcast, (pthread_cond_t *condition), (condition))
SUPPORT_CALL(pthread_cond_destroy, (pthread_cond_t *condition), (condition))
SUPPORT_CALL(pthread_cond_init, (pthread_cond_t *condition, const pthread_condattr_t *attributes), (condition, attributes))
SUPPORT_CALL(pthread_cond_signal, (pthread_cond_t *condition), (condition))
SUPPORT_CALL(pthread_cond_wait, (pthread_cond_t *condition, pthread_mutex_t *mutex), (condition, mutex))
SUPPORT_CALL(pthread_detach, (pthread_t thread), (thread))
SUPPORT_CALL(pthread_key_create, (pthread_key_t *key, void (*destructor)(void *)), (key, destructor))
SUPPORT_CALL(pthread_key_delete, (pthread_key_t key), (key))
SUPPORT_CALL(pthread_kill, (pthread_t thread, int signal), (thread, signal))
SUPPORT_CALL(pthread_mutex_consistent, (pthread_mutex_t *mutex), (mutex))
SUPPORT_CALL(pthread_mutex_destroy, (pthread_mutex_t *mutex), (mutex))
SUPPORT_CALL(pthread_mutex_init, (pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes), (mutex, attributes))
SUPPORT_CALL(pthread_mutex_lock, (pthread_mutex_t *mutex), (mutex))
SUPPORT_CALL(pthread_mutex_unlock, (pthread_mutex_t *mutex), (mutex))
SUPPORT_CALL(pthread_mutexattr_destroy, (pthread_mutexattr_t *attributes), (attributes))
SUPPORT_CALL(pthread_mutexattr_init, (pthread_mutexattr_t *attributes), (attributes))
SUPPORT_CALL(pthread_mutexattr_setprotocol, (pthread_mutexattr_t *attributes, int protocol), (attributes, protocol))
SUPPORT_CALL(pthread_mutexattr_setpshared, (pthread_mutexattr_t *attributes, int shared), (attributes, shared))
SUPPORT_CALL(pthread_mutexattr_setrobust, (pthread_mutexattr_t *attributes, int robust), (attributes, robust))
SUPPORT_CALL(pthread_mutexattr_settype, (pthread_mutexattr_t *attributes, int type), (attributes, type))
SUPPORT_CALL(pthread_once, (pthread_once_t *once, void (*routine)(void)), (once, routine))
SUPPORT_CALL(pthread_rwlock_destroy, (pthread_rwlock_t *lock), (lock))
SUPPORT_CALL(pthread_rwlock_init, (pthread_rwlock_t *lock, const pthread_rwlockattr_t *attributes), (lock, attributes))
SUPPORT_CALL(pthread_rwlock_rdlock, (pthread_rwlock_t *lock), (lock))
SUPPORT_CALL(pthread_rwlock_unlock, (pthread_rwlock_t *lock), (lock))
SUPPORT_CALL(pthread_rwlock_wrlock, (pthread_rwlock_t *lock), (lock))
SUPPORT_CALL(pthread_rwlockattr_init, (pthread_rwlockattr_t *attributes), (attributes))
SUPPORT_CALL(pthread_setspecific, (pthread_key_t key, const void *value), (key, value))
SUPPORT_CALL(pthread_sigmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
SUPPORT_CALL(pthread_spin_lock, (pthread_spinlock_t *lock), (lock))
SUPPORT_CALL(pthread_spin_unlock, (pthread_spinlock_t *lock), (lock))
#define xpthread_attr_setaffinity_np(...) SUPPORT_NUMBER(pthread_attr_setaffinity_np(__VA_ARGS__))
#define xpthread_rwlockattr_setkind_np(...) SUPPORT_NUMBER(pthread_rwlockattr_setkind_np(__VA_ARGS__))

static inline int xpthread_barrier_wait(pthread_barrier_t *barrier)
{
    int serial = pthread_barrier_wait(barrier);
    if (serial != 0 && serial != PTHREAD_BARRIER_SERIAL_THREAD)
        FAIL_EXIT1("pthread_barrier_wait: %s", strerror(serial));
    return serial == PTHREAD_BARRIER_SERIAL_THREAD;
}

static inline pthread_t xpthread_create(pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    pthread_t thread;
    SUPPORT_NUMBER(pthread_create(&thread, attributes, function, argument));
    return thread;
}

static inline void *xpthread_join(pthread_t thread)
{
    void *result;
    SUPPORT_NUMBER(pthread_join(thread, &result));
    return result;
}

static inline void *support_exit_later(void *seconds)
{
    struct timespec time = {(time_t) (long) seconds, 0};
    while (nanosleep(&time, &time) != 0) {
    }
    exit(0);
}

/* Ends the program with status 0 in so many seconds, unless a check has failed until then. */
static inline void delayed_exit(int seconds)
{
    pthread_detach(xpthread_create(NULL, support_exit_later, (void *) (long) seconds));
}

/* Whether mutexes that lend priority take deadlines of CLOCK_MONOTONIC: the test asks, and finds out. */
static inline int support_mutex_pi_monotonic(void)
{
    return 1;
}

#endif
