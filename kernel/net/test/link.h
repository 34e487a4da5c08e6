// SPDX-License-Identifier: Apache-2.0
/*
 * A link for tests of IP: an interface "link0" with the address 192.0.2.1/24, and whoever the test says
 * on the other side.  What is sent there is kept until the test takes it.
 */
#pragma once

#include "kernel/net/ip.h"
#include "lib/net/ethernet.h"

enum { LINK_FRAME_MAX = 10000, LINK_TRANSPORT = 253 }; // a protocol for experiments (RFC 3692)

extern const struct mac_addr LINK_OURS;   // 02:00:00:00:00:01
extern const struct mac_addr LINK_THEIRS; // 02:00:00:00:00:02

// Up, with its address; nothing was sent yet but what an interface sends that comes up.
struct netif *link_begin(void);
void link_end(void); // down; nothing is left of the test

struct link_frame {
    size_t size; // 0: none came
    uint8_t bytes[LINK_FRAME_MAX];
};

// The next frame of that type that was sent; waits for it up to `wait`, passing others over.
void link_take(uint16_t type, nsec_t wait, struct link_frame *out);

// A frame from LINK_THEIRS to `to`.
void link_put(const struct mac_addr *to, uint16_t type, const void *payload, size_t size);

// An IP packet from them to us.
void link_put_ip4(const char *source, const char *destination, uint8_t protocol,
                  const void *payload, size_t size);

// The same with IPv6; of ICMPv6 the checksum is made, over `payload`, which is changed.
struct link_packet6 {
    const char *source;
    const char *destination;
    uint8_t next;
    uint8_t hop_limit;
    void *payload;
    size_t size;
};
void link_put_ip6(const struct link_packet6 *p);

// The next ICMPv6 message of that type that was sent, as a frame.
void link_take_icmp6(uint8_t type, nsec_t wait, struct link_frame *out);
static inline struct span link_icmp6(const struct link_frame *f) // behind the IPv6 header
{
    return span_of(f->bytes + 54, f->size - 54);
}

// Waits until the link-local address is ready.
void link_wait_for_ip6(struct netif *n);

// They say that they have that address, to us.
void link_say_arp(const char *address);

struct ip_addr link_address(const char *text);

// A packet of the test's transport along a path; its payload is `size` bytes that tell their place.
status_t link_send(const struct ip_path *path, size_t size);

// What the test's transport heard last.
struct link_heard {
    unsigned packets;
    struct ip_meta meta;
    size_t size;
    uint8_t bytes[LINK_FRAME_MAX];
    unsigned errors;
    struct ip_error error;
    bool believes; // what its error function says
};
extern struct link_heard link_heard;

// Waits until it has heard `packets` packets and `errors` errors, or long enough.
bool link_hears(unsigned packets, unsigned errors);
