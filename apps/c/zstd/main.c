/* zstd's own program on 16 MiB: `zstd -T4 /tmp/data -o /tmp/data.zst`, then `zstd -d` of that, and every byte is compared. What is compressed
 * is made here, the same each time: words in an order that does not repeat, with numbers between. Prints `c/zstd: BYTES to BYTES and back`;
 * the status is 1 if anything is not as it was. Words of its own are zstd's: `-- --version`. */
#include "../check.h"
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BYTES = 16 << 20, BLOCK = 1 << 16 };

/* zstd's `main`, under the name that the recipe gives it. */
int zstd(int count, const char **words);

static unsigned long long state = 20260101;

static unsigned next(void) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33);
}

static void make(const char *path) {
    static const char *words[] = { "thread", "core", "word", "futex", "deadline", "page", "segment", "board", "a", "of", "the", "waits for" };
    FILE *file = fopen(path, "wb");
    CHECK(file);
    for (long left = BYTES; left > 0;) {
        char line[64];
        int length = snprintf(line, sizeof line, "%s %u %s ", words[next() % 12], next() % 10000, words[next() % 12]);
        size_t part = length < left ? (size_t)length : (size_t)left;
        CHECK(fwrite(line, 1, part, file) == part);
        left -= (long)part;
    }
    CHECK(fclose(file) == 0);
}

static long long bytes_of(const char *path) {
    struct stat status;
    CHECK(stat(path, &status) == 0);
    return status.st_size;
}

static void compare(const char *one, const char *other) {
    static char first[BLOCK], second[BLOCK];
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    CHECK(a && b && bytes_of(one) == BYTES && bytes_of(other) == BYTES);
    for (size_t left = BYTES; left > 0; left -= BLOCK) {
        CHECK(fread(first, 1, BLOCK, a) == BLOCK && fread(second, 1, BLOCK, b) == BLOCK && memcmp(first, second, BLOCK) == 0);
    }
    CHECK(fclose(a) == 0 && fclose(b) == 0);
}

/* What zstd takes for these words, in milliseconds. */
static long run(int count, const char **words) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    CHECK(zstd(count, words) == 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000;
}

int main(int count, char **given) {
    if (count > 1) {
        return zstd(count, (const char **)given);
    }
    const char *compress[] = { "zstd", "--no-progress", "-T4", "/tmp/data", "-o", "/tmp/data.zst" };
    const char *decompress[] = { "zstd", "--no-progress", "-d", "/tmp/data.zst", "-o", "/tmp/back" };
    make("/tmp/data");
    long there = run(6, compress), back = run(6, decompress);
    compare("/tmp/data", "/tmp/back");
    long long small = bytes_of("/tmp/data.zst");
    CHECK(small > 1 << 20 && small < BYTES / 2);
    printf("c/zstd: %d bytes to %lld and back, in %ld ms and %ld ms\n", BYTES, small, there, back);
    return 0;
}
