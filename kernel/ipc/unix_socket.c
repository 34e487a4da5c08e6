// SPDX-License-Identifier: Apache-2.0
/* Local sockets from their making to their end, and what can be asked of them. */
#include "kernel/core/thread.h"
#include "kernel/ipc/unix_priv.h"
#include "kernel/mm/heap.h"

static const struct socket_ops unix_ops;

struct unix_socket *unix_socket_from_object(struct object *o)
{
    struct socket *s = o->type == OBJECT_FILE ? socket_of(file_of(o)) : NULL;
    return s != NULL && s->ops == &unix_ops ? unix_socket_of(s) : NULL;
}

/* ---- The peer ---- */

struct unix_inbox *unix_peer_get(struct unix_socket *s)
{
    spin_lock(&s->inbox->lock);
    struct unix_inbox *peer = s->peer;
    if (peer != NULL) {
        (void)unix_inbox_ref(peer);
    }
    spin_unlock(&s->inbox->lock);
    return peer;
}

static void leave_peer(struct unix_socket *s, struct unix_inbox *peer)
{
    spin_lock(&peer->lock);
    list_del_init(&s->sender_link);
    spin_unlock(&peer->lock);
    unix_inbox_unref(peer);
}

static void set_peer(struct unix_inbox *in, struct unix_socket *s, struct unix_inbox *peer)
{
    spin_lock(&in->lock);
    struct unix_inbox *old = s->peer;
    s->peer = NULL;
    spin_unlock(&in->lock);
    if (old != NULL) {
        leave_peer(s, old);
    }
    if (peer != NULL) {
        spin_lock(&peer->lock);
        list_add_tail(&peer->senders, &s->sender_link);
        spin_unlock(&peer->lock);
        spin_lock(&in->lock);
        s->peer = peer;
        spin_unlock(&in->lock);
    }
}

void unix_peer_set(struct unix_socket *s, struct unix_inbox *peer)
{
    // One at a time: sender_link is in one list only.
    mutex_lock(&s->inbox->read_lock);
    set_peer(s->inbox, s, peer);
    mutex_unlock(&s->inbox->read_lock);
}

/* ---- Making ---- */

status_t unix_socket_create(uint32_t type, uint32_t flags, struct unix_socket **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct unix_socket), &memory);
    if (status != OK) {
        return status;
    }
    struct unix_socket *s = memory;
    status = unix_inbox_create((uint16_t)type, SOCKET_BUFFER_DEFAULT, &s->inbox);
    if (status != OK) {
        heap_free(s);
        return status;
    }
    socket_init(&s->socket, &unix_ops, ABI_AF_UNIX, type, flags);
    list_init(&s->sender_link);
    list_init(&s->pending_link);
    list_init(&s->flight_link);
    list_init(&s->mark_link);
    *out = s;
    return OK;
}

static status_t check_type(uint32_t *type, uint32_t protocol)
{
    if (protocol != 0 && protocol != ABI_AF_UNIX) {
        return ERR_PROTONOSUPPORT;
    }
    if (*type == ABI_SOCK_RAW) {
        *type = ABI_SOCK_DGRAM; // as Linux has it
    }
    bool is_known =
        *type == ABI_SOCK_STREAM || *type == ABI_SOCK_DGRAM || *type == ABI_SOCK_SEQPACKET;
    return is_known ? OK : ERR_SOCKTNOSUPPORT;
}

static status_t create(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out)
{
    struct unix_socket *s;
    status_t status = check_type(&type, protocol);
    if (status == OK) {
        status = unix_socket_create(type, flags, &s);
    }
    if (status == OK) {
        *out = &s->socket;
    }
    return status;
}

static status_t create_pair(uint32_t type, uint32_t protocol, uint32_t flags, struct socket *out[2])
{
    struct unix_socket *s[2];
    status_t status = check_type(&type, protocol);
    if (status != OK) {
        return status;
    }
    status = unix_socket_create(type, flags, &s[0]);
    if (status != OK) {
        return status;
    }
    status = unix_socket_create(type, flags, &s[1]);
    if (status != OK) {
        socket_unref(&s[0]->socket);
        return status;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct unix_inbox *other = s[1 - i]->inbox;
        caller_identity(&s[i]->inbox->identity);
        s[i]->inbox->source = other;
        unix_peer_set(s[i], unix_inbox_ref(other));
        out[i] = &s[i]->socket;
    }
    return OK;
}

/* ---- The end ---- */

// Connections that nobody accepted; who connected learns of it.  Nothing is pending at them.
static void drop_pending(struct list *pending)
{
    for (struct list *node; (node = list_pop(pending)) != NULL;) {
        struct unix_socket *s = container_of(node, struct unix_socket, pending_link);
        list_init(node);
        socket_unref(&s->socket);
        thread_preempt_point();
    }
}

