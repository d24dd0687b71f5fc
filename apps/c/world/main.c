/* What a C program expects around it: constructors, environment, files, pipes, memory, clocks, System V, Linux's calls, contexts. Prints
 * `c/world: N checks passed`, then what `atexit` was told; the first check that fails says where, and the status is 1. With an argument:
 * `abort` aborts, `last` leaves the end to another thread, `number` makes a call that nobody knows. */
#include "check.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_constructed;

__attribute__((constructor)) static void construct(void) { is_constructed = 1; }
__attribute__((destructor)) static void destroy(void) { puts("destroyed"); }

static void goodbye(void) { puts("goodbye"); }

static void *outlive(void *argument) {
    usleep(1000);
    puts("the last thread");
    return argument;
}

static void leave_to_another(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, outlive, NULL) == 0);
    pthread_exit(NULL);
}

__attribute__((noinline)) static void call_nobody_knows(void) {
    for (int i = 0; i < 2; i++) {
        errno = 0;
        CHECK(syscall(SYS_bpf, 0, 0, 0) == -1 && errno == ENOSYS);
    }
}

int main(int count, char **words) {
    const struct check *files_of_checks[] = { memory, files, mapped, pipes, times, calls, contexts };
    CHECK(is_constructed);
    CHECK(atexit(goodbye) == 0);
    if (count > 1) {
        !strcmp(words[1], "abort") ? abort() : !strcmp(words[1], "last") ? leave_to_another() : call_nobody_knows();
        return 0;
    }
    CHECK(getenv("GIVEN") && !strcmp(getenv("GIVEN"), "by the table"));
    CHECK(setenv("GIVEN", "anew", 1) == 0 && !strcmp(getenv("GIVEN"), "anew"));
    int passed = 0;
    for (size_t file = 0; file < sizeof files_of_checks / sizeof *files_of_checks; file++) {
        for (const struct check *check = files_of_checks[file]; check->name; check++) {
            check->run();
            printf("ok  %s\n", check->name);
            passed++;
        }
    }
    printf("c/world: %d checks passed\n", passed);
    return 0;
}
