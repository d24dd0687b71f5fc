/* Signals to threads that compute, and make no call. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* How many handlers, and how many at least where the host, which gives each core its turn late if it has much to do, leaves no time for all. */
#define STORM 10000
#define LEAST 1000
#define SECONDS 10

static atomic_int count, began, done;
static atomic_long rounds;
static pthread_t target;
static sem_t handled;

static void counts(int signal) {
    (void)signal;
    atomic_fetch_add(&count, 1);
}

static void install(int signal, void (*handler)(int), int flags) {
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(signal, &action, NULL) == 0);
    atomic_store(&count, 0);
    atomic_store(&began, 0);
    atomic_store(&done, 0);
}

static void await(atomic_int *value, int least) {
    while (atomic_load(value) < least) {
        sched_yield();
    }
}

/* Leaves no register as it was. */
static void upsets(int signal) {
    volatile double sum = signal;
    for (int i = 0; i < 20; i++) {
        sum = sum * 1.0625 - i;
    }
    __asm__ volatile("msr nzcv, %0\n\tmov x9, %0\n\tmov x17, %0\n\tmovi v0.16b, #255\n\tmovi v7.16b, #254\n\tmovi v16.16b, #253\n\t"
                     "movi v31.16b, #252\n\tmsr fpsr, %0"
                     :
                     : "r"(0xf8000000ul)
                     : "x9", "x17", "v0", "v7", "v16", "v31", "cc");
    CHECK(sem_post(&handled) == 0);
    /* Where instructions are counted the other core gets its turn no sooner. */
    sched_yield();
}

/* A round with sums in general registers, in V registers and in the carry flag. */
static uint64_t round_of_sums(uint64_t seed) {
    uint64_t low = seed, high = ~seed, mixed = 1;
    double parts[8];
    for (int i = 0; i < 8; i++) {
        parts[i] = (double)(seed % 1000) + i;
    }
    for (int i = 0; i < 40; i++) {
        __asm__ volatile("adds %0, %0, %2\n\tadc %1, %1, %3" : "+r"(low), "+r"(high) : "r"(0x9e3779b97f4a7c15ul), "r"(mixed) : "cc");
        mixed = (mixed << 7 | mixed >> 57) ^ low;
        for (int k = 0; k < 8; k++) {
            parts[k] = parts[k] * 0.999 + (double)(k + (mixed & 3));
        }
    }
    for (int i = 0; i < 8; i++) {
        uint64_t bits;
        memcpy(&bits, &parts[i], sizeof bits);
        mixed = mixed * 31 + bits;
    }
    return mixed ^ low ^ high;
}

static void *computes(void *argument) {
    uint64_t right = round_of_sums(7);
    atomic_store(&began, 1);
    while (!atomic_load(&done)) {
        CHECK(round_of_sums(7) == right);
        atomic_fetch_add(&rounds, 1);
    }
    return argument;
}

/* More urgent than the thread that computes, this one sends a signal when that computes again after the last handler. */
static void every_register_is_as_it_was_after_thousands_of_handlers(void) {
    struct sched_param urgent = { .sched_priority = 10 }, normal = { 0 };
    struct timespec begin, now;
    install(SIGUSR1, upsets, 0);
    CHECK(sem_init(&handled, 0, 0) == 0 && pthread_create(&target, NULL, computes, NULL) == 0);
    await(&began, 1);
    CHECK(pthread_setschedparam(pthread_self(), SCHED_FIFO, &urgent) == 0 && clock_gettime(CLOCK_MONOTONIC, &begin) == 0);
    now = begin;
    for (int i = 0; i < STORM && (i < LEAST || now.tv_sec - begin.tv_sec < SECONDS); i++) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        while (sem_wait(&handled) != 0) {
        }
        for (long before = atomic_load(&rounds); atomic_load(&rounds) == before;) {
            usleep(10);
        }
        CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    }
    CHECK(pthread_setschedparam(pthread_self(), SCHED_OTHER, &normal) == 0);
    atomic_store(&done, 1);
    CHECK(pthread_join(target, NULL) == 0 && sem_destroy(&handled) == 0);
}

static void the_main_thread_is_interrupted_by_its_timer(void) {
    struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, off = { 0 };
    install(SIGALRM, counts, 0);
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    while (atomic_load(&count) < 5) {
    }
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    install(SIGRTMIN, counts, 0);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    struct itimerspec setting = { .it_value = { 0, 3000000 } };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &setting, NULL) == 0);
    while (!atomic_load(&count)) {
    }
    CHECK(timer_delete(timer) == 0);
}

static sigjmp_buf back;

static void jumps(int signal) {
    atomic_fetch_add(&count, 1);
    siglongjmp(back, signal);
}

static void *is_thrown_back(void *argument) {
    for (volatile int i = 0; i < 50; i++) {
        if (sigsetjmp(back, 1) == 0) {
            atomic_fetch_add(&began, 1);
            for (;;) {
            }
        }
    }
    sigset_t now;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && !sigismember(&now, SIGUSR1));
    return argument;
}

static void a_handler_may_jump_out_of_a_loop_without_end(void) {
    install(SIGUSR1, jumps, 0);
    CHECK(pthread_create(&target, NULL, is_thrown_back, NULL) == 0);
    for (int i = 1; i <= 50; i++) {
        await(&began, i);
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_join(target, NULL) == 0);
}

static atomic_int depth, deepest, wanted;

