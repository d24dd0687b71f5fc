/* Files in memory, the console, folders. */
#include "check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
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

static void names_rights_and_times_change(void) {
    struct stat status, before;
    struct timespec times[2] = { { 7, 8 }, { 0, UTIME_OMIT } };
    int old = open("/tmp/old", O_CREAT | O_RDWR, 0644), other = open("/tmp/other", O_CREAT | O_RDWR, 0644);
    CHECK(old > 2 && other > 2 && write(old, "old", 3) == 3 && fstat(old, &before) == 0);
    CHECK(rename("/tmp/old", "/tmp/other") == 0 && stat("/tmp/other", &status) == 0 && status.st_ino == before.st_ino);
    CHECK(rename("/tmp/old", "/tmp/other") == -1 && errno == ENOENT && fstat(other, &status) == 0 && status.st_nlink == 0);
    CHECK(rename("/tmp", "/tmp/below") == -1 && errno == EINVAL && rename("/tmp/other", "/tmp") == -1 && errno == EISDIR);
    CHECK(mkdir("/tmp/from", 0700) == 0 && rename("/tmp/from", "/to") == 0 && rename("/tmp/other", "/to/here") == 0);
    CHECK(stat("/to/../to/here", &status) == 0 && status.st_size == 3 && rmdir("/to") == -1 && errno == ENOTEMPTY);
    CHECK(fchmod(old, 0600) == 0 && fstat(old, &status) == 0 && (status.st_mode & 07777) == 0600 && S_ISREG(status.st_mode));
    CHECK(chmod("/to/here", 04711) == 0 && stat("/to/here", &status) == 0 && (status.st_mode & 07777) == 04711);
    CHECK(futimens(old, times) == 0 && fstat(old, &status) == 0 && status.st_atim.tv_sec == 7 && status.st_atim.tv_nsec == 8);
    CHECK(status.st_mtim.tv_sec == before.st_mtim.tv_sec && status.st_mtim.tv_nsec == before.st_mtim.tv_nsec);
    times[0].tv_nsec = 1000000000;
    CHECK(utimensat(AT_FDCWD, "/to/here", times, 0) == -1 && errno == EINVAL);
    CHECK(utimensat(AT_FDCWD, "/to/here", NULL, AT_SYMLINK_NOFOLLOW) == 0 && fstat(old, &status) == 0 && status.st_atim.tv_sec > 7);
    CHECK(fchown(old, 0, -1) == 0 && chown("/to/here", 1, 0) == -1 && errno == EPERM && lchown("/nowhere", 0, 0) == -1 && errno == ENOENT);
    CHECK(fchmod(99, 0) == -1 && errno == EBADF && close(old) == 0 && close(other) == 0);
    CHECK(unlink("/to/here") == 0 && rmdir("/to") == 0);
}

static void locks_are_between_programs_and_there_is_one(void) {
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };
    int fd = open("/tmp/locked", O_CREAT | O_RDWR, 0644), reader = open("/tmp/locked", O_RDONLY);
    CHECK(fd > 2 && reader > 2 && fcntl(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_SETLKW, &lock) == 0);
    CHECK(fcntl(reader, F_SETLK, &lock) == -1 && errno == EBADF);
    CHECK(fcntl(reader, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK && lock.l_start == 5);
    CHECK(fcntl(reader, F_SETLK, &lock) == 0 && fcntl(reader, F_GETLK, &lock) == -1 && errno == EINVAL);
    lock.l_type = F_RDLCK;
    CHECK(fcntl(reader, F_SETLK, &lock) == 0 && fcntl(99, F_SETLK, &lock) == -1 && errno == EBADF);
    CHECK(close(fd) == 0 && close(reader) == 0 && unlink("/tmp/locked") == 0);
}

static void a_counter_is_read_as_one(void) {
    eventfd_t value = 0;
    int fd = eventfd(1, EFD_NONBLOCK);
    CHECK(fd > 2 && eventfd_write(fd, 4) == 0 && eventfd_read(fd, &value) == 0 && value == 5);
    struct pollfd polled = { fd, POLLIN | POLLOUT, 0 };
    CHECK(read(fd, &value, sizeof value) == -1 && errno == EAGAIN && poll(&polled, 1, 0) == 1 && polled.revents == POLLOUT);
    CHECK(close(fd) == 0 && eventfd(0, 1 << 20) == -1 && errno == EINVAL);
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
    { "names, rights and times change", names_rights_and_times_change },
    { "locks are between programs, and there is one", locks_are_between_programs_and_there_is_one },
    { "a counter is read as one", a_counter_is_read_as_one },
    { "the console is a terminal, and a file is none", the_console_is_a_terminal_and_a_file_is_none },
    { 0 },
};
