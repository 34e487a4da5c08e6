// SPDX-License-Identifier: Apache-2.0
#include "kernel/net/packet_socket.h"

#include "abi/packet.h"
#include "kernel/mm/heap.h"
#include "kernel/net/datagram.h"
#include "lib/base/string.h"
#include "lib/bpf/filter.h"
#include "lib/net/ethernet.h"

// What of the packets is wanted.
struct filter {
    refcount_t refs; // [a]
    struct bpf_instruction program[];
};

struct packet_socket {
    struct datagram_socket d;
    struct netif_tap tap;
    uint16_t protocol;         // [d.inet.lock] Ethernet's type; 0: nothing comes
    uint32_t netif;            // [d.inet.lock] index; 0: all
    uint32_t seen;             // [d.inet.lock] packets since the statistics were read
    struct netif *promiscuous; // [d.inet.lock] NULL: none
    struct filter *filter;     // [d.inet.lock] a reference; NULL: everything is wanted
};

static struct packet_socket *packet_of(struct socket *s)
{
    return (struct packet_socket *)(void *)s;
}

/* ---- Filters ---- */

static void filter_unref(struct filter *f)
{
    if (f != NULL && refcount_dec(&f->refs)) {
        heap_free(f);
    }
}

static struct filter *filter_get(struct packet_socket *s)
{
    spin_lock(&s->d.inet.lock);
    struct filter *f = s->filter;
    if (f != NULL) {
        refcount_inc(&f->refs);
    }
    spin_unlock(&s->d.inet.lock);
    return f;
}

static void filter_put(struct packet_socket *s, struct filter *f)
{
    spin_lock(&s->d.inet.lock);
    struct filter *old = s->filter;
    s->filter = f;
    spin_unlock(&s->d.inet.lock);
    filter_unref(old);
}

static void copy_out(const void *context, size_t offset, void *to, size_t size)
{
    packet_copy_out(context, offset, to, size);
}

// How many bytes of the packet the socket wants.
static size_t wanted_size(struct packet_socket *s, const struct packet *p)
{
    struct filter *f = filter_get(s);
    if (f == NULL) {
        return p->total;
    }
    const struct bpf_packet view = {.size = p->total, .copy = copy_out, .context = p};
    size_t wanted = u64_min(bpf_run(f->program, &view), p->total);
    filter_unref(f);
    return wanted;
}

static status_t attach(struct packet_socket *s, const void *value, uint32_t size)
{
    struct abi_filter_program a;
    void *memory;
    if (size < sizeof(a)) {
        return ERR_INVAL;
    }
    memcpy(&a, value, sizeof(a));
    size_t bytes = a.count * sizeof(struct bpf_instruction);
    status_t status = heap_alloc(sizeof(struct filter) + bytes, &memory);
    if (status != OK) {
        return status;
    }
    struct filter *f = memory;
    refcount_init(&f->refs, 1);
    bool is_read = arch_copy_from_user(f->program, a.instructions, bytes) == 0;
    status = is_read ? bpf_check(f->program, a.count) : ERR_FAULT;
    if (status == OK) {
        filter_put(s, f);
    } else {
        heap_free(f);
    }
    return status;
}

static status_t detach(struct packet_socket *s)
{
    spin_lock(&s->d.inet.lock);
    bool has = s->filter != NULL;
    spin_unlock(&s->d.inet.lock);
    filter_put(s, NULL);
    return has ? OK : ERR_NOENT;
}

/* ---- Coming in ---- */

// What is told of a packet beside its bytes lies in the address of datagram.from.
struct about {
    struct mac_addr source;
    uint8_t kind;      // ABI_PACKET_*
    uint8_t link_type; // ARPHRD_*: both are small
};
static_assert(sizeof(struct about) <= IP6_SIZE);

// Loopback has no header: the version says the type.
static uint16_t type_of(const struct netif *n, const struct packet *p)
{
    enum { TYPE_AT = 2 * MAC_SIZE, VERSION_SHIFT = 4, VERSION_6 = 6 };
    if (n->header_size != 0) {
        return p->size < ETHERNET_HEADER_SIZE ? 0 : read_be16(p->data + TYPE_AT);
    }
    bool is_v6 = p->size != 0 && p->data[0] >> VERSION_SHIFT == VERSION_6;
    return is_v6 ? ETHER_IP6 : ETHER_IP4;
}

