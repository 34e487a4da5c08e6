// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the machine see of each other.  A segment goes through them in this order:
 *
 *   input.c        which segments are of this connection at all; RST, SYN, challenges
 *   synchronise.c  the handshake
 *   ack.c          what an acknowledgement says; runs.c keeps what is in flight
 *   recovery.c     what was lost; rack.c says it by time, tail.c asks about the last ones
 *   receive.c      what comes, in order and not; window.c offers room for it; list.c lends memory
 *   output.c       what goes
 *   timer.c        when something is due, and what then
 */
#pragma once

#include "lib/base/bits.h"
#include "lib/tcp/machine.h"

enum {
    TCP_MSS_MIN = 88,            // a peer that asks for less gets this
    TCP_MSS_DEFAULT = 536,       // of a peer that says nothing (RFC 9293, 3.7.1)
    TCP_TIMESTAMPS_SIZE = 12,    // of the option with its padding
    TCP_DUPLICATES_MAX = 3,      // acknowledgements (RFC 5681, 3.2)
    TCP_SPACE_FIRST = 64 * 1024, // the window before it grows
    TCP_INTERACTIVE = 40,        // long ticks; data that follows what came so soon is an answer
    TCP_QUICK_ACKS = 16,         // of full segments at the begin, for the peer's slow start
    TCP_SCALE_MIN = 7,           // so that it can grow when the buffer does
};

static inline uint32_t tcp_tick(nsec_t now)
{
    return (uint32_t)(now >> 10);
}

static inline nsec_t tcp_ticks_ns(uint32_t ticks)
{
    return (nsec_t)ticks << 10;
}

static inline uint32_t tcp_long_tick(nsec_t now)
{
    return (uint32_t)(now >> 20);
}

static inline nsec_t tcp_long_ticks_ns(uint32_t ticks)
{
    return (nsec_t)ticks << 20;
}

static inline bool tcp_is_in(const struct tcp *t, uint16_t mode)
{
    return (t->mode & mode) != 0;
}

static inline uint32_t tcp_flight(const struct tcp *t)
{
    return t->send_next - t->send_unacked - t->sacked - t->lost;
}

// Payload of a full segment.
static inline uint32_t tcp_payload_max(const struct tcp *t)
{
    return (uint32_t)t->send_mss - ((t->has & TCP_HAS_TIMESTAMPS) != 0 ? TCP_TIMESTAMPS_SIZE : 0);
}

// With the FIN that is to follow.
static inline uint32_t tcp_unsent(const struct tcp *t)
{
    return t->send_end + (tcp_is_in(t, TCP_IS_CLOSING) ? 1 : 0) - t->send_next;
}

static inline bool tcp_has_handshake_done(const struct tcp *t)
{
    return t->state >= TCP_ESTABLISHED;
}

static inline void tcp_ask_ack(struct tcp *t)
{
    t->pending |= TCP_PENDING_ACK;
}

// ---- machine.c ----

void tcp_begin_closing(struct tcp *t); // the handshake is over and a FIN is to be sent

// ---- input.c ----

void tcp_stop(struct tcp *t); // CLOSED; only a reset may still go

// Ends it; OK: nothing was wrong.
void tcp_finish(struct tcp *t, status_t error, struct tcp_result *out);

// An acknowledgement that answers something odd; not more of them than somebody could want.
void tcp_challenge(struct tcp *t, nsec_t now);

// A reset for that segment alone.
void tcp_refuse(struct tcp *t, const struct tcp_segment *s);

// The peer's timestamp, where the segment may bring a newer one (RFC 7323, 4.3).
void tcp_note_timestamp(struct tcp *t, const struct tcp_segment *s, nsec_t now);

// ---- synchronise.c ----

void tcp_take_syn(struct tcp *t, const struct tcp_segment *syn, nsec_t now);
void tcp_establish(struct tcp *t, nsec_t now);
void tcp_repeat_syn(struct tcp *t, nsec_t now);
void tcp_input_syn_sent(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                        struct tcp_result *out);

// False: the segment goes no further.
bool tcp_input_syn_received(struct tcp *t, const struct tcp_segment *s, nsec_t now,
                            struct tcp_result *out);

// ---- ack.c ----

// False: the segment goes no further.
bool tcp_input_ack(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out);

// ---- runs.c ----

// What came through with one acknowledgement.
struct tcp_delivery {
    uint32_t bytes;    // that were not known to have come
    uint32_t lost;     // of them, bytes thought lost
    uint32_t sent;     // of the one among them that was sent last,
    uint32_t end;      // and its end
    uint32_t rtt_sent; // of the last one that was sent but once
    uint32_t front;    // the highest end
    bool has_any;
    bool is_resent; // the one that was sent last
    bool has_rtt;
    bool is_reordered; // something came behind what was sent after it
};

static inline struct tcp_run *tcp_run_at(struct tcp *t, unsigned i)
{
    struct tcp_run *runs = t->runs_lent != NULL ? t->runs_lent : t->runs_few;
    return &runs[(t->run_first + i) & (t->run_room - 1u)];
}

static inline const struct tcp_run *tcp_run_see(const struct tcp *t, unsigned i)
{
    const struct tcp_run *runs = t->runs_lent != NULL ? t->runs_lent : t->runs_few;
    return &runs[(t->run_first + i) & (t->run_room - 1u)];
}

