/* Waits: what ends them, and what lets them go on. */
#include "check.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void) {
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void timeouts(void) {
    int ends[2], pair[2];
    char byte;
    struct timeval time = { 0, 20000 };
    connection(AF_INET, ends);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (int at = 0; at < 2; at++) {
        int fd = at ? pair[0] : ends[0];
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
        long began = now_ms();
        FAILS(recv(fd, &byte, 1, 0), EAGAIN);
        FAILS(read(fd, &byte, 1), EAGAIN);
        CHECK(now_ms() - began >= 38);
        CHECK(close(fd) == 0);
    }
    union name name;
    int listens = listener(AF_INET, &name);
    CHECK(setsockopt(listens, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    FAILS(accept(listens, NULL, NULL), EAGAIN);
    CHECK(close(ends[1]) == 0 && close(pair[1]) == 0 && close(listens) == 0);
}

static void a_timeout_of_sending(void) {
    static char much[1 << 20];
    int ends[2];
    struct timeval time = { 0, 20000 };
    connection(AF_INET, ends);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
    /* What was sent before the time was over counts. */
    ssize_t sent = 0, more;
    while ((more = send(ends[0], much, sizeof much, 0)) > 0) {
        sent += more;
    }
    CHECK(more == -1 && errno == EAGAIN && sent > 0 && sent < (ssize_t) sizeof much);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* A thread that waits in `receive`, and what came of it. */
struct waiter {
    pthread_t thread;
    int fd;
    atomic_int stands;
    ssize_t count;
    int number;
};

static void *receive(void *argument) {
    struct waiter *waiter = argument;
    char byte;
    waiter->stands = 1;
    waiter->count = recv(waiter->fd, &byte, 1, 0);
    waiter->number = errno;
    return NULL;
}

static void start(struct waiter *waiter, int fd) {
    memset(waiter, 0, sizeof *waiter);
    waiter->fd = fd;
    CHECK(pthread_create(&waiter->thread, NULL, receive, waiter) == 0);
    while (!waiter->stands) {
        sched_yield();
    }
}

static atomic_int handled;

static void handle(int signal) { handled += signal == SIGUSR1; }

static void signals_end_waits(void) {
    int ends[2], pair[2];
    struct waiter waiter;
    connection(AF_INET, ends);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct sigaction action = { .sa_handler = handle };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int at = 0; at < 2; at++) {
        handled = 0;
        start(&waiter, at ? pair[0] : ends[0]);
        /* One that comes before the wait lets it begin. */
        do {
            CHECK(pthread_kill(waiter.thread, SIGUSR1) == 0);
            usleep(1000);
        } while (!(waiter.count == -1));
        CHECK(pthread_join(waiter.thread, NULL) == 0 && waiter.number == EINTR && handled > 0);
    }
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int at = 0; at < 2; at++) {
        handled = 0;
        start(&waiter, at ? pair[0] : ends[0]);
        for (int times = 0; times < 5; times++) {
            CHECK(pthread_kill(waiter.thread, SIGUSR1) == 0);
            usleep(1000);
        }
        CHECK(send(at ? pair[1] : ends[1], "x", 1, 0) == 1);
        CHECK(pthread_join(waiter.thread, NULL) == 0 && waiter.count == 1 && handled > 0);
    }
    /* With a timeout there is no going on (signal(7)). */
    struct timeval time = { 60, 0 };
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    start(&waiter, ends[0]);
    do {
        CHECK(pthread_kill(waiter.thread, SIGUSR1) == 0);
        usleep(1000);
    } while (!(waiter.count == -1));
    CHECK(pthread_join(waiter.thread, NULL) == 0 && waiter.number == EINTR);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void *accept_for_ever(void *fd) {
    accept(*(int *) fd, NULL, NULL);
    return NULL;
}

static void cancelled(void) {
    union name name;
    int ends[2], listens = listener(AF_INET, &name);
    struct waiter waiter;
    pthread_t thread;
    void *result;
    connection(AF_INET, ends);
    start(&waiter, ends[0]);
    CHECK(pthread_cancel(waiter.thread) == 0 && pthread_join(waiter.thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(pthread_create(&thread, NULL, accept_for_ever, &listens) == 0 && pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(listens) == 0);
}

static void *accept_one(void *argument) {
    struct waiter *waiter = argument;
    waiter->stands = 1;
    waiter->count = accept(waiter->fd, NULL, NULL);
    waiter->number = errno;
    return NULL;
}

static void a_listener_that_is_shut_down(void) {
    union name name;
    struct waiter waiter = { .fd = listener(AF_INET, &name) };
    CHECK(pthread_create(&waiter.thread, NULL, accept_one, &waiter) == 0);
    while (!waiter.stands) {
        sched_yield();
    }
    CHECK(shutdown(waiter.fd, SHUT_RD) == 0 && pthread_join(waiter.thread, NULL) == 0);
    CHECK(waiter.count == -1 && waiter.number == EINVAL);
    CHECK(listen(waiter.fd, 1) == 0 && close(waiter.fd) == 0);
}

static void selected(void) {
    int ends[2];
    fd_set read, write;
    struct timeval none = { 0, 0 };
    connection(AF_INET, ends);
    FD_ZERO(&read);
    FD_ZERO(&write);
    FD_SET(ends[0], &read);
    FD_SET(ends[1], &write);
    CHECK(select(ends[1] + 1, &read, &write, NULL, &none) == 1 && !FD_ISSET(ends[0], &read) && FD_ISSET(ends[1], &write));
    FD_SET(ends[0], &read);
    CHECK(send(ends[1], "x", 1, 0) == 1 && select(ends[1] + 1, &read, NULL, NULL, NULL) == 1 && FD_ISSET(ends[0], &read));
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void polled(void) {
    int ends[2];
    char byte;
    connection(AF_INET6, ends);
    struct pollfd end = { ends[0], POLLIN | POLLOUT | POLLRDHUP, 0 };
    CHECK(poll(&end, 1, 0) == 1 && end.revents == POLLOUT);
    CHECK(send(ends[1], "x", 1, 0) == 1 && shutdown(ends[1], SHUT_WR) == 0);
    end.events = POLLRDHUP;
    CHECK(poll(&end, 1, 5000) == 1 && end.revents == POLLRDHUP);
    end.events = POLLIN;
    CHECK(poll(&end, 1, 0) == 1 && end.revents == POLLIN && recv(ends[0], &byte, 1, 0) == 1 && recv(ends[0], &byte, 1, 0) == 0);
    CHECK(shutdown(ends[0], SHUT_WR) == 0);
    end.events = 0;
    CHECK(poll(&end, 1, 5000) == 1 && end.revents == POLLHUP);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

const struct check waits[] = {
    { "who waits to receive or to accept waits so long", timeouts },
    { "who waits to send waits so long", a_timeout_of_sending },
    { "a signal ends a wait, or lets it go on", signals_end_waits },
    { "who waits is cancelled", cancelled },
    { "a listener that is shut down lets go who waits", a_listener_that_is_shut_down },
    { "select finds who is ready", selected },
    { "poll finds what each end is ready for", polled },
    { NULL, NULL },
};