/* Computes until it was interrupted itself, unless it is the innermost. */
static void nests(int signal) {
    (void)signal;
    int mine = atomic_fetch_add(&depth, 1) + 1;
    if (mine > atomic_load(&deepest)) {
        atomic_store(&deepest, mine);
    }
    atomic_fetch_add(&count, 1);
    if (mine < atomic_load(&wanted)) {
        while (atomic_load(&deepest) < atomic_load(&wanted)) {
        }
    }
    atomic_fetch_sub(&depth, 1);
}

static void nested(int flags, int depths) {
    install(SIGUSR1, nests, flags);
    install(SIGUSR2, nests, flags);
    atomic_store(&depth, 0);
    atomic_store(&deepest, 0);
    atomic_store(&wanted, depths);
    CHECK(pthread_create(&target, NULL, computes, NULL) == 0);
    await(&began, 1);
    for (int i = 1; i <= depths; i++) {
        CHECK(pthread_kill(target, flags & SA_NODEFER || i % 2 ? SIGUSR1 : SIGUSR2) == 0);
        await(&count, i);
    }
    atomic_store(&done, 1);
    CHECK(pthread_join(target, NULL) == 0 && atomic_load(&deepest) == depths && atomic_load(&depth) == 0);
}

static void handlers_that_compute_are_interrupted_by_other_signals(void) { nested(0, 2); }

static void and_by_their_own_if_they_say_so(void) { nested(SA_NODEFER, 5); }

static pthread_spinlock_t spin;
static sem_t never;

static void *turns_round(void *argument) {
    atomic_store(&began, 1);
    CHECK(pthread_spin_lock(&spin) == 0 && pthread_spin_unlock(&spin) == 0);
    while (!atomic_load(&done)) {
        CHECK(sem_trywait(&never) == -1 && errno == EAGAIN);
    }
    atomic_store(&began, 2);
    while (pthread_spin_trylock(&spin) == EBUSY) {
    }
    return argument;
}

static void who_tries_in_vain_is_interrupted_too(void) {
    install(SIGUSR1, counts, 0);
    CHECK(pthread_spin_init(&spin, 0) == 0 && sem_init(&never, 0, 0) == 0 && pthread_spin_lock(&spin) == 0);
    CHECK(pthread_create(&target, NULL, turns_round, NULL) == 0);
    await(&began, 1);
    for (int i = 1; i <= 10; i++) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_spin_unlock(&spin) == 0);
    for (int i = 11; i <= 20; i++) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_spin_lock(&spin) == 0);
    atomic_store(&done, 1);
    await(&began, 2);
    for (int i = 21; i <= 30; i++) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        await(&count, i);
    }
    CHECK(pthread_spin_unlock(&spin) == 0 && pthread_join(target, NULL) == 0);
}

extern char loop_begin[], loop_end[];

/* Turns round between two labels until X1 is not 0, with marks in X19 and V9. */
static void *marked(void *argument) {
    atomic_store(&began, 1);
    __asm__ volatile("mov x19, #0x4711\n\tmovi v9.16b, #0x5a\n\tmov x1, #0\n\t"
                     ".globl loop_begin\nloop_begin:\n\tcbz x1, loop_begin\n\t.globl loop_end\nloop_end:\n\t"
                     :
                     :
                     : "x1", "x19", "v9");
    return argument;
}

static void looks(int signal, siginfo_t *info, void *context) {
    ucontext_t *at = context;
    struct {
        uint32_t magic, size, fpsr, fpcr;
        unsigned char v[32][16];
    } *vector = (void *)at->uc_mcontext.__reserved;
    CHECK(info->si_signo == signal);
    if (at->uc_mcontext.pc < (uintptr_t)loop_begin || at->uc_mcontext.pc >= (uintptr_t)loop_end) {
        return;
    }
    CHECK(at->uc_mcontext.regs[19] == 0x4711 && at->uc_mcontext.sp % 16 == 0 && at->uc_mcontext.sp > (uintptr_t)&vector);
    CHECK(vector->magic == 0x46508001 && vector->size == 528 && vector->v[9][7] == 0x5a);
    at->uc_mcontext.regs[1] = 1;
    atomic_fetch_add(&count, 1);
}

static void a_handler_sees_and_changes_where_it_came_from(void) {
    struct sigaction action = { .sa_sigaction = looks, .sa_flags = SA_SIGINFO };
    install(SIGUSR1, counts, 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && pthread_create(&target, NULL, marked, NULL) == 0);
    await(&began, 1);
    while (!atomic_load(&count)) {
        CHECK(pthread_kill(target, SIGUSR1) == 0);
        usleep(1000);
    }
    CHECK(pthread_join(target, NULL) == 0);
}

const struct check computing[] = {
    { "every register is as it was after thousands of handlers", every_register_is_as_it_was_after_thousands_of_handlers },
    { "the main thread is interrupted by its timer", the_main_thread_is_interrupted_by_its_timer },
    { "a handler may jump out of a loop without end", a_handler_may_jump_out_of_a_loop_without_end },
    { "handlers that compute are interrupted by other signals", handlers_that_compute_are_interrupted_by_other_signals },
    { "and by their own if they say so", and_by_their_own_if_they_say_so },
    { "who tries in vain is interrupted too", who_tries_in_vain_is_interrupted_too },
    { "a handler sees and changes where it came from", a_handler_sees_and_changes_where_it_came_from },
    { 0 },
};
