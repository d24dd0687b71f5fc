/* The checks of this program, a file each, and what they share. */
#include "../check.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

extern const struct check streams[], datagrams[], pairs[], waits[], options[], watching[], names[], numbers[], paths[];

/* A call that fails, and by what. */
#define FAILS(call, number) \
    do { \
        errno = 0; \
        CHECK((call) == -1); \
        CHECK(errno == (number)); \
    } while (0)

/* Either kind of address of this machine. */
union name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* This machine's own address of `family`, and `port`; how long it is. */
socklen_t home(union name *name, int family, int port);
/* A socket of TCP that listens at a port of its own, where `name` is then. */
int listener(int family, union name *name);
/* Two ends of a connection. */
void connection(int family, int ends[2]);
/* A socket of UDP with a port of its own, where `name` is then. */
int hearer(int family, union name *name);
