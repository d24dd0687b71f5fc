/* Pipes: what is written at one end is read at the other, by whoever waits for it, in one way or another. */
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOM = 64 << 10, MUCH = 1 << 20 };

static unsigned char much[MUCH], back[MUCH];

static void what_goes_in_comes_out(void) {
    int ends[2];
    char text[8], more[8];
    struct stat status;
    CHECK(pipe(ends) == 0 && ends[0] > 2 && ends[1] > ends[0]);
    CHECK(fstat(ends[0], &status) == 0 && S_ISFIFO(status.st_mode));
    CHECK(write(ends[1], "one", 3) == 3 && write(ends[1], "two", 3) == 3);
    /* One read, and no wait for the second buffer. */
    struct iovec buffers[] = { { text, 6 }, { more, sizeof more } };
    CHECK(readv(ends[0], buffers, 2) == 6 && !memcmp(text, "onetwo", 6));
    errno = 0;
    CHECK(read(ends[1], text, 1) == -1 && errno == EBADF);
    CHECK(lseek(ends[0], 0, SEEK_CUR) == -1 && errno == ESPIPE);
    CHECK(write(ends[1], "x", 1) == 1 && close(ends[1]) == 0);
    CHECK(read(ends[0], text, sizeof text) == 1 && read(ends[0], text, sizeof text) == 0);
    CHECK(close(ends[0]) == 0 && read(ends[0], text, 1) == -1 && errno == EBADF);
    CHECK(pipe(NULL) == -1 && errno == EFAULT && pipe2(ends, 1) == -1 && errno == EINVAL);
}

static void *send(void *end) {
    int fd = *(int *) end;
    CHECK(write(fd, much, MUCH) == MUCH);
    CHECK(close(fd) == 0);
    return NULL;
}

static void a_writer_waits_for_room_and_a_reader_for_bytes(void) {
    int ends[2];
    pthread_t thread;
    for (int at = 0; at < MUCH; at++)
        much[at] = at * 2654435761u >> 24;
    CHECK(pipe(ends) == 0 && pthread_create(&thread, NULL, send, &ends[1]) == 0);
    size_t total = 0;
    for (ssize_t count; (count = read(ends[0], back + total, MUCH - total)) != 0 || total < MUCH; total += count)
        CHECK(count > 0);
    CHECK(total == MUCH && !memcmp(much, back, MUCH) && pthread_join(thread, NULL) == 0 && close(ends[0]) == 0);
}

static void who_does_not_wait_is_told(void) {
    int ends[2];
    char text[4];
    CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
    errno = 0;
    CHECK(read(ends[0], text, 1) == -1 && errno == EAGAIN);
    struct pollfd both[] = { { .fd = ends[0], .events = POLLIN }, { .fd = ends[1], .events = POLLOUT } };
    CHECK(poll(both, 2, 0) == 1 && both[0].revents == 0 && both[1].revents == POLLOUT);
    CHECK(write(ends[1], much, MUCH) == ROOM && write(ends[1], much, 1) == -1 && errno == EAGAIN);
    CHECK(poll(both, 2, 0) == 1 && both[0].revents == POLLIN && both[1].revents == 0);
    CHECK(close(ends[1]) == 0 && poll(both, 1, 0) == 1 && both[0].revents == (POLLIN | POLLHUP));
    CHECK(close(ends[0]) == 0);
}

static void *write_late(void *end) {
    usleep(2000);
    CHECK(write(*(int *) end, "x", 1) == 1);
    return NULL;
}

