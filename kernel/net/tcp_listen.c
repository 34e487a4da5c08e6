// SPDX-License-Identifier: Apache-2.0
/*
 * Who listens.  A SYN makes a request; the ACK that answers our SYN-ACK, or one with a cookie, makes a
 * connection of it, which takes the request's place in the table and waits to be accepted.
 */
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/bits.h"

static constexpr nsec_t COOKIE_TIME = 120 * NSEC_PER_SEC; // how long one is good

/* ---- Requests ---- */

void tcp_half_unref(struct tcp_half *h)
{
    if (refcount_dec(&h->refs)) {
        socket_unref(&h->listener->inet.socket);
        heap_free(h);
    }
}

// One place less is taken, unless it is none of the listener's any more.
static void count_out(struct tcp_socket *listener)
{
    spin_lock(&listener->inet.lock);
    listener->backlog.half_open--;
    spin_unlock(&listener->inet.lock);
}

// Takes it out of the table, if it is there.
static bool remove_half(struct tcp_shard *shard, struct tcp_half *h) REQUIRES(shard -> lock)
{
    if (!h->record.entry.is_entered) {
        return false;
    }
    tcp_shard_remove(shard, &h->record.entry);
    tcp_shard_untime(&h->record);
    return true;
}

static void end_half(struct tcp_half *h)
{
    struct tcp_shard *shard = tcp_table_shard(h->record.entry.hash);
    spin_lock(&shard->lock);
    bool was_there = remove_half(shard, h);
    spin_unlock(&shard->lock);
    if (was_there) {
        count_out(h->listener);
        tcp_half_unref(h);
    }
}

static void send_answer(struct tcp_half *h)
{
    struct tcp_segment g;
    tcp_request_answer(&h->request, time_now(), &g);
    tcp_send_bare(&h->record.entry.names, h->record.entry.netif, &g);
}

// What we offer who connects.  ERR_NETUNREACH: nothing goes there.
static status_t offer_to(struct tcp_socket *listener, const struct tcp_names *n, uint32_t netif,
                         struct tcp_offer *out)
{
    struct ip_path path;
    struct netif *link = netif != 0 ? netif_find(netif) : NULL;
    status_t status = ip_path_find(&n->peer, &n->local, link, false, &path);
    if (status != OK) {
        return status;
    }
    spin_lock(&listener->inet.lock);
    uint32_t buffer = tcp_receive_limit(listener);
    uint32_t mss = listener->user_mss;
    spin_unlock(&listener->inet.lock);
    uint32_t most = tcp_path_payload(&path);
    *out = (struct tcp_offer){
        .mss = (uint16_t)(mss != 0 ? u64_min(mss, most) : most),
        .scale = tcp_scale_for(buffer),
        .window = (uint32_t)u64_min(buffer, UINT16_MAX),
    };
    return OK;
}

static status_t create_half(struct tcp_socket *listener, const struct tcp_incoming *in,
                            const struct tcp_offer *offer, nsec_t now, struct tcp_half **out)
{
    void *memory;
    const struct tcp_secret *secret = tcp_secret_get();
    status_t status = heap_alloc(sizeof(struct tcp_half), &memory);
    if (status != OK) {
        return status;
    }
    struct tcp_half *h = memory;
    const struct tcp_open o = {
        .local_port = in->names.local_port,
        .peer_port = in->names.peer_port,
        .isn = tcp_isn(secret, &in->names, now),
        .ts_offset = tcp_timestamp_offset(secret, &in->names),
    };
    tcp_entry_init(&h->record.entry, TCP_ENTRY_REQUEST, &in->names, in->netif);
    list_init(&h->record.due_link);
    refcount_init(&h->refs, 2); // the table's and the caller's
    h->listener = listener;
    object_ref(&listener->inet.socket.file.object);
    tcp_request_init(&h->request, &o, offer, &in->segment);
    *out = h;
    return OK;
}

// False: another of the same names was faster.
static bool enter_half(struct tcp_half *h, nsec_t now)
{
    struct tcp_entry *e = &h->record.entry;
    struct tcp_shard *shard = tcp_table_shard(e->hash);
    spin_lock(&shard->lock);
    bool is_first = tcp_shard_find(shard, &e->names, e->netif, e->hash) == NULL;
    if (is_first) {
        tcp_shard_add(shard, e);
        tcp_shard_time(shard, &h->record, TCP_STEP_FIRST, now);
    }
    spin_unlock(&shard->lock);
    return is_first;
}

enum place { PLACE_NONE, PLACE_COOKIE, PLACE_REQUEST };

