// SPDX-License-Identifier: Apache-2.0
/* Packet sockets (AF_PACKET) as programs see them: layouts of musl's <netpacket/packet.h>. */
#pragma once

#include <stdint.h>

enum { ABI_SOL_PACKET = 263 };
enum { ABI_PACKET_ADD_MEMBERSHIP = 1, ABI_PACKET_DROP_MEMBERSHIP = 2, ABI_PACKET_STATISTICS = 6 };
enum { ABI_PACKET_MR_PROMISC = 1 };

enum { // of a packet that was seen
    ABI_PACKET_HOST = 0,
    ABI_PACKET_BROADCAST = 1,
    ABI_PACKET_MULTICAST = 2,
    ABI_PACKET_OTHERHOST = 3,
    ABI_PACKET_OUTGOING = 4,
};

enum { ABI_ETH_P_ALL = 3 };

struct abi_sockaddr_ll {
    uint16_t family;
    uint16_t protocol; // Ethernet's type, network byte order; ABI_ETH_P_ALL: all
    int32_t netif;
    uint16_t link_type; // ARPHRD_*
    uint8_t kind;       // ABI_PACKET_*
    uint8_t address_size;
    uint8_t address[8];
};

struct abi_packet_mreq {
    int32_t netif;
    uint16_t type;
    uint16_t address_size;
    uint8_t address[8];
};

struct abi_packet_stats {
    uint32_t packets; // since they were asked for last, with those that were dropped
    uint32_t drops;
};

// Of SO_ATTACH_FILTER: a program of the classic packet filter, whose instructions are those of
// lib/bpf/filter.h.
struct abi_filter_program {
    uint16_t count;
    uint16_t pad0;
    uint32_t pad1;
    uint64_t instructions;
};
