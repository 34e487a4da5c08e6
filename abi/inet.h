// SPDX-License-Identifier: Apache-2.0
/*
 * Sockets of the Internet as programs see them: constants and layouts of musl's <netinet/in.h>,
 * <net/if.h> and what Linux has beside them.  Addresses and ports are in network byte order.
 */
#pragma once

#include <stdint.h>

#include "abi/socket.h"

enum {
    ABI_IPPROTO_IP = 0,
    ABI_IPPROTO_ICMP = 1,
    ABI_IPPROTO_TCP = 6,
    ABI_IPPROTO_UDP = 17,
    ABI_IPPROTO_IPV6 = 41,
    ABI_IPPROTO_ICMPV6 = 58,
    ABI_IPPROTO_RAW = 255,
};

// Of level IPPROTO_IP.
enum {
    ABI_IP_TOS = 1,
    ABI_IP_TTL = 2,
    ABI_IP_HDRINCL = 3,
    ABI_IP_PKTINFO = 8,
    ABI_IP_MTU_DISCOVER = 10,
    ABI_IP_RECVERR = 11,
    ABI_IP_RECVTTL = 12,
    ABI_IP_RECVTOS = 13,
    ABI_IP_MTU = 14,
    ABI_IP_MULTICAST_IF = 32,
    ABI_IP_MULTICAST_TTL = 33,
    ABI_IP_MULTICAST_LOOP = 34,
    ABI_IP_ADD_MEMBERSHIP = 35,
    ABI_IP_DROP_MEMBERSHIP = 36,
    ABI_IP_MULTICAST_ALL = 49,
};

// Of both levels.
enum { ABI_MCAST_JOIN_GROUP = 42, ABI_MCAST_LEAVE_GROUP = 45 };

// Of level IPPROTO_IPV6.
enum {
    ABI_IPV6_CHECKSUM = 7,
    ABI_IPV6_UNICAST_HOPS = 16,
    ABI_IPV6_MULTICAST_IF = 17,
    ABI_IPV6_MULTICAST_HOPS = 18,
    ABI_IPV6_MULTICAST_LOOP = 19,
    ABI_IPV6_JOIN_GROUP = 20,
    ABI_IPV6_LEAVE_GROUP = 21,
    ABI_IPV6_MTU_DISCOVER = 23,
    ABI_IPV6_MTU = 24,
    ABI_IPV6_RECVERR = 25,
    ABI_IPV6_V6ONLY = 26,
    ABI_IPV6_RECVPKTINFO = 49,
    ABI_IPV6_PKTINFO = 50,
    ABI_IPV6_RECVHOPLIMIT = 51,
    ABI_IPV6_HOPLIMIT = 52,
    ABI_IPV6_RECVTCLASS = 66,
    ABI_IPV6_TCLASS = 67,
};

enum { // of MTU_DISCOVER
    ABI_PMTUDISC_DONT = 0,
    ABI_PMTUDISC_WANT = 1,
    ABI_PMTUDISC_DO = 2,
    ABI_PMTUDISC_PROBE = 3,
};

struct abi_ip_mreqn {
    uint8_t group[4];
    uint8_t address[4]; // of the interface
    int32_t netif;      // left out by who has struct ip_mreq
};

struct abi_ipv6_mreq {
    uint8_t group[16];
    uint32_t netif;
};

struct abi_group_req {
    uint32_t netif;
    uint32_t pad;
    uint8_t group[ABI_SOCKADDR_MAX];
};

struct abi_in_pktinfo {
    int32_t netif;
    uint8_t source[4]; // the local address
    uint8_t address[4];
};

struct abi_in6_pktinfo {
    uint8_t address[16];
    uint32_t netif;
};

// What MSG_ERRQUEUE tells; who reported it follows as a struct sockaddr_in or sockaddr_in6.
struct abi_extended_error {
    uint32_t error; // a positive number of abi/status.h
    uint8_t origin;
    uint8_t type;
    uint8_t code;
    uint8_t pad;
    uint32_t info; // with EMSGSIZE: the MTU
    uint32_t data;
};

enum { ABI_ERROR_ORIGIN_LOCAL = 1, ABI_ERROR_ORIGIN_ICMP = 2, ABI_ERROR_ORIGIN_ICMP6 = 3 };

// Requests of ioctl about interfaces, with a struct abi_ifreq.
enum {
    ABI_SIOCGIFNAME = 0x8910,
    ABI_SIOCGIFCONF = 0x8912,
    ABI_SIOCGIFFLAGS = 0x8913,
    ABI_SIOCSIFFLAGS = 0x8914,
    ABI_SIOCGIFADDR = 0x8915,
    ABI_SIOCGIFBRDADDR = 0x8919,
    ABI_SIOCGIFNETMASK = 0x891b,
    ABI_SIOCGIFMETRIC = 0x891d,
    ABI_SIOCGIFMTU = 0x8921,
    ABI_SIOCSIFMTU = 0x8922,
    ABI_SIOCGIFHWADDR = 0x8927,
    ABI_SIOCGIFINDEX = 0x8933,
    ABI_SIOCGIFTXQLEN = 0x8942,
};

enum { ABI_IFNAMSIZ = 16, ABI_ARPHRD_ETHER = 1, ABI_ARPHRD_LOOPBACK = 772 };

struct abi_ifreq {
    char name[ABI_IFNAMSIZ];
    union {
        struct abi_sockaddr_in address;
        uint16_t flags;
        int32_t number; // index, MTU, metric, length of the queue
        struct {
            uint16_t family; // ARPHRD_*
            uint8_t mac[6];
        } link;
        uint8_t bytes[24];
    };
};

struct abi_ifconf {
    int32_t size; // of the room, then of what is in use, in bytes
    int32_t pad;
    uint64_t requests; // array of struct abi_ifreq; NULL: only the size is asked for
};
