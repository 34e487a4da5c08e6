// SPDX-License-Identifier: Apache-2.0
#include "user/swos-resolver/resolver.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { SERVERS_MAX = 3 };

static struct {
    const char *path;
    uint16_t port;
    struct timespec changed; // of the file that was read last
    struct peer list[SERVERS_MAX];
    size_t count;
} servers;

void servers_init(const char *path, uint16_t port)
{
    servers.path = path;
    servers.port = port;
}

const struct peer *servers_get(size_t i)
{
    return &servers.list[i];
}

static bool read_server(const char *text, struct peer *out)
{
    struct addrinfo *found = NULL;
    char port[8];
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_DGRAM};
    (void)snprintf(port, sizeof(port), "%u", servers.port);
    if (getaddrinfo(text, port, &hints, &found) != 0) {
        return false;
    }
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

size_t servers_look(void)
{
    char line[512];
    char text[256];
    struct stat st;
    FILE *file = fopen(servers.path, "re");
    if (file == NULL || fstat(fileno(file), &st) != 0 ||
        (st.st_mtim.tv_sec == servers.changed.tv_sec &&
         st.st_mtim.tv_nsec == servers.changed.tv_nsec)) {
        if (file != NULL) {
            (void)fclose(file);
        }
        return servers.count;
    }
    servers.changed = st.st_mtim;
    servers.count = 0;
    while (servers.count < SERVERS_MAX && fgets(line, sizeof(line), file) != NULL) {
        if (sscanf(line, " nameserver %255s", text) == 1 &&
            read_server(text, &servers.list[servers.count])) {
            servers.count++;
        }
    }
    (void)fclose(file);
    return servers.count;
}
