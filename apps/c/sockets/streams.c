/* Connections: every byte of what one end sends comes at the other, until an end. */
#include "check.h"
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MUCH = 1 << 20 };

static unsigned char much[MUCH], back[MUCH];

static void named(int family) {
    union name name, own, peer, other;
    socklen_t length = sizeof peer, length_of_own = sizeof own, length_of_other = sizeof other;
    int listens = listener(family, &name), near = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fcntl(near, F_GETFD) == FD_CLOEXEC && fcntl(listens, F_GETFD) == 0);
    FAILS(getpeername(near, &peer.any, &length), ENOTCONN);
    CHECK(connect(near, &name.any, sizeof name) == 0);
    int far = accept4(listens, &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(far > 2 && fcntl(far, F_GETFD) == FD_CLOEXEC && fcntl(far, F_GETFL) & O_NONBLOCK);
    CHECK(getsockname(near, &own.any, &length_of_own) == 0 && length == length_of_own && !memcmp(&own, &peer, length));
    CHECK(length == (family == AF_INET ? sizeof peer.v4 : sizeof peer.v6));
    CHECK(getpeername(near, &other.any, &length_of_other) == 0 && !memcmp(&other, &name, length_of_other));
    /* As much as there is room for, and how long it would be. */
    memset(&other, 0x55, sizeof other);
    length_of_other = 4;
    CHECK(getpeername(near, &other.any, &length_of_other) == 0 && length_of_other == length);
    CHECK(!memcmp(&other, &name, 4) && ((unsigned char *) &other)[4] == 0x55);
    FAILS(connect(near, &name.any, sizeof name), EISCONN);
    CHECK(close(near) == 0 && close(far) == 0 && close(listens) == 0);
}

static void names_of_v4(void) { named(AF_INET); }
static void names_of_v6(void) { named(AF_INET6); }

static void both_families(void) {
    union name any = { 0 }, name, peer;
    socklen_t length = sizeof peer;
    int listens = socket(AF_INET6, SOCK_STREAM, 0), near = socket(AF_INET, SOCK_STREAM, 0);
    any.v6.sin6_family = AF_INET6;
    CHECK(bind(listens, &any.any, sizeof any.v6) == 0 && listen(listens, -1) == 0);
    CHECK(getsockname(listens, &any.any, &length) == 0);
    length = home(&name, AF_INET, ntohs(any.v6.sin6_port));
    CHECK(connect(near, &name.any, length) == 0);
    length = sizeof peer;
    int far = accept(listens, &peer.any, &length);
    CHECK(far > 2 && length == sizeof peer.v6 && IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr));
    CHECK(close(near) == 0 && close(far) == 0 && close(listens) == 0);
}

static void *say_back(void *end) {
    int fd = *(int *) end;
    static unsigned char piece[20000];
    for (;;) {
        ssize_t count = recv(fd, piece, sizeof piece, 0);
        CHECK(count >= 0);
        if (count == 0) {
            break;
        }
        CHECK(send(fd, piece, count, MSG_NOSIGNAL) == count);
    }
    CHECK(shutdown(fd, SHUT_WR) == 0);
    return NULL;
}

static void *say_much(void *end) {
    CHECK(send(*(int *) end, much, MUCH, 0) == MUCH);
    CHECK(shutdown(*(int *) end, SHUT_WR) == 0);
    return NULL;
}

