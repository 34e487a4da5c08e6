// SPDX-License-Identifier: Apache-2.0
/* Serves one connection: what comes first goes back, and that was it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/peer.h"
#include "user/lib/tool.h"

// Sends all of it; false with errno.
static bool send_all(int socket, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(socket, data, size, MSG_NOSIGNAL);
        if (n < 0) {
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

// Gives back what comes: once, or until the client's end.  Gives the bytes.
static size_t echo(int socket, bool until_end)
{
    static char data[65536];
    size_t total = 0;
    ssize_t n;
    do {
        n = recv(socket, data, sizeof(data), 0);
        if (n < 0 || (n > 0 && !send_all(socket, data, (size_t)n))) {
            tool_fail("connection");
            break;
        }
        total += (size_t)n;
    } while (until_end && n > 0);
    return total;
}

int main(int argc, char **argv)
{
    int family = AF_UNSPEC;
    int64_t port = 5555;
    bool until_end = false;
    tool_begin(
        argc, argv, "[-46a] [-p PORT]",
        "Takes one connection at port 5555 and sends back what comes first; -a: all that comes.");
    for (int c; (c = getopt(argc, argv, "46ap:")) != -1;) {
        switch (c) {
        case '4': family = AF_INET; break;
        case '6': family = AF_INET6; break;
        case 'a': until_end = true; break;
        case 'p':
            if (tool_number(optarg, 1, 65535, &port)) {
                break;
            }
            [[fallthrough]];
        default: tool_usage();
        }
    }
    if (optind < argc && strcmp(argv[optind], "6") == 0) {
        family = AF_INET6;
        optind++;
    }
    if (optind < argc) {
        tool_usage();
    }
    int listener = peer_open(family, SOCK_STREAM, (uint16_t)port);
    if (listen(listener, 1) != 0) {
        tool_die("listen failed: %s", strerror(errno));
    }
    printf("tcpecho: listening on %d\n", (int)port);
    (void)fflush(stdout);
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0) {
        tool_die("accept failed: %s", strerror(errno));
    }
    close(listener);
    printf("tcpecho: got %zu bytes\n", echo(connection, until_end));
    close(connection);
    return tool_end();
}
