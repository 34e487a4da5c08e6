// SPDX-License-Identifier: Apache-2.0
/* The life of a TCP socket: made, told, closed, freed. */
#include "abi/termios.h"
#include "kernel/core/panic.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/page.h"
#include "kernel/net/tcp_priv.h"
#include "lib/base/string.h"

enum {
    MEMORY_SHARE = 4,   // of all memory may be in queues,
    BUFFER_SHARE = 128, // and this in one,
    BUFFER_LEAST = 256 * 1024,
    BUFFER_MOST = 4 * 1024 * 1024,
    ORPHAN_SHARE = 64, // one orphan for so many pages
};

struct inet_port_table *tcp_ports;

static struct {
    struct heap_cache *cache; // [I]
    int64_t memory_max;       // [I] bytes
    uint32_t buffer_max;      // [I] bytes of a queue whose size nobody has set
    uint32_t orphans_max;     // [I]
    _Atomic int64_t memory;   // [a] bytes in all queues
    _Atomic uint32_t orphans; // [a] connections whose owner is gone
} tcp;

/* ---- Memory ---- */

void tcp_count_memory(struct tcp_socket *s)
{
    uint32_t now = s->send.charge + s->receive.charge + s->lent[0] + s->lent[1];
    if (now != s->counted) {
        int64_t more = (int64_t)now - s->counted;
        s->counted = now;
        atomic_fetch_add_explicit(&tcp.memory, more, memory_order_relaxed);
    }
}

bool tcp_memory_is_short(void)
{
    return atomic_load_explicit(&tcp.memory, memory_order_relaxed) > tcp.memory_max;
}

// A sender that nobody limits may have what its congestion window takes twice, to go on while the first
// half is on its way.
uint32_t tcp_send_limit(const struct tcp_socket *s)
{
    if (s->has_send_size) {
        return atomic_load_explicit(&s->inet.socket.send_size, memory_order_relaxed);
    }
    uint64_t wanted = 2 * (uint64_t)tcp_congestion_window(&s->machine);
    return (uint32_t)u64_max(SOCKET_BUFFER_DEFAULT, u64_min(wanted, tcp.buffer_max));
}

uint32_t tcp_receive_limit(const struct tcp_socket *s)
{
    return s->has_receive_size
               ? atomic_load_explicit(&s->inet.socket.receive_size, memory_order_relaxed)
               : tcp.buffer_max;
}

/* ---- What follows a change ---- */

void tcp_after_init(struct tcp_after *a)
{
    *a = (struct tcp_after){.events = 0};
    list_init(&a->pieces);
    list_init(&a->packets);
}

// What can still be asked of a connection that is over is what it has received.
static void take_end(struct tcp_socket *s, const struct tcp_result *r, struct tcp_after *a)
    REQUIRES(s -> inet.lock)
{
    if ((r->events & TCP_EVENT_FAILED) != 0) {
        s->inet.error = r->error;
    }
    tcp_send_queue_purge(&s->send, &a->pieces);
    a->events |= EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP | EVENT_RDHUP;
    a->wakes_reader = true;
    a->wakes_writers = true;
}

void tcp_take_result(struct tcp_socket *s, const struct tcp_result *r, struct tcp_after *a)
{
    if (r->acked > 0) {
        tcp_send_queue_drop(&s->send, r->acked, &a->pieces);
        if (s->wants_room && tcp_has_room(s)) {
            s->wants_room = false;
            a->events |= EVENT_OUT;
            a->wakes_writers = true;
        }
    }
    if (r->readable > 0) {
        a->events |= EVENT_IN;
        a->wakes_reader = true;
    }
    if ((r->events & ~(uint32_t)(TCP_EVENT_READABLE | TCP_EVENT_WRITABLE)) == 0) {
        return;
    }
    if ((r->events & TCP_EVENT_CROWDED) != 0) {
        tcp_lists_grow(s);
    }
    if ((r->events & TCP_EVENT_CONNECTED) != 0) {
        s->is_connected = true;
        a->events |= EVENT_OUT;
        a->wakes_writers = true;
    }
    if ((r->events & TCP_EVENT_END) != 0) {
        s->is_ended = true;
        a->events |= EVENT_IN | EVENT_RDHUP | (s->is_send_shut ? EVENT_HUP : 0);
        a->wakes_reader = true;
    }
    if ((r->events & TCP_EVENT_CLOSED) != 0) {
        take_end(s, r, a);
    }
}

