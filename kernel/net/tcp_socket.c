// SPDX-License-Identifier: Apache-2.0
/* TCP sockets: their life, names, connecting, and segments on their way to them. */
#include "kernel/core/panic.h"
#include "kernel/mm/heap.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

static struct inet_port_table *ports; // [I] after boot
static struct heap_cache *sockets;    // [I] after boot

struct inet_port_table *tcp_ports(void)
{
    return ports;
}

/* ---- Life ---- */

status_t tcp_socket_alloc(struct tcp_socket **out)
{
    void *memory;
    status_t status = heap_cache_alloc(sockets, &memory);
    if (status == OK) {
        *out = memory;
    }
    return status;
}

void tcp_configure_from_options(struct tcp_socket *s)
{
    const struct socket *socket = &s->inet.socket;
    s->config.receive_buffer = atomic_load_explicit(&socket->receive_size, memory_order_relaxed);
    s->config.send_buffer = atomic_load_explicit(&socket->send_size, memory_order_relaxed);
    s->config.keeps_alive = socket_has_option(socket, ABI_SO_KEEPALIVE);
    s->config.is_corked = s->is_corked;
    if (s->role == TCP_ROLE_CONNECTION) {
        tcp_configure(&s->machine, &s->config);
    }
}

static void set_defaults(struct tcp_config *c)
{
    *c = (struct tcp_config){
        .mss_max = UINT16_MAX,
        .syn_retries = 6,
        .keep_idle = 7200 * NSEC_PER_SEC,
        .keep_interval = 75 * NSEC_PER_SEC,
        .keep_count = 9,
        .linger_timeout = 60 * NSEC_PER_SEC,
    };
}

void tcp_socket_set_up(struct tcp_socket *s)
{
    s->role = TCP_ROLE_IDLE;
    s->flags = 0;
    s->is_corked = false;
    set_defaults(&s->config);
    s->path.netif = NULL;
    mutex_init(&s->send_lock, "writers of TCP", RANK_STREAM);
    mutex_init(&s->read_lock, "readers of TCP", RANK_STREAM);
    tcp_bytes_init(&s->to_send);
    list_init(&s->received);
    list_init(&s->early);
    s->received_end = 0;
    s->readable = 0;
    s->charged = 0;
    s->listener = NULL;
    list_init(&s->child_link);
    s->is_ready = false;
    spin_init(&s->list_lock, "listener", RANK_NET_LISTENER);
    list_init(&s->half_open);
    list_init(&s->ready);
    s->half_open_count = 0;
    s->ready_count = 0;
    s->backlog = 0;
    tcp_turn_init(s);
    spin_lock(&s->inet.lock); // nobody else knows it: for the analysis
    tcp_configure_from_options(s);
    spin_unlock(&s->inet.lock);
    tcp_init(&s->machine, &s->config);
}

static void release(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    inet_port_unbind(ports, &s->inet);
    tcp_drop_received(s);
    tcp_bytes_clear(&s->to_send);
    inet_fini(&s->inet);
    heap_cache_free(sockets, s);
}

/* ---- Sleeping ---- */

status_t tcp_sleep(struct tcp_socket *s, struct wait_queue *q, const struct socket_wait *w)
{
    struct waiter waiter;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    wait_prepare(q, &waiter);
    spin_unlock(&s->inet.lock);
    status_t status = wait_sleep(&waiter, w->deadline, WAIT_INTERRUPTIBLE);
    wait_finish(q, &waiter);
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        status = ERR_INTR_TIMED;
    }
    spin_lock(&s->inet.lock);
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

/* ---- Names ---- */

static status_t bind(struct socket *socket, const struct socket_address *a)
{
    struct inet_name want;
    struct tcp_socket *s = tcp_of(socket);
    status_t status = inet_name_read(&s->inet, a, &want);
    return status == OK ? inet_port_bind(ports, &s->inet, &want) : status;
}

/* ---- Connecting ---- */

