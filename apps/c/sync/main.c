/* The locks of POSIX threads and C11's, as C programs use them. Prints `c/sync: N checks passed`; the first check that fails says where, and
 * the status is 1. */
#include "check.h"

int main(void) {
    const struct check *files[] = { mutexes, others };
    int count = 0;
    for (size_t file = 0; file < sizeof files / sizeof *files; file++) {
        for (const struct check *check = files[file]; check->name; check++) {
            check->run();
            printf("ok  %s\n", check->name);
            count++;
        }
    }
    printf("c/sync: %d checks passed\n", count);
    return 0;
}
