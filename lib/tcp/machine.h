// SPDX-License-Identifier: Apache-2.0
/*
 * What struct tcp has in it, for who embeds one.  Only lib/tcp looks inside.
 *
 * Three clocks: nsec_t where deadlines are; ticks of 1.024 us in 32 bits for the times of segments;
 * and ticks of 1.05 ms in 32 bits for timestamps and what may last for days.
 *
 * Bytes in flight are a list of runs that lie end to end from `send_unacked` to `send_next`; all
 * bytes of a run have the same state and were sent at about the same time.  Runs that differ in their
 * time only are joined when the list is full, and a SACK block that does not fit is forgotten, as if it
 * had not come (the receiver may forget it too: RFC 2018, 8).
 *
 * Bytes that came out of order are a list of ranges, the one that changed last first, which is the
 * order that SACK reports them in.  A segment that would make one too many is not kept.
 *
 * Both lists are small and become longer with memory that is lent (tcp_list_lend).
 */
#pragma once

#include "lib/tcp/cubic.h"
#include "lib/tcp/rtt.h"
#include "lib/tcp/tcp.h"

enum {
    TCP_RUNS_FEW = 32, // without memory that was lent; a power of two
    TCP_RANGES_FEW = 16,
};

// Of bytes in flight.
enum tcp_run_state : uint8_t {
    TCP_RUN_SACKED = 1 << 0,
    TCP_RUN_LOST = 1 << 1,   // to be sent again
    TCP_RUN_RESENT = 1 << 2, // was sent again
};

struct tcp_run {
    uint32_t end;  // it begins where the one before ends
    uint32_t sent; // tick of the last time that its first bytes were sent,
    uint16_t span; // and ticks until its last ones were
    uint8_t state; // enum tcp_run_state
    bool is_cut;   // its last bytes may have been sent before that
};

// What the one timer for sending is for.
enum tcp_timer : uint8_t {
    TCP_TIMER_NONE,
    TCP_TIMER_RTO,
    TCP_TIMER_PROBE,    // tail loss (RFC 8985, 7)
    TCP_TIMER_REORDER,  // RACK waits for what may only be late
    TCP_TIMER_PERSIST,  // the peer's window is closed
    TCP_TIMER_OVERRIDE, // small segments that were held back go now
    TCP_TIMER_WAIT,     // TIME_WAIT, or FIN_WAIT_2 that nobody reads
};

// What the next output has to be, beside data that may go.
enum tcp_pending : uint16_t {
    TCP_PENDING_SYN = 1 << 0,
    TCP_PENDING_ACK = 1 << 1,
    TCP_PENDING_RST = 1 << 2,       // the connection is over
    TCP_PENDING_REFUSE = 1 << 3,    // RST for one segment that is not of this connection
    TCP_PENDING_PROBE = 1 << 4,     // one more segment than the congestion window allows
    TCP_PENDING_PERSIST = 1 << 5,   // one byte, whatever the window
    TCP_PENDING_OVERRIDE = 1 << 6,  // a small segment, whatever Nagle says
    TCP_PENDING_KEEPALIVE = 1 << 7, // a segment that the peer must answer
};

enum tcp_mode : uint16_t {
    TCP_IS_CLOSING = 1 << 0,     // a FIN follows the last byte
    TCP_IS_UNREAD = 1 << 1,      // nobody reads any more
    TCP_IS_PASSIVE = 1 << 2,     // by a listener
    TCP_IS_LIMITED = 1 << 3,     // the congestion window, not the sender, was the limit
    TCP_HAS_REORDERING = 1 << 4, // was seen
    TCP_HAS_UNDO = 1 << 5,       // the reduction may turn out to be spurious
    TCP_HAS_TAIL_PROBE = 1 << 6, // one is in flight,
    TCP_IS_TAIL_RESENT = 1 << 7, // and was a repetition
    TCP_HAS_DSACK = 1 << 8,      // `duplicate` is to be reported
    TCP_HAS_FIN = 1 << 9,        // `receive_fin` is known
    TCP_HAS_REORDER_ROUND = 1 << 10,
    TCP_IS_SYN_REPEATED = 1 << 11,
};

// Recovery from loss.
enum tcp_recovery : uint8_t {
    TCP_RECOVERY_NONE,
    TCP_RECOVERY_FAST, // by SACK, RACK or duplicate acknowledgements
    TCP_RECOVERY_RTO,
};

