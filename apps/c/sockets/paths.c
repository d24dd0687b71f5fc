/* Sockets that find each other by a name in the file tree. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un called(const char *text) {
    struct sockaddr_un name = { .sun_family = AF_UNIX };
    strcpy(name.sun_path, text);
    return name;
}

static int reach(int fd, const char *text) {
    struct sockaddr_un name = called(text);
    return connect(fd, (struct sockaddr *)&name, sizeof name);
}

static int give(int fd, const char *text) {
    struct sockaddr_un name = called(text);
    return bind(fd, (struct sockaddr *)&name, sizeof name);
}

static int opened(int kind) {
    int fd = socket(AF_UNIX, kind, 0);
    CHECK(fd > 2);
    return fd;
}

static int hears(const char *text, int kind, int backlog) {
    int fd = opened(kind);
    CHECK(give(fd, text) == 0 && listen(fd, backlog) == 0);
    return fd;
}

static void a_name_leads_to_who_listens(void) {
    struct sockaddr_un name;
    struct stat status;
    struct ucred who;
    char text[8];
    int number;
    int listens = hears("/tmp/one", SOCK_STREAM, 4), near = opened(SOCK_STREAM | SOCK_CLOEXEC);
    CHECK(stat("/tmp/one", &status) == 0 && S_ISSOCK(status.st_mode) && fcntl(near, F_GETFD) == FD_CLOEXEC);
    CHECK(reach(near, "/tmp/one") == 0 && send(near, "abc", 3, 0) == 3);
    socklen_t length = sizeof name;
    int far = accept4(listens, (struct sockaddr *)&name, &length, SOCK_NONBLOCK);
    CHECK(far > 2 && name.sun_family == AF_UNIX && length == 2);
    CHECK(read(far, text, 8) == 3 && !memcmp(text, "abc", 3) && write(far, "xy", 2) == 2 && recv(near, text, 8, 0) == 2);
    FAILS(recv(far, text, 8, 0), EAGAIN);
    length = sizeof name;
    CHECK(getpeername(near, (struct sockaddr *)&name, &length) == 0 && !strcmp(name.sun_path, "/tmp/one") && length == 2 + 9);
    length = sizeof name;
    CHECK(getsockname(far, (struct sockaddr *)&name, &length) == 0 && !strcmp(name.sun_path, "/tmp/one"));
    length = 6;
    memset(&name, 'z', sizeof name);
    CHECK(getsockname(far, (struct sockaddr *)&name, &length) == 0 && length == 11 && !memcmp(name.sun_path, "/tmpzz", 6));
    length = sizeof number;
    CHECK(getsockopt(listens, SOL_SOCKET, SO_ACCEPTCONN, &number, &length) == 0 && number == 1);
    CHECK(getsockopt(near, SOL_SOCKET, SO_DOMAIN, &number, &length) == 0 && number == AF_UNIX);
    length = sizeof who;
    CHECK(getsockopt(near, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 && who.pid == getpid());
    CHECK(shutdown(near, SHUT_WR) == 0 && read(far, text, 8) == 0 && close(far) == 0 && recv(near, text, 8, 0) == 0);
    FAILS(send(near, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(close(near) == 0 && close(listens) == 0 && unlink("/tmp/one") == 0);
}

static void messages_have_names_too(void) {
    char text[8];
    int listens = hears("/tmp/messages", SOCK_SEQPACKET, 1), near = opened(SOCK_SEQPACKET), other = opened(SOCK_STREAM);
    FAILS(reach(other, "/tmp/messages"), EPROTOTYPE);
    CHECK(reach(near, "/tmp/messages") == 0);
    int far = accept(listens, NULL, NULL);
    CHECK(far > 2 && send(near, "one", 3, 0) == 3 && send(near, "three", 5, 0) == 5);
    CHECK(recv(far, text, 8, 0) == 3 && recv(far, text, 8, 0) == 5);
    CHECK(close(near) == 0 && recv(far, text, 8, 0) == 0 && close(far) == 0 && close(listens) == 0 && close(other) == 0);
    CHECK(unlink("/tmp/messages") == 0);
}

static void *takes_two(void *fd) {
    for (int i = 0; i < 2; i++) {
        int far = accept(*(int *)fd, NULL, NULL);
        CHECK(far > 2 && send(far, "!", 1, 0) == 1 && close(far) == 0);
    }
    return NULL;
}

static void who_finds_no_room_waits_for_it(void) {
    pthread_t thread;
    char text;
    int listens = hears("/tmp/full", SOCK_STREAM, 0), first = opened(SOCK_STREAM), second = opened(SOCK_STREAM);
    int hurried = opened(SOCK_STREAM | SOCK_NONBLOCK);
    CHECK(reach(first, "/tmp/full") == 0);
    FAILS(reach(hurried, "/tmp/full"), EAGAIN);
    CHECK(pthread_create(&thread, NULL, takes_two, &listens) == 0);
    CHECK(reach(second, "/tmp/full") == 0 && recv(first, &text, 1, 0) == 1 && recv(second, &text, 1, 0) == 1);
    CHECK(pthread_join(thread, NULL) == 0 && close(first) == 0 && close(second) == 0 && close(hurried) == 0);
    CHECK(close(listens) == 0 && unlink("/tmp/full") == 0);
}

static void listeners_are_polled_and_watched(void) {
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    int listens = hears("/tmp/polled", SOCK_STREAM | SOCK_NONBLOCK, 8), near = opened(SOCK_STREAM), watch = epoll_create1(0);
    struct pollfd end = { listens, POLLIN, 0 };
    CHECK(poll(&(struct pollfd){ near, POLLIN | POLLOUT, 0 }, 1, 0) == 1 && poll(&end, 1, 0) == 0);
    FAILS(accept(listens, NULL, NULL), EAGAIN);
    CHECK(epoll_ctl(watch, EPOLL_CTL_ADD, listens, &event) == 0 && epoll_wait(watch, &event, 1, 0) == 0);
    CHECK(reach(near, "/tmp/polled") == 0 && poll(&end, 1, 0) == 1 && end.revents == POLLIN);
    CHECK(epoll_wait(watch, &event, 1, 5000) == 1 && epoll_wait(watch, &event, 1, 0) == 0);
    /* Nobody takes it any more. */
    char text;
    CHECK(shutdown(listens, SHUT_RD) == 0 && close(listens) == 0 && recv(near, &text, 1, 0) == 0);
    CHECK(close(near) == 0 && close(watch) == 0 && unlink("/tmp/polled") == 0);
}

