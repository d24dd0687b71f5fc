/* Files and their lengths, read at a place and mapped. */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096

static void a_file_is_cut_and_grown_and_read_at_a_place(void) {
    char line[8] = "........";
    int fd = open("/cut", O_CREAT | O_RDWR, 0600);
    CHECK(fd > 2 && write(fd, "abcdef", 6) == 6 && ftruncate(fd, 3) == 0 && ftruncate(fd, 5) == 0);
    CHECK(pread(fd, line, sizeof line, 1) == 4 && !memcmp(line, "bc\0\0....", 8));
    CHECK(pwrite(fd, "xy", 2, 4) == 2 && lseek(fd, 0, SEEK_CUR) == 6 && lseek(fd, 0, SEEK_END) == 6);
    CHECK(ftruncate(fd, -1) == -1 && errno == EINVAL && pread(fd, line, 1, -1) == -1 && errno == EINVAL);
    CHECK(pread(1, line, 1, 0) == -1 && errno == ESPIPE && close(fd) == 0);
    fd = open("/cut", O_RDONLY);
    CHECK(ftruncate(fd, 1) == -1 && errno == EINVAL && close(fd) == 0 && unlink("/cut") == 0);
}

static void what_is_written_to_a_shared_mapping_is_in_the_file(void) {
    char line[6];
    int fd = shm_open("/shared", O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd > 2 && ftruncate(fd, 3 * PAGE) == 0 && pwrite(fd, "first", 6, 0) == 6);
    char *memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED && !strcmp(memory, "first") && memory[PAGE] == 0);
    strcpy(memory + PAGE, "synch");
    strcpy(memory + 2 * PAGE, "unmap");
    CHECK(msync(memory + PAGE, PAGE, MS_SYNC) == 0 && pread(fd, line, 6, PAGE) == 6 && !strcmp(line, "synch"));
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE) == MAP_FAILED && errno == ENOMEM);
    CHECK(close(fd) == 0 && munmap(memory + PAGE, PAGE) == 0 && mprotect(memory + 2 * PAGE, PAGE, PROT_NONE) == 0);
    fd = shm_open("/shared", O_RDWR, 0);
    CHECK(pread(fd, line, 6, 2 * PAGE) == 6 && !strcmp(line, "unmap"));
    char *again = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    CHECK(again != MAP_FAILED && !strcmp(again, "synch"));
    CHECK(munmap(again, PAGE) == 0 && munmap(memory, 3 * PAGE) == 0 && shm_unlink("/shared") == 0 && close(fd) == 0);
}

static void a_private_mapping_is_the_programs_own(void) {
    char line[6];
    int fd = open("/private", O_CREAT | O_RDWR, 0600);
    CHECK(write(fd, "first", 6) == 6);
    char *memory = mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(memory != MAP_FAILED && !strcmp(memory, "first"));
    strcpy(memory, "other");
    CHECK(msync(memory, 6, MS_SYNC) == 0 && pread(fd, line, 6, 0) == 6 && !strcmp(line, "first"));
    CHECK(mmap(memory, 6, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == memory && !strcmp(memory, "first"));
    CHECK(munmap(memory, 6) == 0 && close(fd) == 0);
}

static void mappings_that_cannot_be_are_refused(void) {
    int fd = open("/private", O_RDONLY);
    CHECK(mmap(NULL, 6, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
    CHECK(mmap(NULL, 6, PROT_READ, MAP_SHARED, fd, 1) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 6, PROT_READ, 0, fd, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 6, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap((void *)(LONG_MAX & -PAGE), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED && errno == EOPNOTSUPP);
    CHECK(close(fd) == 0 && unlink("/private") == 0);
    fd = open("/private", O_CREAT | O_WRONLY, 0600);
    CHECK(mmap(NULL, 6, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EACCES);
    CHECK(close(fd) == 0 && unlink("/private") == 0);
    CHECK(munmap((void *)1, PAGE) == -1 && errno == EINVAL && munmap((void *)PAGE, PAGE) == 0);
}

const struct check mapped[] = {
    { "a file is cut and grown, and read at a place", a_file_is_cut_and_grown_and_read_at_a_place },
    { "what is written to a shared mapping is in the file", what_is_written_to_a_shared_mapping_is_in_the_file },
    { "a private mapping is the program's own", a_private_mapping_is_the_programs_own },
    { "mappings that cannot be are refused", mappings_that_cannot_be_are_refused },
    { 0 },
};
