/* `epoll(7)` over sockets, by level and by edges. */
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static int watch(int epoll, int fd, uint32_t events) {
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* What `fd`, which alone is watched, is told to be ready for; 0: nothing. */
static uint32_t told(int epoll, int fd, int timeout_ms) {
    struct epoll_event event;
    int count = epoll_wait(epoll, &event, 1, timeout_ms);
    CHECK(count >= 0 && (count == 0 || event.data.fd == fd));
    return count ? event.events : 0;
}

static void by_level(void) {
    int ends[2], epoll = epoll_create1(0);
    char text[8];
    connection(AF_INET, ends);
    CHECK(epoll > 2 && watch(epoll, ends[0], EPOLLIN | EPOLLRDHUP) == 0 && told(epoll, ends[0], 0) == 0);
    CHECK(send(ends[1], "ab", 2, 0) == 2);
    CHECK(told(epoll, ends[0], -1) == EPOLLIN && told(epoll, ends[0], 0) == EPOLLIN);
    CHECK(recv(ends[0], text, 8, 0) == 2 && told(epoll, ends[0], 0) == 0);
    CHECK(shutdown(ends[1], SHUT_WR) == 0 && told(epoll, ends[0], -1) == (EPOLLIN | EPOLLRDHUP));
    CHECK(shutdown(ends[0], SHUT_WR) == 0 && told(epoll, ends[0], -1) == (EPOLLIN | EPOLLRDHUP | EPOLLHUP));
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && told(epoll, ends[0], 0) == 0 && close(epoll) == 0);
}

static void by_edges(int ends[2]) {
    int epoll = epoll_create1(EPOLL_CLOEXEC), other[2];
    char text[8];
    static char much[1 << 20];
    connection(AF_INET, other);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && watch(epoll, ends[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0);
    CHECK(told(epoll, ends[0], -1) == EPOLLOUT && told(epoll, ends[0], 0) == 0);
    /* What happens to others is no edge. */
    CHECK(send(other[0], "x", 1, 0) == 1 && recv(other[1], text, 8, 0) == 1 && told(epoll, ends[0], 0) == 0);
    CHECK(send(ends[1], "ab", 2, 0) == 2);
    CHECK(told(epoll, ends[0], -1) == (EPOLLIN | EPOLLOUT) && told(epoll, ends[0], 0) == 0);
    /* It was readable, and more came. */
    CHECK(send(ends[1], "c", 1, 0) == 1 && told(epoll, ends[0], -1) == (EPOLLIN | EPOLLOUT) && told(epoll, ends[0], 0) == 0);
    CHECK(recv(ends[0], text, 8, 0) == 3);
    FAILS(recv(ends[0], text, 8, 0), EAGAIN);
    CHECK(!(told(epoll, ends[0], 0) & EPOLLIN));
    /* Full, and then there is room. */
    while (send(ends[0], much, sizeof much, 0) > 0) {
    }
    CHECK(errno == EAGAIN && !(told(epoll, ends[0], 0) & EPOLLOUT));
    while (recv(ends[1], much, sizeof much, MSG_DONTWAIT) > 0) {
    }
    CHECK(told(epoll, ends[0], 5000) & EPOLLOUT);
    /* An end, and then the other. */
    CHECK(shutdown(ends[1], SHUT_WR) == 0 && told(epoll, ends[0], 5000) & EPOLLRDHUP);
    CHECK(recv(ends[0], text, 8, 0) == 0 && told(epoll, ends[0], 0) == 0);
    CHECK(shutdown(ends[0], SHUT_WR) == 0 && told(epoll, ends[0], 5000) & EPOLLHUP);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(other[0]) == 0 && close(other[1]) == 0 && close(epoll) == 0);
}

static void of_connections(void) {
    int ends[2];
    connection(AF_INET, ends);
    by_edges(ends);
}

static void of_pairs(void) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    by_edges(pair);
}

