/* Pairs of sockets that are connected with each other. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MUCH = 300000 };

static unsigned char much[MUCH], back[MUCH];

static void both_ways(void) {
    int pair[2], count;
    char text[8];
    struct stat status;
    union name name;
    socklen_t length = sizeof name;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && fcntl(pair[1], F_GETFD) == FD_CLOEXEC);
    CHECK(fstat(pair[0], &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK(send(pair[0], "abc", 3, 0) == 3 && write(pair[1], "xy", 2) == 2);
    CHECK(ioctl(pair[1], FIONREAD, &count) == 0 && count == 3);
    CHECK(recv(pair[1], text, 2, MSG_PEEK) == 2 && read(pair[1], text, 8) == 3 && !memcmp(text, "abc", 3));
    CHECK(recv(pair[0], text, 8, 0) == 2);
    FAILS(recv(pair[0], text, 8, MSG_DONTWAIT), EAGAIN);
    CHECK(getsockname(pair[0], &name.any, &length) == 0 && name.any.sa_family == AF_UNIX && length == 2);
    struct ucred peer;
    length = sizeof peer;
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == getpid() && length == sizeof peer);
    CHECK(close(pair[0]) == 0 && recv(pair[1], text, 8, 0) == 0);
    FAILS(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(close(pair[1]) == 0);
}

static void *fill(void *end) {
    CHECK(send(*(int *) end, much, MUCH, 0) == MUCH);
    return NULL;
}

static void more_than_there_is_room_for(void) {
    int pair[2];
    pthread_t thread;
    for (int at = 0; at < MUCH; at++) {
        much[at] = at * 7 + (at >> 8);
    }
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && pthread_create(&thread, NULL, fill, &pair[0]) == 0);
    CHECK(recv(pair[1], back, MUCH, MSG_WAITALL) == MUCH && !memcmp(much, back, MUCH));
    CHECK(pthread_join(thread, NULL) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void messages_stay_apart(void) {
    int pair[2];
    char text[8];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    CHECK(send(pair[0], "first", 5, 0) == 5 && send(pair[0], "", 0, 0) == 0 && send(pair[0], "third", 5, 0) == 5);
    CHECK(recv(pair[1], text, 3, MSG_TRUNC) == 5 && recv(pair[1], text, 8, 0) == 0 && recv(pair[1], text, 8, 0) == 5);
    CHECK(close(pair[1]) == 0);
    FAILS(send(pair[0], "x", 1, 0), ECONNREFUSED);
    CHECK(close(pair[0]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0 && send(pair[0], "one", 3, 0) == 3 && send(pair[0], "two", 3, 0) == 3);
    CHECK(close(pair[0]) == 0 && recv(pair[1], text, 8, 0) == 3 && recv(pair[1], text, 8, 0) == 3 && recv(pair[1], text, 8, 0) == 0);
    CHECK(close(pair[1]) == 0);
}

static void ends_are_polled(void) {
    int pair[2];
    char text[8];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    struct pollfd end = { pair[1], POLLIN | POLLOUT | POLLRDHUP, 0 };
    CHECK(poll(&end, 1, 0) == 1 && end.revents == POLLOUT);
    CHECK(send(pair[0], "x", 1, 0) == 1 && poll(&end, 1, 0) == 1 && end.revents == (POLLIN | POLLOUT));
    CHECK(shutdown(pair[0], SHUT_WR) == 0 && poll(&end, 1, 0) == 1 && end.revents == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(recv(pair[1], text, 8, 0) == 1 && recv(pair[1], text, 8, 0) == 0);
    while (send(pair[1], much, MUCH, 0) > 0) {
    }
    CHECK(errno == EAGAIN && poll(&end, 1, 0) == 1 && end.revents == (POLLIN | POLLRDHUP));
    CHECK(close(pair[0]) == 0 && poll(&end, 1, 0) == 1 && end.revents == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
    FAILS(recv(pair[1], text, 8, 0), ECONNRESET);
    CHECK(close(pair[1]) == 0);
}

static void refused(void) {
    int pair[2];
    FAILS(socketpair(AF_INET, SOCK_STREAM, 0, pair), EOPNOTSUPP);
    FAILS(socketpair(77, SOCK_STREAM, 0, pair), EAFNOSUPPORT);
    FAILS(socketpair(AF_UNIX, 77, 0, pair), ESOCKTNOSUPPORT);
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 6, pair), EPROTONOSUPPORT);
    int *nowhere = NULL;
    FAILS(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    FAILS(listen(pair[0], 1), EINVAL);
    CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
}

const struct check pairs[] = {
    { "a pair speaks both ways", both_ways },
    { "a pair carries more than there is room for", more_than_there_is_room_for },
    { "messages of a pair stay apart", messages_stay_apart },
    { "the ends of a pair are polled", ends_are_polled },
    { "a pair that cannot be", refused },
    { NULL, NULL },
};