static status_t find_path(struct tcp_socket *s, const struct inet_name *peer, struct ip_path *out)
{
    struct netif *netif;
    status_t status = inet_netif_for(&s->inet, peer, &netif);
    if (status != OK) {
        return status;
    }
    spin_lock(&s->inet.lock);
    struct ip_addr source = s->inet.local.address;
    spin_unlock(&s->inet.lock);
    source = ip_is_unspecified(&source) ? IP_ANY : source;
    status = ip_path_find(&peer->address, &source, netif, false, out);
    bool is_one = status != OK ||
                  !(ip_is_multicast(&out->destination) || ip4_is_broadcast(&out->destination));
    return is_one ? status : ERR_NETUNREACH;
}

static status_t bind_any(struct tcp_socket *s)
{
    spin_lock(&s->inet.lock);
    bool is_bound = s->inet.local.port != 0;
    const struct inet_name any = {.address = s->inet.local.address};
    spin_unlock(&s->inet.lock);
    return is_bound ? OK : inet_port_bind(ports, &s->inet, &any);
}

// Sends the SYN.  The names are in the table.
static status_t start(struct tcp_socket *s, const struct inet_name *local,
                      const struct inet_name *peer, const struct ip_path *path)
{
    struct tcp_turn turn;
    struct tcp_open open;
    tcp_turn_begin(s, &turn);
    status_t status = s->role == TCP_ROLE_IDLE ? OK : ERR_ISCONN;
    if (status == OK) {
        tcp_open_for(local, peer, turn.now, &open);
        s->config.mss_max = (uint16_t)u64_min(s->config.mss_max, tcp_mss_of(path));
        tcp_configure_from_options(s);
        tcp_init(&s->machine, &s->config);
        s->inet.error = OK;
        tcp_start(s, path);
        tcp_connect(&s->machine, &open, turn.now);
    }
    tcp_turn_end(s, &turn);
    return status;
}

static status_t connect_to(struct tcp_socket *s, struct inet_name *peer)
{
    struct ip_path path;
    tcp_make_secret();
    status_t status = peer->port == 0 ? ERR_CONNREFUSED : inet_may(&s->inet, NET_CONNECT, peer);
    if (status == OK) {
        status = find_path(s, peer, &path);
    }
    if (status == OK) {
        status = bind_any(s);
    }
    if (status != OK) {
        return status;
    }
    peer->address = path.destination;
    spin_lock(&s->inet.lock);
    struct inet_name local = s->inet.local;
    spin_unlock(&s->inet.lock);
    local.address = path.source;
    status = inet_port_connect(ports, &s->inet, &local, peer);
    return status == OK ? start(s, &local, peer, &path) : status;
}

// How far connecting has come: ERR_AGAIN: it is under way.
static status_t connect_state(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->inet.error != OK) {
        status_t error = s->inet.error;
        s->inet.error = OK;
        return error;
    }
    if ((s->flags & TCP_SOCKET_WAS_CONNECTED) != 0) {
        s->flags |= TCP_SOCKET_CONNECT_TOLD;
        return OK;
    }
    return s->role == TCP_ROLE_CONNECTION ? ERR_AGAIN : ERR_CONNABORTED;
}

static status_t wait_connected(struct tcp_socket *s, const struct socket_wait *w)
{
    status_t status;
    spin_lock(&s->inet.lock);
    while ((status = connect_state(s)) == ERR_AGAIN) {
        status = tcp_sleep(s, &s->inet.writers, w);
        if (status != OK) {
            status = status == ERR_AGAIN ? ERR_INPROGRESS : status;
            break;
        }
    }
    spin_unlock(&s->inet.lock);
    return status;
}

// As AF_UNSPEC wants it: the connection ends at once, and the socket is as new.
static status_t disconnect(struct tcp_socket *s)
{
    struct tcp_turn turn;
    tcp_turn_begin(s, &turn);
    if (s->role == TCP_ROLE_CONNECTION) {
        tcp_abort(&s->machine);
    }
    s->flags &= TCP_SOCKET_CLOSED;
    s->inet.error = OK;
    tcp_turn_end(s, &turn);
    return OK;
}

