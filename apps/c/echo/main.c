/* Says back what it hears on port 7, to as many as come: a thread per connection (RFC 862).
 *
 * `echo PORT` listens elsewhere; `echo PORT N` ends after `N` connections, each of which ended in order; `echo 0 N` connects `N` times to
 * itself; `echo services PORT` is what figures are taken of (services.c). */
#include "echo.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void need(int truth, const char *what) {
    if (!truth) {
        perror(what);
        exit(1);
    }
}

void *serve(void *connection) {
    int fd = (intptr_t) connection, one = 1;
    char buffer[4096];
    intptr_t bytes = 0;
    ssize_t count = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (count >= 0 && (count = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        if (send(fd, buffer, count, MSG_NOSIGNAL) != count) {
            count = -1;
        }
        bytes += count;
    }
    close(fd);
    return (void *) (count < 0 ? -1 : bytes);
}

enum { ROUNDS = 50, SAID = 1000 };

/* Connects to the program itself, and compares what comes back. */
static void *speak(void *port) {
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = (intptr_t) port, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    char said[SAID], heard[SAID];
    need(fd >= 0 && connect(fd, (struct sockaddr *) &name, sizeof name) == 0, "connect");
    for (int round = 0; round < ROUNDS; round++) {
        memset(said, fd + round, SAID);
        need(send(fd, said, SAID, 0) == SAID && recv(fd, heard, SAID, MSG_WAITALL) == SAID, "an answer");
        need(!memcmp(said, heard, SAID), "every byte comes back");
    }
    close(fd);
    return NULL;
}

int listener(int port) {
    struct sockaddr_in6 name = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_ANY_INIT };
    int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
    need(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0, "socket");
    need(bind(fd, (struct sockaddr *) &name, sizeof name) == 0 && listen(fd, 128) == 0, "listen");
    return fd;
}

int main(int count, char **words) {
    if (count > 2 && !strcmp(words[1], "services")) {
        return services(atoi(words[2]));
    }
    int port = count > 1 ? atoi(words[1]) : 7, most = count > 2 ? atoi(words[2]) : 0;
    struct sockaddr_in6 name;
    socklen_t length = sizeof name;
    pthread_t *served = calloc(most ? 2 * most : 1, sizeof *served), *speakers = served + most;
    need(served != NULL, "calloc");
    int fd = listener(port);
    need(getsockname(fd, (struct sockaddr *) &name, &length) == 0, "getsockname");
    printf("c/echo: listening on port %d\n", ntohs(name.sin6_port));
    fflush(stdout);
    for (int number = 0; port == 0 && number < most; number++) {
        need(pthread_create(&speakers[number], NULL, speak, (void *) (intptr_t) name.sin6_port) == 0, "pthread_create");
    }
    for (int number = 0; most == 0 || number < most; number++) {
        pthread_t thread;
        int connection = accept(fd, NULL, NULL);
        need(connection >= 0, "accept");
        need(pthread_create(most ? &served[number] : &thread, NULL, serve, (void *) (intptr_t) connection) == 0, "pthread_create");
        if (!most) {
            pthread_detach(thread);
        }
    }
    intptr_t bytes = 0;
    for (int number = 0; number < most; number++) {
        void *served_bytes;
        need(pthread_join(served[number], &served_bytes) == 0 && (intptr_t) served_bytes >= 0, "a connection");
        bytes += (intptr_t) served_bytes;
    }
    for (int number = 0; port == 0 && number < most; number++) {
        need(pthread_join(speakers[number], NULL) == 0, "pthread_join");
    }
    printf("c/echo: %d connections, %ld bytes\n", most, (long) bytes);
    return 0;
}
