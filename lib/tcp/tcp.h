// SPDX-License-Identifier: Apache-2.0
/*
 * One end of a TCP connection (RFC 9293), without I/O: time, randomness and segments are parameters,
 * bytes stay with the caller.
 *
 *   tcp_connect  -> SYN_SENT     -> ESTABLISHED -> FIN_WAIT_1 -> FIN_WAIT_2 -> TIME_WAIT -> CLOSED
 *   tcp_accept   -> SYN_RECEIVED -> ESTABLISHED -> CLOSE_WAIT -> LAST_ACK -> CLOSED
 *
 * The machine knows sequence numbers, not bytes.  The caller keeps two queues of bytes:
 *
 *   to send:   tcp_send says that `n` bytes were added at its end; tcp_output names a range of it, from
 *              its begin; tcp_result.acked says how many bytes are to be dropped at its begin.
 *   received:  tcp_result says which part of a segment's payload to keep, and how far behind the last
 *              byte in order it lies (0: it follows).  tcp_result.readable more bytes are in order then,
 *              with those kept earlier.  tcp_consume says that `n` were read, which opens the window.
 *
 * After each call that may change something the caller pulls tcp_output until it says false, and
 * arms its timer for tcp_deadline; when that has come it calls tcp_timeout.
 *
 * In it: window scaling, timestamps and PAWS (7323), SACK (2018, 6675), RACK-TLP (8985), CUBIC (9438)
 * with HyStart++ (9406), RTO (6298), F-RTO where timestamps tell, delayed acknowledgements, Nagle,
 * keepalive, user time-out, challenge ACKs (5961), zero-window probes, silly windows on both sides,
 * TIME-WAIT (6191 reuse is the listener's look-up).  Urgent data is taken as ordinary data.
 *
 * Locking: none; the caller's lock for the connection is held in every call.
 */
#pragma once

#include "lib/tcp/segment.h"

enum tcp_state : uint8_t {
    TCP_CLOSED,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};

// What a call brought about; several may come together.
enum tcp_event : uint32_t {
    TCP_EVENT_CONNECTED = 1 << 0, // now ESTABLISHED
    TCP_EVENT_READABLE = 1 << 1,  // more bytes in order
    TCP_EVENT_WRITABLE = 1 << 2,  // bytes were acknowledged
    TCP_EVENT_END = 1 << 3,       // the peer's FIN is in order: nothing more comes
    TCP_EVENT_FAILED = 1 << 4,    // `error` says why; the state is CLOSED
    TCP_EVENT_CLOSED = 1 << 5,    // the state is CLOSED: forget it
    TCP_EVENT_CROWDED = 1 << 6,   // memory could be lent, see tcp_list_wants
};

struct tcp_result {
    uint32_t events; // enum tcp_event
    status_t error;  // with TCP_EVENT_FAILED: ERR_CONNREFUSED, ERR_CONNRESET, ERR_TIMEDOUT, ...
    uint32_t acked;  // bytes to drop at the begin of what is to send
    // The part of the payload to keep: `take` bytes from `skip`; 0: nothing.  No byte is ever taken
    // twice, so what is kept never overlaps.  It may exceed the buffer by a step of the window scale.
    uint32_t skip;
    uint32_t take;
    uint32_t offset;   // of its first byte behind the last one in order
    uint32_t readable; // bytes that have come in order with it
};

// Settings, from options of the socket; may be changed at any time by tcp_configure.
struct tcp_config {
    uint32_t receive_buffer; // bytes; the window is what of it is free
    uint32_t send_buffer;    // bytes, for auto-tuning reports only
    uint16_t mss_max;        // of what we take and send: from the path's MTU
    bool is_nodelay;         // TCP_NODELAY
    bool is_corked;          // TCP_CORK, MSG_MORE
    bool keeps_alive;        // SO_KEEPALIVE
    uint8_t syn_retries;     // TCP_SYNCNT
    nsec_t keep_idle;        // TCP_KEEPIDLE
    nsec_t keep_interval;    // TCP_KEEPINTVL
    uint8_t keep_count;      // TCP_KEEPCNT
    nsec_t user_timeout;     // TCP_USER_TIMEOUT; 0: the default of RFC 9293, 3.8.3
    nsec_t linger_timeout;   // how long FIN_WAIT_2 lasts once nobody reads; TCP_LINGER2
};

// What a new connection begins with.  `now` is what timestamps count from; `ts_offset` is random per
// peer, so that they tell nothing of this machine.
struct tcp_open {
    uint16_t local_port;
    uint16_t peer_port;
    uint32_t isn; // RFC 6528, from the caller
    uint32_t ts_offset;
};

struct tcp; // whole in lib/tcp/machine.h, for who embeds it

// The window scale that a receive buffer of so many bytes needs (RFC 7323, 2.3).
uint8_t tcp_scale_for(uint32_t receive_buffer);

// An empty one; CLOSED.
void tcp_init(struct tcp *t, const struct tcp_config *c);
void tcp_configure(struct tcp *t, const struct tcp_config *c);

