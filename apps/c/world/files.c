/* Files in memory, the console, folders. */
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void what_was_written_is_read(void) {
    char line[64];
    struct stat status;
    FILE *file = fopen("/tmp.txt", "w+");
    CHECK(file && fprintf(file, "%s %d %.3f\n", "line", 42, 2.5) == 14);
    CHECK(fseek(file, 5, SEEK_SET) == 0);
    int number;
    double real;
    CHECK(fscanf(file, "%d %lf", &number, &real) == 2 && number == 42 && real == 2.5);
    CHECK(fclose(file) == 0);
    CHECK(stat("/tmp.txt", &status) == 0 && status.st_size == 14 && S_ISREG(status.st_mode) && status.st_nlink == 1);
    CHECK(status.st_mtim.tv_nsec >= 0 && status.st_mtim.tv_nsec < 1000000000);
    int fd = open("tmp.txt", O_RDONLY | O_CLOEXEC);
    CHECK(fd > 2 && read(fd, line, sizeof line) == 14 && !memcmp(line, "line 42 2.500\n", 14) && read(fd, line, 1) == 0);
    CHECK(lseek(fd, -6, SEEK_END) == 8 && read(fd, line, 5) == 5 && !memcmp(line, "2.500", 5));
    CHECK(fstat(fd, &status) == 0 && status.st_size == 14);
    CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    int other = dup(fd);
    CHECK(other > fd && close(fd) == 0 && lseek(other, 0, SEEK_CUR) == 13 && close(other) == 0);
    CHECK(access("/tmp.txt", R_OK) == 0 && unlink("/tmp.txt") == 0);
    errno = 0;
    CHECK(access("/tmp.txt", F_OK) == -1 && errno == ENOENT);
    errno = 0;
    CHECK(open("/tmp.txt", O_RDONLY) == -1 && errno == ENOENT && close(99) == -1 && errno == EBADF);
}

static void folders_are_made_and_listed(void) {
    char here[64];
    int seen = 0;
    CHECK(mkdir("/folder", 0755) == 0 && mkdir("/folder", 0755) == -1 && errno == EEXIST);
    CHECK(open("/folder/a", O_CREAT | O_WRONLY, 0644) > 2 && open("/folder/b", O_CREAT | O_WRONLY, 0644) > 2);
    CHECK(open("/folder/a", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
    DIR *folder = opendir("/folder");
    CHECK(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        seen += !strcmp(entry->d_name, "a") + !strcmp(entry->d_name, "b");
    }
    CHECK(seen == 2 && closedir(folder) == 0);
    CHECK(rmdir("/folder") == -1 && errno == ENOTEMPTY);
    CHECK(remove("/folder/a") == 0 && remove("/folder/b") == 0 && rmdir("/folder") == 0);
    CHECK(getcwd(here, sizeof here) && !strcmp(here, "/") && chdir("/") == 0);
}

static void the_console_is_a_terminal_and_a_file_is_none(void) {
    CHECK(isatty(0) && isatty(1) && isatty(2));
    FILE *file = tmpfile();
    CHECK(!file || (!isatty(fileno(file)) && errno == ENOTTY));
    CHECK(write(1, "raw\n", 4) == 4);
    struct pollfd fds[2] = { { 1, POLLOUT, 0 }, { 99, POLLIN, 0 } };
    CHECK(poll(fds, 1, 1000) == 1 && fds[0].revents == POLLOUT);
    CHECK(poll(&fds[1], 1, -1) == 1 && fds[1].revents == POLLNVAL && poll(NULL, 0, 2) == 0);
}

const struct check files[] = {
    { "what was written is read", what_was_written_is_read },
    { "folders are made and listed", folders_are_made_and_listed },
    { "the console is a terminal, and a file is none", the_console_is_a_terminal_and_a_file_is_none },
    { 0 },
};