static void every_byte_comes_back(void) {
    int ends[2];
    pthread_t writer, echo;
    for (size_t at = 0; at < MUCH; at++) {
        much[at] = at * 31 + (at >> 8);
    }
    connection(AF_INET, ends);
    CHECK(pthread_create(&writer, NULL, say_much, &ends[0]) == 0 && pthread_create(&echo, NULL, say_back, &ends[1]) == 0);
    CHECK(recv(ends[0], back, MUCH, MSG_WAITALL) == MUCH && !memcmp(much, back, MUCH));
    CHECK(recv(ends[0], back, 1, 0) == 0);
    CHECK(pthread_join(writer, NULL) == 0 && pthread_join(echo, NULL) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void as_files(void) {
    int ends[2], count;
    char text[16] = "", more[16] = "";
    struct stat status;
    connection(AF_INET6, ends);
    count = 1;
    CHECK(setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &count, sizeof count) == 0);
    CHECK(fstat(ends[0], &status) == 0 && S_ISSOCK(status.st_mode));
    FAILS(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
    struct iovec out[] = { { "one", 3 }, { "two", 3 } }, in[] = { { text, 4 }, { more, 9 } };
    CHECK(write(ends[0], "x", 1) == 1 && writev(ends[0], out, 2) == 6);
    CHECK(ioctl(ends[1], FIONREAD, &count) == 0 && count == 7);
    CHECK(recv(ends[1], text, 9, MSG_PEEK) == 7 && read(ends[1], text, 1) == 1 && text[0] == 'x');
    CHECK(readv(ends[1], in, 2) == 6 && !memcmp(text, "onet", 4) && !memcmp(more, "wo", 2));
    CHECK(ioctl(ends[1], FIONREAD, &count) == 0 && count == 0);
    FAILS(recv(ends[1], text, 1, MSG_DONTWAIT), EAGAIN);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    FAILS(read(ends[1], text, 1), EAGAIN);
    count = 0;
    CHECK(ioctl(ends[1], FIONBIO, &count) == 0 && !(fcntl(ends[1], F_GETFL) & O_NONBLOCK));
    int twin = dup(ends[0]);
    CHECK(twin > 2 && close(ends[0]) == 0 && write(twin, "y", 1) == 1 && read(ends[1], text, 9) == 1);
    CHECK(close(twin) == 0 && read(ends[1], text, 9) == 0 && close(ends[1]) == 0);
}

static void messages(void) {
    int ends[2];
    char text[4] = "", more[8] = "";
    union name name;
    connection(AF_INET, ends);
    struct iovec out[] = { { "ab", 2 }, { NULL, 0 }, { "cdefg", 5 } }, in[] = { { text, 4 }, { more, 8 } };
    struct msghdr sent = { .msg_iov = out, .msg_iovlen = 3 };
    struct msghdr received = { .msg_iov = in, .msg_iovlen = 2, .msg_name = &name, .msg_namelen = sizeof name, .msg_flags = -1 };
    CHECK(sendmsg(ends[0], &sent, 0) == 7 && recvmsg(ends[1], &received, 0) == 7);
    CHECK(!memcmp(text, "abcd", 4) && !memcmp(more, "efg", 3) && received.msg_flags == 0 && received.msg_namelen == 0);
    sent.msg_control = text;
    sent.msg_controllen = sizeof text;
    FAILS(sendmsg(ends[0], &sent, 0), EOPNOTSUPP);
    FAILS(sendmsg(ends[0], NULL, 0), EFAULT);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void halves(void) {
    int ends[2];
    char text[8];
    connection(AF_INET, ends);
    CHECK(send(ends[0], "last", 4, 0) == 4 && shutdown(ends[0], SHUT_WR) == 0);
    FAILS(send(ends[0], "x", 1, 0), EPIPE);
    CHECK(recv(ends[1], text, 8, 0) == 4 && recv(ends[1], text, 8, 0) == 0);
    CHECK(send(ends[1], "back", 4, 0) == 4 && recv(ends[0], text, 8, 0) == 4);
    FAILS(shutdown(ends[0], 3), EINVAL);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static volatile sig_atomic_t broken;

static void count_broken(int signal) { broken += signal == SIGPIPE; }

static void broken_pipe(void) {
    int ends[2];
    struct sigaction action = { .sa_handler = count_broken }, before;
    connection(AF_INET, ends);
    CHECK(sigaction(SIGPIPE, &action, &before) == 0 && shutdown(ends[0], SHUT_WR) == 0);
    FAILS(send(ends[0], "x", 1, 0), EPIPE);
    CHECK(broken == 1);
    FAILS(write(ends[0], "x", 1), EPIPE);
    CHECK(broken == 2);
    FAILS(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(broken == 2 && sigaction(SIGPIPE, &before, NULL) == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void resets(void) {
    int ends[2], error;
    char byte;
    socklen_t length = sizeof error;
    struct linger linger = { 1, 0 };
    struct pollfd end;
    connection(AF_INET, ends);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0 && close(ends[0]) == 0);
    end = (struct pollfd) { ends[1], POLLIN, 0 };
    CHECK(poll(&end, 1, 5000) == 1 && end.revents & POLLERR && end.revents & POLLHUP);
    CHECK(getsockopt(ends[1], SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNRESET);
    CHECK(recv(ends[1], &byte, 1, 0) == 0 && close(ends[1]) == 0);
}

static void nobody_listens(void) {
    union name name;
    int fd = listener(AF_INET, &name), near = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(close(fd) == 0);
    FAILS(connect(near, &name.any, sizeof name), ECONNREFUSED);
    int later = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
    socklen_t length = sizeof error;
    if (connect(later, &name.any, sizeof name) == -1 && errno == EINPROGRESS) {
        struct pollfd end = { later, POLLOUT, 0 };
        CHECK(poll(&end, 1, 5000) == 1 && end.revents & POLLERR);
        CHECK(getsockopt(later, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNREFUSED);
    } else {
        CHECK(errno == ECONNREFUSED);
    }
    CHECK(close(near) == 0 && close(later) == 0);
}

static void in_the_background(void) {
    union name name;
    int listens = listener(AF_INET6, &name), near = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0), error = -1;
    socklen_t length = sizeof error;
    struct pollfd end = { near, POLLOUT, 0 };
    CHECK(connect(near, &name.any, sizeof name.v6) == 0 || errno == EINPROGRESS);
    CHECK(poll(&end, 1, 5000) == 1 && end.revents == POLLOUT);
    CHECK(getsockopt(near, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0);
    CHECK(fcntl(listens, F_SETFL, O_NONBLOCK) == 0);
    int far = accept(listens, NULL, NULL);
    CHECK(far > 2 && !(fcntl(far, F_GETFL) & O_NONBLOCK));
    FAILS(accept(listens, NULL, NULL), EAGAIN);
    CHECK(close(near) == 0 && close(far) == 0 && close(listens) == 0);
}

static void wrong_arguments(void) {
    union name name;
    socklen_t length = sizeof name;
    int stream = socket(AF_INET, SOCK_STREAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0);
    char byte = 0;
    FAILS(socket(AF_NETLINK, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socket(AF_INET, 77, 0), EINVAL);
    FAILS(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP), EPROTONOSUPPORT);
    FAILS(socket(AF_INET, SOCK_RAW, 0), ESOCKTNOSUPPORT);
    FAILS(listen(999, 1), EBADF);
    FAILS(listen(1, 1), ENOTSOCK);
    FAILS(listen(other, 1), EOPNOTSUPP);
    FAILS(accept(stream, NULL, NULL), EINVAL);
    FAILS(accept(other, NULL, NULL), EOPNOTSUPP);
    FAILS(accept4(stream, NULL, NULL, 1), EINVAL);
    FAILS(recv(stream, &byte, 1, 0), ENOTCONN);
    FAILS(send(stream, &byte, 1, 0), ENOTCONN);
    FAILS(recv(999, &byte, 1, 0), EBADF);
    FAILS(recv(0, &byte, 1, 0), ENOTSOCK);
    FAILS(shutdown(stream, SHUT_RD), ENOTCONN);
    FAILS(bind(stream, NULL, 16), EFAULT);
    FAILS(getsockname(stream, &name.any, NULL), EFAULT);
    FAILS(getsockname(1, &name.any, &length), ENOTSOCK);
    length = home(&name, AF_INET, 0);
    FAILS(bind(stream, &name.any, 8), EINVAL);
    FAILS(bind(other, &name.any, length), EAFNOSUPPORT);
    name.any.sa_family = 77;
    FAILS(bind(stream, &name.any, length), EAFNOSUPPORT);
    name.v4 = (struct sockaddr_in) { AF_INET, 0, { htonl(0x01020304) }, { 0 } };
    FAILS(bind(stream, &name.any, length), EADDRNOTAVAIL);
    CHECK(close(stream) == 0 && close(other) == 0);
}

const struct check streams[] = {
    { "a connection of IPv4, and its names", names_of_v4 },
    { "a connection of IPv6, and its names", names_of_v6 },
    { "IPv4 to who listens for both", both_families },
    { "every byte comes back", every_byte_comes_back },
    { "a connection is a file", as_files },
    { "messages of several pieces", messages },
    { "one half ends before the other", halves },
    { "a broken pipe is a signal, unless it is not wanted", broken_pipe },
    { "a connection that breaks is told", resets },
    { "where nobody listens a connection is refused", nobody_listens },
    { "a connection begins in the background", in_the_background },
    { "wrong arguments are answered as on Linux", wrong_arguments },
    { NULL, NULL },
};
