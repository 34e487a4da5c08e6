// SPDX-License-Identifier: Apache-2.0
/* What comes: bytes in order and not, the FIN, and when they are acknowledged. */
#include "lib/base/string.h"
#include "lib/tcp/machine_priv.h"

static constexpr nsec_t ACK_DELAY = 40 * NSEC_PER_MSEC; // RFC 9293, 3.8.6.3: less than 500 ms

void tcp_receive_duplicate(struct tcp *t, uint32_t left, uint32_t right)
{
    if (tcp_seq_lt(left, right)) {
        t->mode |= TCP_HAS_DSACK;
        t->duplicate = (struct tcp_sack){left, right};
    }
}

void tcp_receive_report(struct tcp *t, struct tcp_segment *out)
{
    if ((t->has & TCP_HAS_SACK_PERMITTED) == 0) {
        return;
    }
    unsigned room = (t->has & TCP_HAS_TIMESTAMPS) != 0 ? TCP_SACKS_MAX - 1 : TCP_SACKS_MAX;
    unsigned n = 0;
    if (tcp_is_in(t, TCP_HAS_DSACK)) {
        out->sacks[n++] = t->duplicate;
        t->mode &= (uint16_t)~TCP_HAS_DSACK;
    }
    for (unsigned i = 0; i < t->range_count && n < room; i++) {
        out->sacks[n++] = tcp_ranges(t)[i];
    }
    out->sack_count = (uint8_t)n;
}

static void remove_range(struct tcp *t, unsigned i)
{
    struct tcp_sack *ranges = tcp_ranges(t);
    t->range_count--;
    memmove(ranges + i, ranges + i + 1, (t->range_count - i) * sizeof(ranges[0]));
}

// The range that changed last stands first (RFC 2018, 4).
static void put_first(struct tcp *t, struct tcp_sack range)
{
    struct tcp_sack *ranges = tcp_ranges(t);
    memmove(ranges + 1, ranges, t->range_count * sizeof(ranges[0]));
    ranges[0] = range;
    t->range_count++;
}

/*
 * Cuts off what came before, at the begin, and at the end what came before or is behind such a part:
 * what is left is new and in one piece.  A range that has the begin is put first.
 */
static void cut_known(struct tcp *t, struct tcp_sack *part)
{
    const struct tcp_sack *ranges = tcp_ranges(t);
    for (unsigned i = 0; i < t->range_count; i++) {
        struct tcp_sack r = ranges[i];
        if (tcp_seq_le(r.left, part->left) && tcp_seq_lt(part->left, r.right)) {
            uint32_t right = tcp_seq_lt(part->right, r.right) ? part->right : r.right;
            tcp_receive_duplicate(t, part->left, right);
            part->left = r.right;
            remove_range(t, i);
            put_first(t, r);
            break; // ranges do not touch each other
        }
    }
    for (unsigned i = 0; i < t->range_count; i++) {
        if (tcp_seq_le(part->left, ranges[i].left) && tcp_seq_lt(ranges[i].left, part->right)) {
            part->right = ranges[i].left;
        }
    }
}

// Joins it with the ranges that it touches.  False: it would be one too many.
static bool keep_range(struct tcp *t, struct tcp_sack part)
{
    const struct tcp_sack *ranges = tcp_ranges(t);
    for (unsigned i = 0; i < t->range_count;) {
        struct tcp_sack r = ranges[i];
        if (r.right == part.left || r.left == part.right) {
            part.left = r.right == part.left ? r.left : part.left;
            part.right = r.left == part.right ? r.right : part.right;
            remove_range(t, i);
        } else {
            i++;
        }
    }
    if (t->range_count >= t->range_room) {
        return false;
    }
    put_first(t, part);
    return true;
}

// Bytes up to `end` are in order now, and with them a range that begins there.
static void advance(struct tcp *t, uint32_t end)
{
    const struct tcp_sack *ranges = tcp_ranges(t);
    t->receive_next = end;
    for (unsigned i = 0; i < t->range_count; i++) {
        if (ranges[i].left == end) {
            t->receive_next = ranges[i].right;
            remove_range(t, i);
            break;
        }
    }
}

static void take_fin(struct tcp *t, nsec_t now, struct tcp_result *out)
{
    out->events |= TCP_EVENT_END;
    tcp_ask_ack(t);
    switch (t->state) {
    case TCP_ESTABLISHED: t->state = TCP_CLOSE_WAIT; break;
    case TCP_FIN_WAIT_1: t->state = TCP_CLOSING; break;
    case TCP_FIN_WAIT_2: tcp_time_wait(t, now); break;
    default: break;
    }
}

// At least every second full segment is acknowledged at once (RFC 5681, 4.2), and all while something
// is missing, or just was.
static void acknowledge(struct tcp *t, uint32_t size, bool had_ranges, nsec_t now)
{
    uint32_t pending = t->receive_next - t->receive_acked;
    bool is_full = size >= t->receive_mss;
    if (had_ranges || pending >= 2u * t->receive_mss || (is_full && t->quick_acks > 0)) {
        t->quick_acks -= t->quick_acks > 0 ? 1 : 0;
        tcp_ask_ack(t);
    } else if (t->ack_at == NSEC_NEVER) {
        t->ack_at = now + ACK_DELAY;
    }
}

