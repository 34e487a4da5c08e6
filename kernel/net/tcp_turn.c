// SPDX-License-Identifier: Apache-2.0
/* Turns at a connection: what the machine wants to send and to be told, once its lock is gone. */
#include "kernel/core/panic.h"
#include "kernel/net/tcp_priv.h"
#include "lib/tcp/time_wait.h"

enum {
    BURST_MAX = 15 * PAGE_SIZE, // in pages and the ends of two more it fits into one packet
    IP4_AND_TCP = 40,
    IP6_AND_TCP = 60,
    MSS_MIN = 216, // what is left of the least MTU that IP may have, with room for options
};

uint16_t tcp_mss_of(const struct ip_path *path)
{
    uint32_t headers = ip_is_v4(&path->destination) ? IP4_AND_TCP : IP6_AND_TCP;
    uint32_t mss = path->mtu > headers + MSS_MIN ? path->mtu - headers : MSS_MIN;
    return (uint16_t)u64_min(mss, UINT16_MAX - headers);
}

/* ---- The path ---- */

// It may have changed: the same destination by another way, or another MTU.
static void renew_path(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock)
{
    struct ip_path path;
    struct netif *n =
        s->path.is_local || !ip_is_link_local(&s->path.destination) ? NULL : s->path.netif;
    if (ip_path_find(&s->path.destination, &s->path.source, n, false, &path) != OK) {
        return; // what is sent is lost until there is a way again
    }
    uint16_t mss = tcp_mss_of(&path);
    if (mss != tcp_mss_of(&s->path)) {
        tcp_path_mss(&s->machine, mss, now);
    }
    s->path = path;
}

static uint32_t burst_of(const struct ip_path *path)
{
    uint32_t need = NETIF_CAN_CHECKSUM |
                    (ip_is_v4(&path->destination) ? NETIF_CAN_SEGMENT4 : NETIF_CAN_SEGMENT6);
    return (path->netif->features & need) == need ? BURST_MAX : 0;
}

/* ---- Output ---- */

static struct packet *build(struct tcp_socket *s, const struct tcp_segment *segment,
                            const struct tcp_range *range) REQUIRES(s -> inet.lock)
{
    struct packet *p;
    uint32_t size = segment->payload_size;
    if (packet_alloc(size <= TCP_COPY_MAX ? size : 0, &p) != OK) {
        return NULL;
    }
    if (size != 0 && tcp_bytes_to_packet(&s->to_send, range->offset, size, p) != OK) {
        packet_free(p);
        return NULL;
    }
    p->segment_size = size > range->mss ? range->mss : 0;
    tcp_put_header(p, segment, &s->path.source, &s->path.destination);
    return p;
}

// A packet that there is no memory for is lost, as others are on the way.
static void collect(struct tcp_socket *s, struct tcp_turn *t) REQUIRES(s -> inet.lock)
{
    struct tcp_segment segment;
    struct tcp_range range;
    if (UNLIKELY(!ip_path_is_current(&s->path))) {
        renew_path(s, t->now);
    }
    uint32_t burst = burst_of(&s->path);
    while (tcp_output(&s->machine, t->now, burst, &segment, &range)) {
        struct packet *p = build(s, &segment, &range);
        if (p != NULL) {
            list_add_tail(&t->packets, &p->link);
        }
    }
    if (!list_is_empty(&t->packets)) {
        t->path = s->path;
        t->meta = (struct ip_meta){.protocol = IP_PROTOCOL_TCP,
                                   .hop_limit = s->inet.options.hop_limit,
                                   .traffic_class = s->inet.options.traffic_class,
                                   .dont_fragment = true};
    }
}

/* ---- Time ---- */

// The timer is only ever moved forward: most deadlines move away before they come.
static void arm(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    nsec_t at = tcp_deadline(&s->machine);
    if (at < s->armed_at) {
        s->armed_at = at;
        timer_start(&s->timer, at);
    }
}

// In interrupt context; the connection holds a reference while its timer runs, so this is not the last.
static void expired(struct timer *timer)
{
    struct tcp_socket *s = container_of(timer, struct tcp_socket, timer);
    tcp_ref(s);
    if (!work_queue(&s->work)) {
        object_unref(&s->inet.socket.file.object);
    }
}

static void run(struct work *work)
{
    struct tcp_socket *s = container_of(work, struct tcp_socket, work);
    struct tcp_turn turn;
    tcp_turn_begin(s, &turn);
    s->armed_at = NSEC_NEVER;
    if (s->role == TCP_ROLE_CONNECTION && tcp_deadline(&s->machine) <= turn.now) {
        struct tcp_result result;
        tcp_timeout(&s->machine, turn.now, &result);
        tcp_turn_result(s, &result, &turn);
    }
    tcp_turn_end(s, &turn);
    tcp_unref(s);
}

