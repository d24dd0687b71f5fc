/* The first process of the Linux that figures are compared with: runs the program that its first word with a slash names, with the words
   behind, says how it ended, and ends the machine. Before that word stands what the kernel did not know of its own line. */
#include <fcntl.h>
#include <linux/random.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* As long as the kernel's generator has no seed, each system call pays for it: here nothing else gives one. */
static void seed(void) {
    struct {
        struct rand_pool_info info;
        uint32_t words[64];
    } pool = { { .entropy_count = 8 * sizeof pool.words, .buf_size = sizeof pool.words }, { 0 } };
    for (unsigned i = 0; i < sizeof pool.words / sizeof *pool.words; i++) {
        pool.words[i] = 0x9e3779b9u * (i + 1);
    }
    int device = open("/dev/urandom", O_WRONLY);
    if (device < 0 || ioctl(device, RNDADDENTROPY, &pool) || ioctl(device, RNDRESEEDCRNG)) {
        perror("init: the random generator is not seeded");
    }
    close(device);
}

static int status_of(char **words) {
    pid_t child = fork();
    if (child == 0) {
        execv(words[0], words);
        perror(words[0]);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("init");
        return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A Pi is reset by the watchdog of its power management, whose driver is none of the kernel's own: full reset, and a timeout of ten ticks
   (BCM2835, PM_RSTC and PM_WDOG, each write with its password). Elsewhere nothing. */
static void reset_pi(void) {
    enum { BASE = 0x3f100000, PAGE = 4096, RSTC = 0x1c / 4, WDOG = 0x24 / 4 };
    const uint32_t password = 0x5a000000, full_reset = 0x20;
    char machine[64] = "";
    int told = open("/proc/device-tree/model", O_RDONLY), memory = open("/dev/mem", O_RDWR | O_SYNC);
    if (read(told, machine, sizeof machine - 1) <= 0 || strncmp(machine, "Raspberry Pi", 12)) {
        return;
    }
    volatile uint32_t *registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, BASE);
    if (registers == MAP_FAILED) {
        perror("init: the watchdog");
        return;
    }
    registers[WDOG] = password | 10;
    registers[RSTC] = password | full_reset;
    pause();
}

int main(int count, char **words) {
    mkdir("/dev", 0755);
    mkdir("/proc", 0555);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mkdir("/sys", 0555);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sys", "/sys", "sysfs", 0, NULL);
    seed();
    while (count > 1 && **++words != '/') {
        count--;
    }
    printf("init: status %d\n", count > 1 ? status_of(words) : 127);
    fflush(stdout);
    sync();
    reset_pi();
    reboot(RB_AUTOBOOT);
    return 1;
}