static void disarm(struct tcp_socket *s, struct tcp_after *a) REQUIRES(s -> inet.lock)
{
    if (s->armed_for != NSEC_NEVER && timer_cancel(&s->timer)) {
        s->armed_for = NSEC_NEVER;
        a->unrefs++;
    }
}

static void leave(struct tcp_socket *s, struct tcp_after *a) REQUIRES(s -> inet.lock)
{
    struct tcp_shard *shard = tcp_table_shard(s->entry.hash);
    spin_lock(&shard->lock);
    if (s->entry.is_entered) { // else a record stands there for it
        tcp_shard_remove(shard, &s->entry);
    }
    spin_unlock(&shard->lock);
    s->is_entered = false;
    s->inet.peer.port = 0;
    if (s->is_orphan) {
        s->is_orphan = false;
        atomic_fetch_sub_explicit(&tcp.orphans, 1, memory_order_relaxed);
    }
    disarm(s, a);
    a->has_left = true;
    a->unrefs++;
}

static void arm(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    nsec_t deadline = tcp_deadline(&s->machine);
    // One that fires too early is armed anew then: deadlines mostly move away.
    if (deadline >= s->armed_for) {
        return;
    }
    if (s->armed_for == NSEC_NEVER) {
        object_ref(&s->inet.socket.file.object);
    }
    s->armed_for = deadline;
    timer_start(&s->timer, deadline);
}

static void settle(struct tcp_socket *s, struct tcp_after *a, nsec_t now) REQUIRES(s -> inet.lock)
{
    enum tcp_state state = tcp_state(&s->machine);
    if (LIKELY(state != TCP_CLOSED && state != TCP_TIME_WAIT)) {
        arm(s);
        return;
    }
    tcp_lists_take_back(s);
    if (state == TCP_TIME_WAIT && s->is_closed && s->is_entered) {
        tcp_rest_replace(s, now);
        tcp_send_queue_purge(&s->send, &a->pieces);
        tcp_receive_queue_purge(&s->receive, &a->packets);
        tcp_init(&s->machine, &s->config);
        leave(s, a);
    } else if (state == TCP_TIME_WAIT) {
        arm(s);
    } else if (s->is_entered) {
        leave(s, a);
    }
}

static void unbind(struct tcp_socket *s)
{
    // One that the user chose stays his while he has the socket.
    if (s->is_closed || !(s->has_own_port || s->is_accepted)) {
        inet_port_unbind(tcp_ports, &s->inet);
    }
}

static void finish(struct tcp_socket *s, struct tcp_after *a)
{
    if (!list_is_empty(&a->pieces)) {
        tcp_pieces_free(&a->pieces);
    }
    if (!list_is_empty(&a->packets)) {
        packet_free_all(&a->packets);
    }
    if (UNLIKELY(a->has_left)) {
        unbind(s);
    }
    for (; a->unrefs > 0; a->unrefs--) {
        socket_unref(&s->inet.socket);
    }
}

void tcp_release(struct tcp_socket *s, struct tcp_after *a, nsec_t now)
{
    tcp_pull(s, now);
    settle(s, a, now);
    tcp_count_memory(s);
    // What is sent may come back to this socket before it is over: whom it concerns is told first.
    bool must_send = !list_is_empty(&s->outgoing) && !s->is_transmitting;
    bool wakes_reader = a->wakes_reader && !wait_is_empty(&s->inet.readers);
    bool wakes_writers = (a->wakes_writers || s->is_lingering) && !wait_is_empty(&s->inet.writers);
    bool notifies = a->events != 0 && !list_is_empty(&s->inet.events.watches);
    if (wakes_reader) {
        wait_wake_all(&s->inet.readers);
    }
    if (wakes_writers) {
        wait_wake_all(&s->inet.writers);
    }
    if (notifies) {
        event_notify(&s->inet.events, a->events);
    }
    if (must_send) {
        s->is_transmitting = true;
        tcp_transmit(s);
        s->is_transmitting = false;
    }
    spin_unlock(&s->inet.lock);
    finish(s, a);
}

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

/* ---- The timer ---- */

static void timer_expired(struct timer *t)
{
    (void)work_queue(&container_of(t, struct tcp_socket, timer)->work);
}

