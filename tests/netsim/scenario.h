// SPDX-License-Identifier: Apache-2.0
/*
 * A scenario: one or more connections over one path, until all is read and closed or time is over.
 */
#pragma once

#include "tests/netsim/end.h"

enum { FLOWS_MAX = 8 };

struct scenario {
    struct link_config there; // from the clients to the servers
    struct link_config back;
    struct end_config client;
    struct end_config server;
    unsigned flows;
    nsec_t stagger;    // between their begins
    nsec_t time_limit; // virtual; not to be done by then is a failure
    nsec_t stop_after; // 0, or ends it there with whatever was done
    uint64_t seed;
    FILE *trace; // NULL, or gets a line a segment
};

struct outcome {
    char failure[200]; // "": none
    nsec_t time;       // from the begin until the last byte was read
    uint64_t packets;
    uint32_t retransmits; // segments, both ways
    uint32_t needless;    // of them, those whose bytes had come
    uint32_t dropped;     // by the full queue
    uint32_t lost;
    uint32_t damaged;
    uint64_t bytes[FLOWS_MAX]; // read by the servers
};

// The usual: a path of that round trip with 100 Mbit/s, and a client that writes `bytes`.
struct scenario scenario_bulk(uint64_t bytes, nsec_t round_trip, uint32_t buffer);

void scenario_run(const struct scenario *s, struct outcome *out);
