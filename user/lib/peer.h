// SPDX-License-Identifier: Apache-2.0
/* Who is at the other end of a socket, by name and as text; sockets that wait for anybody. */
#pragma once

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct peer {
    struct sockaddr_storage address;
    socklen_t size;
};

enum { PEER_TEXT_SIZE = 80 };

// An address or a name, and a port or a service's name (NULL: 0); of `family`, or AF_UNSPEC for any.  The
// program ends with a message when there is none.
struct peer peer_find(const char *host, const char *port, int family, int type);

// A socket with that port at all addresses: of both versions with AF_UNSPEC, as far as they are there.  The
// program ends with a message when it cannot be.
int peer_open(int family, int type, uint16_t port);

// "10.0.2.2", "fe80::1%eth0"; with its port "10.0.2.2:53", "[::1]:53".  IPv4-mapped addresses as IPv4's.
const char *peer_address(const struct peer *p, char text[static PEER_TEXT_SIZE]);
const char *peer_text(const struct peer *p, char text[static PEER_TEXT_SIZE]);
