/* Sockets by the numbers of Linux's calls. */
#define _GNU_SOURCE
#include "check.h"
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A call of this program's own, past the C library. */
static long own(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

static void a_connection_by_numbers(void) {
    union name name, peer;
    char text[8];
    int listens = syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), near = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), one = 1;
    socklen_t length = home(&name, AF_INET, 0);
    CHECK(listens > 2 && near > 2 && syscall(SYS_bind, listens, &name, length) == 0 && syscall(SYS_listen, listens, 8) == 0);
    CHECK(syscall(SYS_getsockname, listens, &name, &length) == 0 && name.v4.sin_port != 0);
    CHECK(syscall(SYS_connect, near, &name, length) == 0);
    int far = syscall(SYS_accept4, listens, &peer, &length, SOCK_NONBLOCK);
    CHECK(far > 2 && peer.v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    FAILS(syscall(SYS_recvfrom, far, text, 8, 0, NULL, NULL), EAGAIN);
    CHECK(syscall(SYS_sendto, near, "abc", 3, 0, NULL, 0) == 3 && poll(&(struct pollfd){ far, POLLIN, 0 }, 1, 5000) == 1);
    CHECK(syscall(SYS_recvfrom, far, text, 8, 0, NULL, NULL) == 3 && !memcmp(text, "abc", 3));
    CHECK(syscall(SYS_setsockopt, near, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one) == 0);
    length = sizeof one, one = 0;
    CHECK(syscall(SYS_getsockopt, near, SOL_SOCKET, SO_KEEPALIVE, &one, &length) == 0 && one == 1);
    CHECK(syscall(SYS_shutdown, near, SHUT_WR) == 0 && poll(&(struct pollfd){ far, POLLIN, 0 }, 1, 5000) == 1);
    CHECK(syscall(SYS_recvfrom, far, text, 8, 0, NULL, NULL) == 0);
    CHECK(close(near) == 0 && close(far) == 0 && close(listens) == 0);
    FAILS(syscall(SYS_listen, listens, 1), EBADF);
    FAILS(syscall(SYS_socket, 77, SOCK_STREAM, 0), EAFNOSUPPORT);
}

static void messages_by_calls_of_ones_own(void) {
    int pair[2];
    char text[8] = "";
    struct iovec part = { (void *)"abc", 3 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    errno = 77;
    CHECK(own(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, (long)pair, 0, 0) == 0);
    CHECK(own(SYS_sendmsg, pair[0], (long)&message, 0, 0, 0, 0) == 3);
    part = (struct iovec){ text, sizeof text };
    CHECK(own(SYS_recvmsg, pair[1], (long)&message, 0, 0, 0, 0) == 3 && !strcmp(text, "abc"));
    CHECK(own(SYS_recvfrom, pair[1], (long)text, 8, MSG_DONTWAIT, 0, 0) == -EAGAIN && own(SYS_bind, 1000, 0, 0, 0, 0, 0) == -EBADF);
    CHECK(errno == 77);
    CHECK(close(pair[0]) == 0 && own(SYS_recvfrom, pair[1], (long)text, 8, 0, 0, 0) == 0 && close(pair[1]) == 0);
}

const struct check numbers[] = {
    { "a connection is made by numbers", a_connection_by_numbers },
    { "messages are sent by calls of one's own", messages_by_calls_of_ones_own },
    { NULL, NULL },
};
