/* Options of sockets: what is set is told, and what cannot be is refused. */
#define _GNU_SOURCE
#include "check.h"
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static int told(int fd, int level, int option) {
    int value = -1;
    socklen_t length = sizeof value;
    CHECK(getsockopt(fd, level, option, &value, &length) == 0 && length == sizeof value);
    return value;
}

static void set(int fd, int level, int option, int value) {
    CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0 && told(fd, level, option) == value);
}

static void flags(void) {
    int stream = socket(AF_INET6, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    set(stream, SOL_SOCKET, SO_REUSEADDR, 1);
    set(stream, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(stream, IPPROTO_TCP, TCP_NODELAY, 1);
    set(stream, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    set(stream, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7);
    set(datagrams, SOL_SOCKET, SO_BROADCAST, 1);
    set(datagrams, SOL_SOCKET, SO_REUSEPORT, 1);
    set(datagrams, IPPROTO_IP, IP_TTL, 9);
    set(datagrams, IPPROTO_IP, IP_MULTICAST_TTL, 3);
    set(datagrams, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
    unsigned char byte = 5;
    CHECK(setsockopt(datagrams, IPPROTO_IP, IP_MULTICAST_TTL, &byte, 1) == 0 && told(datagrams, IPPROTO_IP, IP_MULTICAST_TTL) == 5);
    CHECK(told(datagrams, SOL_SOCKET, SO_RCVBUF) > 0 && told(stream, SOL_SOCKET, SO_SNDBUF) > 0);
    CHECK(close(stream) == 0 && close(datagrams) == 0);
}

static void natures(void) {
    int pair[2], stream = socket(AF_INET6, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
    union name name;
    int listens = listener(AF_INET, &name);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    CHECK(told(stream, SOL_SOCKET, SO_TYPE) == SOCK_STREAM && told(datagrams, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM);
    CHECK(told(pair[0], SOL_SOCKET, SO_TYPE) == SOCK_SEQPACKET && told(pair[0], SOL_SOCKET, SO_DOMAIN) == AF_UNIX);
    CHECK(told(stream, SOL_SOCKET, SO_DOMAIN) == AF_INET6 && told(datagrams, SOL_SOCKET, SO_DOMAIN) == AF_INET);
    CHECK(told(stream, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP && told(datagrams, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_UDP);
    CHECK(told(stream, SOL_SOCKET, SO_ACCEPTCONN) == 0 && told(listens, SOL_SOCKET, SO_ACCEPTCONN) == 1);
    CHECK(close(stream) == 0 && close(datagrams) == 0 && close(listens) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
}

static void times(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval time = { 3, 500000 }, back = { 0, 0 };
    socklen_t length = sizeof back;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &back, &length) == 0 && !memcmp(&time, &back, sizeof back));
    CHECK(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &back, &length) == 0 && back.tv_sec == 0 && back.tv_usec == 0);
    time.tv_usec = 1000000;
    FAILS(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time), EDOM);
    struct linger linger = { 1, 5 }, told = { 0, 0 };
    length = sizeof told;
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &told, &length) == 0 && told.l_onoff == 1 && told.l_linger == 5);
    CHECK(close(fd) == 0);
}

static void groups(void) {
    union name name = { .v4 = { AF_INET, 0, { htonl(INADDR_ANY) }, { 0 } } };
    struct ip_mreqn group = { { htonl(0xefff0102) }, { htonl(INADDR_ANY) }, 0 };
    struct ipv6_mreq group6 = { .ipv6mr_multiaddr = { { { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2 } } } };
    socklen_t length = sizeof name;
    char text[8];
    int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(bind(fd, &name.any, sizeof name.v4) == 0 && getsockname(fd, &name.any, &length) == 0);
    CHECK(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) == 0);
    name.v4.sin_addr = group.imr_multiaddr;
    CHECK(sendto(fd, "group", 5, 0, &name.any, sizeof name.v4) == 5 && recv(fd, text, 8, 0) == 5);
    FAILS(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group), EADDRINUSE);
    /* `struct ip_mreq`, which is shorter. */
    CHECK(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof(struct ip_mreq)) == 0);
    FAILS(setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group), EADDRNOTAVAIL);
    CHECK(setsockopt(other, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group6, sizeof group6) == 0);
    CHECK(setsockopt(other, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &group6, sizeof group6) == 0);
    CHECK(close(fd) == 0 && close(other) == 0);
}

static void refused(void) {
    int stream = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    socklen_t length = sizeof one;
    FAILS(setsockopt(999, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), EBADF);
    FAILS(setsockopt(1, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), ENOTSOCK);
    FAILS(setsockopt(stream, SOL_SOCKET, SO_REUSEADDR, &one, 3), EINVAL);
    FAILS(setsockopt(stream, SOL_SOCKET, SO_REUSEADDR, NULL, sizeof one), EFAULT);
    FAILS(setsockopt(stream, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one), ENOPROTOOPT);
    FAILS(setsockopt(stream, SOL_SOCKET, 7777, &one, sizeof one), ENOPROTOOPT);
    FAILS(setsockopt(stream, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one), ENOPROTOOPT);
    one = 0;
    FAILS(setsockopt(stream, IPPROTO_IP, IP_TTL, &one, sizeof one), EINVAL);
    FAILS(getsockopt(stream, SOL_SOCKET, SO_TYPE, NULL, &length), EFAULT);
    FAILS(getsockopt(stream, IPPROTO_TCP, 7777, &one, &length), ENOPROTOOPT);
    CHECK(close(stream) == 0);
}

const struct check options[] = {
    { "what is set is told", flags },
    { "what a socket is", natures },
    { "times to wait", times },
    { "groups", groups },
    { "options that cannot be", refused },
    { NULL, NULL },
};