static void work_run(struct work *w)
{
    struct tcp_socket *s = container_of(w, struct tcp_socket, work);
    struct tcp_after after;
    struct tcp_result r;
    tcp_after_init(&after);
    after.unrefs = 1; // that of the timer
    spin_lock(&s->inet.lock);
    nsec_t now = time_now();
    s->armed_for = NSEC_NEVER;
    if (tcp_deadline(&s->machine) <= now) {
        tcp_timeout(&s->machine, now, &r);
        tcp_take_result(s, &r, &after);
    }
    tcp_release(s, &after, now);
}

/* ---- Closing ---- */

void tcp_abandon(struct tcp_socket *s)
{
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    s->is_closed = true;
    tcp_abort(&s->machine);
    tcp_send_queue_purge(&s->send, &after.pieces);
    tcp_receive_queue_purge(&s->receive, &after.packets);
    tcp_release(s, &after, time_now());
}

static void close_connection(struct tcp_socket *s, nsec_t now) REQUIRES(s -> inet.lock)
{
    uint32_t orphans = atomic_fetch_add_explicit(&tcp.orphans, 1, memory_order_relaxed);
    s->is_orphan = true;
    bool is_hard = atomic_load_explicit(&s->inet.socket.linger, memory_order_relaxed) == 0;
    if (is_hard || orphans > tcp.orphans_max || tcp_memory_is_short()) {
        tcp_abort(&s->machine);
    } else {
        tcp_close(&s->machine, now);
    }
}

static bool is_over(struct tcp_socket *s)
{
    spin_lock(&s->inet.lock);
    enum tcp_state state = tcp_state(&s->machine);
    spin_unlock(&s->inet.lock);
    return state == TCP_CLOSED || state == TCP_FIN_WAIT_2 || state == TCP_TIME_WAIT;
}

// SO_LINGER: until the peer has everything.  What ends by a worker does not wait.
static void linger(struct tcp_socket *s)
{
    status_t status;
    int32_t seconds = atomic_load_explicit(&s->inet.socket.linger, memory_order_relaxed);
    if (seconds <= 0 || thread_current()->process == NULL) {
        return;
    }
    nsec_t until = time_now() + (nsec_t)seconds * NSEC_PER_SEC;
    WAIT_UNTIL(&s->inet.writers, is_over(s), until, WAIT_INTERRUPTIBLE, &status);
    (void)status; // the rest goes on without it
}

static void close(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    if (s->is_closed) {
        spin_unlock(&s->inet.lock);
        return;
    }
    bool was_listening = s->is_listening;
    bool was_entered = s->is_entered;
    nsec_t now = time_now();
    s->is_closed = true;
    s->is_lingering = true;
    if (was_entered) {
        close_connection(s, now);
    }
    tcp_receive_queue_purge(&s->receive, &after.packets);
    after.events = EVENT_HUP;
    after.wakes_reader = true;
    after.wakes_writers = true;
    tcp_release(s, &after, now);
    if (was_listening) {
        tcp_stop_listening(s);
    } else if (was_entered) {
        linger(s);
    } else {
        inet_port_unbind(tcp_ports, &s->inet);
    }
}

static void release(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    struct list pieces = LIST_INIT(pieces);
    struct list packets = LIST_INIT(packets);
    assert(!s->is_entered && s->armed_for == NSEC_NEVER && list_is_empty(&s->outgoing));
    spin_lock(&s->inet.lock); // nobody else is there
    tcp_send_queue_purge(&s->send, &pieces);
    tcp_receive_queue_purge(&s->receive, &packets);
    tcp_count_memory(s);
    spin_unlock(&s->inet.lock);
    tcp_pieces_free(&pieces);
    packet_free_all(&packets);
    inet_fini(&s->inet);
    heap_cache_free(tcp.cache, s);
}

// What is left unread when nothing more can come is thrown away by nobody but the reader.
static status_t shutdown(struct socket *socket, uint32_t directions)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    if (s->is_listening && (directions & SOCKET_RECEIVES) != 0) {
        spin_unlock(&s->inet.lock);
        tcp_stop_listening(s);
        return OK;
    }
    nsec_t now = time_now();
    enum tcp_state state = tcp_state(&s->machine);
    if (state == TCP_CLOSED || state == TCP_SYN_SENT) {
        spin_unlock(&s->inet.lock);
        return ERR_NOTCONN;
    }
    if ((directions & SOCKET_RECEIVES) != 0) {
        s->is_receive_shut = true;
        after.events |= EVENT_IN | EVENT_RDHUP;
        after.wakes_reader = true;
    }
    if ((directions & SOCKET_SENDS) != 0 && !s->is_send_shut) {
        s->is_send_shut = true;
        tcp_shutdown_send(&s->machine, now);
        after.events |= EVENT_OUT;
        after.wakes_writers = true;
    }
    after.events |= s->is_send_shut && (s->is_ended || s->is_receive_shut) ? EVENT_HUP : 0;
    tcp_release(s, &after, now);
    return OK;
}

