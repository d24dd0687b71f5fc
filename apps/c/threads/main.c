/* POSIX threads and C11's, as C programs use them: lives, attributes, keys, cancellation, scheduling, clocks. Prints
 * `c/threads: N checks passed`; the first check that fails says where, and the status is 1. */
#include "check.h"

int main(void) {
    const struct check *files[] = { lives, attributes, keys, cancellation, scheduling, clocks };
    int count = 0;
    for (size_t file = 0; file < sizeof files / sizeof *files; file++) {
        for (const struct check *check = files[file]; check->name; check++) {
            check->run();
            printf("ok  %s\n", check->name);
            count++;
        }
    }
    printf("c/threads: %d checks passed\n", count);
    return 0;
}