// What the listener has room for.
static enum place take_place(struct tcp_socket *l, nsec_t now)
{
    struct tcp_backlog *b = &l->backlog;
    enum place place = PLACE_NONE;
    spin_lock(&l->inet.lock);
    if (l->is_listening && b->count <= b->max) {
        place = b->half_open <= b->max ? PLACE_REQUEST : PLACE_COOKIE;
    }
    if (place == PLACE_REQUEST) {
        b->half_open++;
    } else if (place == PLACE_COOKIE) {
        b->cookies_until = now + COOKIE_TIME;
    }
    spin_unlock(&l->inet.lock);
    return place;
}

static void answer_by_cookie(const struct tcp_incoming *in, const struct tcp_offer *offer,
                             nsec_t now)
{
    struct tcp_segment g;
    tcp_cookie_answer(tcp_secret_get(), &in->names, &in->segment, offer, now, &g);
    tcp_send_bare(&in->names, in->netif, &g);
}

static void make_half(struct tcp_socket *listener, const struct tcp_incoming *in,
                      const struct tcp_offer *offer, nsec_t now)
{
    struct tcp_half *h;
    if (create_half(listener, in, offer, now, &h) != OK) {
        count_out(listener);
        return; // the peer tries again
    }
    if (!enter_half(h, now)) {
        count_out(listener);
        tcp_half_unref(h);
        tcp_half_unref(h);
        return;
    }
    send_answer(h);
    spin_lock(&listener->inet.lock);
    bool is_late = !listener->is_listening; // it ended meanwhile, and may have missed this one
    spin_unlock(&listener->inet.lock);
    if (is_late) {
        end_half(h);
    }
    tcp_half_unref(h);
}

static void take_syn(struct tcp_socket *listener, const struct tcp_incoming *in)
{
    struct tcp_offer offer;
    nsec_t now = time_now();
    if (!grant_is_valid(listener->inet.grant) ||
        offer_to(listener, &in->names, in->netif, &offer) != OK) {
        return;
    }
    switch (take_place(listener, now)) {
    case PLACE_REQUEST: make_half(listener, in, &offer, now); break;
    case PLACE_COOKIE: answer_by_cookie(in, &offer, now); break;
    default: break; // nobody accepts: the peer tries again
    }
}

/* ---- Connections ---- */

static status_t set_up(struct tcp_socket *s, const struct tcp_names *n, uint32_t netif)
{
    struct ip_path path;
    struct netif *link = netif != 0 ? netif_find(netif) : NULL;
    status_t status = ip_path_find(&n->peer, &n->local, link, false, &path);
    if (status != OK) {
        return status;
    }
    s->inet.local = (struct inet_name){n->local, netif, n->local_port};
    s->inet.peer = (struct inet_name){n->peer, netif, n->peer_port};
    tcp_entry_init(&s->entry, TCP_ENTRY_CONNECTION, n, netif);
    spin_lock(&s->inet.lock);
    tcp_set_path(s, &path);
    tcp_init(&s->machine, &s->config);
    spin_unlock(&s->inet.lock);
    return OK;
}

// A connection that is open, and in no table.
static status_t create_open(struct tcp_socket *listener, const struct tcp_incoming *in,
                            const struct tcp_open *o, const struct tcp_segment *syn,
                            struct tcp_socket **out)
{
    struct tcp_socket *s;
    status_t status = tcp_socket_create_accepted(listener, &s);
    if (status != OK) {
        return status;
    }
    status = set_up(s, &in->names, in->netif);
    if (status != OK) {
        socket_unref(&s->inet.socket);
        return status;
    }
    spin_lock(&s->inet.lock);
    tcp_accept_cookie(&s->machine, o, syn, time_now());
    s->is_connected = true;
    spin_unlock(&s->inet.lock);
    *out = s;
    return OK;
}

// Takes the place of `h`, which NULL is for a cookie.  False: somebody else was faster.
static bool enter_open(struct tcp_socket *s, struct tcp_half *h)
{
    struct tcp_entry *e = &s->entry;
    struct tcp_shard *shard = tcp_table_shard(e->hash);
    spin_lock(&shard->lock);
    bool is_first = h != NULL ? remove_half(shard, h)
                              : tcp_shard_find(shard, &e->names, e->netif, e->hash) == NULL;
    if (is_first) {
        tcp_shard_add(shard, e);
        s->is_entered = true;
        object_ref(&s->inet.socket.file.object);
    }
    spin_unlock(&shard->lock);
    return is_first;
}

// Puts it where accept finds it, with the caller's reference.  False: nobody listens any more, or the
// queue is full.
static bool queue_open(struct tcp_socket *l, struct tcp_socket *s, bool had_request)
{
    spin_lock(&l->inet.lock);
    bool is_wanted = l->is_listening;
    l->backlog.half_open -= had_request ? 1 : 0;
    if (is_wanted) {
        list_add_tail(&l->backlog.ready, &s->accept_link);
        l->backlog.count++;
    }
    spin_unlock(&l->inet.lock);
    if (is_wanted) {
        wait_wake_one(&l->inet.readers);
        event_notify(&l->inet.events, EVENT_IN);
    }
    return is_wanted;
}