static void names_that_cannot_be(void) {
    char text;
    int fd = opened(SOCK_STREAM), other = opened(SOCK_STREAM);
    struct sockaddr_un nameless = { .sun_family = AF_UNIX };
    FAILS(reach(fd, "/tmp/nobody"), ENOENT);
    FAILS(give(fd, "/nowhere/x"), ENOENT);
    FAILS(bind(fd, (struct sockaddr *)&nameless, sizeof nameless), EINVAL);
    FAILS(bind(fd, (struct sockaddr *)&nameless, 2), EINVAL);
    FAILS(listen(fd, 1), EINVAL);
    FAILS(accept(fd, NULL, NULL), EINVAL);
    FAILS(send(fd, "x", 1, 0), ENOTCONN);
    FAILS(recv(fd, &text, 1, 0), EINVAL);
    CHECK(give(fd, "/tmp/taken") == 0);
    FAILS(give(fd, "/tmp/again"), EINVAL);
    FAILS(give(other, "/tmp/taken"), EADDRINUSE);
    FAILS(reach(other, "/tmp/taken"), ECONNREFUSED);
    FAILS(open("/tmp/taken", O_RDWR), ENXIO);
    CHECK(listen(fd, 1) == 0 && reach(other, "/tmp/taken") == 0);
    FAILS(reach(other, "/tmp/taken"), EISCONN);
    FAILS(reach(fd, "/tmp/taken"), EINVAL);
    CHECK(close(fd) == 0 && close(other) == 0);
    /* The name outlives its socket, and is nobody's then. */
    other = opened(SOCK_STREAM);
    FAILS(reach(other, "/tmp/taken"), ECONNREFUSED);
    CHECK(unlink("/tmp/taken") == 0 && give(other, "/tmp/taken") == 0 && close(other) == 0 && unlink("/tmp/taken") == 0);
    other = open("/tmp/plain", O_CREAT | O_WRONLY, 0600);
    CHECK(other > 2 && close(other) == 0);
    fd = opened(SOCK_STREAM);
    FAILS(reach(fd, "/tmp/plain"), ECONNREFUSED);
    FAILS(socket(AF_UNIX, SOCK_DGRAM, 0), EAFNOSUPPORT);
    FAILS(socket(AF_UNIX, 77, 0), ESOCKTNOSUPPORT);
    CHECK(close(fd) == 0 && unlink("/tmp/plain") == 0);
}

enum { CLIENTS = 4, ROUNDS = 100 };

static void *calls(void *argument) {
    for (int i = 0; i < ROUNDS; i++) {
        int fd = opened(SOCK_STREAM), back = 0, sent = (int)(long)argument * ROUNDS + i;
        CHECK(reach(fd, "/tmp/many") == 0 && send(fd, &sent, sizeof sent, 0) == sizeof sent);
        CHECK(recv(fd, &back, sizeof back, MSG_WAITALL) == sizeof back && back == sent + 1 && close(fd) == 0);
    }
    return NULL;
}

static void *answers(void *fd) {
    for (int i = 0; i < CLIENTS * ROUNDS / 2; i++) {
        int number, far = accept(*(int *)fd, NULL, NULL);
        CHECK(far > 2 && recv(far, &number, sizeof number, MSG_WAITALL) == sizeof number);
        number++;
        CHECK(send(far, &number, sizeof number, 0) == sizeof number && close(far) == 0);
    }
    return NULL;
}

static void many_call_and_two_answer(void) {
    pthread_t clients[CLIENTS], servers[2];
    int listens = hears("/tmp/many", SOCK_STREAM, 1);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&servers[i], NULL, answers, &listens) == 0);
    for (long i = 0; i < CLIENTS; i++)
        CHECK(pthread_create(&clients[i], NULL, calls, (void *)i) == 0);
    for (int i = 0; i < CLIENTS; i++)
        CHECK(pthread_join(clients[i], NULL) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(servers[i], NULL) == 0);
    CHECK(close(listens) == 0 && unlink("/tmp/many") == 0);
}

const struct check paths[] = {
    { "a name leads to who listens", a_name_leads_to_who_listens },
    { "messages have names, too", messages_have_names_too },
    { "who finds no room waits for it", who_finds_no_room_waits_for_it },
    { "listeners are polled and watched", listeners_are_polled_and_watched },
    { "names that cannot be", names_that_cannot_be },
    { "many call, and two answer", many_call_and_two_answer },
    { NULL, NULL },
};
