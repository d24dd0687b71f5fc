/* Sockets: TCP and UDP over loopback, pairs, options, `poll`, `select` and `epoll`. Prints `c/sockets: N checks passed`; the first check that
 * fails says where, and the status is 1. */
#include "check.h"
#include <signal.h>
#include <string.h>

socklen_t home(union name *name, int family, int port) {
    memset(name, 0, sizeof *name);
    if (family == AF_INET) {
        name->v4.sin_family = AF_INET;
        name->v4.sin_port = htons(port);
        name->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof name->v4;
    }
    name->v6.sin6_family = AF_INET6;
    name->v6.sin6_port = htons(port);
    name->v6.sin6_addr = in6addr_loopback;
    return sizeof name->v6;
}

static int bound(int family, int kind, union name *name) {
    int fd = socket(family, kind, 0);
    socklen_t length = home(name, family, 0);
    CHECK(fd > 2 && bind(fd, &name->any, length) == 0);
    length = sizeof *name;
    CHECK(getsockname(fd, &name->any, &length) == 0 && name->any.sa_family == family);
    return fd;
}

int listener(int family, union name *name) {
    int fd = bound(family, SOCK_STREAM, name);
    CHECK(listen(fd, 8) == 0);
    return fd;
}

int hearer(int family, union name *name) { return bound(family, SOCK_DGRAM, name); }

void connection(int family, int ends[2]) {
    union name name;
    int fd = listener(family, &name);
    ends[0] = socket(family, SOCK_STREAM, IPPROTO_TCP);
    CHECK(ends[0] > 2 && connect(ends[0], &name.any, sizeof name) == 0);
    ends[1] = accept(fd, NULL, NULL);
    CHECK(ends[1] > 2 && shutdown(fd, SHUT_RDWR) == 0);
}

int main(void) {
    const struct check *files_of_checks[] = { streams, datagrams, pairs, waits, options, watching, names, numbers, paths };
    int passed = 0;
    CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    for (size_t file = 0; file < sizeof files_of_checks / sizeof *files_of_checks; file++) {
        for (const struct check *check = files_of_checks[file]; check->name; check++) {
            check->run();
            printf("ok  %s\n", check->name);
            passed++;
        }
    }
    printf("c/sockets: %d checks passed\n", passed);
    return 0;
}
