/* Memory that is there, and what a handler may say. */
#ifndef SKETE_SUPPORT_H
#define SKETE_SUPPORT_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <support/check.h>

static inline void write_message(const char *text)
{
    (void) !write(STDOUT_FILENO, text, strlen(text));
}

static inline void *support_there(void *memory)
{
    TEST_VERIFY_EXIT(memory != NULL);
    return memory;
}

#define xmalloc(size) support_there(malloc(size))
#define xcalloc(count, size) support_there(calloc((count), (size)))
#define xrealloc(memory, size) support_there(realloc((memory), (size)))
#define xstrdup(text) ((char *) support_there(strdup(text)))
#define xposix_memalign(alignment, size) support_there(aligned_alloc((alignment), (size)))

static inline char *xasprintf(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    TEST_VERIFY_EXIT(vasprintf(&text, format, arguments) >= 0);
    va_end(arguments);
    return text;
}

#endif