// When the last bytes of a run were sent, at the latest.  What is in the middle may have been sent at
// any time from `sent` to then: what has come counts as sent early, and what is missing as sent late.
static inline uint32_t tcp_run_sent_last(const struct tcp_run *r)
{
    return r->sent + r->span;
}

// Where a run begins.
static inline uint32_t tcp_run_begin(const struct tcp *t, unsigned i)
{
    return i == 0 ? t->send_unacked : tcp_run_see(t, i - 1)->end;
}

bool tcp_runs_have_room(struct tcp *t);                        // for something new
void tcp_runs_add(struct tcp *t, uint32_t end, uint32_t tick); // sent from send_next to `end`
void tcp_runs_ack(struct tcp *t, uint32_t ack, struct tcp_delivery *d);
void tcp_runs_sack(struct tcp *t, struct tcp_sack block, struct tcp_delivery *d);
// The front of the first lost run, up to `end`, was sent again; or what follows `begin`, to the end.
void tcp_runs_resent(struct tcp *t, uint32_t end, uint32_t tick);
void tcp_runs_tail_resent(struct tcp *t, uint32_t begin, uint32_t tick);
void tcp_runs_front_resent(struct tcp *t);
void tcp_runs_lose(struct tcp *t, unsigned i);
void tcp_runs_lose_front(struct tcp *t, uint32_t bytes); // the first that is in flight
void tcp_runs_lose_all(struct tcp *t);
void tcp_runs_find_all(struct tcp *t);                      // nothing is lost
void tcp_runs_forget_sacks(struct tcp *t);                  // the receiver reneged
void tcp_runs_join(struct tcp *t);                          // after many were lost
bool tcp_runs_first_lost(const struct tcp *t, unsigned *i); // false: none

// ---- recovery.c ----

// What an acknowledgement tells of what was sent.
struct tcp_ack_news {
    struct tcp_delivery delivery;
    uint32_t acked;     // of sequence space
    uint32_t dsack;     // bytes that came twice; 0: it tells of none
    uint32_t dsack_end; // and where they end
    nsec_t rtt;         // 0: no sample
    bool is_duplicate;  // in the sense of RFC 5681
};

// Gives how long the reorder timer is to wait; 0: nothing is only late.
nsec_t tcp_recover(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n,
                   nsec_t now);
nsec_t tcp_recover_late(struct tcp *t, nsec_t now); // the reorder timer
void tcp_recover_timeout(struct tcp *t, nsec_t now);
void tcp_recover_repair(struct tcp *t); // what is lost was not lost by congestion

// How many bytes more the network takes.
static inline uint32_t tcp_congestion_room(const struct tcp *t)
{
    uint32_t flight = tcp_flight(t);
    return t->cubic.window > flight ? t->cubic.window - flight : 0;
}

// ---- rack.c ----

void tcp_rack_update(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n,
                     nsec_t now);
void tcp_rack_advance(struct tcp *t, const struct tcp_delivery *d, nsec_t now); // it was sent last
void tcp_rack_recovered(struct tcp *t);
uint32_t tcp_rack_detect(struct tcp *t, nsec_t now); // ticks until more may be lost; 0: none
void tcp_rack_detect_timeout(struct tcp *t, nsec_t now);

// ---- tail.c ----

bool tcp_tail_may_probe(const struct tcp *t);
nsec_t tcp_tail_timeout(const struct tcp *t);
void tcp_tail_sent(struct tcp *t, bool is_resent);
void tcp_tail_ack(struct tcp *t, const struct tcp_segment *s, const struct tcp_ack_news *n);

// ---- receive.c ----

static inline struct tcp_sack *tcp_ranges(struct tcp *t)
{
    return t->ranges_lent != NULL ? t->ranges_lent : t->ranges_few;
}

void tcp_receive(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out);

// Notes that [left, right) came twice, for D-SACK.
void tcp_receive_duplicate(struct tcp *t, uint32_t left, uint32_t right);

// SACK blocks of the next acknowledgement.
void tcp_receive_report(struct tcp *t, struct tcp_segment *out);

// ---- window.c ----

// Behind the last byte that may come.
static inline uint32_t tcp_window_edge(const struct tcp *t)
{
    return tcp_seq_lt(t->receive_edge, t->receive_next) ? t->receive_next : t->receive_edge;
}

uint8_t tcp_window_scale(const struct tcp *t);
uint16_t tcp_window_offer_syn(struct tcp *t);
uint16_t tcp_window_offer(struct tcp *t); // the field of the next segment; moves receive_edge
void tcp_window_consumed(struct tcp *t);  // asks for an acknowledgement if the peer should know
void tcp_window_begin(struct tcp *t, nsec_t now);
void tcp_window_tune(struct tcp *t, nsec_t now); // after bytes came in order

// ---- timer.c ----

// For what is in flight and what waits now; `wait` is how long something may still be only late.
void tcp_timer_restart(struct tcp *t, nsec_t now, nsec_t wait);
void tcp_timer_sent(struct tcp *t, nsec_t now); // data was
void tcp_timer_syn(struct tcp *t, nsec_t now);
void tcp_timer_linger(struct tcp *t, nsec_t now);
void tcp_timer_keepalive(struct tcp *t, nsec_t now);
void tcp_time_wait(struct tcp *t, nsec_t now);