// `part`, which may have the FIN at its end, came in order.
static void take_in_order(struct tcp *t, struct tcp_sack part, nsec_t now, struct tcp_result *out)
{
    uint32_t before = t->receive_next;
    bool had_ranges = t->range_count > 0;
    advance(t, part.right);
    uint32_t got = t->receive_next - before;
    bool is_end = tcp_is_in(t, TCP_HAS_FIN) && t->receive_next == t->receive_fin + 1;
    uint32_t bytes = got - (is_end ? 1 : 0);
    t->unread += bytes;
    t->bytes_received += bytes;
    out->readable = bytes;
    out->events |= bytes > 0 ? TCP_EVENT_READABLE : 0;
    acknowledge(t, part.right - part.left, had_ranges, now);
    tcp_window_tune(t, now);
    if (is_end) {
        take_fin(t, now, out);
    }
}

static bool may_receive(const struct tcp *t)
{
    return t->state == TCP_ESTABLISHED || t->state == TCP_FIN_WAIT_1 || t->state == TCP_FIN_WAIT_2;
}

static void measure(struct tcp *t, uint32_t size)
{
    uint32_t options = (t->has & TCP_HAS_TIMESTAMPS) != 0 ? TCP_TIMESTAMPS_SIZE : 0;
    size = (uint32_t)u64_min(size, t->config.mss_max - options); // several may have been merged
    if (size > t->receive_mss) {
        t->receive_mss = (uint16_t)size;
    }
}

// Whether a FIN there can be the peer's: it had no other, and nothing came from behind it.
static bool is_fin_possible(struct tcp *t, uint32_t data_end)
{
    if (tcp_is_in(t, TCP_HAS_FIN)) {
        return t->receive_fin == data_end;
    }
    for (unsigned i = 0; i < t->range_count; i++) {
        if (tcp_seq_lt(data_end, tcp_ranges(t)[i].right)) {
            return false;
        }
    }
    return true;
}

// The part of the segment's sequence space that is in the window, and where the payload ends.
static struct tcp_sack clip(struct tcp *t, const struct tcp_segment *s)
{
    uint32_t data_end = s->seq + s->payload_size;
    uint32_t edge = tcp_window_edge(t);
    struct tcp_sack part = {s->seq, data_end};
    if (tcp_seq_lt(edge, part.right)) {
        part.right = edge;
    } else if ((s->flags & TCP_FIN) != 0 && is_fin_possible(t, data_end)) {
        part.right = data_end + 1;
    }
    if (tcp_is_in(t, TCP_HAS_FIN) && tcp_seq_lt(t->receive_fin + 1, part.right)) {
        part.right = t->receive_fin + 1; // nothing comes behind the FIN
    }
    if (tcp_seq_lt(part.left, t->receive_next)) {
        uint32_t right = tcp_seq_lt(part.right, t->receive_next) ? part.right : t->receive_next;
        tcp_receive_duplicate(t, part.left, right);
        part.left = t->receive_next;
    }
    return part;
}

// Whether it is just what was to come next.
static bool is_next(const struct tcp *t, const struct tcp_segment *s)
{
    return s->seq == t->receive_next && t->state == TCP_ESTABLISHED && t->range_count == 0 &&
           (t->mode & (TCP_IS_UNREAD | TCP_HAS_DSACK)) == 0 && (s->flags & TCP_FIN) == 0 &&
           tcp_seq_le(s->seq + s->payload_size, t->receive_edge);
}

void tcp_receive(struct tcp *t, const struct tcp_segment *s, nsec_t now, struct tcp_result *out)
{
    uint32_t data_end = s->seq + s->payload_size;
    if (is_next(t, s)) {
        measure(t, s->payload_size);
        out->take = s->payload_size;
        take_in_order(t, (struct tcp_sack){s->seq, data_end}, now, out);
        return;
    }
    if (!may_receive(t)) {
        if (tcp_seq_lt(t->receive_next, data_end)) {
            tcp_challenge(t, now);
        } else if (t->state == TCP_TIME_WAIT && (s->flags & TCP_FIN) != 0) {
            tcp_time_wait(t, now);
            tcp_ask_ack(t);
        } else {
            tcp_ask_ack(t);
        }
        return;
    }
    if (tcp_is_in(t, TCP_IS_UNREAD) && tcp_seq_lt(t->receive_next, data_end)) {
        tcp_abort(t); // RFC 9293, 3.6.1: the peer learns that nobody reads
        out->events |= TCP_EVENT_CLOSED;
        return;
    }
    measure(t, s->payload_size);
    struct tcp_sack part = clip(t, s);
    cut_known(t, &part);
    if (!tcp_seq_lt(part.left, part.right)) {
        t->duplicate_segments_in++;
        tcp_ask_ack(t);
        return;
    }
    bool has_fin = (s->flags & TCP_FIN) != 0 && part.right == data_end + 1;
    bool is_in_order = part.left == t->receive_next;
    bool is_kept = is_in_order || keep_range(t, part);
    if (tcp_list_wants(t, TCP_LIST_RECEIVED) > 0) {
        out->events |= TCP_EVENT_CROWDED;
    }
    if (!is_kept) {
        tcp_ask_ack(t);
        return;
    }
    if (has_fin) {
        t->mode |= TCP_HAS_FIN;
        t->receive_fin = data_end;
    }
    out->skip = part.left - s->seq;
    out->take = part.right - part.left - (has_fin ? 1 : 0);
    out->offset = part.left - t->receive_next;
    if (is_in_order) {
        take_in_order(t, part, now, out);
    }
    if (!is_in_order || tcp_is_in(t, TCP_HAS_DSACK)) {
        tcp_ask_ack(t);
    }
}
