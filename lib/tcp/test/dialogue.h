// SPDX-License-Identifier: Apache-2.0
/*
 * Dialogues with the machine: the test is the peer and the application.
 *
 *     struct dialogue *d = dialogue_open(&dialogue);   // ESTABLISHED, nothing in flight
 *     app_write(d, 100);
 *     expect(d, "A 1+100 ack 1");                      // what the machine sends next
 *     peer(d, "A 1 ack 101");                          // what the peer sends
 *     expect_silence(d);
 *
 * Segments are text: letters of the flags (P matters only where it is asked for), the number of the
 * first byte and how many there are, then "ack N", "win N", "mss N", "scale N", "sackok",
 * "ts VALUE ECHO" and "sack L-R" in any order; only what is said is compared.  Numbers count from the
 * SYN of their side, which is 0; both sides begin just below 2^32, so that all tests wrap around.
 * Timestamps of the machine count from the begin of the test, in its ticks of 2^20 ns, and wrap after 64.
 */
#pragma once

#include "lib/fmt/fmt.h"
#include "lib/tcp/machine.h"
#include "tests/harness/test.h"

static constexpr uint32_t OUR_ISN = 0xffffff9c;      // 100 bytes before it wraps
static constexpr uint32_t PEER_ISN = 0xfffffff6;     // 10 bytes
static constexpr nsec_t DIALOGUE_BEGIN = 1ull << 42; // a multiple of all ticks
static constexpr uint32_t OUR_TIMESTAMPS = 0xffffffc0 - (uint32_t)(DIALOGUE_BEGIN >> 20);
static constexpr nsec_t MS = NSEC_PER_MSEC;

enum { OUR_PORT = 1000, PEER_PORT = 2000 };

struct dialogue {
    struct tcp t;
    struct tcp_config config;
    nsec_t now;
    uint32_t burst;            // what tcp_output is told
    uint32_t our_isn;          // where the numbers of the machine's side count from
    uint32_t events;           // since they were looked at
    status_t error;            // the last one
    uint32_t acked;            // bytes in all
    uint32_t readable;         // bytes in all
    struct tcp_result result;  // of the last call
    struct tcp_range payload;  // of the last segment
    struct tcp_segment output; // the last segment
};

void dialogue_begin(struct dialogue *d);

// The machine opens, and the answer has these options ("mss 1000 sackok" for instance).
void dialogue_connect(struct dialogue *d, const char *options);

// ESTABLISHED: the peer takes segments of 1000 bytes and has SACK, no timestamps, no scale, and a
// window of 50,000.  The machine's RTT is 100 ms.
struct dialogue *dialogue_open(struct dialogue *d);

// The same with other options of the peer's SYN.
struct dialogue *dialogue_open_with(struct dialogue *d, const char *options);

// The same by a listener: the peer's SYN came first.
struct dialogue *dialogue_listen(struct dialogue *d, const char *options);

void peer(struct dialogue *d, const char *text);
void expect_at(struct dialogue *d, const char *text, const char *file, int line);
void expect_silence_at(struct dialogue *d, const char *file, int line);
#define expect(d, text)   expect_at(d, text, __FILE__, __LINE__)
#define expect_silence(d) expect_silence_at(d, __FILE__, __LINE__)

// Time passes; what is due is done.
void pass(struct dialogue *d, nsec_t time);

// The next thing is due after that long, to a tick of 1.05 ms; it comes.
void expect_due_at(struct dialogue *d, nsec_t time, const char *file, int line);
#define expect_due(d, time) expect_due_at(d, time, __FILE__, __LINE__)

// Events since they were looked at, exactly these.
void expect_events_at(struct dialogue *d, uint32_t events, const char *file, int line);
#define expect_events(d, events) expect_events_at(d, events, __FILE__, __LINE__)
void expect_failed_at(struct dialogue *d, status_t error, const char *file, int line);
#define expect_failed(d, error) expect_failed_at(d, error, __FILE__, __LINE__)
void expect_state_at(struct dialogue *d, enum tcp_state state, const char *file, int line);
#define expect_state(d, state) expect_state_at(d, state, __FILE__, __LINE__)

void app_write(struct dialogue *d, uint32_t bytes);
void app_read(struct dialogue *d, uint32_t bytes);
void app_shutdown(struct dialogue *d);
void app_close(struct dialogue *d);

// Writes and looks at the `n` full segments that go, from byte `from`.
void app_write_segments(struct dialogue *d, uint32_t from, unsigned n);

struct tcp_info dialogue_info(struct dialogue *d);