static void select_waits_as_poll_does(void) {
    int ends[2];
    fd_set read_set, write_set;
    pthread_t thread;
    CHECK(pipe(ends) == 0);
    FD_ZERO(&read_set);
    FD_ZERO(&write_set);
    FD_SET(ends[0], &read_set);
    FD_SET(ends[1], &write_set);
    struct timeval none = { 0, 0 }, soon = { 0, 3000 };
    CHECK(select(ends[1] + 1, &read_set, &write_set, NULL, &none) == 1 && !FD_ISSET(ends[0], &read_set) && FD_ISSET(ends[1], &write_set));
    FD_SET(ends[0], &read_set);
    CHECK(select(ends[0] + 1, &read_set, NULL, NULL, &soon) == 0 && !FD_ISSET(ends[0], &read_set));
    FD_SET(ends[0], &read_set);
    CHECK(pthread_create(&thread, NULL, write_late, &ends[1]) == 0);
    CHECK(pselect(ends[0] + 1, &read_set, NULL, NULL, NULL, NULL) == 1 && FD_ISSET(ends[0], &read_set) && pthread_join(thread, NULL) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    errno = 0;
    CHECK(select(ends[0] + 1, &read_set, NULL, NULL, NULL) == -1 && errno == EBADF);
    CHECK(select(FD_SETSIZE + 1, NULL, NULL, NULL, &none) == -1 && errno == EINVAL && select(0, NULL, NULL, NULL, &none) == 0);
}

static void *poll_without_being_cancelled(void *argument) {
    int *is_waiting = argument;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    __atomic_store_n(is_waiting, 1, __ATOMIC_RELEASE);
    CHECK(poll(NULL, 0, 20) == 0);
    return argument;
}

static void a_wait_of_one_who_refuses_is_not_cut_short(void) {
    int is_waiting = 0;
    void *result;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, poll_without_being_cancelled, &is_waiting) == 0);
    while (!__atomic_load_n(&is_waiting, __ATOMIC_ACQUIRE))
        sched_yield();
    usleep(2000);
    CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0 && result == &is_waiting);
}

static int breaks;
static void broken(int number) { breaks += number == SIGPIPE; }

static void writing_what_nobody_reads_is_a_signal_and_an_error(void) {
    int ends[2];
    struct sigaction action = { .sa_handler = broken };
    CHECK(pipe(ends) == 0 && close(ends[0]) == 0 && sigaction(SIGPIPE, &action, NULL) == 0);
    errno = 0;
    CHECK(write(ends[1], "x", 1) == -1 && errno == EPIPE && breaks == 1);
    struct pollfd end = { .fd = ends[1], .events = POLLOUT };
    CHECK(poll(&end, 1, 0) == 1 && end.revents == (POLLOUT | POLLERR));
    CHECK(signal(SIGPIPE, SIG_IGN) == broken && write(ends[1], "x", 1) == -1 && errno == EPIPE && breaks == 1);
    CHECK(signal(SIGPIPE, SIG_DFL) == SIG_IGN && close(ends[1]) == 0);
}

static pthread_t reader;
static void nothing(int number) { (void) number; }

static void *interrupt(void *argument) {
    /* Again and again: the reader may not wait yet. */
    while (!__atomic_load_n((int *) argument, __ATOMIC_ACQUIRE))
        CHECK(pthread_kill(reader, SIGUSR1) == 0 && usleep(100) == 0);
    return NULL;
}

static void a_handler_ends_a_wait_which_lets_its_opening_go(void) {
    int ends[2], is_over = 0;
    char text[1];
    pthread_t thread;
    struct sigaction action = { .sa_handler = nothing };
    CHECK(pipe(ends) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    reader = pthread_self();
    CHECK(pthread_create(&thread, NULL, interrupt, &is_over) == 0);
    for (int time = 0; time < 200; time++)
        CHECK(read(ends[0], text, 1) == -1 && errno == EINTR);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    CHECK(pthread_join(thread, NULL) == 0);
    /* Each wait has let the opening go: else it were not closed now. */
    CHECK(close(ends[0]) == 0 && signal(SIGPIPE, SIG_IGN) == SIG_DFL && write(ends[1], "x", 1) == -1 && errno == EPIPE);
    CHECK(close(ends[1]) == 0 && signal(SIGUSR1, SIG_DFL) == nothing && signal(SIGPIPE, SIG_DFL) == SIG_IGN);
}

const struct check pipes[] = {
    { "what goes into a pipe comes out", what_goes_in_comes_out },
    { "a writer waits for room and a reader for bytes", a_writer_waits_for_room_and_a_reader_for_bytes },
    { "who does not wait is told", who_does_not_wait_is_told },
    { "select waits as poll does", select_waits_as_poll_does },
    { "a wait of one who refuses to be cancelled is not cut short", a_wait_of_one_who_refuses_is_not_cut_short },
    { "writing what nobody reads is a signal and an error", writing_what_nobody_reads_is_a_signal_and_an_error },
    { "a handler ends a wait, which lets its opening go", a_handler_ends_a_wait_which_lets_its_opening_go },
    { 0 },
};
