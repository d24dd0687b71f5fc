/* Futaphores: counting semaphores in a page that the program moves itself; the kernel is entered only to sleep or to wake.
 * What goes wrong is an error's number below zero, of fut_new 0. No signal ends a call: who sleeps runs its handlers, and sleeps on.
 *
 * fut_p and fut_v are functions, and with a compiler that can (GCC 11, Clang 11) five instructions in their caller, as long as nobody
 * waits: then they are macros of one call's form, so that `&fut_p` and `(fut_p)(page, fut)` are the functions still. */
#ifndef FUTAPHORE_H
#define FUTAPHORE_H

#ifdef __cplusplus
extern "C" {
#endif

/* The page's address. */
unsigned long get_fut_page(void);
/* A futaphore that begins at `count`: its number, 1 to 63; 0: all are used, or `count` is above INT_MAX. */
unsigned long fut_new(unsigned long page, unsigned int count);
/* Takes one, sleeping until there is one: 0, -EINVAL, -EIDRM. */
int fut_p(unsigned long page, unsigned long fut);
/* Takes one, for which it sleeps `timeout_ns` nanoseconds at most: 0, -ETIMEDOUT, -EINVAL, -EIDRM. */
int fut_p_timeout(unsigned long page, unsigned long fut, unsigned long timeout_ns);
/* Takes one if there is one: 0, -EAGAIN, -EINVAL. */
int fut_try_p(unsigned long page, unsigned long fut);
/* Gives one, and wakes one who waits: 0, -EOVERFLOW, -EINVAL, -EIDRM. */
int fut_v(unsigned long page, unsigned long fut);
/* The count, or -EINVAL. */
int fut_value(unsigned long page, unsigned long fut);
/* Frees a futaphore, and tells those who wait -EIDRM: 0, -EINVAL. */
int fut_free(unsigned long page, unsigned long fut);

#if defined(__aarch64__) && (defined(__clang__) ? __clang_major__ >= 11 : __GNUC__ >= 11)

/* The page: 64 slots of 64 bytes. A slot's first eight are the word: the count, and bit 31 once it is changed if the kernel is wanted. */
extern char skete_fut_page[] __attribute__((__visibility__("hidden")));

/* Changes the word of `fut` by `step`, "add" or "sub" of one; whatever does not let it is left to the function `rest`. */
#define SKETE_FUT_MOVE(step, rest, page, fut)                                                                                             \
    unsigned long skete_seen, skete_new;                                                                                                  \
    unsigned int skete_failed;                                                                                                            \
    if (page != (unsigned long)skete_fut_page || fut - 1 >= 63)                                                                           \
        return (rest)(page, fut);                                                                                                         \
    __asm__ volatile goto("1: ldaxr %[seen], [%[word]]\n\t" step " %[new], %[seen], #1\n\ttbnz %[new], #31, %l[rest_of_it]\n\t"            \
                          "stlxr %w[failed], %[new], [%[word]]\n\tcbnz %w[failed], 1b"                                                     \
                          : [seen] "=&r"(skete_seen), [new] "=&r"(skete_new), [failed] "=&r"(skete_failed)                                 \
                          : [word] "r"(skete_fut_page + fut * 64)                                                                          \
                          : "memory"                                                                                                      \
                          : rest_of_it);                                                                                                  \
    return 0;                                                                                                                             \
rest_of_it:                                                                                                                               \
    return (rest)(page, fut)

static __inline__ __attribute__((__always_inline__)) int skete_fut_p(unsigned long page, unsigned long fut) {
    SKETE_FUT_MOVE("sub", fut_p, page, fut);
}

static __inline__ __attribute__((__always_inline__)) int skete_fut_v(unsigned long page, unsigned long fut) {
    SKETE_FUT_MOVE("add", fut_v, page, fut);
}

#undef SKETE_FUT_MOVE
#define fut_p(page, fut) skete_fut_p(page, fut)
#define fut_v(page, fut) skete_fut_v(page, fut)

#endif

#ifdef __cplusplus
}
#endif

#endif
