/* Datagrams: each comes whole or not at all, from somebody. */
#define _GNU_SOURCE
#include "check.h"
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static void from_somebody(int family) {
    union name name, from, own;
    socklen_t length = sizeof from;
    int here = hearer(family, &name), there = hearer(family, &own), count;
    char text[8];
    CHECK(sendto(there, "hello", 5, 0, &name.any, sizeof name) == 5);
    CHECK(ioctl(here, FIONREAD, &count) == 0 && count == 5);
    CHECK(recvfrom(here, text, 8, MSG_PEEK, &from.any, &length) == 5 && !memcmp(&from, &own, length));
    CHECK(recvfrom(here, text, 3, MSG_TRUNC, NULL, NULL) == 5 && !memcmp(text, "hel", 3));
    FAILS(recv(here, text, 8, MSG_DONTWAIT), EAGAIN);
    CHECK(sendto(there, NULL, 0, 0, &name.any, sizeof name) == 0 && recv(here, text, 8, 0) == 0);
    FAILS(send(there, "x", 1, 0), EDESTADDRREQ);
    CHECK(close(here) == 0 && close(there) == 0);
}

static void of_v4(void) { from_somebody(AF_INET); }
static void of_v6(void) { from_somebody(AF_INET6); }

static void with_one_alone(void) {
    union name name, own, other;
    int here = hearer(AF_INET, &name), there = hearer(AF_INET, &own), stranger = hearer(AF_INET, &other);
    char text[8];
    struct sockaddr nobody = { .sa_family = AF_UNSPEC };
    CHECK(connect(here, &own.any, sizeof own.v4) == 0 && send(here, "a", 1, 0) == 1 && recv(there, text, 8, 0) == 1);
    CHECK(sendto(stranger, "s", 1, 0, &name.any, sizeof name.v4) == 1);
    CHECK(sendto(there, "t", 1, 0, &name.any, sizeof name.v4) == 1);
    CHECK(recv(here, text, 8, 0) == 1 && text[0] == 't');
    FAILS(recv(here, text, 8, MSG_DONTWAIT), EAGAIN);
    CHECK(connect(here, &nobody, sizeof nobody) == 0);
    FAILS(send(here, "x", 1, 0), EDESTADDRREQ);
    CHECK(sendto(stranger, "s", 1, 0, &name.any, sizeof name.v4) == 1 && recv(here, text, 8, 0) == 1);
    CHECK(close(here) == 0 && close(there) == 0 && close(stranger) == 0);
}

static void nobody_hears(void) {
    union name name, own;
    int here = hearer(AF_INET, &name), there = hearer(AF_INET, &own);
    char byte;
    struct pollfd end = { here, POLLIN, 0 };
    CHECK(connect(here, &own.any, sizeof own.v4) == 0 && close(there) == 0 && send(here, "x", 1, 0) == 1);
    CHECK(poll(&end, 1, 5000) == 1 && end.revents & POLLERR);
    FAILS(recv(here, &byte, 1, 0), ECONNREFUSED);
    CHECK(close(here) == 0);
}

static void in_pieces(void) {
    union name name, own, from;
    int here = hearer(AF_INET6, &name), there = hearer(AF_INET6, &own);
    char text[3], more[3];
    struct iovec out[] = { { "abc", 3 }, { "defgh", 5 } }, in[] = { { text, 3 }, { more, 3 } };
    struct msghdr sent = { .msg_iov = out, .msg_iovlen = 2, .msg_name = &name, .msg_namelen = sizeof name.v6 };
    struct msghdr received = { .msg_iov = in, .msg_iovlen = 2, .msg_name = &from, .msg_namelen = sizeof from };
    CHECK(sendmsg(there, &sent, 0) == 8 && recvmsg(here, &received, 0) == 6 && received.msg_flags == MSG_TRUNC);
    CHECK(!memcmp(text, "abc", 3) && !memcmp(more, "def", 3));
    CHECK(received.msg_namelen == sizeof own.v6 && !memcmp(&from, &own, sizeof own.v6));
    CHECK(close(here) == 0 && close(there) == 0);
}

static void too_long(void) {
    static char much[65536];
    union name name;
    int here = hearer(AF_INET, &name);
    FAILS(sendto(here, much, sizeof much, 0, &name.any, sizeof name.v4), EMSGSIZE);
    CHECK(sendto(here, much, 16384, 0, &name.any, sizeof name.v4) == 16384 && recv(here, much, sizeof much, 0) == 16384);
    CHECK(close(here) == 0);
}

static void many_at_once(void) {
    union name name, own;
    int here = hearer(AF_INET, &name), there = hearer(AF_INET, &own);
    char text[4][4];
    struct iovec out[] = { { "a", 1 }, { "bc", 2 }, { "def", 3 } }, in[4];
    struct mmsghdr sent[3], received[4];
    memset(sent, 0, sizeof sent);
    memset(received, 0, sizeof received);
    for (int at = 0; at < 4; at++) {
        in[at] = (struct iovec) { text[at], 4 };
        received[at].msg_hdr = (struct msghdr) { .msg_iov = &in[at], .msg_iovlen = 1 };
        if (at < 3) {
            sent[at].msg_hdr = (struct msghdr) { .msg_iov = &out[at], .msg_iovlen = 1 };
        }
    }
    CHECK(connect(there, &name.any, sizeof name.v4) == 0 && sendmmsg(there, sent, 3, 0) == 3 && sent[2].msg_len == 3);
    CHECK(recvmmsg(here, received, 4, MSG_WAITFORONE, NULL) == 3);
    CHECK(received[0].msg_len == 1 && received[1].msg_len == 2 && received[2].msg_len == 3 && !memcmp(text[2], "def", 3));
    struct timespec none = { 0, 0 };
    CHECK(sendmmsg(there, sent, 2, 0) == 2 && recvmmsg(here, received, 4, 0, &none) == 1);
    CHECK(recvmmsg(here, received, 4, MSG_DONTWAIT, NULL) == 1);
    FAILS(recvmmsg(here, received, 4, MSG_DONTWAIT, NULL), EAGAIN);
    CHECK(close(here) == 0 && close(there) == 0);
}

const struct check datagrams[] = {
    { "a datagram of IPv4 comes from somebody", of_v4 },
    { "a datagram of IPv6 comes from somebody", of_v6 },
    { "who speaks with one alone, and with all again", with_one_alone },
    { "nobody hears it, and that is told", nobody_hears },
    { "a datagram in pieces, and cut", in_pieces },
    { "a datagram that is too long", too_long },
    { "several messages at once", many_at_once },
    { NULL, NULL },
};
