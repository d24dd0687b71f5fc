/* Signals inside of a program, and POSIX timers. Prints `c/signals: N checks passed`; the first check that fails says where, and the status
 * is 1. With an argument: `term` ends by a signal, `waiting` by one that is sent while all wait for a futaphore, `abort` by one that its handler returns from; `illegal` by a fault that has no handler,
 * where another has one; `masked` by one that its handler is not to take now; `overflow` by a stack that is full, whatever the handler. */
#include "check.h"
#include <futaphore.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void told(int signal) {
    (void)signal;
    printf("the handler of SIGABRT\n");
    fflush(stdout);
}

static int deeper(volatile char *above) {
    volatile char here[2048];
    here[0] = above[0];
    return here[0] == 1 ? 0 : deeper(here) + here[0];
}

/* Has the fault that `name` names, with a handler of SIGSEGV. */
static void fault(const char *name) {
    sigset_t set;
    signal(SIGSEGV, told);
    if (strcmp(name, "illegal") == 0) {
        __asm__ volatile("udf #1");
    } else if (strcmp(name, "masked") == 0) {
        sigemptyset(&set);
        sigaddset(&set, SIGSEGV);
        sigprocmask(SIG_BLOCK, &set, NULL);
        int *volatile nowhere = (int *)8;
        *nowhere = 1;
    } else if (strcmp(name, "overflow") == 0) {
        deeper(&(volatile char){ 0 });
    }
}

static void *ends_the_program(void *argument) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    usleep(20000);
    kill(getpid(), SIGTERM);
    pause();
    return argument;
}

int main(int argc, char **argv) {
    const struct check *files[] = { actions, waiting, delivery, timers, computing, faults };
    int count = 0;
    if (argc > 1 && strcmp(argv[1], "term") == 0) {
        raise(SIGTERM);
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "waiting") == 0) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, ends_the_program, NULL) == 0);
        return fut_p(get_fut_page(), fut_new(get_fut_page(), 0)) + 1;
    }
    if (argc > 1 && strcmp(argv[1], "abort") == 0) {
        signal(SIGABRT, told);
        abort();
    }
    if (argc > 1) {
        fault(argv[1]);
        return 1;
    }
    for (size_t file = 0; file < sizeof files / sizeof *files; file++) {
        for (const struct check *check = files[file]; check->name; check++) {
            check->run();
            printf("ok  %s\n", check->name);
            count++;
        }
    }
    printf("c/signals: %d checks passed\n", count);
    return 0;
}
