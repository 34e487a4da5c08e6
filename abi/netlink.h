// SPDX-License-Identifier: Apache-2.0
/*
 * Netlink as programs see it: messages of AF_NETLINK sockets that tell and change the state of the
 * network.  Numbers and layouts are those of Linux's rtnetlink and inet_diag, so that tools for these
 * work; what is not named here is not understood.
 *
 * A message is a struct abi_nlmsghdr, a struct of its type and attributes (struct abi_nlattr and data),
 * each at a multiple of 4.  Addresses, ports and the numbers of inet_diag's names are in network byte
 * order, all else in the machine's.
 *
 *   RTM_GET* with NLM_F_DUMP -> messages with NLM_F_MULTI -> NLMSG_DONE
 *   anything else -> (an answer,) NLMSG_ERROR, with error 0 where NLM_F_ACK asked for it
 *
 * Reading takes the network grant, changing one that allows to configure.
 */
#pragma once

#include <stdint.h>

#include "abi/socket.h"

enum { ABI_NETLINK_ROUTE = 0, ABI_NETLINK_SOCK_DIAG = 4 };

struct abi_sockaddr_nl {
    uint16_t family;
    uint16_t pad;
    uint32_t port;   // of the socket; 0: the kernel's
    uint32_t groups; // mask of 1 << (group - 1)
};

struct abi_nlmsghdr {
    uint32_t size; // with this header
    uint16_t type;
    uint16_t flags;
    uint32_t sequence;
    uint32_t port;
};

struct abi_nlattr {
    uint16_t size; // with this header
    uint16_t type;
};

struct abi_nlmsgerr {
    int32_t error; // negative, 0: done
    struct abi_nlmsghdr message;
};

enum { ABI_NLMSG_ALIGN = 4 };

enum {
    ABI_NLM_F_REQUEST = 0x1,
    ABI_NLM_F_MULTI = 0x2,
    ABI_NLM_F_ACK = 0x4,
    ABI_NLM_F_ECHO = 0x8,
    ABI_NLM_F_ROOT = 0x100,
    ABI_NLM_F_MATCH = 0x200,
    ABI_NLM_F_DUMP = 0x300,
    ABI_NLM_F_REPLACE = 0x100, // of RTM_NEW*
    ABI_NLM_F_EXCL = 0x200,
    ABI_NLM_F_CREATE = 0x400,
    ABI_NLM_F_APPEND = 0x800,
};

enum {
    ABI_NLMSG_NOOP = 1,
    ABI_NLMSG_ERROR = 2,
    ABI_NLMSG_DONE = 3,
    ABI_NLMSG_OVERRUN = 4,
    ABI_RTM_NEWLINK = 16,
    ABI_RTM_DELLINK = 17,
    ABI_RTM_GETLINK = 18,
    ABI_RTM_SETLINK = 19,
    ABI_RTM_NEWADDR = 20,
    ABI_RTM_DELADDR = 21,
    ABI_RTM_GETADDR = 22,
    ABI_RTM_NEWROUTE = 24,
    ABI_RTM_DELROUTE = 25,
    ABI_RTM_GETROUTE = 26,
    ABI_RTM_NEWNEIGH = 28,
    ABI_RTM_DELNEIGH = 29,
    ABI_RTM_GETNEIGH = 30,
    ABI_RTM_NEWNDUSEROPT = 68,
    ABI_RTM_GETNDUSEROPT = 70, // what routers told of that is valid; Linux only tells of news
    ABI_SOCK_DIAG_BY_FAMILY = 20,
};

// Groups that a socket of NETLINK_ROUTE can join.
enum {
    ABI_RTNLGRP_LINK = 1,
    ABI_RTNLGRP_NEIGH = 3,
    ABI_RTNLGRP_IPV4_IFADDR = 5,
    ABI_RTNLGRP_IPV4_ROUTE = 7,
    ABI_RTNLGRP_IPV6_IFADDR = 9,
    ABI_RTNLGRP_IPV6_ROUTE = 11,
    ABI_RTNLGRP_ND_USEROPT = 20, // resolvers of router advertisements
    ABI_RTNLGRP_MAX = 31,
};

enum { ABI_SOL_NETLINK = 270 };