static status_t connect(struct socket *socket, const struct socket_address *a,
                        const struct socket_wait *w)
{
    struct tcp_socket *s = tcp_of(socket);
    struct inet_name peer;
    if (a->family == ABI_AF_UNSPEC) {
        return disconnect(s);
    }
    status_t status = inet_name_read(&s->inet, a, &peer);
    if (status != OK) {
        return status;
    }
    spin_lock(&s->inet.lock);
    bool is_idle = s->role == TCP_ROLE_IDLE && (s->flags & TCP_SOCKET_WAS_CONNECTED) == 0 &&
                   s->inet.error == OK;
    bool is_told = (s->flags & TCP_SOCKET_CONNECT_TOLD) != 0 || s->role == TCP_ROLE_LISTENER ||
                   s->listener != NULL;
    bool is_under_way = s->role == TCP_ROLE_CONNECTION &&
                        (s->flags & TCP_SOCKET_WAS_CONNECTED) == 0 && s->inet.error == OK;
    spin_unlock(&s->inet.lock);
    if (is_told) {
        return ERR_ISCONN;
    }
    if (is_under_way && !w->may_wait) {
        return ERR_ALREADY;
    }
    if (is_idle) {
        status = connect_to(s, &peer);
    }
    return status == OK ? wait_connected(s, w) : status;
}

/* ---- Ending ---- */

static status_t shutdown(struct socket *socket, uint32_t directions)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_turn turn;
    spin_lock(&s->inet.lock);
    enum tcp_role role = s->role;
    spin_unlock(&s->inet.lock);
    if (role == TCP_ROLE_LISTENER && (directions & SOCKET_RECEIVES) != 0) {
        tcp_listener_close(s);
        return OK;
    }
    tcp_turn_begin(s, &turn);
    status_t status = s->role == TCP_ROLE_CONNECTION ? OK : ERR_NOTCONN;
    if (status == OK && (directions & SOCKET_SENDS) != 0 &&
        (s->flags & TCP_SOCKET_SEND_SHUT) == 0) {
        s->flags |= TCP_SOCKET_SEND_SHUT;
        tcp_shutdown_send(&s->machine, turn.now);
        turn.events |= EVENT_OUT;
    }
    if (status == OK && (directions & SOCKET_RECEIVES) != 0) {
        s->flags |= TCP_SOCKET_RECEIVE_SHUT;
        turn.events |= EVENT_IN | EVENT_RDHUP;
    }
    tcp_turn_end(s, &turn);
    return status;
}

// Bytes that the peer sent and nobody will read mean that it is told so (RFC 2525, 2.17); so does a
// linger of nothing.
static void close_connection(struct tcp_socket *s, struct tcp_turn *turn) REQUIRES(s -> inet.lock)
{
    int32_t linger = atomic_load_explicit(&s->inet.socket.linger, memory_order_relaxed);
    if (s->readable != 0 || linger == 0) {
        tcp_abort(&s->machine);
    } else {
        tcp_shutdown_send(&s->machine, turn->now);
        tcp_close(&s->machine, turn->now);
    }
}

static void linger(struct tcp_socket *s)
{
    status_t status;
    int32_t seconds = atomic_load_explicit(&s->inet.socket.linger, memory_order_relaxed);
    if (seconds > 0) {
        nsec_t deadline = time_now() + (nsec_t)seconds * NSEC_PER_SEC;
        WAIT_UNTIL(&s->inet.writers,
                   __atomic_load_n(&s->role, __ATOMIC_ACQUIRE) != TCP_ROLE_CONNECTION, deadline,
                   WAIT_KILLABLE, &status);
    }
}

static void close(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_turn turn;
    spin_lock(&s->inet.lock);
    bool listens = s->role == TCP_ROLE_LISTENER;
    spin_unlock(&s->inet.lock);
    if (listens) {
        tcp_listener_close(s);
    }
    tcp_turn_begin(s, &turn);
    bool is_first = (s->flags & TCP_SOCKET_CLOSED) == 0;
    s->flags |= TCP_SOCKET_CLOSED | TCP_SOCKET_SEND_SHUT | TCP_SOCKET_RECEIVE_SHUT;
    bool is_connection = is_first && s->role == TCP_ROLE_CONNECTION;
    if (is_connection) {
        close_connection(s, &turn);
    }
    tcp_turn_end(s, &turn);
    if (is_connection) {
        linger(s);
    }
}

