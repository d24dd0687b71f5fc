/* Streams that are there. */
#ifndef SKETE_XSTDIO_H
#define SKETE_XSTDIO_H

#include <stdio.h>

#include <support/check.h>

static inline FILE *xfopen(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);
    TEST_VERIFY_EXIT(file != NULL);
    return file;
}

#define xfclose(file) TEST_VERIFY_EXIT(fclose(file) == 0)

#endif
