/* malloc and its family, mmap. */
#include "check.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_at(void *block, size_t align) { return block && (uintptr_t)block % align == 0; }

static void blocks_are_aligned_and_as_long_as_asked(void) {
    for (size_t bytes = 0; bytes < 5000; bytes = bytes * 2 + 1) {
        char *block = malloc(bytes);
        CHECK(is_at(block, 16) && malloc_usable_size(block) >= bytes);
        memset(block, 0xab, malloc_usable_size(block));
        block = realloc(block, 3 * bytes + 1);
        CHECK(is_at(block, 16));
        for (size_t at = 0; at < bytes; at++) {
            CHECK(block[at] == (char)0xab);
        }
        block = realloc(block, 1);
        CHECK(block && (bytes == 0 || *block == (char)0xab));
        free(block);
    }
    free(NULL);
    CHECK(malloc_usable_size(NULL) == 0);
}

static void aligned_blocks_are_where_they_must_be(void) {
    void *block;
    for (size_t align = 16; align <= 65536; align *= 2) {
        block = aligned_alloc(align, 3 * align);
        CHECK(is_at(block, align));
        memset(block, 1, 3 * align);
        block = realloc(block, 4 * align);
        CHECK(block && ((char *)block)[3 * align - 1] == 1);
        free(block);
        CHECK(posix_memalign(&block, align, 100) == 0 && is_at(block, align));
        free(block);
    }
    CHECK(posix_memalign(&block, 3, 100) == EINVAL && posix_memalign(&block, 4, 100) == EINVAL);
    errno = 0;
    CHECK(!aligned_alloc(24, 48) && errno == EINVAL);
}

static void what_is_not_there_is_refused(void) {
    volatile size_t much = SIZE_MAX - 100;
    errno = 0;
    CHECK(!malloc(much) && errno == ENOMEM);
    errno = 0;
    CHECK(!calloc(much / 2, 3) && errno == ENOMEM);
    char *block = malloc(10);
    strcpy(block, "kept");
    errno = 0;
    CHECK(!realloc(block, much) && errno == ENOMEM && !strcmp(block, "kept"));
    free(block);
    unsigned char *zeroes = calloc(100, 100);
    for (int at = 0; at < 10000; at++) {
        CHECK(zeroes[at] == 0);
    }
    free(zeroes);
}

static void *juggle(void *argument) {
    unsigned seed = (unsigned)(uintptr_t)argument;
    unsigned char *blocks[64] = { 0 };
    size_t lengths[64] = { 0 };
    for (int i = 0; i < 2000; i++) {
        int at = rand_r(&seed) % 64;
        for (size_t byte = 0; byte < lengths[at]; byte++) {
            CHECK(blocks[at][byte] == (unsigned char)at);
        }
        free(blocks[at]);
        lengths[at] = rand_r(&seed) % 300;
        blocks[at] = malloc(lengths[at]);
        CHECK(blocks[at]);
        memset(blocks[at], at, lengths[at]);
    }
    for (int at = 0; at < 64; at++) {
        free(blocks[at]);
    }
    return NULL;
}

static void four_threads_share_the_heap(void) {
    pthread_t threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, juggle, (void *)(i + 1)) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void mapped_memory_is_zeroed_and_goes(void) {
    long page = sysconf(_SC_PAGESIZE);
    CHECK(page == 4096 && getpagesize() == 4096);
    char *memory = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && is_at(memory, 4096));
    for (long at = 0; at < 16 * page; at++) {
        CHECK(memory[at] == 0);
    }
    memset(memory, 1, 16 * page);
    CHECK(mprotect(memory, page, PROT_READ) == 0 && memory[0] == 1);
    CHECK(madvise(memory, page, MADV_WILLNEED) == 0);
    CHECK(munmap(memory, 16 * page) == 0);
    errno = 0;
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    errno = 0;
    CHECK(mmap(NULL, page, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    errno = 0;
    CHECK(mmap(NULL, page, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED && errno == ENODEV);
}

const struct check memory[] = {
    { "blocks are aligned, and as long as asked", blocks_are_aligned_and_as_long_as_asked },
    { "aligned blocks are where they must be", aligned_blocks_are_where_they_must_be },
    { "what is not there is refused", what_is_not_there_is_refused },
    { "four threads share the heap", four_threads_share_the_heap },
    { "mapped memory is zeroed, and goes", mapped_memory_is_zeroed_and_goes },
    { 0 },
};