/* ---- Questions ---- */

static uint32_t connection_events(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    const uint16_t flags = s->flags;
    bool is_over = s->role != TCP_ROLE_CONNECTION;
    bool is_ended = is_over || (flags & (TCP_SOCKET_ENDED | TCP_SOCKET_RECEIVE_SHUT)) != 0;
    bool is_send_shut = is_over || (flags & TCP_SOCKET_SEND_SHUT) != 0;
    uint32_t events = s->inet.error != OK ? EVENT_ERR : 0;
    if (!is_over && (flags & TCP_SOCKET_WAS_CONNECTED) == 0) {
        return events; // under way
    }
    events |= s->readable != 0 || is_ended ? EVENT_IN : 0;
    events |= is_ended ? EVENT_RDHUP : 0;
    events |= is_ended && is_send_shut ? EVENT_HUP : 0;
    if (is_send_shut || tcp_has_room(s)) {
        events |= EVENT_OUT;
    } else {
        s->flags |= TCP_SOCKET_WANTS_ROOM;
    }
    return events;
}

static uint32_t poll(struct socket *socket, struct event_watch *w)
{
    struct tcp_socket *s = tcp_of(socket);
    if (w != NULL) {
        event_watch(&s->inet.events, w);
    }
    spin_lock(&s->inet.lock);
    bool listens = s->role == TCP_ROLE_LISTENER;
    uint32_t events = listens ? 0 : connection_events(s);
    spin_unlock(&s->inet.lock);
    return listens && tcp_listener_is_ready(s) ? EVENT_IN : events;
}

static size_t readable(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    spin_lock(&s->inet.lock);
    size_t size = s->readable;
    spin_unlock(&s->inet.lock);
    return size;
}

static bool is_listening(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    spin_lock(&s->inet.lock);
    bool listens = s->role == TCP_ROLE_LISTENER;
    spin_unlock(&s->inet.lock);
    return listens;
}

static void options_changed(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_turn turn;
    tcp_turn_begin(s, &turn);
    tcp_configure_from_options(s);
    turn.wakes_all = true; // there may be room now
    tcp_turn_end(s, &turn);
}

static status_t peer_name(struct socket *socket, struct socket_address *out)
{
    struct tcp_socket *s = tcp_of(socket);
    spin_lock(&s->inet.lock);
    bool is_connected =
        s->role == TCP_ROLE_CONNECTION && (s->flags & TCP_SOCKET_WAS_CONNECTED) != 0;
    spin_unlock(&s->inet.lock);
    return is_connected ? inet_peer_name(socket, out) : ERR_NOTCONN;
}

/* ---- Segments ---- */

static void input(struct tcp_socket *s, struct packet *p, const struct tcp_incoming *in)
{
    struct tcp_turn turn;
    struct tcp_result result;
    tcp_turn_begin(s, &turn);
    bool is_alive = s->role == TCP_ROLE_CONNECTION;
    if (is_alive && (in->segment.payload_size == 0 || tcp_may_keep(s, p))) {
        tcp_input(&s->machine, &in->segment, turn.now, &result);
        if (result.take != 0) {
            tcp_keep(s, p, in->header_size, &result);
            p = NULL;
        }
        tcp_turn_result(s, &result, &turn);
    }
    tcp_turn_end(s, &turn);
    packet_free(p);
    if (!is_alive && !tcp_wait_input(in, turn.now)) {
        tcp_refuse_segment(in);
    }
}

