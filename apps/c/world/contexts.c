/* Contexts that a program changes by itself: ucontext.h. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

enum { STACK = 1 << 15 };

static ucontext_t back, there;
static int steps;
static double sum;

static void give(ucontext_t *context, char *stack, ucontext_t *link) {
    CHECK(getcontext(context) == 0);
    context->uc_stack.ss_sp = stack;
    context->uc_stack.ss_size = STACK;
    context->uc_link = link;
}

static void counts(int up_to) {
    double mine = 0.5;
    for (int i = 0; i < up_to; i++) {
        mine *= 2;
        steps++;
        sum += mine;
        CHECK(swapcontext(&there, &back) == 0);
    }
}

static void a_function_goes_on_where_it_left(void) {
    char *stack = malloc(STACK);
    volatile double own = 3.25;
    steps = 0, sum = 0;
    give(&there, stack, &back);
    makecontext(&there, (void (*)(void))counts, 1, 5);
    for (int i = 1; i <= 6; i++) {
        double before = own * 2;
        CHECK(swapcontext(&back, &there) == 0);
        CHECK(steps == (i > 5 ? 5 : i) && before == 6.5);
    }
    CHECK(sum == 31);
    free(stack);
}

static long heard;

static void hears(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k) {
    const int all[] = { a, b, c, d, e, f, g, h, i, j, k };
    for (int at = 0; at < 11; at++)
        heard = heard * 3 + all[at];
}

static void as_many_arguments_as_there_are_arrive(void) {
    char *stack = malloc(STACK);
    long wanted = 0;
    for (int at = 1; at <= 11; at++)
        wanted = wanted * 3 + at;
    give(&there, stack, &back);
    makecontext(&there, (void (*)(void))hears, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    CHECK(swapcontext(&back, &there) == 0 && heard == wanted);
    free(stack);
}

static void a_context_is_gone_on_with_twice(void) {
    volatile int times = 0;
    CHECK(getcontext(&back) == 0);
    if (++times < 3)
        setcontext(&back);
    CHECK(times == 3);
}

static int is_blocked(int signal) {
    sigset_t now;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    return sigismember(&now, signal);
}

static void sees_mask(void) { steps = is_blocked(SIGUSR1); }

static void each_has_its_mask(void) {
    char *stack = malloc(STACK);
    sigset_t one;
    give(&there, stack, &back);
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    there.uc_sigmask = one;
    makecontext(&there, sees_mask, 0);
    CHECK(!is_blocked(SIGUSR1) && swapcontext(&back, &there) == 0 && steps == 1 && !is_blocked(SIGUSR1));
    free(stack);
}

static void ends_nowhere(void) { steps = 77; }

static void *leaves_by_a_context(void *stack) {
    ucontext_t last;
    give(&last, stack, NULL);
    makecontext(&last, ends_nowhere, 0);
    setcontext(&last);
    return (void *)1;
}

static void one_that_leads_nowhere_ends_its_thread(void) {
    char *stack = malloc(STACK);
    pthread_t thread;
    void *result;
    CHECK(pthread_create(&thread, NULL, leaves_by_a_context, stack) == 0 && pthread_join(thread, &result) == 0);
    CHECK(result == NULL && steps == 77);
    free(stack);
}

const struct check contexts[] = {
    { "a function goes on where it left", a_function_goes_on_where_it_left },
    { "as many arguments as there are arrive", as_many_arguments_as_there_are_arrive },
    { "a context is gone on with twice", a_context_is_gone_on_with_twice },
    { "each context has its mask", each_has_its_mask },
    { "one that leads nowhere ends its thread", one_that_leads_nowhere_ends_its_thread },
    { 0 },
};