// CLOSED -> SYN_SENT.
void tcp_connect(struct tcp *t, const struct tcp_open *o, nsec_t now);

// CLOSED -> SYN_RECEIVED, by a SYN that a listener took.  The SYN-ACK is the next output.
void tcp_accept(struct tcp *t, const struct tcp_open *o, const struct tcp_segment *syn, nsec_t now);

// CLOSED -> ESTABLISHED, by an ACK whose cookie was right (lib/tcp/cookie.h): `syn` has the options
// that the cookie told; the caller passes the ACK to tcp_input after that.
void tcp_accept_cookie(struct tcp *t, const struct tcp_open *o, const struct tcp_segment *syn,
                       nsec_t now);

// A segment of this connection whose checksum is right.  Fills *out.
void tcp_input(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out);

void tcp_send(struct tcp *t, uint32_t bytes, nsec_t now); // were added to what is to send
void tcp_consume(struct tcp *t, uint32_t bytes);          // were read by the application

// No more will be sent: FIN follows the last byte.  Reading goes on.
void tcp_shutdown_send(struct tcp *t, nsec_t now);

// Nobody reads any more either: FIN_WAIT_2 gets a time limit, and data that still comes a reset.
void tcp_close(struct tcp *t, nsec_t now);

// Ends it at once; RST is the next output where there is a peer to tell.
void tcp_abort(struct tcp *t);

/*
 * The next segment to send; false: nothing for now.  Its payload is *payload_size bytes from
 * *payload_offset of what is to send.  `burst_max` is the most payload that the caller can send at
 * once (a device that segments): more than a segment's worth only as a multiple of *mss, which is
 * the payload of each segment; ports are filled in, the checksum is the caller's.
 */
struct tcp_range {
    uint32_t offset;
    uint32_t size;
    uint16_t mss;
};
bool tcp_output(struct tcp *t, nsec_t now, uint32_t burst_max, struct tcp_segment *out,
                struct tcp_range *payload);

// When tcp_timeout is to be called; NSEC_NEVER: not at all.
nsec_t tcp_deadline(const struct tcp *t);
void tcp_timeout(struct tcp *t, nsec_t now, struct tcp_result *out);

/*
 * What is in flight and what came out of order are lists, which are short at first.  When many segments
 * are lost at once, longer ones keep track of all of them; with short ones some are sent again
 * needlessly.  After TCP_EVENT_CROWDED the caller may ask for each list how much memory it wants, and
 * lend as much (aligned as uint64_t).  It gets back what it lent before, which is NULL at first.
 *
 * With NULL it takes the memory back: always of a connection that is CLOSED, else if the list has
 * become short again (tcp_list_is_short).
 */
enum tcp_list : uint8_t {
    TCP_LIST_FLIGHT,
    TCP_LIST_RECEIVED,
};
size_t tcp_list_wants(const struct tcp *t, enum tcp_list list); // bytes; 0: it has enough
bool tcp_list_is_short(const struct tcp *t, enum tcp_list list);
void *tcp_list_lend(struct tcp *t, enum tcp_list list, void *memory, size_t size);

// ICMP told of a smaller MTU (mss is what then fits), or of an error: hard ones end a connection that
// is not yet established (RFC 5927), others are kept as the reason for a later time-out.
void tcp_path_mss(struct tcp *t, uint16_t mss, nsec_t now);
void tcp_unreachable(struct tcp *t, uint32_t seq, status_t error, struct tcp_result *out);

// Whether the number is of something that was sent and not acknowledged, which an error that the network
// tells has to be about (RFC 5927, 4).
bool tcp_is_in_flight(const struct tcp *t, uint32_t seq);

// For TCP_INFO and the socket list.
struct tcp_info {
    enum tcp_state state;
    uint8_t has; // enum tcp_has that were agreed on
    uint8_t send_scale;
    uint8_t receive_scale;
    uint8_t retries; // time-outs in a row
    uint16_t send_mss;
    uint16_t receive_mss;
    nsec_t rtt; // smoothed
    nsec_t rtt_variance;
    nsec_t rtt_min;
    nsec_t rto;
    uint32_t window;         // congestion window, bytes
    uint32_t threshold;      // of slow start, bytes
    uint32_t in_flight;      // bytes
    uint32_t unsent;         // bytes
    uint32_t send_window;    // bytes that the peer takes
    uint32_t receive_window; // bytes that we offer
    uint32_t lost;           // bytes thought lost
    uint32_t retransmits;    // segments in all
    uint64_t bytes_sent;     // with repeated ones
    uint64_t bytes_acked;
    uint64_t bytes_received;
    uint32_t segments_out;
    uint32_t segments_in;
    uint32_t duplicate_segments_in;
    uint32_t reordering_seen;
};
void tcp_info(const struct tcp *t, nsec_t now, struct tcp_info *out);

// The segment that answers one which belongs to no connection (RFC 9293, 3.10.7.1).  False: none.
bool tcp_reset_for(const struct tcp_segment *s, struct tcp_segment *out);
