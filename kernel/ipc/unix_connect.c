// SPDX-License-Identifier: Apache-2.0
/*
 * Connections of local sockets.  Who connects makes the other end, a whole socket, and leaves it with
 * the listening one; so a connection stands, and can be written to, before it is accepted.
 */
#include "abi/status.h"
#include "kernel/ipc/unix_priv.h"
#include "lib/base/bits.h"

status_t unix_listen(struct socket *socket, uint32_t backlog)
{
    struct unix_socket *s = unix_socket_of(socket);
    struct unix_inbox *in = s->inbox;
    struct caller_identity who;
    if (!unix_inbox_is_connected_type(in)) {
        return ERR_NOTSUP;
    }
    caller_identity(&who);
    status_t status = OK;
    spin_lock(&in->lock);
    if (in->name == NULL || s->peer != NULL || s->is_connecting || s->is_closed) {
        status = ERR_INVAL;
    } else {
        in->flags |= INBOX_LISTENS;
        in->backlog = (uint32_t)u64_min(backlog, SOCKET_BACKLOG_MAX);
        in->identity = who;
    }
    spin_unlock(&in->lock);
    wait_wake_all(&in->writers); // the backlog may have grown
    return status;
}

/* ---- Accepting ---- */

static status_t take_pending(struct unix_inbox *in, const struct socket_wait *w,
                             struct unix_socket **out) REQUIRES(in -> lock)
{
    status_t status = OK;
    while (status == OK) {
        struct list *node = list_pop(&in->pending);
        if (node != NULL) {
            *out = container_of(node, struct unix_socket, pending_link);
            list_init(node);
            (*out)->is_unaccepted = false;
            in->pending_count--;
            return OK;
        }
        bool is_listening = (in->flags & (INBOX_LISTENS | INBOX_ENDED)) == INBOX_LISTENS;
        status = is_listening ? unix_inbox_sleep(in, &in->readers, w) : ERR_INVAL;
    }
    return status;
}

// What was set at the listening socket before anybody connected.
static void inherit(struct socket *from, struct socket *to)
{
    if (socket_has_option(from, ABI_SO_PASSCRED)) {
        atomic_fetch_or_explicit(&to->options, 1ull << ABI_SO_PASSCRED, memory_order_relaxed);
        to->ops->options_changed(to);
    }
}

status_t unix_accept(struct socket *socket, const struct socket_wait *w, struct socket **out)
{
    struct unix_inbox *in = unix_socket_of(socket)->inbox;
    struct unix_socket *s;
    if (!unix_inbox_is_connected_type(in)) {
        return ERR_NOTSUP;
    }
    spin_lock(&in->lock);
    status_t status = take_pending(in, w, &s);
    unix_inbox_unlock(in, 0);
    if (status == OK) {
        wait_wake_one(&in->writers);
        inherit(socket, &s->socket);
        *out = &s->socket;
    }
    return status;
}

/* ---- Connecting ---- */

// Leaves `server` with the listening socket, once there is room.
static status_t enqueue(struct unix_inbox *listener, struct unix_socket *server,
                        const struct socket_wait *w)
{
    status_t status = OK;
    spin_lock(&listener->lock);
    while (status == OK) {
        if ((listener->flags & INBOX_LISTENS) == 0 || (listener->flags & INBOX_REFUSES) != 0) {
            status = ERR_CONNREFUSED;
        } else if (listener->pending_count <= listener->backlog) {
            break;
        } else {
            status = unix_inbox_sleep(listener, &listener->writers, w);
        }
    }
    if (status == OK) {
        server->is_unaccepted = true;
        list_add_tail(&listener->pending, &server->pending_link);
        listener->pending_count++;
    }
    unix_inbox_unlock(listener, status == OK ? EVENT_IN : 0);
    return status;
}

