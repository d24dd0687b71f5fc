/* Values of a thread's own. */
#include "check.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>

static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *value) {
    CHECK(pthread_getspecific(key) == NULL);
    atomic_fetch_add(&destroyed, (int)(long)value);
}

static void *hold(void *argument) {
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, argument) == 0);
    CHECK(pthread_getspecific(key) == argument);
    return NULL;
}

static void run(void *(*function)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, argument) == 0 && pthread_join(thread, NULL) == 0);
}

static void each_thread_has_its_value_and_its_end_destroys_it(void) {
    CHECK(pthread_key_create(&key, destroy) == 0);
    CHECK(pthread_setspecific(key, (void *)1000) == 0);
    for (long i = 1; i <= 10; i++) {
        run(hold, (void *)i);
    }
    CHECK(atomic_load(&destroyed) == 55);
    CHECK(pthread_getspecific(key) == (void *)1000);
    CHECK(pthread_key_delete(key) == 0 && pthread_key_delete(key) == EINVAL);
    CHECK(pthread_setspecific(key, NULL) == EINVAL);
}

static void a_new_key_holds_nothing(void) {
    pthread_key_t first, second;
    CHECK(pthread_key_create(&first, NULL) == 0);
    CHECK(pthread_setspecific(first, (void *)3) == 0);
    CHECK(pthread_key_delete(first) == 0);
    CHECK(pthread_key_create(&second, NULL) == 0);
    CHECK(second == first && pthread_getspecific(second) == NULL);
    CHECK(pthread_key_delete(second) == 0);
}

static int rounds;

static void set_again(void *value) {
    rounds++;
    CHECK(pthread_setspecific(key, value) == 0);
}

static void *hold_for_ever(void *argument) {
    pthread_setspecific(key, argument);
    return NULL;
}

static void destructors_that_set_values_are_called_four_times(void) {
    CHECK(pthread_key_create(&key, set_again) == 0);
    run(hold_for_ever, (void *)1);
    CHECK(rounds == 4);
    CHECK(pthread_key_delete(key) == 0);
}

static void there_are_128_keys(void) {
    pthread_key_t made[PTHREAD_KEYS_MAX + 1];
    int count = 0;
    while (count <= PTHREAD_KEYS_MAX && pthread_key_create(&made[count], NULL) == 0) {
        count++;
    }
    CHECK(count == PTHREAD_KEYS_MAX);
    while (count > 0) {
        CHECK(pthread_key_delete(made[--count]) == 0);
    }
}

static tss_t c11;

static void c11_has_the_same(void) {
    CHECK(tss_create(&c11, NULL) == thrd_success);
    CHECK(tss_get(c11) == NULL && tss_set(c11, &c11) == thrd_success && tss_get(c11) == &c11);
    tss_delete(c11);
}

const struct check keys[] = {
    { "each thread has its value, and its end destroys it", each_thread_has_its_value_and_its_end_destroys_it },
    { "a new key holds nothing", a_new_key_holds_nothing },
    { "destructors that set values are called four times", destructors_that_set_values_are_called_four_times },
    { "there are 128 keys", there_are_128_keys },
    { "C11 has the same keys", c11_has_the_same },
    { 0 },
};
