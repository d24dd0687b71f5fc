/* Futaphores: counting semaphores in a page that the program moves itself; the kernel is entered only to sleep or to wake.
 * What goes wrong is an error's number below zero, of fut_new 0. */
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

#ifdef __cplusplus
}
#endif

#endif