// The server's end takes name and identity of who listens.
static status_t create_server(struct unix_inbox *listener, struct unix_inbox *client,
                              struct unix_socket **out)
{
    status_t status = unix_socket_create(listener->type, 0, out);
    if (status != OK) {
        return status;
    }
    struct unix_inbox *in = (*out)->inbox;
    spin_lock(&listener->lock);
    in->name = listener->name;
    if (in->name != NULL) {
        refcount_inc(&in->name->refs);
    }
    in->identity = listener->identity;
    spin_unlock(&listener->lock);
    atomic_store(&in->wants_identity, atomic_load(&listener->wants_identity));
    unix_peer_set(*out, unix_inbox_ref(client));
    return OK;
}

static status_t begin(struct unix_socket *s)
{
    struct unix_inbox *in = s->inbox;
    status_t status = OK;
    spin_lock(&in->lock);
    if (s->peer != NULL) {
        status = ERR_ISCONN;
    } else if (s->is_connecting) {
        status = ERR_ALREADY;
    } else if ((in->flags & INBOX_LISTENS) != 0) {
        status = ERR_INVAL;
    } else {
        s->is_connecting = true;
    }
    spin_unlock(&in->lock);
    return status;
}

static void finish(struct unix_socket *s, struct unix_inbox *peer)
{
    if (peer != NULL) {
        unix_peer_set(s, unix_inbox_ref(peer));
    }
    spin_lock(&s->inbox->lock);
    s->is_connecting = false;
    spin_unlock(&s->inbox->lock);
    event_notify(&s->inbox->events, EVENT_OUT);
}

static status_t connect_to(struct unix_socket *s, struct unix_inbox *listener,
                           const struct socket_wait *w)
{
    struct unix_socket *server;
    struct unix_inbox *in = s->inbox;
    struct caller_identity who;
    caller_identity(&who);
    spin_lock(&in->lock);
    in->identity = who;
    spin_unlock(&in->lock);
    status_t status = create_server(listener, in, &server);
    if (status != OK) {
        return status;
    }
    struct unix_inbox *peer = unix_inbox_ref(server->inbox);
    status = enqueue(listener, server, w);
    if (status == OK) {
        finish(s, peer);
    } else {
        unix_peer_set(server, NULL); // this socket has not been connected to anything
        socket_unref(&server->socket);
    }
    unix_inbox_unref(peer);
    return status;
}

static status_t connect_stream(struct unix_socket *s, const struct socket_address *a,
                               const struct socket_wait *w)
{
    struct unix_inbox *listener;
    status_t status = begin(s);
    if (status != OK) {
        return status;
    }
    status = unix_name_find(a, &listener);
    if (status == OK) {
        status = listener->type != s->inbox->type ? ERR_PROTOTYPE : connect_to(s, listener, w);
        unix_inbox_unref(listener);
    }
    if (status != OK) {
        finish(s, NULL);
    }
    return status;
}

// Where datagrams go from now on, and the only place where they come from.
static void set_only_peer(struct unix_socket *s, struct unix_inbox *peer)
{
    spin_lock(&s->inbox->lock);
    s->inbox->source = peer;
    spin_unlock(&s->inbox->lock);
    unix_peer_set(s, peer);
}

static status_t may_send_to(const struct unix_socket *s, struct unix_inbox *to)
{
    spin_lock(&to->lock);
    bool may = to->source == NULL || to->source == s->inbox;
    spin_unlock(&to->lock);
    return may ? OK : ERR_PERM;
}

static status_t connect_datagram(struct unix_socket *s, const struct socket_address *a)
{
    struct unix_inbox *to;
    if (a->family == ABI_AF_UNSPEC && a->size >= sizeof(a->family)) {
        set_only_peer(s, NULL);
        return OK;
    }
    status_t status = unix_name_find(a, &to);
    if (status != OK) {
        return status;
    }
    status = to->type != s->inbox->type ? ERR_PROTOTYPE : may_send_to(s, to);
    if (status == OK) {
        set_only_peer(s, to);
    } else {
        unix_inbox_unref(to);
    }
    return status;
}

status_t unix_connect(struct socket *socket, const struct socket_address *a,
                      const struct socket_wait *w)
{
    struct unix_socket *s = unix_socket_of(socket);
    return unix_inbox_is_connected_type(s->inbox) ? connect_stream(s, a, w)
                                                  : connect_datagram(s, a);
}