static bool parse(struct packet *p, const struct ip_meta *m, struct tcp_incoming *in)
{
    enum { OFFSET_AT = 12, OFFSET_SHIFT = 4, WORD = 4 };
    size_t size;
    if (m->is_multicast || m->is_broadcast || packet_need(p, TCP_HEADER_MIN) != OK ||
        packet_need(p, (size_t)(p->data[OFFSET_AT] >> OFFSET_SHIFT) * WORD) != OK ||
        !ip_checksum_is_right(p, m) ||
        tcp_parse(span_of(p->data, p->size), &in->segment, &size) != OK) {
        return false;
    }
    uint32_t netif = m->netif != NULL ? m->netif->index : 0;
    in->meta = m;
    in->header_size = (uint32_t)size;
    in->segment.payload_size = p->total - in->header_size;
    in->local = (struct inet_name){
        .address = m->destination, .port = in->segment.destination_port, .netif = netif};
    in->peer =
        (struct inet_name){.address = m->source, .port = in->segment.source_port, .netif = netif};
    return true;
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    struct tcp_incoming in;
    if (!parse(p, m, &in)) {
        packet_free(p);
        return;
    }
    struct inet_socket *found = inet_port_find(ports, &in.local, &in.peer);
    struct tcp_socket *s = found == NULL ? NULL : tcp_of_inet(found);
    if (s != NULL && found->peer.port != 0) {
        input(s, p, &in);
    } else {
        packet_free(p);
        bool is_done = tcp_wait_input(&in, time_now());
        if (!is_done && s != NULL) {
            tcp_listener_input(s, &in);
        } else if (!is_done) {
            tcp_refuse_segment(&in);
        }
    }
    if (s != NULL) {
        tcp_unref(s);
    }
}

static bool error(const struct ip_error *e)
{
    enum { SEQ_AT = 4 };
    if (e->transport.size < SEQ_AT + sizeof(uint32_t)) {
        return false;
    }
    const uint8_t *header = e->transport.data;
    const struct inet_name local = {.address = e->source, .port = read_be16(header)};
    const struct inet_name peer = {.address = e->destination, .port = read_be16(header + 2)};
    struct inet_socket *found = inet_port_find(ports, &local, &peer);
    if (found == NULL) {
        return false;
    }
    struct tcp_socket *s = tcp_of_inet(found);
    struct tcp_turn turn;
    struct tcp_result result;
    uint32_t seq = read_be32(header + SEQ_AT);
    tcp_turn_begin(s, &turn);
    bool is_ours = s->role == TCP_ROLE_CONNECTION && tcp_is_in_flight(&s->machine, seq);
    if (is_ours && e->error != ERR_MSGSIZE) {
        tcp_unreachable(&s->machine, seq, e->error, &result);
        tcp_turn_result(s, &result, &turn);
    }
    tcp_turn_end(s, &turn);
    tcp_unref(s);
    return is_ours;
}

/* ---- The protocol ---- */

const struct socket_ops tcp_socket_ops = {
    .bind = bind,
    .listen = tcp_listen,
    .accept = tcp_accept_next,
    .connect = connect,
    .send = tcp_send_bytes,
    .receive = tcp_receive_bytes,
    .shutdown = shutdown,
    .local_name = inet_local_name,
    .peer_name = peer_name,
    .poll = poll,
    .readable = readable,
    .take_error = inet_take_error,
    .is_listening = is_listening,
    .options_changed = options_changed,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
    .close = close,
    .release = release,
};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags,
                       struct inet_socket **out);

static const struct inet_protocol tcp_protocol = {
    .type = ABI_SOCK_STREAM,
    .protocol = IP_PROTOCOL_TCP,
    .is_default = true,
    .create = create,
    .get_option = tcp_get_option,
    .set_option = tcp_set_option,
};

static status_t create(uint16_t family, uint32_t protocol, uint32_t flags, struct inet_socket **out)
{
    struct tcp_socket *s;
    (void)protocol;
    status_t status = tcp_socket_alloc(&s);
    if (status != OK) {
        return status;
    }
    inet_init(&s->inet, &tcp_protocol, &tcp_socket_ops, family, flags);
    tcp_socket_set_up(s);
    *out = &s->inet;
    return OK;
}

static const struct ip_transport tcp_transport = {
    .protocol = IP_PROTOCOL_TCP, .receive = receive, .error = error};

void tcp_sockets_init(void)
{
    if (inet_port_table_create("ports of TCP", INET_PORT_CONNECTIONS, &ports) != OK ||
        heap_cache_create("tcp", sizeof(struct tcp_socket), HEAP_ALIGN_MIN, &sockets) != OK) {
        panic("no memory for TCP");
    }
    tcp_wait_init();
    inet_register_protocol(&tcp_protocol);
    ip_register_transport(&tcp_transport);
}
