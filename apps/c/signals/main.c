/* Signals inside of a program, and POSIX timers. Prints `c/signals: N checks passed`; the first check that fails says where, and the status is
 * 1. With an argument: `term` ends by a signal, `abort` by one that its handler returns from. */
#include "check.h"
#include <signal.h>
#include <string.h>

static void told(int signal) {
    (void)signal;
    printf("the handler of SIGABRT\n");
    fflush(stdout);
}

int main(int argc, char **argv) {
    const struct check *files[] = { actions, waiting, delivery, timers };
    int count = 0;
    if (argc > 1 && strcmp(argv[1], "term") == 0) {
        raise(SIGTERM);
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "abort") == 0) {
        signal(SIGABRT, told);
        abort();
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
