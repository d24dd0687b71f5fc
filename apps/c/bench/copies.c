/* Memory copied, and filled with a byte that is not zero. */
#include "rows.h"
#include <stdlib.h>
#include <string.h>

static unsigned char *from, *to;

/* By the library's function, of which the compiler is to know nothing. */
static inline __attribute__((always_inline)) void copy(size_t bytes) {
    __asm__ volatile("" : "+r"(bytes) : : "memory");
    memcpy(to, from, bytes);
    __asm__ volatile("" : : : "memory");
}

static inline __attribute__((always_inline)) void fill(size_t bytes) {
    int byte = 7;
    __asm__ volatile("" : "+r"(bytes), "+r"(byte) : : "memory");
    memset(to, byte, bytes);
    __asm__ volatile("" : : : "memory");
}

static void copy_64(void) { copy(64); }
static void copy_1k(void) { copy(1 << 10); }
static void copy_4k(void) { copy(4 << 10); }
static void copy_64k(void) { copy(64 << 10); }
static void copy_1m(void) { copy(1 << 20); }
static void fill_64(void) { fill(64); }
static void fill_1k(void) { fill(1 << 10); }
static void fill_4k(void) { fill(4 << 10); }
static void fill_64k(void) { fill(64 << 10); }
static void fill_1m(void) { fill(1 << 20); }

void copies(void) {
    enum { MOST = 1 << 20 };
    from = malloc(MOST);
    to = malloc(MOST);
    if (!from || !to) {
        abort();
    }
    /* Every page is there before it is measured. */
    memset(from, 1, MOST);
    memset(to, 0, MOST);
    row("mem.memcpy_64", MANY, copy_64);
    row("mem.memcpy_1k", MANY, copy_1k);
    row("mem.memcpy_4k", SOME, copy_4k);
    row("mem.memcpy_64k", SOME, copy_64k);
    row("mem.memcpy_1m", SOME / 10, copy_1m);
    row("mem.memset_64", MANY, fill_64);
    row("mem.memset_1k", MANY, fill_1k);
    row("mem.memset_4k", SOME, fill_4k);
    row("mem.memset_64k", SOME, fill_64k);
    row("mem.memset_1m", SOME / 10, fill_1m);
    if (!explained && (from[MOST - 1] != 1 || to[MOST - 1] != 7)) {
        abort();
    }
    free(from);
    free(to);
}
