// SPDX-License-Identifier: Apache-2.0
/*
 * Listeners.  A SYN makes a socket that is half open; its handshake done, it is ready; accept takes it
 * off.  When half of the backlog is half open, SYNs are answered with cookies, and a socket comes with
 * the ACK; when the list of ready ones is full, SYNs and ACKs are dropped: the peer tries again.
 */
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

enum { HALF_OPEN_MAX = 256 };

static struct tcp_socket *child_of(struct list *node)
{
    return container_of(node, struct tcp_socket, child_link);
}

/* ---- Children ---- */

// A socket for a connection from the listener, in no list and no table.
static status_t make_child(struct tcp_socket *l, struct tcp_socket **out)
{
    struct tcp_socket *s;
    status_t status = tcp_socket_alloc(&s);
    if (status != OK) {
        return status;
    }
    inet_init_accepted(&s->inet, &l->inet, &tcp_socket_ops);
    tcp_socket_set_up(s);
    spin_lock(&l->inet.lock);
    s->config = l->config;
    spin_unlock(&l->inet.lock);
    tcp_ref(l);
    s->listener = l;
    *out = s;
    return OK;
}

// The child's names and path, and its place in the table.  ERR_ADDRINUSE: another segment was faster.
static status_t enter_child(struct tcp_socket *s, const struct tcp_incoming *in,
                            struct ip_path *path)
{
    struct netif *n = ip_is_link_local(&in->peer.address) ? in->meta->netif : NULL;
    status_t status = ip_path_find(&in->peer.address, &in->local.address, n, false, path);
    return status == OK ? inet_port_accept(tcp_ports(), &s->inet, &in->local, &in->peer) : status;
}

// On the list of those that are half open, which takes the caller's reference, if there is room.
static bool enlist(struct tcp_socket *l, struct tcp_socket *s)
{
    spin_lock(&l->list_lock);
    bool has_room = l->backlog != 0 && l->half_open_count < HALF_OPEN_MAX;
    if (has_room) {
        list_add_tail(&l->half_open, &s->child_link);
        l->half_open_count++;
    }
    spin_unlock(&l->list_lock);
    return has_room;
}

// Nobody knows it yet: it goes as it came.
static void discard_child(struct tcp_socket *s)
{
    struct tcp_socket *l = s->listener;
    s->listener = NULL;
    inet_port_unbind(tcp_ports(), &s->inet);
    tcp_unref(s);
    tcp_unref(l);
}

static void begin(struct tcp_socket *l, const struct tcp_incoming *in,
                  const struct tcp_segment *syn, const uint32_t *cookie)
{
    struct tcp_socket *s;
    struct ip_path path;
    struct tcp_open open;
    struct tcp_turn turn;
    if (make_child(l, &s) != OK) {
        return;
    }
    if (enter_child(s, in, &path) != OK) {
        discard_child(s);
        return;
    }
    tcp_ref(s); // the list's may go as soon as it is there
    if (!enlist(l, s)) {
        tcp_unref(s);
        discard_child(s);
        return;
    }
    tcp_turn_begin(s, &turn);
    tcp_open_for(&in->local, &in->peer, turn.now, &open);
    s->config.mss_max = tcp_mss_of(&path);
    tcp_init(&s->machine, &s->config);
    tcp_start(s, &path);
    if (cookie == NULL) {
        tcp_accept(&s->machine, &open, syn, turn.now);
    } else {
        struct tcp_result result;
        open.isn = *cookie;
        tcp_accept_cookie(&s->machine, &open, syn, turn.now);
        s->flags |= TCP_SOCKET_WAS_CONNECTED;
        turn.is_established = true;
        // Its payload, if there is any, comes again: it is not worth two ways to keep it.
        struct tcp_segment ack = in->segment;
        ack.payload_size = 0;
        ack.flags &= (uint8_t)~TCP_FIN;
        tcp_input(&s->machine, &ack, turn.now, &result);
        tcp_turn_result(s, &result, &turn);
    }
    if ((s->flags & TCP_SOCKET_CLOSED) != 0) {
        tcp_abort(&s->machine); // the listener closed meanwhile
    }
    tcp_turn_end(s, &turn);
    tcp_unref(s);
}

static struct tcp_socket *listener_of(struct tcp_socket *child, bool takes_it)
{
    spin_lock(&child->inet.lock);
    struct tcp_socket *l = child->listener;
    if (l != NULL && takes_it) {
        child->listener = NULL;
    } else if (l != NULL) {
        tcp_ref(l);
    }
    spin_unlock(&child->inet.lock);
    return l;
}

