/* Files for a while. */
#ifndef SKETE_TEMP_FILE_H
#define SKETE_TEMP_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <support/support.h>

#define add_temp_file(path) ((void) (path))

/* Makes a file whose name begins with `name`; its descriptor, and its path at `place` if that is wanted. */
static inline int create_temp_file(const char *name, char **place)
{
    char *path = xasprintf("/tmp/%s-XXXXXX", name);
    int file = mkstemp(path);
    SUPPORT_ERRNO(file);
    if (place != NULL)
        *place = path;
    else
        free(path);
    return file;
}

#endif
