// SPDX-License-Identifier: Apache-2.0
/* Connecting, and taking that back. */
#include "kernel/net/tcp_priv.h"

enum { PORTS_TRIED_MAX = 64 }; // that older connections to the same peer may still have

static bool is_pending(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    enum tcp_state state = tcp_state(&s->machine);
    return state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
}

/* ---- Names ---- */

// Puts the connection into the table.  ERR_ADDRINUSE: there is one of these names.
static status_t enter(struct tcp_socket *s, const struct tcp_names *names, uint32_t netif,
                      nsec_t now)
{
    uint32_t hash = tcp_table_hash(names);
    struct tcp_shard *shard = tcp_table_shard(hash);
    spin_lock(&shard->lock);
    struct tcp_entry *e = tcp_shard_find(shard, names, netif, hash);
    if (e != NULL && e->kind == TCP_ENTRY_WAIT) {
        struct tcp_rest *r = container_of(e, struct tcp_rest, record.entry);
        if (tcp_wait_may_connect(&r->wait, now)) {
            tcp_rest_remove(shard, r);
            e = NULL;
        }
    }
    if (e == NULL) {
        tcp_entry_init(&s->entry, TCP_ENTRY_CONNECTION, names, netif);
        tcp_shard_add(shard, &s->entry);
        object_ref(&s->inet.socket.file.object);
    }
    spin_unlock(&shard->lock);
    return e == NULL ? OK : ERR_ADDRINUSE;
}

static uint16_t local_port(struct tcp_socket *s)
{
    spin_lock(&s->inet.lock);
    uint16_t port = s->inet.local.port;
    spin_unlock(&s->inet.lock);
    return port;
}

// With a port of the user's choice, or one that is free.
static status_t enter_with_port(struct tcp_socket *s, struct tcp_names *names, uint32_t netif,
                                nsec_t now)
{
    const struct inet_name any = {.address =
                                      s->inet.socket.family == ABI_AF_INET ? ip4(0) : IP_ANY};
    bool is_chosen = local_port(s) != 0;
    status_t status = ERR_ADDRINUSE;
    for (unsigned i = 0; i < PORTS_TRIED_MAX && status == ERR_ADDRINUSE; i++) {
        status = is_chosen ? OK : inet_port_bind(tcp_ports, &s->inet, &any);
        if (status != OK) {
            break;
        }
        names->local_port = local_port(s);
        status = enter(s, names, netif, now);
        if (status == ERR_ADDRINUSE && is_chosen) {
            break;
        }
        if (status != OK) {
            inet_port_unbind(tcp_ports, &s->inet);
        }
    }
    return status == ERR_ADDRINUSE ? ERR_ADDRNOTAVAIL : status;
}

/* ---- The begin ---- */

static status_t find_path(struct tcp_socket *s, const struct inet_name *peer, struct netif **netif,
                          struct ip_path *path)
{
    status_t status = inet_netif_for(&s->inet, peer, netif);
    if (status != OK) {
        return status;
    }
    spin_lock(&s->inet.lock);
    struct ip_addr source = s->inet.local.address;
    spin_unlock(&s->inet.lock);
    source = ip_is_unspecified(&source) ? IP_ANY : source;
    status = ip_path_find(&peer->address, &source, *netif, false, path);
    return status == ERR_ACCES ? ERR_NETUNREACH : status; // nobody is everybody
}

static status_t read_peer(struct tcp_socket *s, const struct socket_address *a,
                          struct inet_name *peer)
{
    status_t status = inet_name_read(&s->inet, a, peer);
    if (status != OK) {
        return status;
    }
    if (ip_is_multicast(&peer->address)) {
        return ERR_NETUNREACH;
    }
    return peer->port == 0 ? ERR_CONNREFUSED : inet_may(&s->inet, NET_CONNECT, peer);
}

static void open_machine(struct tcp_socket *s, const struct inet_name *peer,
                         const struct ip_path *path, nsec_t now) REQUIRES(s -> inet.lock)
{
    const struct tcp_names *n = &s->entry.names;
    const struct tcp_secret *secret = tcp_secret_get();
    const struct tcp_open o = {
        .local_port = n->local_port,
        .peer_port = n->peer_port,
        .isn = tcp_isn(secret, n, now),
        .ts_offset = tcp_timestamp_offset(secret, n),
    };
    s->inet.local.address = path->source;
    s->inet.peer = *peer;
    s->inet.peer.address = path->destination;
    s->inet.error = OK;
    s->is_entered = true;
    s->is_connecting = true;
    s->is_connected = false;
    s->is_ended = false;
    s->is_receive_shut = false;
    s->is_send_shut = false;
    tcp_set_path(s, path);
    tcp_init(&s->machine, &s->config);
    tcp_connect(&s->machine, &o, now);
    if (s->is_closed) {
        tcp_abort(&s->machine); // its owner has left meanwhile
    }
}

