// SPDX-License-Identifier: Apache-2.0
/* Serves one datagram: it goes back to where it came from. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/peer.h"
#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    static char data[65536];
    char text[PEER_TEXT_SIZE];
    int family = AF_UNSPEC;
    int64_t port = 5555;
    tool_begin(argc, argv, "[-46] [-p PORT]", "Sends back one datagram that comes to port 5555.");
    for (int c; (c = getopt(argc, argv, "46p:")) != -1;) {
        switch (c) {
        case '4': family = AF_INET; break;
        case '6': family = AF_INET6; break;
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
    int s = peer_open(family, SOCK_DGRAM, (uint16_t)port);
    printf("udpecho: listening on %d\n", (int)port);
    (void)fflush(stdout);
    struct peer from = {.size = sizeof(from.address)};
    ssize_t n = recvfrom(s, data, sizeof(data), 0, (struct sockaddr *)&from.address, &from.size);
    if (n < 0) {
        tool_fail("recvfrom");
        return tool_end();
    }
    if (sendto(s, data, (size_t)n, 0, (struct sockaddr *)&from.address, from.size) != n) {
        tool_fail(peer_text(&from, text));
    }
    printf("udpecho: got %zd bytes from %s\n", n, peer_text(&from, text));
    return tool_end();
}
