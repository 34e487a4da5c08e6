// SPDX-License-Identifier: Apache-2.0
/* Packets out: what the machine has to say, and segments that are of no machine. */
#include "kernel/net/tcp_priv.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"

enum {
    IP_SIZE_MAX = 65535,
    BURST_MAX = 60 * 1024, // in pages and the rest at both ends it fits a packet's slices
};

/* ---- The path ---- */

uint16_t tcp_path_payload(const struct ip_path *path)
{
    uint32_t ip = ip_is_v4(&path->destination) ? IP4_HEADER_MIN : IP6_HEADER_SIZE;
    uint32_t mtu = (uint32_t)u64_min(path->mtu, IP_SIZE_MAX);
    return (uint16_t)(mtu - u64_min(ip + TCP_HEADER_MIN, mtu));
}

static uint32_t burst_of(const struct ip_path *path)
{
    bool is_v4 = ip_is_v4(&path->destination);
    uint32_t needs = is_v4 ? NETIF_CAN_SEGMENT4 : NETIF_CAN_SEGMENT6;
    return (path->netif->features & needs) != 0 ? BURST_MAX : 0;
}

void tcp_update_config(struct tcp_socket *s)
{
    struct tcp_config *c = &s->config;
    if (s->path.netif != NULL) {
        uint32_t mss = tcp_path_payload(&s->path);
        c->mss_max = (uint16_t)(s->user_mss != 0 ? u64_min(mss, s->user_mss) : mss);
    }
    c->receive_buffer = tcp_receive_limit(s);
    c->send_buffer = tcp_send_limit(s);
    c->keeps_alive = socket_has_option(&s->inet.socket, ABI_SO_KEEPALIVE);
    tcp_configure(&s->machine, c);
}

void tcp_set_path(struct tcp_socket *s, const struct ip_path *path)
{
    s->path = *path;
    s->burst = burst_of(path);
    tcp_update_config(s);
}

// Routes and addresses change, and what is known of the path's MTU.
static void renew_path(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock)
{
    struct ip_path path;
    const struct tcp_names *n = &s->entry.names;
    struct netif *netif = s->entry.netif != 0 ? netif_find(s->entry.netif) : NULL;
    if (ip_path_find(&n->peer, &n->local, netif, false, &path) != OK) {
        return; // it may come back
    }
    uint16_t before = tcp_path_payload(&s->path);
    tcp_set_path(s, &path);
    uint16_t after = tcp_path_payload(&s->path);
    if (after < before) {
        tcp_path_mss(&s->machine, after, now);
    }
}

/* ---- Making packets ---- */

// What stays on this machine has no checksum, since nothing can happen to it; should its way change before
// it leaves, it is dropped where it arrives, and sent again.
static void put_header(struct packet *p, const struct tcp_segment *g, const struct tcp_names *n,
                       bool is_local)
{
    uint8_t *header = packet_push(p, tcp_header_size(g));
    (void)tcp_emit(g, header);
    if (is_local) {
        p->checksum = PACKET_SUM_VALID;
        return;
    }
    uint32_t sum = ip_pseudo_sum(&n->local, &n->peer, IP_PROTOCOL_TCP, p->total);
    write_be16(header + TCP_CHECKSUM_OFFSET, (uint16_t)sum);
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 0;
    p->sum_offset = TCP_CHECKSUM_OFFSET;
}

static status_t make_packet(struct tcp_socket *s, const struct tcp_segment *g,
                            const struct tcp_range *range, struct packet **out)
    REQUIRES(s -> inet.lock)
{
    struct packet *p;
    status_t status = packet_alloc(tcp_send_queue_front(&s->send, range->offset, range->size), &p);
    if (status != OK) {
        return status;
    }
    status = tcp_send_queue_put(&s->send, range->offset, range->size, p);
    if (status != OK) {
        packet_free(p);
        return status;
    }
    put_header(p, g, &s->entry.names, s->path.is_local);
    p->segment_size = range->size > range->mss ? range->mss : 0;
    *out = p;
    return OK;
}

static void pull(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock)
{
    struct tcp_segment g;
    struct tcp_range range;
    struct packet *p;
    if (UNLIKELY(!ip_path_is_current(&s->path))) {
        renew_path(s, now);
    }
    while (tcp_wants_output(&s->machine) && tcp_output(&s->machine, now, s->burst, &g, &range)) {
        // Without memory it is lost, as if the network had lost it: the machine sends it again.
        if (make_packet(s, &g, &range, &p) == OK) {
            list_add_tail(&s->outgoing, &p->link);
        }
    }
}

void tcp_pull(struct tcp_socket *s, nsec_t now)
{
    if (tcp_wants_output(&s->machine) && LIKELY(s->path.netif != NULL)) {
        pull(s, now);
    }
}

/* ---- Giving them to IP ---- */

static struct ip_meta meta_of(const struct tcp_socket *s)
{
    return (struct ip_meta){
        .protocol = IP_PROTOCOL_TCP,
        .hop_limit = s->inet.options.hop_limit,
        .traffic_class = s->inet.options.traffic_class,
        .dont_fragment = true,
    };
}

void tcp_transmit(struct tcp_socket *s)
{
    struct list packets = LIST_INIT(packets);
    do {
        list_move_all(&s->outgoing, &packets);
        const struct ip_path path = s->path;
        const struct ip_meta m = meta_of(s);
        spin_unlock(&s->inet.lock);
        // What does not arrive is sent again.  No preemption here: this may be within loopback.
        (void)ip_send_all(&packets, &path, &m);
        spin_lock(&s->inet.lock);
    } while (!list_is_empty(&s->outgoing));
}

void tcp_send_bare(const struct tcp_names *names, uint32_t netif, const struct tcp_segment *g)
{
    struct ip_path path;
    struct packet *p;
    struct netif *n = netif != 0 ? netif_find(netif) : NULL;
    const struct ip_meta m = {.protocol = IP_PROTOCOL_TCP, .dont_fragment = true};
    if (ip_path_find(&names->peer, &names->local, n, false, &path) != OK ||
        packet_alloc(0, &p) != OK) {
        return;
    }
    put_header(p, g, names, path.is_local);
    (void)ip_send(p, &path, &m);
}
