/* What figures of the network are taken of: `echo services PORT`. On PORT an echo, of connections and of datagrams (RFC 862); on the next
 * port a sink, which says at the end how many bytes came (after RFC 863); on the one after that a source, whose bytes count from 0 to 250,
 * again and again (after RFC 864). A connection to the fourth ends the program. */
#include "echo.h"
#include <endian.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes that are taken or given at once: a multiple of the source's period. */
enum { PERIOD = 251, PIECE = 256 * PERIOD, DATAGRAM = 2048 };

static void *sink(void *connection) {
    int fd = (intptr_t) connection;
    char *piece = malloc(PIECE);
    uint64_t bytes = 0;
    ssize_t count = -1;
    while (piece && (count = recv(fd, piece, PIECE, 0)) > 0) {
        bytes += count;
    }
    bytes = htobe64(bytes);
    if (count == 0) {
        send(fd, &bytes, sizeof bytes, MSG_NOSIGNAL);
    }
    free(piece);
    close(fd);
    return NULL;
}

static void *source(void *connection) {
    int fd = (intptr_t) connection;
    unsigned char *piece = malloc(PIECE);
    for (int at = 0; piece && at < PIECE; at++) {
        piece[at] = at % PERIOD;
    }
    /* What was sent in part begins there the next time. */
    ssize_t at = 0, count = 0;
    while (piece && (count = send(fd, piece + at, PIECE - at, MSG_NOSIGNAL)) >= 0) {
        at = (at + count) % PIECE;
    }
    free(piece);
    close(fd);
    return NULL;
}

static void *datagrams(void *socket) {
    struct sockaddr_in6 from;
    socklen_t length = sizeof from;
    char datagram[DATAGRAM];
    ssize_t count;
    while ((count = recvfrom((intptr_t) socket, datagram, sizeof datagram, 0, (struct sockaddr *) &from, &length)) >= 0) {
        /* What cannot be sent is lost, as datagrams are. */
        sendto((intptr_t) socket, datagram, count, 0, (struct sockaddr *) &from, length);
        length = sizeof from;
    }
    need(0, "recvfrom");
    return NULL;
}

/* A thread for each connection. */
struct service {
    int fd;
    void *(*act)(void *);
};

static void *accept_all(void *given) {
    struct service *service = given;
    int connection;
    while ((connection = accept(service->fd, NULL, NULL)) >= 0) {
        pthread_t thread;
        need(pthread_create(&thread, NULL, service->act, (void *) (intptr_t) connection) == 0, "pthread_create");
        pthread_detach(thread);
    }
    need(0, "accept");
    return NULL;
}

int services(int port) {
    struct service each[] = { { listener(port), serve }, { listener(port + 1), sink }, { listener(port + 2), source } };
    int last = listener(port + 3), udp = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
    need(udp >= 0 && bind(udp, (struct sockaddr *) &name, sizeof name) == 0, "bind");
    pthread_t thread;
    for (unsigned number = 0; number < sizeof each / sizeof *each; number++) {
        need(pthread_create(&thread, NULL, accept_all, &each[number]) == 0, "pthread_create");
    }
    need(pthread_create(&thread, NULL, datagrams, (void *) (intptr_t) udp) == 0, "pthread_create");
    printf("c/echo: services are listening on ports %d to %d\n", port, port + 3);
    fflush(stdout);
    need(accept(last, NULL, NULL) >= 0, "accept");
    /* The threads are the program's own: they end with it. */
    exit(0);
}
