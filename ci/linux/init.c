/* The first process of the Linux that figures are compared with: runs the program that its first word with a slash names, with the words
   behind, says how it ended, and ends the machine. Before that word stands what the kernel did not know of its own line. Where there is a
   folder of modules, they are loaded in the order of their names, and the card that they make has an address before the program begins. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <net/if.h>
#include <net/route.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What QEMU's user network leads ports to, and where it begins; the tool gives the other system the same (ci/src/linux.rs). */
#define ADDRESS "10.0.2.15"
#define BITS "255.255.255.0"
#define GATEWAY "10.0.2.2"
/* How long a card may take to appear, in hundredths of a second: USB finds its devices while others run. */
enum { PATIENCE = 3000 };

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

static int is_module(const struct dirent *entry) {
    const char *end = strrchr(entry->d_name, '.');
    return end && !strcmp(end, ".ko");
}

/* Loads the modules; how many there were. */
static int load(void) {
    struct dirent **found;
    int count = scandir("/modules", &found, is_module, alphasort);
    for (int number = 0; number < count; number++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "/modules/%s", found[number]->d_name);
        int module = open(path, O_RDONLY);
        if (module < 0 || syscall(SYS_finit_module, module, "", 0)) {
            fprintf(stderr, "init: %s: %m\n", path);
        }
        close(module);
    }
    return count < 0 ? 0 : count;
}

/* The first interface but the machine's own, once it is there. */
static int find_card(char name[IFNAMSIZ]) {
    const struct timespec a_while = { .tv_nsec = 10000000 };
    for (int left = PATIENCE; left > 0; left--) {
        struct if_nameindex *all = if_nameindex();
        for (struct if_nameindex *one = all; one && one->if_name; one++) {
            if (strcmp(one->if_name, "lo")) {
                strcpy(name, one->if_name);
                if_freenameindex(all);
                return 1;
            }
        }
        if_freenameindex(all);
        nanosleep(&a_while, NULL);
    }
    return 0;
}

static void set_address(struct sockaddr *into, const char *text) {
    struct sockaddr_in address = { .sin_family = AF_INET };
    inet_pton(AF_INET, text, &address.sin_addr);
    memcpy(into, &address, sizeof address);
}

static int raise_interface(int fd, const char *name) {
    struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };
    strcpy(request.ifr_name, name);
    return ioctl(fd, SIOCSIFFLAGS, &request);
}

/* Gives the card its address. */
static void bring_up(void) {
    struct ifreq request = { 0 };
    struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (!find_card(request.ifr_name)) {
        fprintf(stderr, "init: there is no network card\n");
        return;
    }
    set_address(&request.ifr_addr, ADDRESS);
    int failed = raise_interface(fd, "lo") || ioctl(fd, SIOCSIFADDR, &request);
    set_address(&request.ifr_netmask, BITS);
    failed = failed || ioctl(fd, SIOCSIFNETMASK, &request) || raise_interface(fd, request.ifr_name);
    set_address(&route.rt_dst, "0.0.0.0");
    set_address(&route.rt_genmask, "0.0.0.0");
    set_address(&route.rt_gateway, GATEWAY);
    if (failed || ioctl(fd, SIOCADDRT, &route)) {
        perror("init: the network card");
    }
    close(fd);
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
    if (load() > 0) {
        bring_up();
    }
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
