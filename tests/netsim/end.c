// SPDX-License-Identifier: Apache-2.0
#include "tests/netsim/end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bits.h"
#include "lib/net/checksum.h"

// The pattern's period is a prime, so that bytes from any wrong place differ.
enum { PATTERN_PERIOD = 65521, SERVER_PORT = 80, SERVER_SCALE = 7 };

static const struct tcp_secret secret = {"a secret of test"};

static uint8_t pattern[PATTERN_PERIOD + PACKET_MAX];

static void make_pattern(void)
{
    struct test_random random = {.state = 9293};
    for (size_t i = 0; i < sizeof(pattern); i++) {
        pattern[i] = i < PATTERN_PERIOD ? (uint8_t)(test_random_next(&random) >> 56)
                                        : pattern[i - PATTERN_PERIOD];
    }
}

static const uint8_t *pattern_at(uint64_t position)
{
    return pattern + position % PATTERN_PERIOD;
}

static uint8_t *zeroed(size_t size)
{
    uint8_t *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void end_init(struct end *e, struct net *n, const struct end_config *c)
{
    if (pattern[0] == pattern[1]) {
        make_pattern();
    }
    *e = (struct end){.net = n, .config = *c, .read_at = NSEC_NEVER};
    e->store = zeroed(c->tcp.receive_buffer);
    e->kept = zeroed(c->tcp.receive_buffer);
    tcp_init(&e->tcp, &c->tcp);
}

void end_fini(struct end *e)
{
    tcp_abort(&e->tcp);
    free(tcp_list_lend(&e->tcp, TCP_LIST_FLIGHT, NULL, 0));
    free(tcp_list_lend(&e->tcp, TCP_LIST_RECEIVED, NULL, 0));
    free(e->store);
    free(e->kept);
    free(e->seen);
}

void end_join(struct end *client, struct link *there, struct end *server, struct link *back,
              uint16_t port)
{
    client->peer = server;
    client->out = there;
    client->names = (struct tcp_names){ip4(0x0a000001), ip4(0x0a000002), port, SERVER_PORT};
    client->seen = zeroed(server->config.bytes + 1);
    server->peer = client;
    server->out = back;
    server->names = (struct tcp_names){ip4(0x0a000002), ip4(0x0a000001), SERVER_PORT, port};
    server->seen = zeroed(client->config.bytes + 1);
    server->is_listening = true;
}

/* ---- The application ---- */

static void note_end(struct end *e)
{
    if (e->has_end && e->consumed == e->in_order && e->ended_at == 0) {
        e->ended_at = e->net->now;
        if (e->consumed != e->peer->config.bytes) {
            net_fail(e->net, "the end came after %llu bytes", (unsigned long long)e->consumed);
        }
    }
}

static void write_some(struct end *e)
{
    const struct end_config *c = &e->config;
    if (e->written == c->bytes || e->net->now < e->write_at) {
        return;
    }
    uint64_t room = c->tcp.send_buffer - (e->written - e->acked);
    uint64_t size = u64_min(c->bytes - e->written, room);
    e->write_at = 0;
    if (c->write_size > 0) {
        size = u64_min(size, c->write_size);
        e->write_at = e->net->now + c->write_every;
    }
    e->written += size;
    if (size > 0) {
        tcp_send(&e->tcp, (uint32_t)size, e->net->now);
    }
}

// A server waits for its client's end.
static void end_writing(struct end *e)
{
    if (!e->has_shut && e->written == e->config.bytes && (!e->is_listening || e->has_end)) {
        e->has_shut = true;
        e->write_at = NSEC_NEVER;
        tcp_shutdown_send(&e->tcp, e->net->now);
    }
}

// Compares what is read with the pattern.
static void read_bytes(struct end *e, uint64_t size)
{
    uint32_t buffer = e->config.tcp.receive_buffer;
    while (size > 0) {
        uint64_t at = e->consumed % buffer;
        uint64_t piece = u64_min(u64_min(size, buffer - at), PACKET_MAX);
        if (memcmp(e->store + at, pattern_at(e->consumed), piece) != 0) {
            net_fail(e->net, "wrong bytes at %llu", (unsigned long long)e->consumed);
        }
        memset(e->kept + at, 0, piece);
        e->consumed += piece;
        size -= piece;
    }
}

static void read_some(struct end *e)
{
    const struct end_config *c = &e->config;
    uint64_t size = e->in_order - e->consumed;
    if (size > 0 && (c->read_size == 0 || e->net->now >= e->read_at)) {
        e->read_at = NSEC_NEVER;
        size = c->read_size == 0 ? size : u64_min(size, c->read_size);
        read_bytes(e, size);
        tcp_consume(&e->tcp, (uint32_t)size);
    }
    if (c->read_size > 0 && e->in_order > e->consumed && e->read_at == NSEC_NEVER) {
        e->read_at = e->net->now + c->read_every;
    }
    note_end(e);
}

/* ---- Sending ---- */

static void trace(const struct end *e, const struct tcp_segment *s)
{
    char text[200];
    if (e->net->trace == NULL) {
        return;
    }
    tcp_print(s, text, sizeof(text));
    (void)fprintf(e->net->trace, "%.6f %s %s\n", (double)e->net->now / 1e9,
                  e->is_listening ? "<" : ">", text);
}

static void seal(const struct end *e, struct packet *p)
{
    uint32_t sum = checksum_pseudo(&e->names.local, &e->names.peer, IP_PROTOCOL_TCP, p->size);
    write_be16(p->bytes + TCP_CHECKSUM_OFFSET,
               checksum_finish(checksum_add(sum, p->bytes, p->size)));
}

static bool is_whole(const struct end *e, const struct packet *p)
{
    uint32_t sum = checksum_pseudo(&e->names.peer, &e->names.local, IP_PROTOCOL_TCP, p->size);
    return checksum_is_right(checksum_add(sum, p->bytes, p->size));
}

static void send_segment(struct end *e, struct tcp_segment *s, uint64_t position)
{
    struct packet *p = packet_create((uint32_t)tcp_header_size(s) + s->payload_size);
    trace(e, s);
    size_t header = tcp_emit(s, p->bytes);
    memcpy(p->bytes + header, pattern_at(position), s->payload_size);
    if (e->out->config.corrupt > 0) {
        seal(e, p);
    }
    e->sent += s->payload_size > 0 ? 1 : 0;
    net_send(e->net, e->out, e->peer, p);
}

// What a device does with more than a segment's worth.
static void send_cut(struct end *e, const struct tcp_segment *s, const struct tcp_range *range)
{
    if (range->size > range->mss && range->size % range->mss != 0 &&
        range->size > e->config.burst_max) {
        net_fail(e->net, "a burst of %u with segments of %u", range->size, range->mss);
    }
    uint32_t done = 0;
    do {
        struct tcp_segment part = *s;
        part.seq += done;
        part.payload_size = (uint32_t)u64_min(range->size - done, range->mss);
        if (range->size == 0) {
            part.payload_size = 0;
        }
        bool is_last = done + part.payload_size == range->size;
        part.flags &= is_last ? 0xff : (uint8_t)~(TCP_FIN | TCP_PSH);
        send_segment(e, &part, e->acked + range->offset + done);
        done += part.payload_size;
    } while (done < range->size);
}

static void send_all(struct end *e)
{
    struct tcp_segment s;
    struct tcp_range range;
    unsigned count = 0;
    while (tcp_output(&e->tcp, e->net->now, e->config.burst_max, &s, &range)) {
        if (e->acked + range.offset + range.size > e->written) {
            net_fail(e->net, "sends what was not written: %u bytes at %u", range.size,
                     range.offset);
            return;
        }
        send_cut(e, &s, &range);
        if (++count > 100000) {
            net_fail(e->net, "sends without end");
            return;
        }
    }
}

static void go_on(struct end *e)
{
    if (tcp_state(&e->tcp) != TCP_CLOSED) {
        write_some(e);
    }
    read_some(e);
    end_writing(e);
    send_all(e);
}

/* ---- Receiving ---- */

static void note_seen(struct end *e, const struct tcp_segment *s, bool is_copy)
{
    uint64_t position = e->in_order + (uint64_t)(int64_t)(int32_t)(s->seq - e->tcp.receive_next);
    if (position >= e->peer->config.bytes || s->payload_size > e->peer->config.bytes - position) {
        return;
    }
    uint8_t *seen = e->seen + position;
    bool has_new = memchr(seen, 0, s->payload_size) != NULL;
    memset(seen, 1, s->payload_size);
    e->needless += has_new || is_copy ? 0 : 1;
}

static void keep(struct end *e, const struct tcp_result *r, const uint8_t *payload, uint32_t size)
{
    uint32_t buffer = e->config.tcp.receive_buffer;
    if (r->skip + r->take > size || e->in_order - e->consumed + r->offset + r->take > buffer) {
        net_fail(e->net, "keeps %u from %u of %u at %u", r->take, r->skip, size, r->offset);
        return;
    }
    uint64_t at = (e->in_order + r->offset) % buffer;
    uint64_t first = u64_min(r->take, buffer - at);
    memcpy(e->store + at, payload + r->skip, first);
    memset(e->kept + at, 1, first);
    memcpy(e->store, payload + r->skip + first, r->take - first);
    memset(e->kept, 1, r->take - first);
}

static void put_in_order(struct end *e, uint32_t size)
{
    uint32_t buffer = e->config.tcp.receive_buffer;
    uint64_t at = e->in_order % buffer;
    uint64_t first = u64_min(size, buffer - at);
    if (size > buffer || memchr(e->kept + at, 0, first) != NULL ||
        memchr(e->kept, 0, size - first) != NULL) {
        net_fail(e->net, "in order without having come: %llu", (unsigned long long)e->in_order);
        return;
    }
    e->in_order += size;
    if (e->in_order > e->peer->config.bytes) {
        net_fail(e->net, "more came than was sent");
    }
}

static void take_result(struct end *e, const struct tcp_result *r)
{
    put_in_order(e, r->readable);
    e->acked += r->acked;
    if (e->acked > e->written) {
        net_fail(e->net, "acknowledges what was not written");
    }
    e->has_end = e->has_end || (r->events & TCP_EVENT_END) != 0;
    if ((r->events & TCP_EVENT_FAILED) != 0) {
        e->has_failed = true;
        e->error = r->error;
        net_fail(e->net, "%s failed: %d", e->is_listening ? "server" : "client", r->error);
    }
    e->has_closed = e->has_closed || (r->events & (TCP_EVENT_CLOSED | TCP_EVENT_FAILED)) != 0;
    note_end(e);
}

static struct tcp_open opening(const struct end *e)
{
    return (struct tcp_open){
        .local_port = e->names.local_port,
        .peer_port = e->names.peer_port,
        .isn = tcp_isn(&secret, &e->names, e->net->now),
        .ts_offset = tcp_timestamp_offset(&secret, &e->names),
    };
}

void end_connect(struct end *e)
{
    struct tcp_open o = opening(e);
    tcp_connect(&e->tcp, &o, e->net->now);
    go_on(e);
}

// A listener that keeps nothing.  False: the segment is not an acknowledgement of its answer.
static bool accept_cookie(struct end *e, const struct tcp_segment *s)
{
    struct tcp_segment out;
    struct tcp_open o = opening(e);
    if ((s->flags & TCP_SYN) != 0) {
        struct tcp_offer ours = {
            .mss = e->config.tcp.mss_max,
            .scale = SERVER_SCALE,
            .window = (uint32_t)u64_min(e->config.tcp.receive_buffer, UINT16_MAX),
        };
        tcp_cookie_answer(&secret, &e->names, s, &ours, e->net->now, &out);
        send_segment(e, &out, 0);
        return false;
    }
    if (!tcp_cookie_check(&secret, &e->names, s, e->net->now, &out, &o.isn)) {
        return false;
    }
    tcp_accept_cookie(&e->tcp, &o, &out, e->net->now);
    return true;
}

// False: nothing more is to be done with the segment.
static bool listen_to(struct end *e, const struct tcp_segment *s)
{
    struct tcp_segment answer;
    if (e->is_listening && !e->has_closed && e->config.has_cookies) {
        return accept_cookie(e, s);
    }
    if (e->is_listening && !e->has_closed &&
        (s->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
        struct tcp_open o = opening(e);
        tcp_accept(&e->tcp, &o, s, e->net->now);
    } else if (tcp_reset_for(s, &answer)) {
        send_segment(e, &answer, 0);
    }
    return false;
}

// Longer lists where many segments are missing.
static void lend(struct end *e, enum tcp_list list)
{
    size_t size = tcp_list_wants(&e->tcp, list);
    if (size > 0) {
        free(tcp_list_lend(&e->tcp, list, zeroed(size), size));
    }
}

static void take_segment(struct end *e, const struct tcp_segment *s, const uint8_t *payload,
                         bool is_copy)
{
    struct tcp_result r;
    if (tcp_state(&e->tcp) == TCP_CLOSED && !listen_to(e, s)) {
        return;
    }
    if (s->payload_size > 0) {
        note_seen(e, s, is_copy);
    }
    tcp_input(&e->tcp, s, e->net->now, &r);
    if ((r.events & TCP_EVENT_CROWDED) != 0) {
        lend(e, TCP_LIST_FLIGHT);
        lend(e, TCP_LIST_RECEIVED);
    }
    if (r.take > 0) {
        keep(e, &r, payload, s->payload_size);
    }
    take_result(e, &r);
}

void end_receive(struct end *e, struct packet *p)
{
    struct tcp_segment s;
    size_t header;
    if (e->peer->out->config.corrupt > 0 && !is_whole(e, p)) {
        e->damaged++;
    } else if (tcp_parse(span_of(p->bytes, p->size), &s, &header) != OK) {
        net_fail(e->net, "a segment that cannot be read");
    } else {
        take_segment(e, &s, p->bytes + header, p->is_copy);
        go_on(e);
    }
    free(p);
}

nsec_t end_deadline(const struct end *e)
{
    nsec_t at = u64_min(tcp_deadline(&e->tcp), e->read_at);
    bool is_writing = e->write_at != 0 && tcp_state(&e->tcp) != TCP_CLOSED;
    return is_writing ? u64_min(at, e->write_at) : at;
}

void end_wake(struct end *e)
{
    struct tcp_result r;
    if (tcp_deadline(&e->tcp) <= e->net->now) {
        tcp_timeout(&e->tcp, e->net->now, &r);
        take_result(e, &r);
    }
    go_on(e);
    if (tcp_deadline(&e->tcp) <= e->net->now) {
        net_fail(e->net, "its deadline stays in the past");
    }
}

bool end_is_done(const struct end *e)
{
    return e->ended_at != 0 && e->has_closed;
}
