/* What files of rows use. */
#ifndef ROWS_H
#define ROWS_H

/* Rounds of what takes nanoseconds, and of what takes microseconds. */
enum { MANY = 100000, SOME = 2000 };

/* Nanoseconds since some moment. */
long long now(void);
/* Prints `row NAME NS ns`. */
void told(const char *name, double ns);
/* The same of `work`: the mean of `rounds` rounds, after a tenth of them to warm up. */
void row(const char *name, int rounds, void (*work)(void));

/* The rows of locks.c and of queues.c. */
void locks(void);
void queues(void);

#endif
