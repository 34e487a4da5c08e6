// SPDX-License-Identifier: Apache-2.0
/* Packets in: whose a segment is, and what becomes of it. */
#include "kernel/core/thread.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

enum {
    LOOKS_MAX = 3,       // for one segment, while what it belongs to changes
    QUEUE_SLACK = 65536, // bytes of memory beyond twice the window that a queue may take
    ERROR_SIZE_MIN = 8,  // of a header that came back: ports and number
    SEQ_OFFSET = 4,
};

/* ---- Segments of connections ---- */

// Small packets take more memory than the window speaks of.
static bool has_memory_for(const struct tcp_socket *s, const struct tcp_incoming *in)
    REQUIRES(s -> inet.lock)
{
    if (in->segment.payload_size == 0 || s->receive.charge == 0) {
        return true;
    }
    return s->receive.charge <= 2 * s->config.receive_buffer + QUEUE_SLACK &&
           !tcp_memory_is_short();
}

static void keep_payload(struct tcp_socket *s, struct tcp_incoming *in, const struct tcp_result *r)
    REQUIRES(s -> inet.lock)
{
    struct packet *p = in->packet;
    packet_pull(p, in->header_size + r->skip);
    packet_trim(p, r->take);
    tcp_receive_queue_put(&s->receive, p, r->offset, s->config.receive_buffer);
    in->packet = NULL;
}

static void input(struct tcp_socket *s, struct tcp_incoming *in)
{
    struct tcp_after after;
    struct tcp_result r;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    if (!has_memory_for(s, in)) {
        // As if its bytes had been lost; what it acknowledges keeps our own going.
        in->segment.payload_size = 0;
        in->segment.flags &= (uint8_t)~TCP_FIN;
    }
    nsec_t now = time_now();
    tcp_input(&s->machine, &in->segment, now, &r);
    if (r.take > 0) {
        keep_payload(s, in, &r);
    }
    tcp_take_result(s, &r, &after);
    tcp_release(s, &after, now);
}

/* ---- Whose it is ---- */

static void refuse(const struct tcp_incoming *in)
{
    struct tcp_segment reset;
    if (tcp_reset_for(&in->segment, &reset)) {
        tcp_send_bare(&in->names, in->netif, &reset);
    }
}

// True: look again.
static bool input_unknown(struct tcp_incoming *in, uint32_t netif)
{
    const struct inet_name local = {in->names.local, netif, in->names.local_port};
    const struct inet_name peer = {in->names.peer, netif, in->names.peer_port};
    struct inet_socket *i = inet_port_find(tcp_ports, &local, &peer);
    if (i == NULL) {
        refuse(in);
        return false;
    }
    bool is_known_now = tcp_listener_input(tcp_of(&i->socket), in);
    socket_unref(&i->socket);
    return is_known_now;
}

static struct tcp_socket *socket_at(struct tcp_entry *e)
{
    return container_of(e, struct tcp_socket, entry);
}

// True: look again.
static bool input_entry(struct tcp_shard *shard, struct tcp_entry *e, struct tcp_incoming *in)
    RELEASES(shard -> lock)
{
    if (e->kind == TCP_ENTRY_REQUEST) {
        return tcp_half_input(shard, container_of(e, struct tcp_half, record.entry), in);
    }
    if (e->kind == TCP_ENTRY_WAIT) {
        return tcp_rest_input(shard, container_of(e, struct tcp_rest, record.entry), in);
    }
    struct tcp_socket *s = socket_at(e);
    object_ref(&s->inet.socket.file.object); // the table has one
    spin_unlock(&shard->lock);
    input(s, in);
    socket_unref(&s->inet.socket);
    return false;
}

static void dispatch(struct tcp_incoming *in, uint32_t netif)
{
    bool looks_again = true;
    struct tcp_shard *shard = tcp_table_shard(in->hash);
    for (unsigned i = 0; looks_again && i < LOOKS_MAX; i++) {
        spin_lock(&shard->lock);
        struct tcp_entry *e = tcp_shard_find(shard, &in->names, in->netif, in->hash);
        if (LIKELY(e != NULL)) {
            looks_again = input_entry(shard, e, in);
        } else {
            spin_unlock(&shard->lock);
            looks_again = input_unknown(in, netif);
        }
    }
}

/* ---- From IP ---- */

static size_t header_size(const struct packet *p)
{
    enum { OFFSET_AT = 12, OFFSET_SHIFT = 4, WORD = 4 };
    return (size_t)(p->data[OFFSET_AT] >> OFFSET_SHIFT) * WORD;
}

