/* What files of rows use. */
#ifndef ROWS_H
#define ROWS_H

/* Rounds of what takes nanoseconds, and of what takes microseconds. */
enum { MANY = 100000, SOME = 2000 };

/* Prints `row NAME NS ns`: the mean of `rounds` rounds of `work`, after a tenth of them to warm up. */
void row(const char *name, int rounds, void (*work)(void));

#endif
