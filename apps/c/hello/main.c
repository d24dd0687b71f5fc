/* Four threads in C, each says on which core it is. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#define THREADS 4

static void *greet(void *number)
{
	printf("hello from thread %ld on core %d\n", (long)number, sched_getcpu());
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	for (long number = 0; number < THREADS; number++)
		if (pthread_create(&threads[number], NULL, greet, (void *)number) != 0)
			return 1;
	for (int number = 0; number < THREADS; number++)
		pthread_join(threads[number], NULL);
	return 0;
}