// Nothing more comes to the peer from here.
static void end_peer(struct unix_inbox *peer, status_t error)
{
    spin_lock(&peer->lock);
    peer->flags |= INBOX_ENDED;
    peer->error = peer->error == OK ? error : peer->error;
    spin_unlock(&peer->lock);
    wait_wake_all(&peer->readers);
    event_notify(&peer->events, EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP | EVENT_ERR);
}

static void close_peer(struct unix_socket *s, bool had_unread)
{
    struct unix_inbox *peer = unix_peer_get(s);
    if (peer == NULL) {
        return;
    }
    unix_peer_set(s, NULL);
    if (unix_inbox_is_connected_type(peer)) {
        end_peer(peer, had_unread || s->is_unaccepted ? ERR_CONNRESET : OK);
    }
    unix_inbox_unref(peer);
}

// Marks the inbox so that nobody adds to it; gives what has to go.  False: somebody did before.
static bool begin_close(struct unix_socket *s, struct list *pending, bool *had_unread)
{
    struct unix_inbox *in = s->inbox;
    spin_lock(&in->lock);
    bool is_first = !s->is_closed;
    s->is_closed = true;
    *had_unread = !list_is_empty(&in->buffers);
    in->flags |= INBOX_ENDED | INBOX_REFUSES | INBOX_GONE;
    in->flags &= ~(uint32_t)INBOX_LISTENS;
    in->source = NULL;
    for (struct list *node; (node = list_pop(&in->pending)) != NULL;) {
        list_add_tail(pending, node);
    }
    in->pending_count = 0;
    unix_inbox_tell_senders(in, EVENT_OUT | EVENT_HUP);
    spin_unlock(&in->lock);
    return is_first;
}

static void close(struct socket *socket)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct unix_inbox *in = s->inbox;
    struct list pending = LIST_INIT(pending);
    bool had_unread;
    if (!begin_close(s, &pending, &had_unread)) {
        return;
    }
    wait_wake_all(&in->readers);
    wait_wake_all(&in->writers);
    event_notify(&in->events, EVENT_IN | EVENT_OUT | EVENT_HUP | EVENT_RDHUP);
    unix_inbox_purge(in); // takes read_lock, so that nobody gives it a name any more
    if (in->name != NULL) {
        unix_name_remove(in->name, in);
    }
    close_peer(s, had_unread);
    drop_pending(&pending);
}

static void release(struct socket *socket)
{
    struct unix_socket *s = unix_socket_of(socket);
    close_peer(s, false); // of a connect that was under way when it was closed
    unix_inbox_unref(s->inbox);
    heap_free(s);
}

static void handle_goes(struct socket *socket)
{
    unix_flight_handle_goes(unix_socket_of(socket));
}

static bool is_listening(struct socket *socket)
{
    struct unix_inbox *in = unix_socket_of(socket)->inbox;
    spin_lock(&in->lock);
    bool listens = (in->flags & INBOX_LISTENS) != 0;
    spin_unlock(&in->lock);
    return listens;
}

static void shut_sending(struct unix_socket *s, struct unix_inbox *peer)
{
    // With the lock, so that no sender is between its look and its sleep.
    spin_lock(&peer->lock);
    atomic_store_explicit(&s->is_send_shut, true, memory_order_relaxed);
    spin_unlock(&peer->lock);
    if (unix_inbox_is_connected_type(peer)) {
        end_peer(peer, OK);
    }
    wait_wake_all(&peer->writers);
}

static void shut_receiving(struct unix_inbox *in)
{
    spin_lock(&in->lock);
    in->flags |= INBOX_ENDED | INBOX_REFUSES;
    unix_inbox_tell_senders(in, EVENT_OUT | EVENT_HUP);
    spin_unlock(&in->lock);
    wait_wake_all(&in->readers);
    wait_wake_all(&in->writers);
}

static status_t shutdown(struct socket *socket, uint32_t directions)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct unix_inbox *peer = unix_peer_get(s);
    // A listening socket has no peer, and can be told to take no more connections.
    if (peer == NULL && !is_listening(socket)) {
        return ERR_NOTCONN;
    }
    if (peer != NULL && (directions & SOCKET_SENDS) != 0) {
        shut_sending(s, peer);
    }
    if ((directions & SOCKET_RECEIVES) != 0) {
        shut_receiving(s->inbox);
    }
    event_notify(&s->inbox->events, EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP);
    if (peer != NULL) {
        unix_inbox_unref(peer);
    }
    return OK;
}

/* ---- Questions ---- */

static uint32_t events_of(const struct unix_inbox *in) REQUIRES(in -> lock)
{
    bool is_ended = (in->flags & INBOX_ENDED) != 0;
    bool has_some = !list_is_empty(&in->buffers) || !list_is_empty(&in->pending);
    return (has_some || is_ended ? EVENT_IN : 0) | (is_ended ? EVENT_RDHUP : 0) |
           (in->error != OK ? EVENT_ERR : 0);
}