static bool has_queue_room(struct tcp_socket *l)
{
    spin_lock(&l->inet.lock);
    bool has = l->is_listening && l->backlog.count <= l->backlog.max;
    spin_unlock(&l->inet.lock);
    return has;
}

// True: there is a connection now that the segment is for.
static bool open_connection(struct tcp_socket *l, struct tcp_half *h, const struct tcp_incoming *in,
                            const struct tcp_open *o, const struct tcp_segment *syn)
{
    struct tcp_socket *s;
    // With a full queue the acknowledgement counts as lost: our answer is sent again.
    if (!has_queue_room(l) || create_open(l, in, o, syn, &s) != OK) {
        return false;
    }
    bool is_first = enter_open(s, h);
    if (!is_first) {
        socket_unref(&s->inet.socket);
        return true;
    }
    if (h != NULL) {
        tcp_half_unref(h); // the table's
    }
    if (!queue_open(l, s, h != NULL)) {
        tcp_abandon(s);
        socket_unref(&s->inet.socket);
        return false;
    }
    return true;
}

bool tcp_half_input(struct tcp_shard *shard, struct tcp_half *h, struct tcp_incoming *in)
{
    struct tcp_segment out;
    struct tcp_open o;
    bool is_open = false;
    enum tcp_request_news news = tcp_request_input(&h->request, &in->segment);
    refcount_inc(&h->refs);
    spin_unlock(&shard->lock);
    switch (news) {
    case TCP_REQUEST_REPEAT: send_answer(h); break;
    case TCP_REQUEST_END: end_half(h); break;
    case TCP_REQUEST_REFUSE:
        if (tcp_reset_for(&in->segment, &out)) {
            tcp_send_bare(&in->names, in->netif, &out);
        }
        break;
    case TCP_REQUEST_OPEN:
        tcp_request_open(&h->request, &o, &out);
        is_open = open_connection(h->listener, h, in, &o, &out);
        break;
    default: break;
    }
    tcp_half_unref(h);
    return is_open;
}

void tcp_half_due(struct tcp_shard *shard, struct tcp_half *h, nsec_t now)
{
    if (h->record.step < TCP_STEP_LAST) {
        tcp_shard_time(shard, &h->record, (uint8_t)(h->record.step + 1), now);
        refcount_inc(&h->refs);
        spin_unlock(&shard->lock);
        send_answer(h);
        tcp_half_unref(h);
    } else {
        tcp_shard_remove(shard, &h->record.entry);
        spin_unlock(&shard->lock);
        count_out(h->listener);
        tcp_half_unref(h);
    }
    spin_lock(&shard->lock);
}

static bool takes_cookies(struct tcp_socket *l, nsec_t now)
{
    spin_lock(&l->inet.lock);
    bool takes = now < l->backlog.cookies_until;
    spin_unlock(&l->inet.lock);
    return takes;
}

static bool open_by_cookie(struct tcp_socket *l, const struct tcp_incoming *in)
{
    struct tcp_segment syn;
    struct tcp_open o = {.local_port = in->names.local_port, .peer_port = in->names.peer_port};
    const struct tcp_secret *secret = tcp_secret_get();
    nsec_t now = time_now();
    if (!takes_cookies(l, now) ||
        !tcp_cookie_check(secret, &in->names, &in->segment, now, &syn, &o.isn)) {
        return false;
    }
    o.ts_offset = tcp_timestamp_offset(secret, &in->names);
    return open_connection(l, NULL, in, &o, &syn);
}

bool tcp_listener_input(struct tcp_socket *listener, struct tcp_incoming *in)
{
    struct tcp_segment reset;
    const struct tcp_segment *g = &in->segment;
    if ((g->flags & TCP_RST) != 0) {
        return false;
    }
    if ((g->flags & (TCP_ACK | TCP_SYN)) == TCP_SYN) {
        take_syn(listener, in);
        return false;
    }
    if ((g->flags & (TCP_ACK | TCP_SYN)) == TCP_ACK && open_by_cookie(listener, in)) {
        return true;
    }
    if (tcp_reset_for(g, &reset)) {
        tcp_send_bare(&in->names, in->netif, &reset);
    }
    return false;
}

/* ---- Calls ---- */

static status_t may_listen(struct tcp_socket *s)
{
    spin_lock(&s->inet.lock);
    const struct inet_name local = s->inet.local;
    spin_unlock(&s->inet.lock);
    return inet_may(&s->inet, NET_LISTEN, &local);
}

