/* Futaphores where the kernel has none: as a program of Linux's would make them, of futex(2). Not compiled for Skete, which has them. */
#ifndef __skete__
#include <errno.h>
#include <futaphore.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A slot: the word, which is a count, and above it whether somebody may sleep: bit 31, and bit 30 so that one less than none leaves it set.
   Whether it is freed. */
struct slot {
    atomic_uint word, unused, is_freed;
    char rest[52];
};

enum { SLOTS = 64 };
static const unsigned WAITS = 3u << 30, MOST = (1u << 30) - 1;

__attribute__((aligned(4096))) char skete_fut_page[SLOTS * sizeof(struct slot)];
static atomic_ulong taken;

static struct slot *at(unsigned long fut) { return (struct slot *)skete_fut_page + fut; }

unsigned long get_fut_page(void) { return (unsigned long)skete_fut_page; }

unsigned long fut_new(unsigned long page, unsigned int count) {
    (void)page;
    unsigned long fut = atomic_fetch_add(&taken, 1) + 1;
    if (fut >= SLOTS || count > MOST) {
        return 0;
    }
    atomic_store(&at(fut)->word, count);
    return fut;
}

static void wake(struct slot *slot, int most) { syscall(SYS_futex, &slot->word, FUTEX_WAKE_PRIVATE, most, NULL, NULL, 0); }

int(fut_p)(unsigned long page, unsigned long fut) {
    (void)page;
    struct slot *slot = at(fut);
    unsigned seen = atomic_load(&slot->word), has_slept = 0;
    for (;;) {
        unsigned count = seen & ~WAITS;
        if (atomic_load(&slot->is_freed)) {
            return -EIDRM;
        }
        if (count == 0) {
            if (seen == WAITS || atomic_compare_exchange_weak(&slot->word, &seen, WAITS)) {
                syscall(SYS_futex, &slot->word, FUTEX_WAIT_PRIVATE, WAITS, NULL, NULL, 0);
                seen = atomic_load(&slot->word);
                has_slept = WAITS;
            }
        } else if (atomic_compare_exchange_weak(&slot->word, &seen, (count - 1) | (seen & WAITS) | has_slept)) {
            /* Others may sleep still, and not all of what was given has woken somebody. */
            if (has_slept && count > 1) {
                wake(slot, 1);
            }
            return 0;
        }
    }
}

int(fut_v)(unsigned long page, unsigned long fut) {
    (void)page;
    struct slot *slot = at(fut);
    unsigned seen = atomic_load(&slot->word);
    while (!atomic_compare_exchange_weak(&slot->word, &seen, (seen & ~WAITS) + 1)) {
    }
    if (seen & WAITS) {
        wake(slot, 1);
    }
    return 0;
}

int fut_free(unsigned long page, unsigned long fut) {
    (void)page;
    atomic_store(&at(fut)->is_freed, 1);
    atomic_fetch_add(&at(fut)->word, 1);
    wake(at(fut), INT_MAX);
    return 0;
}
#endif
