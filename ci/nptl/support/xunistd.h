/* Files and memory that are there. */
#ifndef SKETE_XUNISTD_H
#define SKETE_XUNISTD_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <support/check.h>

#define xclose(file) SUPPORT_ERRNO(close(file))
#define xftruncate(file, length) SUPPORT_ERRNO(ftruncate((file), (length)))
#define xmunmap(place, length) SUPPORT_ERRNO(munmap((place), (length)))
#define xmprotect(place, length, rights) SUPPORT_ERRNO(mprotect((place), (length), (rights)))
#define xpipe(ends) SUPPORT_ERRNO(pipe(ends))
#define xunlink(path) SUPPORT_ERRNO(unlink(path))
#define xwrite(file, bytes, length) TEST_VERIFY_EXIT(write((file), (bytes), (length)) == (ssize_t) (length))

static inline int xopen(const char *path, int flags, mode_t mode)
{
    int file = open(path, flags, mode);
    SUPPORT_ERRNO(file);
    return file;
}

static inline void *xmmap(void *place, size_t length, int rights, int flags, int file)
{
    void *memory = mmap(place, length, rights, flags, file, 0);
    TEST_VERIFY_EXIT(memory != MAP_FAILED);
    return memory;
}

static inline long xsysconf(int name)
{
    long value = sysconf(name);
    TEST_VERIFY_EXIT(value != -1);
    return value;
}

#endif