static void of_datagrams(void) {
    union name name;
    int fd = hearer(AF_INET, &name), epoll = epoll_create1(0);
    char byte;
    CHECK(watch(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET) == 0 && told(epoll, fd, -1) == EPOLLOUT && told(epoll, fd, 0) == 0);
    for (int times = 0; times < 3; times++) {
        CHECK(sendto(fd, "x", 1, 0, &name.any, sizeof name.v4) == 1 && told(epoll, fd, 5000) & EPOLLIN);
    }
    for (int times = 0; times < 3; times++) {
        CHECK(recv(fd, &byte, 1, 0) == 1);
    }
    FAILS(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(!(told(epoll, fd, 0) & EPOLLIN) && close(fd) == 0 && close(epoll) == 0);
}

static void of_listeners(void) {
    union name name;
    int fd = listener(AF_INET, &name), epoll = epoll_create1(0), near[3];
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && watch(epoll, fd, EPOLLIN | EPOLLET) == 0 && told(epoll, fd, 0) == 0);
    for (int at = 0; at < 3; at++) {
        near[at] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(near[at], &name.any, sizeof name.v4) == 0 && told(epoll, fd, 5000) == EPOLLIN);
    }
    for (int at = 0; at < 3; at++) {
        int far = accept(fd, NULL, NULL);
        CHECK(far > 2 && close(far) == 0 && close(near[at]) == 0);
    }
    FAILS(accept(fd, NULL, NULL), EAGAIN);
    CHECK(close(fd) == 0 && close(epoll) == 0);
}

static void of_beginnings(void) {
    union name name, nobody;
    int listens = listener(AF_INET, &name), gone = listener(AF_INET, &nobody), epoll = epoll_create1(0);
    int near = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), refused = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(close(gone) == 0 && (connect(near, &name.any, sizeof name.v4) == 0 || errno == EINPROGRESS));
    CHECK(watch(epoll, near, EPOLLIN | EPOLLOUT | EPOLLET) == 0 && told(epoll, near, 5000) == EPOLLOUT && close(near) == 0);
    if (connect(refused, &nobody.any, sizeof nobody.v4) == -1 && errno == EINPROGRESS) {
        CHECK(watch(epoll, refused, EPOLLOUT | EPOLLET) == 0);
        CHECK((told(epoll, refused, 5000) & (EPOLLERR | EPOLLHUP)) == (EPOLLERR | EPOLLHUP));
    }
    CHECK(close(refused) == 0 && close(listens) == 0 && close(epoll) == 0);
}

enum { ROUNDS = 2000 };

/* Answers each byte, by edges: one that is lost is never answered. */
static void *answer(void *argument) {
    int fd = *(int *) argument, epoll = epoll_create1(0);
    char byte;
    CHECK(watch(epoll, fd, EPOLLIN | EPOLLET) == 0);
    for (int rounds = 0; rounds < ROUNDS;) {
        CHECK(told(epoll, fd, -1) & EPOLLIN);
        while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
            CHECK(send(fd, &byte, 1, 0) == 1);
            rounds++;
        }
        CHECK(errno == EAGAIN || rounds == ROUNDS);
    }
    CHECK(close(epoll) == 0);
    return NULL;
}

static void no_edge_is_lost(void) {
    int ends[2], pair[2];
    pthread_t threads[2];
    char byte;
    connection(AF_INET, ends);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(pthread_create(&threads[0], NULL, answer, &ends[1]) == 0 && pthread_create(&threads[1], NULL, answer, &pair[1]) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        int fd = round & 1 ? ends[0] : pair[0], other = round & 1 ? pair[0] : ends[0];
        CHECK(send(fd, "x", 1, 0) == 1 && send(other, "y", 1, 0) == 1);
        CHECK(recv(fd, &byte, 1, 0) == 1 && byte == 'x' && recv(other, &byte, 1, 0) == 1 && byte == 'y');
    }
    CHECK(pthread_join(threads[0], NULL) == 0 && pthread_join(threads[1], NULL) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

const struct check watching[] = {
    { "epoll by level", by_level },
    { "edges of connections", of_connections },
    { "edges of pairs", of_pairs },
    { "edges of datagrams", of_datagrams },
    { "edges of listeners", of_listeners },
    { "edges of connections that begin", of_beginnings },
    { "no edge is lost", no_edge_is_lost },
    { NULL, NULL },
};
