// SPDX-License-Identifier: Apache-2.0
/* Errors about datagrams that were sent: told once as SO_ERROR, or queued for MSG_ERRQUEUE. */
#include "kernel/mm/heap.h"
#include "kernel/net/datagram.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { ERRORS_MAX = 64, REST_MAX = 512 }; // of one socket; bytes of a packet that came back

static bool enqueue(struct datagram_socket *s, struct datagram *d)
{
    spin_lock(&s->inet.lock);
    bool has_room = !s->is_closed && s->error_count < ERRORS_MAX;
    if (has_room) {
        s->error_count++;
        list_add_tail(&s->errors, &d->link);
    }
    spin_unlock(&s->inet.lock);
    return has_room;
}

static void queue_error(struct datagram_socket *s, const struct abi_extended_error *error,
                        const struct ip_addr *reporter, const struct inet_name *to,
                        struct span rest)
{
    void *memory;
    size_t size = u64_min(rest.size, REST_MAX);
    if (heap_alloc(sizeof(struct datagram) + size, &memory) != OK) {
        return; // SO_ERROR tells of it still
    }
    struct datagram *d = memory;
    *d = (struct datagram){
        .from = *to, .error = *error, .reporter = *reporter, .size = (uint32_t)size};
    memcpy(d->bytes, rest.data, size);
    refcount_init(&d->refs, 1);
    if (!enqueue(s, d)) {
        datagram_unref(d);
    }
}

void datagram_tell_error(struct datagram_socket *s, const struct ip_error *e,
                         const struct inet_name *to, struct span rest)
{
    bool wants = s->inet.options.wants_errors;
    if (!wants && !(s->is_connected && e->is_hard)) {
        return;
    }
    if (wants) {
        struct abi_extended_error error = {
            .error = (uint32_t)-e->error,
            .origin = ip_is_v4(&e->destination) ? ABI_ERROR_ORIGIN_ICMP : ABI_ERROR_ORIGIN_ICMP6,
            .type = e->type,
            .code = e->code,
            .info = e->mtu};
        queue_error(s, &error, &e->reporter, to, rest);
    }
    inet_set_error(&s->inet, e->error);
}

void datagram_tell_too_big(struct datagram_socket *s, const struct inet_name *to, uint32_t mtu)
{
    if (s->inet.options.wants_errors) {
        struct abi_extended_error error = {
            .error = (uint32_t)-ERR_MSGSIZE, .origin = ABI_ERROR_ORIGIN_LOCAL, .info = mtu};
        queue_error(s, &error, &IP_ANY, to, span_of("", 0));
        event_notify(&s->inet.events, EVENT_ERR);
    }
}

static struct datagram *take(struct datagram_socket *s)
{
    spin_lock(&s->inet.lock);
    struct list *node = list_pop(&s->errors);
    s->error_count -= node != NULL;
    s->inet.error = list_is_empty(&s->errors) ? OK : s->inet.error;
    spin_unlock(&s->inet.lock);
    return node == NULL ? NULL : container_of(node, struct datagram, link);
}

// The error and who reported it, as one piece of control data.
static void put_error(const struct inet_socket *s, const struct datagram *d,
                      struct socket_message *m)
{
    struct socket_address reporter;
    uint8_t bytes[sizeof(d->error) + sizeof(struct abi_sockaddr_in6)];
    bool is_v6 = s->socket.family == ABI_AF_INET6;
    const struct inet_name n = {.address = d->reporter};
    inet_name_write(s, &n, &reporter);
    memcpy(bytes, &d->error, sizeof(d->error));
    memcpy(bytes + sizeof(d->error), reporter.bytes, reporter.size);
    socket_control_add(m, is_v6 ? ABI_IPPROTO_IPV6 : ABI_IPPROTO_IP,
                       is_v6 ? ABI_IPV6_RECVERR : ABI_IP_RECVERR, bytes,
                       sizeof(d->error) + reporter.size);
}

status_t datagram_receive_error(struct socket *socket, struct uio *to, struct socket_message *m)
{
    struct datagram_socket *s = datagram_of(socket);
    struct datagram *d = take(s);
    if (m->from != NULL) {
        m->from->size = 0;
    }
    if (d == NULL) {
        return ERR_AGAIN;
    }
    m->size = d->size;
    m->flags_out |= ABI_MSG_ERRQUEUE | (to->left < d->size ? ABI_MSG_TRUNC : 0);
    status_t status = uio_put(to, d->bytes, u64_min(to->left, d->size));
    if (status == OK) {
        if (m->from != NULL) {
            inet_name_write(&s->inet, &d->from, m->from);
        }
        put_error(&s->inet, d, m);
    }
    datagram_unref(d);
    return status;
}