static bool parse(struct packet *p, const struct ip_meta *m, struct tcp_incoming *in)
{
    // The header has to be in the front, and no more of it: what is behind stays in its pages.
    if (packet_need(p, TCP_HEADER_MIN) != OK || packet_need(p, header_size(p)) != OK ||
        tcp_parse(span_of(p->data, p->size), &in->segment, &in->header_size) != OK ||
        !ip_checksum_is_right(p, m)) {
        return false;
    }
    in->segment.payload_size = p->total - (uint32_t)in->header_size;
    return true;
}

static bool needs_netif(const struct ip_addr *a)
{
    return UNLIKELY(ip_is_link_local(a)) && !ip_is_v4(a);
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    struct tcp_incoming in;
    if (m->is_multicast || m->is_broadcast || !parse(p, m, &in)) {
        packet_free(p);
        return;
    }
    in.packet = p;
    in.names = (struct tcp_names){.local = m->destination,
                                  .peer = m->source,
                                  .local_port = in.segment.destination_port,
                                  .peer_port = in.segment.source_port};
    uint32_t netif = m->netif != NULL ? m->netif->index : 0;
    in.netif = needs_netif(&m->source) ? netif : 0;
    in.hash = tcp_table_hash(&in.names);
    dispatch(&in, netif);
    packet_free(in.packet);
}

/* ---- Errors ---- */

static void take_error(struct tcp_socket *s, const struct ip_error *e, uint32_t seq,
                       struct tcp_after *after) REQUIRES(s -> inet.lock)
{
    struct tcp_result r;
    nsec_t now = time_now();
    if (e->error == ERR_MSGSIZE) {
        struct ip_path path = s->path;
        path.mtu = (uint32_t)u64_min(path.mtu, e->mtu);
        tcp_path_mss(&s->machine, tcp_path_payload(&path), now);
        return;
    }
    if (!e->is_hard && tcp_state(&s->machine) == TCP_SYN_SENT) {
        return; // it may go away by itself
    }
    tcp_unreachable(&s->machine, seq, e->error, &r);
    tcp_take_result(s, &r, after);
}

static bool error_of_socket(struct tcp_socket *s, const struct ip_error *e, uint32_t seq)
{
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    bool is_ours = tcp_is_in_flight(&s->machine, seq);
    if (is_ours) {
        take_error(s, e, seq, &after);
    }
    tcp_release(s, &after, time_now());
    return is_ours;
}

static bool error(const struct ip_error *e)
{
    if (e->transport.size < ERROR_SIZE_MIN) {
        return false;
    }
    const uint8_t *header = e->transport.data;
    const struct tcp_names names = {.local = e->source,
                                    .peer = e->destination,
                                    .local_port = read_be16(header),
                                    .peer_port = read_be16(header + 2)};
    uint32_t seq = read_be32(header + SEQ_OFFSET);
    uint32_t hash = tcp_table_hash(&names);
    struct tcp_shard *shard = tcp_table_shard(hash);
    struct tcp_socket *s = NULL;
    bool is_ours = false;
    spin_lock(&shard->lock);
    struct tcp_entry *found = tcp_shard_find(shard, &names, 0, hash);
    if (found != NULL && found->kind == TCP_ENTRY_CONNECTION) {
        s = socket_at(found);
        object_ref(&s->inet.socket.file.object);
    } else if (found != NULL && found->kind == TCP_ENTRY_REQUEST) {
        is_ours = container_of(found, struct tcp_half, record.entry)->request.isn == seq;
    }
    spin_unlock(&shard->lock);
    if (s != NULL) {
        is_ours = error_of_socket(s, e, seq);
        socket_unref(&s->inet.socket);
    }
    return is_ours;
}

/* ---- What is due ---- */

static void due(struct tcp_shard *shard)
{
    struct tcp_record *r;
    nsec_t now = time_now();
    spin_lock(&shard->lock);
    while ((r = tcp_shard_due(shard, now)) != NULL) {
        if (r->entry.kind == TCP_ENTRY_REQUEST) {
            tcp_half_due(shard, container_of(r, struct tcp_half, record), now);
        } else {
            tcp_rest_remove(shard, container_of(r, struct tcp_rest, record));
        }
        spin_unlock(&shard->lock);
        thread_preempt_point();
        spin_lock(&shard->lock);
    }
    spin_unlock(&shard->lock);
}

static const struct ip_transport tcp_transport = {
    .protocol = IP_PROTOCOL_TCP, .receive = receive, .error = error};

void tcp_input_init(void)
{
    tcp_table_set_due(due);
    ip_register_transport(&tcp_transport);
}