static uint8_t kind_of(const struct netif *n, const struct packet *p, bool is_outgoing)
{
    if (is_outgoing) {
        return ABI_PACKET_OUTGOING;
    }
    if (n->header_size == 0) {
        return ABI_PACKET_HOST;
    }
    static const uint8_t all[MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (memcmp(p->data, all, MAC_SIZE) == 0) {
        return ABI_PACKET_BROADCAST;
    }
    if ((p->data[0] & 1) != 0) {
        return ABI_PACKET_MULTICAST;
    }
    return memcmp(p->data, n->mac.bytes, MAC_SIZE) == 0 ? ABI_PACKET_HOST : ABI_PACKET_OTHERHOST;
}

static struct about describe(const struct netif *n, const struct packet *p, bool is_outgoing)
{
    struct about a = {.kind = kind_of(n, p, is_outgoing), .link_type = ABI_ARPHRD_ETHER};
    if (n->header_size != 0) {
        memcpy(a.source.bytes, p->data + MAC_SIZE, MAC_SIZE);
    }
    return a;
}

static bool wants(struct packet_socket *s, const struct netif *n, uint16_t type)
{
    spin_lock(&s->d.inet.lock);
    bool wants = (s->protocol == ABI_ETH_P_ALL || (s->protocol == type && type != 0)) &&
                 (s->netif == 0 || s->netif == n->index);
    spin_unlock(&s->d.inet.lock);
    return wants;
}

static void count_seen(struct packet_socket *s)
{
    spin_lock(&s->d.inet.lock);
    s->seen++;
    spin_unlock(&s->d.inet.lock);
}

static void tap_packet(struct netif_tap *t, struct netif *n, const struct packet *p,
                       bool is_outgoing)
{
    struct packet_socket *s = container_of(t, struct packet_socket, tap);
    struct packet *copy;
    uint16_t type = type_of(n, p);
    bool has_header = n->header_size == 0 || p->size >= ETHERNET_HEADER_SIZE;
    if (!has_header || !wants(s, n, type)) {
        return;
    }
    if (packet_clone(p, &copy) != OK) {
        count_seen(s);
        datagram_count_drop(&s->d);
        return;
    }
    if (copy->checksum == PACKET_SUM_PARTIAL) {
        packet_finish_checksum(copy);
    }
    if (s->d.inet.socket.type == ABI_SOCK_DGRAM) {
        packet_pull(copy, n->header_size);
    }
    size_t wanted = wanted_size(s, copy);
    if (wanted == 0) {
        packet_free(copy);
        return;
    }
    packet_trim(copy, wanted);
    count_seen(s);
    const struct about a = describe(n, p, is_outgoing);
    struct inet_name from = {.port = type};
    memcpy(from.address.bytes, &a, sizeof(a));
    const struct ip_meta m = {.netif = n};
    (void)datagram_deliver(&s->d, copy, &m, &from);
}

static void write_name(const struct datagram *d, struct socket_address *out)
{
    struct about about;
    struct abi_sockaddr_ll a = {.family = ABI_AF_PACKET, .netif = (int32_t)d->netif};
    memcpy(&about, d->from.address.bytes, sizeof(about));
    const struct netif *n = netif_find(d->netif);
    write_be16((uint8_t *)&a.protocol, d->from.port);
    a.link_type = n != NULL && n->header_size == 0 ? ABI_ARPHRD_LOOPBACK : about.link_type;
    a.kind = about.kind;
    a.address_size = MAC_SIZE;
    memcpy(a.address, about.source.bytes, MAC_SIZE);
    out->size = sizeof(a);
    memcpy(out->bytes, &a, sizeof(a));
}

/* ---- Names ---- */

static status_t read_name(const struct socket_address *a, struct abi_sockaddr_ll *out)
{
    enum { SIZE_MIN = offsetof(struct abi_sockaddr_ll, address) };
    if (a->size < SIZE_MIN) {
        return ERR_INVAL;
    }
    *out = (struct abi_sockaddr_ll){.family = 0};
    memcpy(out, a->bytes, u64_min(a->size, sizeof(*out)));
    return out->family == ABI_AF_PACKET ? OK : ERR_INVAL;
}

static status_t bind(struct socket *socket, const struct socket_address *a)
{
    struct packet_socket *s = packet_of(socket);
    struct abi_sockaddr_ll name;
    status_t status = read_name(a, &name);
    if (status == OK && name.netif != 0 && netif_find((uint32_t)name.netif) == NULL) {
        status = ERR_NODEV;
    }
    if (status != OK) {
        return status;
    }
    uint16_t protocol = read_be16((const uint8_t *)&name.protocol);
    spin_lock(&s->d.inet.lock);
    s->netif = (uint32_t)name.netif;
    s->protocol = protocol != 0 ? protocol : s->protocol;
    spin_unlock(&s->d.inet.lock);
    return OK;
}

static status_t local_name(struct socket *socket, struct socket_address *out)
{
    struct packet_socket *s = packet_of(socket);
    struct abi_sockaddr_ll a = {.family = ABI_AF_PACKET, .link_type = ABI_ARPHRD_ETHER};
    spin_lock(&s->d.inet.lock);
    a.netif = (int32_t)s->netif;
    write_be16((uint8_t *)&a.protocol, s->protocol);
    spin_unlock(&s->d.inet.lock);
    const struct netif *n = a.netif == 0 ? NULL : netif_find((uint32_t)a.netif);
    if (n != NULL) {
        a.address_size = MAC_SIZE;
        memcpy(a.address, n->mac.bytes, MAC_SIZE);
        a.link_type = n->header_size == 0 ? ABI_ARPHRD_LOOPBACK : ABI_ARPHRD_ETHER;
    }
    out->size = sizeof(a);
    memcpy(out->bytes, &a, sizeof(a));
    return OK;
}

static status_t peer_name(struct socket *socket, struct socket_address *out)
{
    (void)socket;
    (void)out;
    return ERR_NOTSUP;
}

/* ---- Going out ---- */

// Where to, of which type, and to whom.
static status_t find_target(struct packet_socket *s, const struct socket_message *m,
                            struct netif **n, struct abi_sockaddr_ll *to)
{
    status_t status = OK;
    *to = (struct abi_sockaddr_ll){.family = ABI_AF_PACKET};
    if (m->to != NULL && m->to->size != 0) {
        status = read_name(m->to, to);
    } else {
        spin_lock(&s->d.inet.lock);
        to->netif = (int32_t)s->netif;
        write_be16((uint8_t *)&to->protocol, s->protocol);
        spin_unlock(&s->d.inet.lock);
    }
    if (status != OK) {
        return status;
    }
    *n = to->netif <= 0 ? NULL : netif_find((uint32_t)to->netif);
    if (*n == NULL) {
        return ERR_NXIO;
    }
    return netif_is_up(*n) ? OK : ERR_NETDOWN;
}

static status_t check_size(const struct netif *n, size_t size, bool is_cooked)
{
    size_t header = is_cooked ? 0 : n->header_size;
    size_t mtu = atomic_load_explicit(&n->mtu, memory_order_relaxed);
    if (size > mtu + header) {
        return ERR_MSGSIZE;
    }
    return size < header ? ERR_INVAL : OK;
}

static status_t send(struct socket *socket, struct uio *from, struct socket_message *m)
{
    struct packet_socket *s = packet_of(socket);
    struct abi_sockaddr_ll to;
    struct netif *n;
    struct packet *p;
    bool is_cooked = socket->type == ABI_SOCK_DGRAM;
    status_t status = net_authority_check(s->d.inet.grant, NET_CAPTURE, 0, NULL, 0);
    if (status == OK) {
        status = find_target(s, m, &n, &to);
    }
    if (status == OK) {
        status = check_size(n, from->left, is_cooked);
    }
    if (status == OK) {
        status = datagram_await_room(&s->d, &m->wait);
    }
    const struct uio before = *from;
    if (status == OK) {
        status = datagram_copy_in(from, (uint32_t)from->left, &p);
    }
    if (status != OK) {
        *from = before; // all of it was sent, or nothing
        return status;
    }
    datagram_charge(&s->d, p);
    if (is_cooked && n->header_size != 0) {
        struct ethernet_header h = {.source = n->mac,
                                    .type = read_be16((const uint8_t *)&to.protocol)};
        memcpy(h.destination.bytes, to.address, MAC_SIZE);
        ethernet_emit(&h, packet_push(p, ETHERNET_HEADER_SIZE));
    }
    netif_transmit(n, p);
    return OK;
}

/* ---- Options ---- */

static status_t get_statistics(struct packet_socket *s, void *value, uint32_t *size)
{
    struct abi_packet_stats stats;
    spin_lock(&s->d.inet.lock);
    stats = (struct abi_packet_stats){.packets = s->seen, .drops = (uint32_t)s->d.drops};
    s->seen = 0;
    s->d.drops = 0;
    spin_unlock(&s->d.inet.lock);
    inet_option_put(value, size, &stats, sizeof(stats));
    return OK;
}

static status_t get_option(struct socket *socket, int32_t level, int32_t option, void *value,
                           uint32_t *size)
{
    bool is_known = level == ABI_SOL_PACKET && option == ABI_PACKET_STATISTICS;
    return is_known ? get_statistics(packet_of(socket), value, size) : ERR_NOPROTOOPT;
}

// One interface that lets everything in, while the socket is there.
static status_t set_promiscuous(struct packet_socket *s, const void *value, uint32_t size,
                                bool is_wanted)
{
    struct abi_packet_mreq m;
    if (size < sizeof(m)) {
        return ERR_INVAL;
    }
    memcpy(&m, value, sizeof(m));
    struct netif *n = m.netif <= 0 ? NULL : netif_find((uint32_t)m.netif);
    if (m.type != ABI_PACKET_MR_PROMISC) {
        return ERR_NOPROTOOPT;
    }
    if (n == NULL) {
        return ERR_NODEV;
    }
    spin_lock(&s->d.inet.lock);
    bool is_possible = s->promiscuous == (is_wanted ? NULL : n);
    if (is_possible) {
        s->promiscuous = is_wanted ? n : NULL;
    }
    spin_unlock(&s->d.inet.lock);
    if (!is_possible) {
        return is_wanted ? ERR_ADDRINUSE : ERR_ADDRNOTAVAIL;
    }
    netif_set_promiscuous(n, is_wanted);
    return OK;
}

static status_t set_option(struct socket *socket, int32_t level, int32_t option, const void *value,
                           uint32_t size)
{
    struct packet_socket *s = packet_of(socket);
    if (level == ABI_SOL_SOCKET && option == ABI_SO_RCVBUFFORCE) {
        return socket_set_option(socket, level, ABI_SO_RCVBUF, value, size);
    }
    if (level == ABI_SOL_SOCKET && option == ABI_SO_ATTACH_FILTER) {
        return attach(s, value, size);
    }
    if (level == ABI_SOL_SOCKET && option == ABI_SO_DETACH_FILTER) {
        return detach(s);
    }
    if (level == ABI_SOL_SOCKET) {
        return inet_set_option(socket, level, option, value, size);
    }
    if (level != ABI_SOL_PACKET) {
        return ERR_NOPROTOOPT;
    }
    switch (option) {
    case ABI_PACKET_ADD_MEMBERSHIP: return set_promiscuous(s, value, size, true);
    case ABI_PACKET_DROP_MEMBERSHIP: return set_promiscuous(s, value, size, false);
    default: return ERR_NOPROTOOPT;
    }
}

/* ---- The beginning and the end ---- */

static void leave(struct datagram_socket *d)
{
    struct packet_socket *s = packet_of(&d->inet.socket);
    netif_remove_tap(&s->tap);
    filter_put(s, NULL);
    spin_lock(&d->inet.lock);
    struct netif *n = s->promiscuous;
    s->promiscuous = NULL;
    spin_unlock(&d->inet.lock);
    if (n != NULL) {
        netif_set_promiscuous(n, false);
    }
}

static const struct datagram_ops packet_datagram_ops = {.write_name = write_name, .unbind = leave};

static const struct socket_ops packet_ops = {
    .bind = bind,
    .send = send,
    .receive = datagram_receive,
    .local_name = local_name,
    .peer_name = peer_name,
    .poll = datagram_poll,
    .readable = datagram_readable,
    .take_error = inet_take_error,
    .is_listening = datagram_is_listening,
    .options_changed = datagram_options_changed,
    .get_option = get_option,
    .set_option = set_option,
    .ioctl = datagram_ioctl,
    .close = datagram_close,
    .release = datagram_release,
};

static const struct inet_protocol raw_kind = {.type = ABI_SOCK_RAW};
static const struct inet_protocol cooked_kind = {.type = ABI_SOCK_DGRAM};

static status_t get_grant(struct grant **out)
{
    status_t status = caller_grant(SWOS_GRANT_NETWORK, out);
    if (status != OK) {
        return status;
    }
    status = net_authority_check(*out, NET_CAPTURE, 0, NULL, 0);
    if (status != OK && *out != NULL) {
        grant_unref(*out);
    }
    return status == ERR_ACCES ? ERR_PERM : status;
}

static status_t create(uint32_t type, uint32_t protocol, uint32_t flags, struct socket **out)
{
    void *memory;
    struct grant *grant;
    if (type != ABI_SOCK_RAW && type != ABI_SOCK_DGRAM) {
        return ERR_SOCKTNOSUPPORT;
    }
    status_t status = heap_zalloc(sizeof(struct packet_socket), &memory);
    if (status != OK) {
        return status;
    }
    status = get_grant(&grant);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    struct packet_socket *s = memory;
    inet_init(&s->d.inet, type == ABI_SOCK_RAW ? &raw_kind : &cooked_kind, &packet_ops,
              ABI_AF_PACKET, flags);
    datagram_init(&s->d, &packet_datagram_ops);
    spin_init(&s->d.inet.lock, "packet socket", RANK_NET_TAP);
    s->d.inet.grant = grant;
    s->d.inet.socket.protocol = protocol;
    s->protocol = __builtin_bswap16((uint16_t)protocol);
    s->tap.packet = tap_packet;
    netif_add_tap(&s->tap);
    *out = &s->d.inet.socket;
    return OK;
}

static const struct socket_family packet_family = {.family = ABI_AF_PACKET, .create = create};

void packet_socket_init(void)
{
    socket_register_family(&packet_family);
}