enum {
    ABI_NETLINK_ADD_MEMBERSHIP = 1,
    ABI_NETLINK_DROP_MEMBERSHIP = 2,
    ABI_NETLINK_PKTINFO = 3,
    ABI_NETLINK_NO_ENOBUFS = 5,
    ABI_NETLINK_EXT_ACK = 11,
    ABI_NETLINK_GET_STRICT_CHK = 12,
};

/* ---- Links ---- */

struct abi_ifinfomsg {
    uint8_t family;
    uint8_t pad;
    uint16_t link_type; // ARPHRD_*
    int32_t index;
    uint32_t flags;  // IFF_*
    uint32_t change; // mask of flags to change; 0: all
};

enum {
    ABI_IFF_UP = 0x1,
    ABI_IFF_BROADCAST = 0x2,
    ABI_IFF_LOOPBACK = 0x8,
    ABI_IFF_RUNNING = 0x40,
    ABI_IFF_PROMISC = 0x100,
    ABI_IFF_ALLMULTI = 0x200,
    ABI_IFF_MULTICAST = 0x1000,
    ABI_IFF_LOWER_UP = 0x10000,
};

enum {
    ABI_IFLA_ADDRESS = 1,
    ABI_IFLA_BROADCAST = 2,
    ABI_IFLA_IFNAME = 3,
    ABI_IFLA_MTU = 4,
    ABI_IFLA_STATS = 7,
    ABI_IFLA_TXQLEN = 13,
    ABI_IFLA_OPERSTATE = 16,
    ABI_IFLA_LINKMODE = 17,
    ABI_IFLA_STATS64 = 23,
    ABI_IFLA_MIN_MTU = 50,
    ABI_IFLA_MAX_MTU = 51,
};

enum { ABI_OPERSTATE_UNKNOWN = 0, ABI_OPERSTATE_DOWN = 2, ABI_OPERSTATE_UP = 6 };

// Of IFLA_STATS64.
struct abi_link_stats64 {
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t errors_in;
    uint64_t errors_out;
    uint64_t dropped_in;
    uint64_t dropped_out;
    uint64_t multicast;
    uint64_t collisions;
    uint64_t other[14]; // of single kinds of errors: 0
    uint64_t other_host;
};

/* ---- Addresses ---- */

struct abi_ifaddrmsg {
    uint8_t family;
    uint8_t prefix;
    uint8_t flags; // IFA_F_*; IFA_FLAGS has more
    uint8_t scope; // RT_SCOPE_*
    uint32_t netif;
};

enum {
    ABI_IFA_ADDRESS = 1,
    ABI_IFA_LOCAL = 2,
    ABI_IFA_LABEL = 3,
    ABI_IFA_BROADCAST = 4,
    ABI_IFA_CACHEINFO = 6,
    ABI_IFA_FLAGS = 8,
    ABI_IFA_PROTO = 11, // where the address is from, a byte: ABI_IFAPROT_*
};

enum {
    ABI_IFA_F_DADFAILED = 0x08,
    ABI_IFA_F_DEPRECATED = 0x20,
    ABI_IFA_F_TENTATIVE = 0x40,
    ABI_IFA_F_PERMANENT = 0x80,
    ABI_IFA_F_MANAGETEMPADDR = 0x100,
    ABI_IFA_F_NOPREFIXROUTE = 0x200,
};

// The first three are Linux's names for what the kernel made itself.
enum {
    ABI_IFAPROT_UNSPEC = 0, // the administrator
    ABI_IFAPROT_KERNEL_LO = 1,
    ABI_IFAPROT_KERNEL_RA = 2, // router advertisements
    ABI_IFAPROT_KERNEL_LL = 3, // link-local
    ABI_IFAPROT_DHCP = 16,
};

constexpr uint32_t ABI_LIFETIME_FOREVER = UINT32_MAX;

struct abi_ifa_cacheinfo {
    uint32_t preferred; // seconds left; ABI_LIFETIME_FOREVER
    uint32_t valid;
    uint32_t created; // in hundredths of a second since the boot
    uint32_t updated;
};

/* ---- Routes ---- */

struct abi_rtmsg {
    uint8_t family;
    uint8_t prefix; // of the destination
    uint8_t source_prefix;
    uint8_t traffic_class;
    uint8_t table;
    uint8_t protocol; // RTPROT_*
    uint8_t scope;
    uint8_t type; // RTN_*
    uint32_t flags;
};