void tcp_child_connected(struct tcp_socket *child)
{
    struct tcp_socket *l = listener_of(child, false);
    if (l == NULL) {
        return;
    }
    spin_lock(&l->list_lock);
    bool is_listed = l->backlog != 0 && !child->is_ready && !list_is_empty(&child->child_link);
    if (is_listed) {
        list_del(&child->child_link);
        list_add_tail(&l->ready, &child->child_link);
        child->is_ready = true;
        l->half_open_count--;
        l->ready_count++;
    }
    spin_unlock(&l->list_lock);
    if (is_listed) {
        wait_wake_one(&l->inet.readers);
        event_notify(&l->inet.events, EVENT_IN);
    }
    tcp_unref(l);
}

// One that was never ready goes; one that is ready stays to be accepted, and tells who reads it.
void tcp_child_over(struct tcp_socket *child)
{
    struct tcp_socket *l = listener_of(child, false);
    if (l == NULL) {
        return;
    }
    spin_lock(&l->list_lock);
    bool is_half_open = !child->is_ready && !list_is_empty(&child->child_link);
    if (is_half_open) {
        list_del_init(&child->child_link);
        l->half_open_count--;
    }
    spin_unlock(&l->list_lock);
    if (is_half_open) {
        struct tcp_socket *held = listener_of(child, true);
        tcp_unref(child);
        if (held != NULL) {
            tcp_unref(held);
        }
    }
    tcp_unref(l);
}

/* ---- Segments ---- */

enum room { ROOM, ROOM_FOR_COOKIES, NO_ROOM };

static enum room room_in(struct tcp_socket *l)
{
    spin_lock(&l->list_lock);
    uint32_t half = (uint32_t)u64_min(HALF_OPEN_MAX, (l->backlog + 1) / 2);
    enum room room = l->backlog == 0 || l->ready_count >= l->backlog ? NO_ROOM
                     : l->half_open_count >= half                    ? ROOM_FOR_COOKIES
                                                                     : ROOM;
    spin_unlock(&l->list_lock);
    return room;
}

static struct tcp_names names_of(const struct tcp_incoming *in)
{
    return (struct tcp_names){.local = in->local.address,
                              .peer = in->peer.address,
                              .local_port = in->local.port,
                              .peer_port = in->peer.port};
}

static void answer_with_cookie(struct tcp_socket *l, const struct tcp_incoming *in)
{
    struct ip_path path;
    struct tcp_segment answer;
    const struct tcp_names names = names_of(in);
    struct netif *n = ip_is_link_local(&in->peer.address) ? in->meta->netif : NULL;
    if (ip_path_find(&in->peer.address, &in->local.address, n, false, &path) != OK) {
        return;
    }
    spin_lock(&l->inet.lock);
    uint32_t window = l->config.receive_buffer;
    spin_unlock(&l->inet.lock);
    const struct tcp_offer ours = {.mss = tcp_mss_of(&path),
                                   .scale = tcp_scale_for(window),
                                   .window = (uint32_t)u64_min(window, UINT16_MAX)};
    tcp_cookie_answer(tcp_secret(), &names, &in->segment, &ours, time_now(), &answer);
    tcp_send_segment(&answer, &in->local.address, &in->peer.address, in->meta->netif);
}

void tcp_listener_input(struct tcp_socket *l, const struct tcp_incoming *in)
{
    const struct tcp_segment *s = &in->segment;
    const uint8_t kind = s->flags & (TCP_SYN | TCP_ACK | TCP_RST);
    if ((kind & TCP_RST) != 0) {
        return;
    }
    enum room room = room_in(l);
    if (kind == TCP_SYN && room != NO_ROOM) {
        if (room == ROOM) {
            begin(l, in, s, NULL);
        } else {
            answer_with_cookie(l, in);
        }
    } else if (kind == TCP_ACK) {
        struct tcp_segment syn;
        uint32_t isn;
        const struct tcp_names names = names_of(in);
        if (!tcp_cookie_check(tcp_secret(), &names, s, time_now(), &syn, &isn)) {
            tcp_refuse_segment(in);
        } else if (room != NO_ROOM) {
            begin(l, in, &syn, &isn);
        }
    } else if (kind != TCP_SYN) {
        tcp_refuse_segment(in);
    }
}

/* ---- The user's side ---- */

static status_t check_listen(struct tcp_socket *s)
{
    spin_lock(&s->inet.lock);
    status_t status = s->role == TCP_ROLE_CONNECTION ? ERR_INVAL : OK;
    bool is_bound = s->inet.local.port != 0;
    struct inet_name local = s->inet.local;
    spin_unlock(&s->inet.lock);
    if (status == OK && !is_bound) {
        const struct inet_name any = {.address = local.address};
        status = inet_port_bind(tcp_ports(), &s->inet, &any);
        spin_lock(&s->inet.lock);
        local = s->inet.local;
        spin_unlock(&s->inet.lock);
    }
    return status == OK ? inet_may(&s->inet, NET_LISTEN, &local) : status;
}

