// SPDX-License-Identifier: Apache-2.0
/*
 * What happened to IP and its helpers, by the names of SNMP (RFC 4293, RFC 4884).  Each CPU counts for
 * itself, in thread context; who reads adds them up.
 */
#pragma once

#include "kernel/core/percpu.h"

struct ip_counters { // uint64_t only
    // Of both versions.
    uint64_t in_receives;
    uint64_t in_header_errors;  // malformed
    uint64_t in_address_errors; // not for us, or an address that nobody can have
    uint64_t in_unknown_protocols;
    uint64_t in_discards; // no memory
    uint64_t in_delivers;
    uint64_t out_requests;
    uint64_t out_discards; // no memory, no room
    uint64_t out_no_routes;
    uint64_t out_fragmented;    // packets that were cut
    uint64_t out_fragments;     // made by that
    uint64_t reassembly_needed; // fragments received
    uint64_t reassembly_ok;
    uint64_t reassembly_fails; // timed out, overlapping, no room
    // Of ICMP of both versions.
    uint64_t icmp_in;
    uint64_t icmp_in_errors; // malformed, bad checksum
    uint64_t icmp_out;
    uint64_t icmp_limited; // not sent because there were too many
    uint64_t echo_requests_in;
    uint64_t errors_believed; // about something that was sent
    uint64_t errors_ignored;
    // Of ARP and neighbour discovery.
    uint64_t neighbour_in;
    uint64_t neighbour_in_errors; // malformed, or of nobody who may say that
    uint64_t neighbour_solicits_out;
    uint64_t neighbour_dropped; // packets that waited for a link address in vain
    uint64_t neighbour_evicted; // entries that had to make room
    uint64_t duplicates;        // addresses that somebody else has
};

// NOLINTNEXTLINE(bugprone-macro-parentheses): a name of the struct
#define ip_count(counter) ((void)(this_cpu(ip_cpu_counters)->counter++))
extern PERCPU(struct ip_counters, ip_cpu_counters);

void ip_counters_read(struct ip_counters *out);