void tcp_turn_init(struct tcp_socket *s)
{
    timer_init(&s->timer, expired);
    work_init(&s->work, run);
    s->armed_at = NSEC_NEVER;
}

/* ---- Turns ---- */

void tcp_start(struct tcp_socket *s, const struct ip_path *path)
{
    s->role = TCP_ROLE_CONNECTION;
    s->path = *path;
    s->flags &= TCP_SOCKET_CLOSED;
    tcp_ref(s);
}

void tcp_turn_begin(struct tcp_socket *s, struct tcp_turn *t)
{
    spin_lock(&s->inet.lock);
    t->now = time_now();
    list_init(&t->packets);
    t->events = 0;
    t->is_established = false;
    t->is_over = false;
    t->wakes_all = false;
}

void tcp_turn_result(struct tcp_socket *s, const struct tcp_result *r, struct tcp_turn *t)
{
    if (r->acked != 0) {
        tcp_bytes_drop(&s->to_send, r->acked);
        if ((s->flags & TCP_SOCKET_WANTS_ROOM) != 0 && tcp_has_room(s)) {
            s->flags &= (uint16_t)~TCP_SOCKET_WANTS_ROOM;
            t->events |= EVENT_OUT;
        }
    }
    if (LIKELY((r->events & ~(uint32_t)(TCP_EVENT_WRITABLE | TCP_EVENT_READABLE)) == 0)) {
        t->events |= (r->events & TCP_EVENT_READABLE) != 0 ? EVENT_IN : 0;
        return;
    }
    if ((r->events & TCP_EVENT_CONNECTED) != 0) {
        s->flags |= TCP_SOCKET_WAS_CONNECTED;
        t->is_established = true;
        t->events |= EVENT_OUT;
    }
    if ((r->events & TCP_EVENT_END) != 0) {
        s->flags |= TCP_SOCKET_ENDED;
        t->events |= EVENT_IN | EVENT_RDHUP;
    }
    if ((r->events & TCP_EVENT_FAILED) != 0) {
        s->inet.error = r->error;
        t->events |= EVENT_ERR;
    }
    t->events |= (r->events & TCP_EVENT_READABLE) != 0 ? EVENT_IN : 0;
    t->wakes_all = true;
}

// A connection that nobody has open needs no socket to wait in.
static void leave_time_wait(struct tcp_socket *s, struct tcp_turn *t) REQUIRES(s -> inet.lock)
{
    if ((s->flags & TCP_SOCKET_CLOSED) != 0 && tcp_state(&s->machine) == TCP_TIME_WAIT) {
        tcp_wait_add(&s->inet.local, &s->inet.peer, &s->machine, t->now);
        tcp_init(&s->machine, &s->config);
    }
}

static void note_end(struct tcp_socket *s, struct tcp_turn *t) REQUIRES(s -> inet.lock)
{
    if (s->role == TCP_ROLE_CONNECTION && tcp_state(&s->machine) == TCP_CLOSED) {
        s->role = TCP_ROLE_IDLE;
        t->is_over = true;
        t->wakes_all = true;
        t->events |= EVENT_IN | EVENT_OUT | EVENT_HUP | EVENT_RDHUP;
    }
}

static void tell(struct tcp_socket *s, const struct tcp_turn *t)
{
    struct inet_socket *i = &s->inet;
    if (t->wakes_all || (t->events & EVENT_IN) != 0) {
        wait_wake_all(&i->readers);
    }
    if (t->wakes_all || (t->events & EVENT_OUT) != 0) {
        wait_wake_all(&i->writers);
    }
    if (t->events != 0) {
        event_notify(&i->events, t->events);
    }
}

// The connection is over: its names are free, and what it has not sent nobody will.
static void end(struct tcp_socket *s)
{
    struct tcp_bytes unsent;
    (void)timer_cancel(&s->timer);
    inet_port_unbind(tcp_ports(), &s->inet);
    tcp_bytes_init(&unsent);
    spin_lock(&s->inet.lock);
    list_move_all(&s->to_send.runs, &unsent.runs);
    s->to_send.size = 0;
    spin_unlock(&s->inet.lock);
    tcp_bytes_clear(&unsent);
    tcp_child_over(s);
    tcp_unref(s);
}

void tcp_turn_end(struct tcp_socket *s, struct tcp_turn *t)
{
    if (s->path.netif != NULL) {
        collect(s, t);
    }
    leave_time_wait(s, t);
    note_end(s, t);
    arm(s);
    spin_unlock(&s->inet.lock);
    if (!list_is_empty(&t->packets)) {
        (void)ip_send_all(&t->packets, &t->path, &t->meta);
    }
    if (t->is_established) {
        tcp_child_connected(s);
    }
    if (t->events != 0 || t->wakes_all) {
        tell(s, t);
    }
    if (t->is_over) {
        end(s);
    }
}