struct tcp {
    enum tcp_state state;
    enum tcp_recovery recovery;
    enum tcp_timer timer;
    uint8_t has; // enum tcp_has: agreed on
    uint8_t send_scale;
    uint8_t receive_scale;
    uint16_t pending;  // enum tcp_pending
    uint16_t mode;     // enum tcp_mode
    uint16_t send_mss; // with options (RFC 6691)
    uint16_t local_port;
    uint16_t peer_port;

    // Deadlines.
    nsec_t timer_at;
    nsec_t ack_at;
    nsec_t keep_at;
    nsec_t rto_from; // from which the time-out counts

    // Sending (RFC 9293, 3.3.1).
    uint32_t send_first; // number of the first byte
    uint32_t send_unacked;
    uint32_t send_next;
    uint32_t send_end; // behind the last byte that is to send
    uint32_t send_window;
    uint32_t send_window_max; // the largest that was ever offered
    uint32_t window_seq;      // WL1
    uint32_t window_ack;      // WL2
    uint32_t small_end;       // behind the last segment that was not full

    // Receiving.
    uint32_t receive_next;
    uint32_t receive_edge;  // behind what was offered
    uint32_t receive_acked; // the last acknowledgement that was sent
    uint32_t receive_space; // the most that is offered: grows to config.receive_buffer
    uint32_t unread;        // bytes in order that were not consumed
    uint32_t receive_fin;   // the peer's FIN that came out of order
    uint32_t tune_from;     // of the period in which half a window comes
    uint32_t tune_seq;      // when this has come, it has
    uint32_t tune_tick;     // since then
    uint16_t receive_mss;   // the largest segment that came
    uint8_t quick_acks;     // acknowledgements not to be delayed
    uint16_t range_count;
    struct tcp_sack duplicate; // of RFC 2883

    // Timestamps.
    uint32_t ts_offset;
    uint32_t ts_recent;
    uint32_t ts_recent_at; // long tick

    // Recovery.
    uint32_t recover;    // it ends when this is acknowledged
    uint32_t sacked;     // bytes
    uint32_t lost;       // bytes to be sent again
    uint32_t rack_sent;  // tick at which the segment was sent that was sent last of all delivered
    uint32_t rack_end;   // and its end
    uint32_t rack_rtt;   // ticks
    uint32_t rack_front; // the highest byte delivered
    uint32_t probe_end;  // of a tail loss probe
    uint32_t undo_from;  // our timestamp of the first repetition
    uint32_t undo_bytes; // repeated and not told as duplicates
    uint32_t undo_begin; // what was in flight when the reduction came
    uint32_t undo_end;
    uint32_t reorder_round; // when this is acknowledged, a D-SACK counts again
    uint8_t reorder_steps;  // quarters of the least RTT
    uint8_t reorder_persist;
    uint8_t duplicate_acks; // without SACK
    uint8_t retries;        // time-outs in a row
    uint8_t keep_probes;    // without an answer
    uint8_t challenges;     // in the current period
    uint16_t challenge_period;
    uint16_t run_first; // index of the first run
    uint16_t run_count;
    uint16_t run_room; // runs that the list can have; a power of two
    uint16_t range_room;
    uint32_t progress_at; // long tick of the last progress of sending
    uint32_t heard_at;    // long tick of the last segment
    uint32_t sent_at;     // tick of the last segment with data
    uint32_t syn_tick;    // tick of the SYN
    uint32_t refuse_seq;  // with TCP_PENDING_REFUSE
    status_t soft_error;  // of ICMP
    struct tcp_config config;
    struct tcp_rtt rtt;
    struct tcp_cubic cubic;

    // For tcp_info only.
    uint64_t bytes_sent;
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint32_t segments_out;
    uint32_t segments_in;
    uint32_t duplicate_segments_in;
    uint32_t retransmits;
    uint32_t reordering_seen;

    struct tcp_sack *ranges_lent; // NULL: `ranges_few` is the list
    struct tcp_run *runs_lent;    // NULL: `runs_few` is
    struct tcp_sack ranges_few[TCP_RANGES_FEW];
    struct tcp_run runs_few[TCP_RUNS_FEW]; // a ring, as what is lent
};

// Whether tcp_output is worth calling: false where it would give nothing and change nothing.
static inline bool tcp_wants_output(const struct tcp *t)
{
    return (t->send_end ^ t->send_next) != 0 || t->pending != 0 || t->lost != 0 ||
           (t->mode & (TCP_IS_LIMITED | TCP_IS_CLOSING)) != 0;
}

// Bytes that may be in flight.
static inline uint32_t tcp_congestion_window(const struct tcp *t)
{
    return t->cubic.window;
}

static inline enum tcp_state tcp_state(const struct tcp *t)
{
    return t->state;
}