/* ---- Questions ---- */

static bool is_connecting(const struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    enum tcp_state state = tcp_state(&s->machine);
    return state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED;
}

static uint32_t events_of(struct tcp_socket *s) REQUIRES(s -> inet.lock)
{
    uint32_t error = s->inet.error != OK ? EVENT_ERR : 0;
    if (s->is_listening) {
        return error | (s->backlog.count > 0 ? EVENT_IN : 0);
    }
    if (is_connecting(s)) {
        return error;
    }
    bool is_over = tcp_state(&s->machine) == TCP_CLOSED;
    if (is_over && !s->is_connected && s->inet.error == OK) {
        return EVENT_OUT | EVENT_HUP; // never connected
    }
    bool is_ended = s->is_ended || s->is_receive_shut || is_over;
    bool is_send_shut = s->is_send_shut || is_over;
    bool has_room = tcp_has_room(s);
    s->wants_room |= !has_room;
    uint32_t low = atomic_load_explicit(&s->inet.socket.low_water, memory_order_relaxed);
    return error | (s->receive.bytes >= low || is_ended ? EVENT_IN : 0) |
           (is_ended ? EVENT_RDHUP : 0) | (has_room || is_send_shut ? EVENT_OUT : 0) |
           (is_ended && is_send_shut ? EVENT_HUP : 0);
}

static uint32_t poll(struct socket *socket, struct event_watch *w)
{
    struct tcp_socket *s = tcp_of(socket);
    if (w != NULL) {
        event_watch(&s->inet.events, w);
    }
    spin_lock(&s->inet.lock);
    uint32_t events = events_of(s);
    spin_unlock(&s->inet.lock);
    return events;
}

static size_t readable(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    spin_lock(&s->inet.lock);
    size_t bytes = s->receive.bytes;
    spin_unlock(&s->inet.lock);
    return bytes;
}

static bool is_listening(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    spin_lock(&s->inet.lock);
    bool is = s->is_listening;
    spin_unlock(&s->inet.lock);
    return is;
}

static status_t ioctl(struct socket *socket, uint32_t request, vaddr_t argument, int64_t *result)
{
    struct tcp_socket *s = tcp_of(socket);
    if (request != ABI_TIOCOUTQ) {
        return ERR_NOTTY;
    }
    spin_lock(&s->inet.lock);
    int32_t bytes = (int32_t)tcp_send_queue_bytes(&s->send);
    spin_unlock(&s->inet.lock);
    *result = 0;
    return arch_copy_to_user(argument, &bytes, sizeof(bytes)) == 0 ? OK : ERR_FAULT;
}

/* ---- Names and options ---- */

static status_t bind(struct socket *socket, const struct socket_address *a)
{
    struct tcp_socket *s = tcp_of(socket);
    struct inet_name want;
    status_t status = inet_name_read(&s->inet, a, &want);
    if (status == OK && (ip_is_multicast(&want.address) || ip4_is_broadcast(&want.address))) {
        status = ERR_ADDRNOTAVAIL;
    }
    spin_lock(&s->inet.lock);
    bool is_used = s->is_entered || s->is_connected;
    spin_unlock(&s->inet.lock);
    if (status == OK && is_used) {
        status = ERR_INVAL;
    }
    status = status == OK ? inet_port_bind(tcp_ports, &s->inet, &want) : status;
    if (status == OK) {
        spin_lock(&s->inet.lock);
        s->has_own_port = true;
        spin_unlock(&s->inet.lock);
    }
    return status;
}

