/* Linux's calls by name, by number and by `svc`; System V; what cannot be. */
#define _GNU_SOURCE
#include "check.h"
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void a_call_by_number_answers_as_linux_does(void) {
    uint32_t word = 7;
    char bytes[16] = { 0 };
    errno = 0;
    CHECK(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 8, NULL, NULL, 0) == -1 && errno == EAGAIN);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
    CHECK(syscall(SYS_gettid) > 0 && syscall(SYS_gettid) == syscall(SYS_set_tid_address, NULL));
    CHECK(syscall(SYS_getrandom, bytes, sizeof bytes, 0) == 16 && getrandom(bytes, 8, 0) == 8);
    CHECK(syscall(SYS_sched_yield) == 0 && getpid() == 1);
    struct futex_waitv {
        uint64_t value, address;
        uint32_t flags, reserved;
    } words[2] = { { 7, (uintptr_t)&word, 2 | FUTEX_PRIVATE_FLAG, 0 }, { 8, (uintptr_t)&word, 2 | FUTEX_PRIVATE_FLAG, 0 } };
    errno = 0;
    CHECK(syscall(449, words, 2, 0, NULL, CLOCK_MONOTONIC) == -1 && errno == EAGAIN);
}

/* As a program does that knows no libc. X1 to X7, V0 and the flags must be as they were. */
static void an_svc_is_answered_and_changes_nothing_else(void) {
    for (int i = 0; i < 100; i++) {
        register long number __asm__("x8") = SYS_gettid;
        register long result __asm__("x0") = 0;
        register long second __asm__("x1") = 11, third __asm__("x2") = 12, fourth __asm__("x3") = 13;
        double real = i + 0.5;
        long is_equal;
        __asm__ volatile("cmp %4, %4\n\tsvc #0\n\tcset %5, eq"
                         : "+r"(result), "+r"(second), "+r"(third), "+r"(fourth), "+r"(number), "=&r"(is_equal), "+w"(real)
                         :
                         : "memory", "cc");
        long found[4] = { result, second, third, fourth };
        CHECK(found[1] == 11 && found[2] == 12 && found[3] == 13 && is_equal && real == i + 0.5);
        CHECK(found[0] == syscall(SYS_gettid));
    }
}

static void *call_often(void *argument) {
    long own = syscall(SYS_gettid);
    for (int i = 0; i < 2000; i++) {
        register long number __asm__("x8") = i % 3 ? SYS_gettid : SYS_sched_yield;
        register long result __asm__("x0") = 0;
        __asm__ volatile("svc #0" : "+r"(result) : "r"(number) : "memory");
        CHECK(result == (i % 3 ? own : 0));
    }
    return argument;
}

static void threads_call_at_once(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, call_often, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

union semun {
    int value;
    unsigned short *values;
    struct semid_ds *status;
};

static void *unshares(void *argument) {
    struct sembuf take = { 0, -1, SEM_UNDO };
    CHECK(semop(*(int *)argument, &take, 1) == 0);
    CHECK(unshare(CLONE_SYSVSEM) == 0 && semop(*(int *)argument, &take, 1) == 0);
    CHECK(syscall(SYS_unshare, CLONE_SYSVSEM) == 0 && semctl(*(int *)argument, 0, GETVAL) == 4);
    CHECK(semop(*(int *)argument, &take, 1) == 0);
    errno = 0;
    CHECK(unshare(0) == 0 && unshare(CLONE_FILES) == -1 && errno == EINVAL);
    return NULL;
}

static void who_unshares_undoes_alone(void) {
    int set = semget(IPC_PRIVATE, 1, 0600);
    pthread_t thread;
    CHECK(set >= 0 && semctl(set, 0, SETVAL, 5) == 0 && pthread_create(&thread, NULL, unshares, &set) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && semctl(set, 0, GETVAL) == 4 && semctl(set, 0, IPC_RMID) == 0);
}

static void sets_of_semaphores_are_system_vs(void) {
    unsigned short values[2] = { 3, 4 };
    struct semid_ds status;
    int set = semget(0x5345, 2, IPC_CREAT | IPC_EXCL | 0600);
    CHECK(set >= 0 && semget(0x5345, 2, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
    CHECK(semctl(set, 0, SETALL, (union semun){ .values = values }) == 0);
    struct sembuf both[2] = { { 0, -3, 0 }, { 1, -4, IPC_NOWAIT } };
    CHECK(semop(set, both, 2) == 0 && semctl(set, 0, GETVAL) == 0 && semctl(set, 1, GETVAL) == 0);
    CHECK(semop(set, &both[1], 1) == -1 && errno == EAGAIN);
    struct timespec moment = { 0, 1000000 };
    CHECK(semtimedop(set, both, 1, &moment) == -1 && errno == EAGAIN);
    CHECK(semctl(set, 0, IPC_STAT, (union semun){ .status = &status }) == 0 && status.sem_nsems == 2);
    CHECK(semctl(set, 0, IPC_RMID) == 0 && semop(set, both, 1) == -1 && (errno == EINVAL || errno == EIDRM));
}

static void segments_are_shared(void) {
    struct shmid_ds status;
    int segment = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600);
    CHECK(segment >= 0);
    char *one = shmat(segment, NULL, 0), *other = shmat(segment, NULL, SHM_RDONLY);
    CHECK(one != (void *)-1 && other != (void *)-1 && one != other);
    strcpy(one + 9000, "seen");
    CHECK(!strcmp(other + 9000, "seen"));
    CHECK(shmctl(segment, IPC_STAT, &status) == 0 && status.shm_segsz == 10000 && status.shm_nattch == 2);
    CHECK(shmdt(one) == 0 && shmdt(one) == -1 && errno == EINVAL);
    CHECK(shmctl(segment, IPC_RMID, NULL) == 0 && !strcmp(other + 9000, "seen") && shmdt(other) == 0);
    CHECK(shmat(segment, NULL, 0) == (void *)-1 && (errno == EINVAL || errno == EIDRM));
}

static void the_machine_is_described(void) {
    struct utsname name;
    struct rlimit limit;
    CHECK(uname(&name) == 0 && !strcmp(name.machine, "aarch64") && !strcmp(name.nodename, "skete"));
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 1024);
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == 8 << 20);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_NPROCESSORS_ONLN) <= 4 && sched_getcpu() < 4);
    CHECK(getuid() == 0 && getppid() == 0);
}

static void what_cannot_be_says_so(void) {
    errno = 0;
    CHECK(fork() == -1 && errno == ENOSYS);
    errno = 0;
    CHECK(vfork() == -1 && errno == ENOSYS);
    errno = 0;
    CHECK(execl("/bin/sh", "sh", (char *)NULL) == -1 && errno == ENOSYS);
    errno = 0;
    CHECK(setuid(1) == -1 && errno == ENOSYS);
    errno = 0;
    CHECK(flock(1, LOCK_EX) == -1 && errno == ENOSYS);
    errno = 0;
    CHECK(mkfifo("/tmp/fifo", 0600) == -1 && errno == ENOSYS);
    CHECK(system("true") != 0);
}

const struct check calls[] = {
    { "a call by number answers as Linux does", a_call_by_number_answers_as_linux_does },
    { "an svc is answered, and changes nothing else", an_svc_is_answered_and_changes_nothing_else },
    { "threads call at once", threads_call_at_once },
    { "sets of semaphores are System V's", sets_of_semaphores_are_system_vs },
    { "who unshares undoes alone", who_unshares_undoes_alone },
    { "segments are shared", segments_are_shared },
    { "the machine is described", the_machine_is_described },
    { "what cannot be says so", what_cannot_be_says_so },
    { 0 },
};