// The caller holds write_lock, so that one thread at a time begins.
static status_t begin(struct tcp_socket *s, const struct socket_address *a)
{
    struct inet_name peer;
    struct netif *netif;
    struct ip_path path;
    struct tcp_after after;
    nsec_t now = time_now();
    status_t status = read_peer(s, a, &peer);
    status = status == OK ? find_path(s, &peer, &netif, &path) : status;
    if (status != OK) {
        return status;
    }
    tcp_secret_make();
    struct tcp_names names = {
        .local = path.source, .peer = path.destination, .peer_port = peer.port};
    bool is_of_link = ip_is_link_local(&path.destination) && !ip_is_v4(&path.destination);
    status = enter_with_port(s, &names, is_of_link ? path.netif->index : 0, now);
    if (status != OK) {
        return status;
    }
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    // What the last connection of this socket left.
    tcp_send_queue_purge(&s->send, &after.pieces);
    tcp_receive_queue_purge(&s->receive, &after.packets);
    tcp_send_queue_init(&s->send);
    tcp_receive_queue_init(&s->receive);
    open_machine(s, &peer, &path, now);
    tcp_release(s, &after, now);
    return OK;
}

// Whether to begin (ERR_AGAIN), to wait for what has begun (OK), or neither.
static status_t look(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    if (s->is_listening) {
        return ERR_ISCONN;
    }
    if (s->is_connecting) {
        return OK;
    }
    return s->is_entered ? ERR_ISCONN : ERR_AGAIN;
}

/* ---- The end ---- */

static status_t disconnect(struct tcp_socket *s)
{
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    bool was_listening = s->is_listening;
    tcp_abort(&s->machine);
    tcp_send_queue_purge(&s->send, &after.pieces);
    tcp_receive_queue_purge(&s->receive, &after.packets);
    s->is_connecting = false;
    s->is_connected = false;
    s->inet.error = OK;
    after.events = EVENT_IN | EVENT_OUT | EVENT_HUP;
    after.wakes_reader = true;
    after.wakes_writers = true;
    tcp_release(s, &after, time_now());
    if (was_listening) {
        tcp_stop_listening(s);
    }
    inet_port_disconnect(tcp_ports, &s->inet);
    return OK;
}

// How the connection that was begun came out.
static status_t outcome(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    s->is_connecting = false;
    if (s->is_connected) {
        return OK;
    }
    status_t error = s->inet.error;
    s->inet.error = OK;
    return error != OK ? error : ERR_CONNREFUSED;
}

static status_t await(struct tcp_socket *s, const struct socket_wait *w, bool has_begun)
{
    spin_lock(&s->inet.lock);
    if (is_pending(s) && !w->may_wait) {
        spin_unlock(&s->inet.lock);
        return has_begun ? ERR_INPROGRESS : ERR_ALREADY;
    }
    status_t status = OK;
    while (status == OK && is_pending(s)) {
        status = tcp_sleep(s, &s->inet.writers, w);
    }
    bool is_over = !is_pending(s);
    status = is_over ? outcome(s) : status;
    spin_unlock(&s->inet.lock);
    if (is_over && status != OK) {
        inet_port_disconnect(tcp_ports, &s->inet);
    }
    return !is_over && status == ERR_AGAIN ? ERR_INPROGRESS : status;
}

status_t tcp_socket_connect(struct socket *socket, const struct socket_address *a,
                            const struct socket_wait *w)
{
    struct tcp_socket *s = tcp_of(socket);
    if (a->size >= sizeof(a->family) && a->family == ABI_AF_UNSPEC) {
        return disconnect(s);
    }
    mutex_lock(&s->write_lock);
    spin_lock(&s->inet.lock);
    status_t status = look(s);
    spin_unlock(&s->inet.lock);
    bool begins = status == ERR_AGAIN;
    if (begins) {
        status = begin(s, a);
    }
    mutex_unlock(&s->write_lock);
    return status == OK ? await(s, w, begins) : status;
}