status_t tcp_listen(struct socket *socket, uint32_t backlog)
{
    struct tcp_socket *s = tcp_of(socket);
    backlog = (uint32_t)u64_max(1, u64_min(backlog, SOCKET_BACKLOG_MAX));
    tcp_make_secret();
    status_t status = check_listen(s);
    if (status == OK) {
        spin_lock(&s->inet.lock);
        bool listens = s->role == TCP_ROLE_LISTENER;
        tcp_configure_from_options(s);
        spin_unlock(&s->inet.lock);
        // Before the table says so: what comes then finds a listener.
        spin_lock(&s->list_lock);
        s->backlog = backlog;
        spin_unlock(&s->list_lock);
        if (listens) {
            return OK;
        }
        spin_lock(&s->inet.lock);
        s->role = TCP_ROLE_LISTENER;
        spin_unlock(&s->inet.lock);
        status = inet_port_listen(tcp_ports(), &s->inet);
        if (status != OK) {
            spin_lock(&s->inet.lock);
            s->role = TCP_ROLE_IDLE;
            spin_unlock(&s->inet.lock);
        }
    }
    return status;
}

bool tcp_listener_is_ready(struct tcp_socket *l)
{
    spin_lock(&l->list_lock);
    bool is_ready = l->ready_count != 0;
    spin_unlock(&l->list_lock);
    return is_ready;
}

static struct tcp_socket *take_ready(struct tcp_socket *l)
{
    struct tcp_socket *child = NULL;
    spin_lock(&l->list_lock);
    struct list *node = list_first(&l->ready);
    if (node != NULL) {
        child = child_of(node);
        list_del_init(&child->child_link);
        l->ready_count--;
    }
    spin_unlock(&l->list_lock);
    return child;
}

static bool listens(struct tcp_socket *s)
{
    return __atomic_load_n(&s->role, __ATOMIC_RELAXED) == TCP_ROLE_LISTENER;
}

static status_t wait_ready(struct tcp_socket *l, const struct socket_wait *w)
{
    status_t status;
    if (!w->may_wait) {
        return ERR_AGAIN;
    }
    WAIT_UNTIL(&l->inet.readers, tcp_listener_is_ready(l) || !listens(l), w->deadline,
               WAIT_INTERRUPTIBLE, &status);
    if (status == ERR_INTR && w->deadline != NSEC_NEVER) {
        return ERR_INTR_TIMED;
    }
    return status == ERR_TIMEDOUT ? ERR_AGAIN : status;
}

status_t tcp_accept_next(struct socket *socket, const struct socket_wait *w, struct socket **out)
{
    struct tcp_socket *l = tcp_of(socket);
    struct tcp_socket *child = NULL;
    while (child == NULL) {
        if (!listens(l)) {
            return ERR_INVAL;
        }
        child = take_ready(l);
        status_t status = child == NULL ? wait_ready(l, w) : OK;
        if (status != OK) {
            return status;
        }
    }
    struct tcp_socket *held = listener_of(child, true);
    if (held != NULL) {
        tcp_unref(held);
    }
    *out = &child->inet.socket;
    return OK;
}

/* ---- The end ---- */

// A connection that nobody will accept any more.
static void abort_child(struct tcp_socket *child)
{
    struct tcp_turn turn;
    struct tcp_socket *held = listener_of(child, true);
    tcp_turn_begin(child, &turn);
    child->flags |= TCP_SOCKET_CLOSED;
    if (child->role == TCP_ROLE_CONNECTION) {
        tcp_abort(&child->machine);
    }
    tcp_turn_end(child, &turn);
    tcp_unref(child);
    if (held != NULL) {
        tcp_unref(held);
    }
}

void tcp_listener_close(struct tcp_socket *l)
{
    struct list all = LIST_INIT(all);
    spin_lock(&l->inet.lock);
    l->role = TCP_ROLE_IDLE;
    spin_unlock(&l->inet.lock);
    inet_port_unbind(tcp_ports(), &l->inet);
    spin_lock(&l->list_lock);
    l->backlog = 0;
    list_move_all(&l->half_open, &all);
    list_move_all(&l->ready, &all);
    l->half_open_count = 0;
    l->ready_count = 0;
    // Those that are connected just now see that they are in no list.
    list_for_each (node, &all) {
        child_of(node)->is_ready = true;
    }
    spin_unlock(&l->list_lock);
    for (struct list *node; (node = list_pop(&all)) != NULL;) {
        list_init(node);
        abort_child(child_of(node));
    }
    wait_wake_all(&l->inet.readers);
}