enum { ABI_RT_TABLE_MAIN = 254, ABI_RT_TABLE_LOCAL = 255 };
enum { ABI_RTN_UNICAST = 1, ABI_RTN_LOCAL = 2 };
enum { ABI_RT_SCOPE_UNIVERSE = 0, ABI_RT_SCOPE_LINK = 253, ABI_RT_SCOPE_HOST = 254 };
enum {
    ABI_RTPROT_UNSPEC = 0,
    ABI_RTPROT_KERNEL = 2,
    ABI_RTPROT_BOOT = 3,
    ABI_RTPROT_STATIC = 4,
    ABI_RTPROT_RA = 9,
    ABI_RTPROT_DHCP = 16,
};

enum {
    ABI_RTA_DST = 1,
    ABI_RTA_SRC = 2,
    ABI_RTA_IIF = 3,
    ABI_RTA_OIF = 4,
    ABI_RTA_GATEWAY = 5,
    ABI_RTA_PRIORITY = 6,
    ABI_RTA_PREFSRC = 7,
    ABI_RTA_METRICS = 8,
    ABI_RTA_CACHEINFO = 12,
    ABI_RTA_TABLE = 15,
    ABI_RTA_EXPIRES = 23, // seconds
};

enum { ABI_RTAX_MTU = 2 }; // in RTA_METRICS

/* ---- Neighbours ---- */

struct abi_ndmsg {
    uint8_t family;
    uint8_t pad[3];
    int32_t netif;
    uint16_t state; // NUD_*
    uint8_t flags;  // NTF_*
    uint8_t type;
};

enum {
    ABI_NUD_INCOMPLETE = 0x01,
    ABI_NUD_REACHABLE = 0x02,
    ABI_NUD_STALE = 0x04,
    ABI_NUD_DELAY = 0x08,
    ABI_NUD_PROBE = 0x10,
    ABI_NUD_FAILED = 0x20,
    ABI_NUD_NOARP = 0x40,
    ABI_NUD_PERMANENT = 0x80,
};

enum { ABI_NTF_ROUTER = 0x80 };
enum { ABI_NDA_DST = 1, ABI_NDA_LLADDR = 2 };

/* ---- Options of router advertisements ---- */

// Followed by `size` bytes of options as on the wire (RFC 8106: type 25, the resolvers).
struct abi_nduseroptmsg {
    uint8_t family;
    uint8_t pad;
    uint16_t size; // of the options
    int32_t netif;
    uint8_t type; // of ICMPv6: 134
    uint8_t code;
    uint16_t pad1;
    uint32_t pad2;
};

enum { ABI_ND_OPT_RDNSS = 25 };

/* ---- Sockets (NETLINK_SOCK_DIAG) ---- */

struct abi_inet_diag_name {
    uint16_t local_port; // network byte order
    uint16_t peer_port;
    uint8_t local[16]; // an IPv4 address in the first four
    uint8_t peer[16];
    uint32_t netif;
    uint32_t cookie[2];
};

struct abi_inet_diag_request {
    uint8_t family;
    uint8_t protocol;
    uint8_t extensions; // mask of 1 << (ABI_INET_DIAG_* - 1)
    uint8_t pad;
    uint32_t states; // mask of 1 << state
    struct abi_inet_diag_name name;
};

struct abi_inet_diag_message {
    uint8_t family;
    uint8_t state; // ABI_TCP_*
    uint8_t timer;
    uint8_t retransmits;
    struct abi_inet_diag_name name;
    uint32_t expires;
    uint32_t receive_queue; // bytes; of who listens: connections
    uint32_t send_queue;    // bytes; of who listens: the most connections
    uint32_t principal;
    uint32_t inode; // identifier of the socket
};

enum { // states of connections, with Linux's numbers
    ABI_TCP_ESTABLISHED = 1,
    ABI_TCP_SYN_SENT = 2,
    ABI_TCP_SYN_RECV = 3,
    ABI_TCP_FIN_WAIT1 = 4,
    ABI_TCP_FIN_WAIT2 = 5,
    ABI_TCP_TIME_WAIT = 6,
    ABI_TCP_CLOSE = 7,
    ABI_TCP_CLOSE_WAIT = 8,
    ABI_TCP_LAST_ACK = 9,
    ABI_TCP_LISTEN = 10,
    ABI_TCP_CLOSING = 11,
};

enum { ABI_INET_DIAG_MEMINFO = 1, ABI_INET_DIAG_INFO = 2 }; // the latter: TCP_INFO's struct
