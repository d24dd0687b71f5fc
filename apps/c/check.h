/* What every program of checks uses. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the program with status 1 unless `truth`. */
#define CHECK(truth) \
    do { \
        if (!(truth)) { \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #truth); \
            fflush(stdout); \
            _Exit(1); \
        } \
    } while (0)

struct check {
    const char *name;
    void (*run)(void);
};

#endif