// Whether sending would not wait; who finds no room is told when there is some.
static bool peer_has_room(struct unix_inbox *peer, bool *refuses)
{
    spin_lock(&peer->lock);
    *refuses = (peer->flags & INBOX_REFUSES) != 0;
    bool has_room = unix_inbox_has_room(peer);
    if (!has_room) {
        peer->flags |= INBOX_WANTS_ROOM;
    }
    spin_unlock(&peer->lock);
    return has_room || *refuses;
}

static uint32_t poll(struct socket *socket, struct event_watch *w)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct unix_inbox *in = s->inbox;
    if (w != NULL) {
        event_watch(&in->events, w);
    }
    spin_lock(&in->lock);
    uint32_t events = events_of(in);
    bool is_ended = (in->flags & INBOX_ENDED) != 0;
    bool is_listening = (in->flags & INBOX_LISTENS) != 0;
    struct unix_inbox *peer = s->peer == NULL ? NULL : unix_inbox_ref(s->peer);
    spin_unlock(&in->lock);
    if (is_listening) {
        return events;
    }
    bool can_send = false;
    if (peer != NULL) {
        bool refuses;
        events |= peer_has_room(peer, &refuses) ? EVENT_OUT : 0;
        can_send = !refuses && !atomic_load_explicit(&s->is_send_shut, memory_order_relaxed);
        unix_inbox_unref(peer);
    } else {
        events |= EVENT_OUT;
        is_ended = true;
    }
    bool hung_up = is_ended && !can_send && unix_inbox_is_connected_type(in);
    return events | (hung_up ? EVENT_HUP : 0);
}

static size_t readable(struct socket *socket)
{
    struct unix_inbox *in = unix_socket_of(socket)->inbox;
    size_t bytes = 0;
    spin_lock(&in->lock);
    if (unix_inbox_is_stream(in)) {
        bytes = in->bytes;
    } else {
        list_for_each (node, &in->buffers) {
            const struct unix_buffer *b = container_of(node, struct unix_buffer, link);
            bytes += b->size;
            if ((b->flags & BUFFER_CONTINUES) == 0) {
                break;
            }
        }
    }
    spin_unlock(&in->lock);
    return bytes;
}

static status_t take_error(struct socket *socket)
{
    struct unix_inbox *in = unix_socket_of(socket)->inbox;
    spin_lock(&in->lock);
    status_t error = in->error;
    in->error = OK;
    spin_unlock(&in->lock);
    return error;
}

static void name_of(struct unix_inbox *in, struct socket_address *out)
{
    spin_lock(&in->lock);
    unix_name_get(in->name, out);
    spin_unlock(&in->lock);
}

static status_t local_name(struct socket *socket, struct socket_address *out)
{
    name_of(unix_socket_of(socket)->inbox, out);
    return OK;
}

static status_t peer_name(struct socket *socket, struct socket_address *out)
{
    struct unix_inbox *peer = unix_peer_get(unix_socket_of(socket));
    if (peer == NULL) {
        return ERR_NOTCONN;
    }
    name_of(peer, out);
    unix_inbox_unref(peer);
    return OK;
}

static status_t peer_identity(struct socket *socket, struct caller_identity *out)
{
    struct unix_inbox *peer = unix_peer_get(unix_socket_of(socket));
    if (peer == NULL) {
        return OK; // that of nobody
    }
    spin_lock(&peer->lock);
    if (peer->identity.pid != 0) {
        *out = peer->identity;
    }
    spin_unlock(&peer->lock);
    unix_inbox_unref(peer);
    return OK;
}

static void options_changed(struct socket *socket)
{
    struct unix_inbox *in = unix_socket_of(socket)->inbox;
    atomic_store_explicit(&in->wants_identity, socket_has_option(socket, ABI_SO_PASSCRED),
                          memory_order_relaxed);
    spin_lock(&in->lock);
    in->limit = atomic_load_explicit(&socket->receive_size, memory_order_relaxed);
    unix_inbox_uncharge(in, 0); // there may be room now
    spin_unlock(&in->lock);
}

static const struct socket_ops unix_ops = {
    .bind = unix_bind,
    .listen = unix_listen,
    .accept = unix_accept,
    .connect = unix_connect,
    .send = unix_send,
    .receive = unix_receive,
    .shutdown = shutdown,
    .local_name = local_name,
    .peer_name = peer_name,
    .poll = poll,
    .readable = readable,
    .take_error = take_error,
    .is_listening = is_listening,
    .peer_identity = peer_identity,
    .options_changed = options_changed,
    .handle_goes = handle_goes,
    .close = close,
    .release = release,
};

static const struct socket_family unix_family = {
    .family = ABI_AF_UNIX, .create = create, .create_pair = create_pair};

void unix_init(const struct unix_path_ops *paths)
{
    unix_name_init(paths);
    unix_flight_init();
    socket_register_family(&unix_family);
}
