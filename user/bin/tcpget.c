// SPDX-License-Identifier: Apache-2.0
/* A client to try connections with: says one line and prints what comes back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "user/lib/peer.h"
#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    static const char request[] = "GET swos\n";
    static char data[65536];
    char text[PEER_TEXT_SIZE];
    int family = AF_UNSPEC;
    int64_t seconds = 30;
    tool_begin(
        argc, argv, "[-46] [-w SECONDS] [HOST [PORT]]",
        "Connects to a port (10.0.2.2 5555), sends `GET swos` and prints the answer; waits for "
        "SECONDS (30).");
    for (int c; (c = getopt(argc, argv, "46w:")) != -1;) {
        switch (c) {
        case '4': family = AF_INET; break;
        case '6': family = AF_INET6; break;
        case 'w':
            if (tool_number(optarg, 1, 86400, &seconds)) {
                break;
            }
            [[fallthrough]];
        default: tool_usage();
        }
    }
    if (argc - optind > 2) {
        tool_usage();
    }
    const char *host = optind < argc ? argv[optind] : "10.0.2.2";
    const char *port = optind + 1 < argc ? argv[optind + 1] : "5555";
    struct peer server = peer_find(host, port, family, SOCK_STREAM);
    struct timeval wait = {.tv_sec = seconds};
    int s = socket(server.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) {
        tool_die("socket failed: %s", strerror(errno));
    }
    (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    (void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    if (connect(s, (struct sockaddr *)&server.address, server.size) != 0) {
        tool_die("connect failed: %s: %s", peer_text(&server, text), strerror(errno));
    }
    printf("tcpget: connected to %s\n", peer_text(&server, text));
    (void)fflush(stdout);
    if (send(s, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1) {
        tool_fail("send");
        return tool_end();
    }
    size_t total = 0;
    for (ssize_t n; (n = recv(s, data, sizeof(data), 0)) != 0; total += (size_t)n) {
        if (n < 0) {
            tool_fail("recv");
            break;
        }
        (void)fwrite(data, 1, (size_t)n, stdout);
        (void)fflush(stdout);
    }
    printf("tcpget: got %zu bytes\n", total);
    return tool_end();
}
