/* Names of machines and addresses as text. */
#define _GNU_SOURCE
#include "check.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static struct addrinfo *found(const char *name, const char *service, int flags, int family, int kind) {
    struct addrinfo hints = { .ai_flags = flags, .ai_family = family, .ai_socktype = kind }, *list = NULL;
    CHECK(getaddrinfo(name, service, &hints, &list) == 0 && list);
    return list;
}

static int failure(const char *name, const char *service, int flags, int family) {
    struct addrinfo hints = { .ai_flags = flags, .ai_family = family }, *list;
    return getaddrinfo(name, service, &hints, &list);
}

static void this_machine(void) {
    struct addrinfo *list = found("localhost", "80", 0, AF_UNSPEC, SOCK_STREAM);
    struct sockaddr_in *v4 = (struct sockaddr_in *) list->ai_addr;
    CHECK(v4->sin_family == AF_INET && v4->sin_port == htons(80) && v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(list->ai_next && list->ai_next->ai_family == AF_INET6 && !list->ai_next->ai_next);
    CHECK(list->ai_protocol == IPPROTO_TCP && list->ai_socktype == SOCK_STREAM);
    freeaddrinfo(list);
    list = found(NULL, "0", AI_PASSIVE, AF_INET6, SOCK_DGRAM);
    CHECK(IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *) list->ai_addr)->sin6_addr) && !list->ai_next);
    freeaddrinfo(list);
    list = found("localhost", NULL, AI_CANONNAME | AI_V4MAPPED | AI_ALL, AF_INET6, SOCK_STREAM);
    CHECK(!strcmp(list->ai_canonname, "localhost") && IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *) list->ai_addr)->sin6_addr));
    freeaddrinfo(list);
    struct hostent *host = gethostbyname("localhost");
    CHECK(host && host->h_addrtype == AF_INET && host->h_length == 4 && !memcmp(host->h_addr, "\177\0\0\1", 4));
}

static void addresses_as_text(void) {
    struct addrinfo *list = found("192.0.2.7", NULL, AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM);
    CHECK(list->ai_family == AF_INET && !list->ai_next);
    char host[64], service[16];
    CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(!strcmp(host, "192.0.2.7") && !strcmp(service, "0"));
    freeaddrinfo(list);
    list = found("2001:db8::1", "443", AI_NUMERICHOST, AF_UNSPEC, SOCK_STREAM);
    CHECK(inet_ntop(AF_INET6, &((struct sockaddr_in6 *) list->ai_addr)->sin6_addr, host, sizeof host) && !strcmp(host, "2001:db8::1"));
    freeaddrinfo(list);
    struct in_addr address;
    CHECK(inet_pton(AF_INET, "10.1.2.3", &address) == 1 && ntohl(address.s_addr) == 0x0a010203 && inet_addr("10.1.2.3") == address.s_addr);
    CHECK(inet_aton("10.66051", &address) == 1 && !strcmp(inet_ntoa(address), "10.1.2.3"));
}

static void what_is_not_there(void) {
    CHECK(failure("localhost", NULL, AI_NUMERICHOST, AF_UNSPEC) == EAI_NONAME);
    CHECK(failure("localhost", "http", 0, AF_UNSPEC) == EAI_SERVICE);
    CHECK(failure("127.0.0.1", NULL, 0, AF_INET6) == EAI_NONAME);
    CHECK(failure("localhost", NULL, 0, 77) == EAI_FAMILY && failure(NULL, NULL, 0, AF_UNSPEC) == EAI_NONAME);
    CHECK(failure("", NULL, 0, AF_UNSPEC) == EAI_NONAME);
    CHECK(strlen(gai_strerror(EAI_NONAME)) > 0);
    struct ifaddrs *cards;
    FAILS(getifaddrs(&cards), EAFNOSUPPORT);
    errno = 0;
    CHECK(if_nametoindex("eth0") == 0 && errno == EAFNOSUPPORT);
}

const struct check names[] = {
    { "names of this machine", this_machine },
    { "addresses as text", addresses_as_text },
    { "names that are none", what_is_not_there },
    { NULL, NULL },
};