status_t tcp_socket_listen(struct socket *socket, uint32_t backlog)
{
    struct tcp_socket *s = tcp_of(socket);
    const struct inet_name any = {.address = socket->family == ABI_AF_INET ? ip4(0) : IP_ANY};
    tcp_secret_make();
    spin_lock(&s->inet.lock);
    bool is_used = s->is_entered || s->is_connected || s->is_connecting;
    bool is_bound = s->inet.local.port != 0;
    bool was_listening = s->is_listening;
    s->backlog.max = (uint32_t)u64_min(backlog, SOCKET_BACKLOG_MAX);
    spin_unlock(&s->inet.lock);
    if (is_used) {
        return ERR_INVAL;
    }
    if (was_listening) {
        return OK;
    }
    status_t status = is_bound ? OK : inet_port_bind(tcp_ports, &s->inet, &any);
    if (status == OK) {
        status = may_listen(s); // binding to any port asked for no such right
    }
    if (status != OK) {
        return status;
    }
    // Before anybody finds it, so that what is found listens.
    spin_lock(&s->inet.lock);
    s->is_listening = true;
    spin_unlock(&s->inet.lock);
    status = inet_port_listen(tcp_ports, &s->inet);
    if (status != OK) {
        spin_lock(&s->inet.lock);
        s->is_listening = false;
        spin_unlock(&s->inet.lock);
    }
    return status;
}

static struct tcp_socket *take_ready(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    struct list *node = list_pop(&s->backlog.ready);
    if (node == NULL) {
        return NULL;
    }
    s->backlog.count--;
    struct tcp_socket *taken = container_of(node, struct tcp_socket, accept_link);
    list_init(&taken->accept_link);
    return taken;
}

status_t tcp_socket_accept(struct socket *socket, const struct socket_wait *w, struct socket **out)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_socket *taken = NULL;
    status_t status = OK;
    spin_lock(&s->inet.lock);
    while (status == OK) {
        if (!s->is_listening) {
            status = ERR_INVAL;
            break;
        }
        taken = take_ready(s);
        if (taken != NULL) {
            break;
        }
        status = tcp_sleep(s, &s->inet.readers, w);
    }
    bool has_more = s->backlog.count > 0 && !wait_is_empty(&s->inet.readers);
    spin_unlock(&s->inet.lock);
    if (has_more) {
        wait_wake_one(&s->inet.readers); // whose wake-up this may have used
    }
    if (status == OK) {
        *out = &taken->inet.socket;
    }
    return status;
}

/* ---- The end ---- */

static bool is_half_of(const struct tcp_entry *e, const struct tcp_socket *listener)
{
    return e->kind == TCP_ENTRY_REQUEST &&
           container_of(e, struct tcp_half, record.entry)->listener == listener;
}

// One of its requests out of the shard, with the table's reference; NULL: none is left.
static struct tcp_half *take_half(struct tcp_shard *shard, const struct tcp_socket *listener)
{
    struct tcp_half *found = NULL;
    spin_lock(&shard->lock);
    for (uint32_t i = 0; i <= shard->mask && found == NULL; i++) {
        list_for_each (node, &shard->buckets[i]) {
            struct tcp_entry *e = container_of(node, struct tcp_entry, link);
            if (is_half_of(e, listener)) {
                found = container_of(e, struct tcp_half, record.entry);
                (void)remove_half(shard, found);
                break;
            }
        }
    }
    spin_unlock(&shard->lock);
    return found;
}

static void drop_requests(struct tcp_socket *s)
{
    struct tcp_half *h;
    spin_lock(&s->inet.lock);
    uint32_t left = s->backlog.half_open;
    spin_unlock(&s->inet.lock);
    for (size_t i = 0; i < TCP_SHARDS && left > 0; i++) {
        while ((h = take_half(tcp_table_at(i), s)) != NULL) {
            count_out(s);
            tcp_half_unref(h);
            thread_preempt_point();
        }
    }
}

void tcp_stop_listening(struct tcp_socket *s)
{
    struct tcp_socket *taken;
    spin_lock(&s->inet.lock);
    bool was = s->is_listening;
    s->is_listening = false;
    spin_unlock(&s->inet.lock);
    if (!was) {
        return;
    }
    inet_port_unbind(tcp_ports, &s->inet);
    wait_wake_all(&s->inet.readers);
    event_notify(&s->inet.events, EVENT_IN | EVENT_HUP);
    for (;;) {
        spin_lock(&s->inet.lock);
        taken = take_ready(s);
        spin_unlock(&s->inet.lock);
        if (taken == NULL) {
            break;
        }
        tcp_abandon(taken);
        socket_unref(&taken->inet.socket);
        thread_preempt_point();
    }
    drop_requests(s);
}
