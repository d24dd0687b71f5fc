/* Pages: 64 KiB of them mapped and unmapped, and touched between. */
#include "rows.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { BYTES = 64 << 10, PAGE = 4096 };

static volatile char *mapped(void) {
    void *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        abort();
    }
    return pages;
}

static void map_unmap(void) { munmap((void *)mapped(), BYTES); }

static void map_touch_unmap(void) {
    volatile char *pages = mapped();
    for (int at = 0; at < BYTES; at += PAGE) {
        pages[at] = 1;
    }
    munmap((void *)pages, BYTES);
}

void pages(void) {
    row("page.map_unmap", SOME, map_unmap);
    row("page.map_touch_unmap", SOME, map_touch_unmap);
}
