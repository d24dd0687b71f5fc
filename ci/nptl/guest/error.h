/* glibc's error.h, which musl has not: what a test says before it ends. */
#ifndef SKETE_ERROR_H
#define SKETE_ERROR_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define error(status, number, ...)                                     \
    do {                                                               \
        int error_status = (status), error_number = (number);         \
        printf(__VA_ARGS__);                                           \
        printf(error_number != 0 ? ": %s\n" : "\n", strerror(error_number)); \
        if (error_status != 0)                                         \
            exit(error_status);                                        \
    } while (0)

#endif
