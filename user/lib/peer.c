// SPDX-License-Identifier: Apache-2.0
#include "user/lib/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

struct peer peer_find(const char *host, const char *port, int family, int type)
{
    struct peer p = {};
    struct addrinfo *found = NULL;
    const struct addrinfo hints = {.ai_family = family, .ai_socktype = type};
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0 || found == NULL) {
        tool_die("%s%s%s: %s", host, port != NULL ? " " : "", port != NULL ? port : "",
                 error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    }
    memcpy(&p.address, found->ai_addr, found->ai_addrlen);
    p.size = found->ai_addrlen;
    freeaddrinfo(found);
    return p;
}

static struct peer any_address(int family, uint16_t port)
{
    struct peer p = {};
    if (family == AF_INET) {
        *(struct sockaddr_in *)&p.address =
            (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        p.size = sizeof(struct sockaddr_in);
    } else {
        *(struct sockaddr_in6 *)&p.address =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        p.size = sizeof(struct sockaddr_in6);
    }
    return p;
}

int peer_open(int family, int type, uint16_t port)
{
    const int on = 1;
    const int is_v6_only = family == AF_INET6;
    int s = socket(family == AF_UNSPEC ? AF_INET6 : family, type | SOCK_CLOEXEC, 0);
    if (s < 0 && family == AF_UNSPEC && errno == EAFNOSUPPORT) {
        family = AF_INET;
        s = socket(family, type | SOCK_CLOEXEC, 0);
    }
    if (s < 0) {
        tool_die("socket failed: %s", strerror(errno));
    }
    struct peer any = any_address(family, port);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family != AF_INET) {
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6_only, sizeof(is_v6_only));
    }
    if (bind(s, (struct sockaddr *)&any.address, any.size) != 0) {
        tool_die("bind failed: port %u: %s", port, strerror(errno));
    }
    return s;
}

// What is to be shown of it, and its port.
static uint16_t unpack(const struct peer *p, int *family, const void **address)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p->address;
    const struct sockaddr_in *four = (const struct sockaddr_in *)&p->address;
    *family = p->address.ss_family;
    if (*family != AF_INET6) {
        *address = &four->sin_addr;
        return ntohs(four->sin_port);
    }
    *address = &six->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        *family = AF_INET;
        *address = six->sin6_addr.s6_addr + 12;
    }
    return ntohs(six->sin6_port);
}

const char *peer_address(const struct peer *p, char text[static PEER_TEXT_SIZE])
{
    int family;
    const void *address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p->address;
    (void)unpack(p, &family, &address);
    if (inet_ntop(family, address, text, PEER_TEXT_SIZE) == NULL) {
        (void)snprintf(text, PEER_TEXT_SIZE, "?");
    } else if (family == AF_INET6 && six->sin6_scope_id != 0) {
        size_t used = strlen(text);
        (void)snprintf(text + used, PEER_TEXT_SIZE - used, "%%%u", six->sin6_scope_id);
    }
    return text;
}

const char *peer_text(const struct peer *p, char text[static PEER_TEXT_SIZE])
{
    int family;
    const void *address;
    char only[PEER_TEXT_SIZE];
    unsigned port = unpack(p, &family, &address);
    (void)peer_address(p, only);
    (void)snprintf(text, PEER_TEXT_SIZE, family == AF_INET6 ? "[%.64s]:%u" : "%.64s:%u", only,
                   port);
    return text;
}