static void options_changed(struct socket *socket)
{
    struct tcp_socket *s = tcp_of(socket);
    struct tcp_after after;
    tcp_after_init(&after);
    spin_lock(&s->inet.lock);
    s->has_receive_size |= atomic_load(&socket->receive_size) != SOCKET_BUFFER_DEFAULT;
    s->has_send_size |= atomic_load(&socket->send_size) != SOCKET_BUFFER_DEFAULT;
    tcp_update_config(s);
    if (s->wants_room && tcp_has_room(s)) {
        s->wants_room = false;
        after.events = EVENT_OUT;
        after.wakes_writers = true;
    }
    tcp_release(s, &after, time_now());
}

static const struct socket_ops tcp_ops = {
    .bind = bind,
    .listen = tcp_socket_listen,
    .accept = tcp_socket_accept,
    .connect = tcp_socket_connect,
    .send = tcp_socket_send,
    .receive = tcp_socket_receive,
    .shutdown = shutdown,
    .local_name = inet_local_name,
    .peer_name = inet_peer_name,
    .poll = poll,
    .readable = readable,
    .take_error = inet_take_error,
    .is_listening = is_listening,
    .options_changed = options_changed,
    .send_pages = tcp_socket_send_pages,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
    .ioctl = ioctl,
    .close = close,
    .release = release,
};

static const struct inet_protocol tcp_protocol = {
    .type = ABI_SOCK_STREAM,
    .protocol = IP_PROTOCOL_TCP,
    .is_default = true,
    .create = tcp_socket_create,
    .get_option = tcp_get_option,
    .set_option = tcp_set_option,
};

/* ---- Making ---- */

static status_t alloc(struct tcp_socket **out)
{
    void *memory;
    status_t status = heap_cache_alloc(tcp.cache, &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    memset(memory, 0, sizeof(struct tcp_socket));
    return OK;
}

static void init(struct tcp_socket *s)
{
    s->armed_for = NSEC_NEVER;
    tcp_send_queue_init(&s->send);
    tcp_receive_queue_init(&s->receive);
    list_init(&s->entry.link);
    list_init(&s->outgoing);
    list_init(&s->backlog.ready);
    list_init(&s->accept_link);
    mutex_init(&s->read_lock, "readers of TCP", RANK_STREAM);
    mutex_init(&s->write_lock, "writers of TCP", RANK_STREAM);
    timer_init(&s->timer, timer_expired);
    work_init(&s->work, work_run);
}

status_t tcp_socket_create(uint16_t family, uint32_t protocol, uint32_t flags,
                           struct inet_socket **out)
{
    struct tcp_socket *s;
    (void)protocol;
    status_t status = alloc(&s);
    if (status != OK) {
        return status;
    }
    inet_init(&s->inet, &tcp_protocol, &tcp_ops, family, flags);
    init(s);
    tcp_init(&s->machine, &s->config);
    *out = &s->inet;
    return OK;
}

status_t tcp_socket_create_accepted(struct tcp_socket *listener, struct tcp_socket **out)
{
    struct tcp_socket *s;
    status_t status = alloc(&s);
    if (status != OK) {
        return status;
    }
    inet_init_accepted(&s->inet, &listener->inet, &tcp_ops);
    init(s);
    s->is_accepted = true;
    spin_lock(&listener->inet.lock);
    s->config = listener->config;
    s->user_mss = listener->user_mss;
    s->is_corked = listener->is_corked;
    s->has_receive_size = listener->has_receive_size;
    s->has_send_size = listener->has_send_size;
    spin_unlock(&listener->inet.lock);
    tcp_init(&s->machine, &s->config);
    *out = s;
    return OK;
}

void tcp_sockets_init(void)
{
    struct page_stats stats;
    page_stats(&stats);
    tcp.memory_max = (int64_t)(stats.total_pages / MEMORY_SHARE * PAGE_SIZE);
    tcp.buffer_max = (uint32_t)u64_max(
        BUFFER_LEAST, u64_min(BUFFER_MOST, stats.total_pages / BUFFER_SHARE * PAGE_SIZE));
    tcp.orphans_max = (uint32_t)(stats.total_pages / ORPHAN_SHARE);
    if (heap_cache_create("tcp-socket", sizeof(struct tcp_socket), alignof(struct tcp_socket),
                          &tcp.cache) != OK ||
        inet_port_table_create("ports of TCP", INET_PORT_CONNECTIONS, &tcp_ports) != OK ||
        tcp_table_init() != OK) {
        panic("no memory for TCP");
    }
    tcp_input_init();
    inet_register_protocol(&tcp_protocol);
    tcp_diag_init();
}
