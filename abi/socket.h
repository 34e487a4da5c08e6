// SPDX-License-Identifier: Apache-2.0
/* Sockets as programs see them: constants and layouts of musl's 64-bit <sys/socket.h>. */
#pragma once

#include <stdint.h>

enum {
    ABI_AF_UNSPEC = 0,
    ABI_AF_UNIX = 1,
    ABI_AF_INET = 2,
    ABI_AF_INET6 = 10,
    ABI_AF_NETLINK = 16,
    ABI_AF_PACKET = 17,
};

enum {
    ABI_SOCK_STREAM = 1,
    ABI_SOCK_DGRAM = 2,
    ABI_SOCK_RAW = 3,
    ABI_SOCK_SEQPACKET = 5,
    ABI_SOCK_TYPE_MASK = 15,
    ABI_SOCK_NONBLOCK = 04000,   // O_NONBLOCK
    ABI_SOCK_CLOEXEC = 02000000, // O_CLOEXEC
};

enum { ABI_SHUT_RD = 0, ABI_SHUT_WR = 1, ABI_SHUT_RDWR = 2 };

enum {
    ABI_MSG_OOB = 0x1,
    ABI_MSG_PEEK = 0x2,
    ABI_MSG_DONTROUTE = 0x4,
    ABI_MSG_CTRUNC = 0x8,
    ABI_MSG_TRUNC = 0x20,
    ABI_MSG_DONTWAIT = 0x40,
    ABI_MSG_EOR = 0x80,
    ABI_MSG_WAITALL = 0x100,
    ABI_MSG_ERRQUEUE = 0x2000,
    ABI_MSG_NOSIGNAL = 0x4000,
    ABI_MSG_MORE = 0x8000,
    ABI_MSG_WAITFORONE = 0x10000,
    ABI_MSG_CMSG_CLOEXEC = 0x40000000,
};

enum { ABI_SOL_SOCKET = 1 };

enum {
    ABI_SO_DEBUG = 1,
    ABI_SO_REUSEADDR = 2,
    ABI_SO_TYPE = 3,
    ABI_SO_ERROR = 4,
    ABI_SO_DONTROUTE = 5,
    ABI_SO_BROADCAST = 6,
    ABI_SO_SNDBUF = 7,
    ABI_SO_RCVBUF = 8,
    ABI_SO_KEEPALIVE = 9,
    ABI_SO_OOBINLINE = 10,
    ABI_SO_NO_CHECK = 11,
    ABI_SO_PRIORITY = 12,
    ABI_SO_LINGER = 13,
    ABI_SO_REUSEPORT = 15,
    ABI_SO_PASSCRED = 16,
    ABI_SO_PEERCRED = 17,
    ABI_SO_RCVLOWAT = 18,
    ABI_SO_SNDLOWAT = 19,
    ABI_SO_RCVTIMEO = 20,
    ABI_SO_SNDTIMEO = 21,
    ABI_SO_BINDTODEVICE = 25,
    ABI_SO_ATTACH_FILTER = 26,
    ABI_SO_DETACH_FILTER = 27,
    ABI_SO_TIMESTAMP = 29,
    ABI_SO_ACCEPTCONN = 30,
    ABI_SO_RCVBUFFORCE = 33,
    ABI_SO_TIMESTAMPNS = 35,
    ABI_SO_PROTOCOL = 38,
    ABI_SO_DOMAIN = 39,
};

enum { ABI_SCM_RIGHTS = 1, ABI_SCM_CREDENTIALS = 2, ABI_SCM_MAX_HANDLES = 253 };

enum { ABI_SOCKADDR_MAX = 128, ABI_SUN_PATH_MAX = 108 };

struct abi_sockaddr_un {
    uint16_t family;
    char path[ABI_SUN_PATH_MAX];
};

// Ports and addresses in network byte order.
struct abi_sockaddr_in {
    uint16_t family;
    uint16_t port;
    uint8_t address[4];
    uint8_t zero[8];
};

struct abi_sockaddr_in6 {
    uint16_t family;
    uint16_t port;
    uint32_t flow; // network byte order
    uint8_t address[16];
    uint32_t scope; // interface of a link-local address
};

struct abi_linger {
    int32_t is_on;
    int32_t seconds;
};

struct abi_ucred {
    int32_t pid;
    uint32_t principal;
    uint32_t group;
};

struct abi_msghdr {
    uint64_t name;
    uint32_t name_size;
    uint32_t pad0;
    uint64_t vector;
    int32_t vector_count;
    uint32_t pad1;
    uint64_t control;
    uint32_t control_size;
    uint32_t pad2;
    uint32_t flags;
    uint32_t pad3;
};

struct abi_mmsghdr {
    struct abi_msghdr header;
    uint32_t size;
    uint32_t pad;
};

// Followed by its data; the next one begins at a multiple of 8.
struct abi_cmsghdr {
    uint32_t size; // with this header
    uint32_t pad;
    int32_t level;
    int32_t type;
};

// Options of level IPPROTO_TCP.
enum {
    ABI_TCP_NODELAY = 1,
    ABI_TCP_MAXSEG = 2,
    ABI_TCP_CORK = 3,
    ABI_TCP_KEEPIDLE = 4,
    ABI_TCP_KEEPINTVL = 5,
    ABI_TCP_KEEPCNT = 6,
    ABI_TCP_SYNCNT = 7,
    ABI_TCP_LINGER2 = 8,
    ABI_TCP_INFO = 11,
    ABI_TCP_QUICKACK = 12,
    ABI_TCP_CONGESTION = 13,
    ABI_TCP_USER_TIMEOUT = 18,
};

// Linux's struct tcp_info.  Times are in microseconds, windows in segments.
struct abi_tcp_info {
    uint8_t state;
    uint8_t ca_state;
    uint8_t retransmits;
    uint8_t probes;
    uint8_t backoff;
    uint8_t options;
    uint8_t scales;
    uint8_t pad0;
    uint32_t rto;
    uint32_t ato;
    uint32_t send_mss;
    uint32_t receive_mss;
    uint32_t unacked;
    uint32_t sacked;
    uint32_t lost;
    uint32_t retransmitted;
    uint32_t fackets;
    uint32_t last_data_sent;
    uint32_t last_ack_sent;
    uint32_t last_data_received;
    uint32_t last_ack_received;
    uint32_t path_mtu;
    uint32_t receive_threshold;
    uint32_t rtt;
    uint32_t rtt_variance;
    uint32_t threshold;
    uint32_t window;
    uint32_t advertised_mss;
    uint32_t reordering;
    uint32_t receive_rtt;
    uint32_t receive_space;
    uint32_t total_retransmits;
    uint64_t pacing_rate;
    uint64_t max_pacing_rate;
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint32_t segments_out;
    uint32_t segments_in;
    uint32_t not_sent;
    uint32_t rtt_min;
    uint32_t data_segments_in;
    uint32_t data_segments_out;
    uint64_t delivery_rate;
    uint64_t busy_time;
    uint64_t receive_limited;
    uint64_t send_limited;
    uint32_t delivered;
    uint32_t delivered_ce;
    uint64_t bytes_sent;
    uint64_t bytes_retransmitted;
    uint32_t duplicate_segments;
    uint32_t reordering_seen;
    uint32_t receive_out_of_order;
    uint32_t send_window;
};
