// SPDX-License-Identifier: Apache-2.0
/* Headers of segments, those that belong to no connection, and the numbers nobody can guess. */
#include <stdatomic.h>

#include "kernel/core/random.h"
#include "kernel/net/tcp_priv.h"
#include "lib/net/checksum.h"

/* ---- Secrets ---- */

static struct {
    struct tcp_secret secret; // [I] once `is_made`
    _Atomic bool is_made;     // [a] released once the secret is there
    struct mutex lock;
} secrets = {.lock = MUTEX_INIT(secrets.lock, "secret of TCP", RANK_MODULE)};

void tcp_make_secret(void)
{
    if (LIKELY(atomic_load_explicit(&secrets.is_made, memory_order_acquire))) {
        return;
    }
    struct tcp_secret fresh;
    random_bytes(&fresh, sizeof(fresh)); // may sleep until there are some
    mutex_lock(&secrets.lock);
    if (!atomic_load_explicit(&secrets.is_made, memory_order_relaxed)) {
        secrets.secret = fresh;
        atomic_store_explicit(&secrets.is_made, true, memory_order_release);
    }
    mutex_unlock(&secrets.lock);
}

const struct tcp_secret *tcp_secret(void)
{
    return &secrets.secret;
}

static struct tcp_names names_of(const struct inet_name *local, const struct inet_name *peer)
{
    return (struct tcp_names){.local = local->address,
                              .peer = peer->address,
                              .local_port = local->port,
                              .peer_port = peer->port};
}

void tcp_open_for(const struct inet_name *local, const struct inet_name *peer, nsec_t now,
                  struct tcp_open *out)
{
    const struct tcp_names names = names_of(local, peer);
    *out = (struct tcp_open){.local_port = local->port,
                             .peer_port = peer->port,
                             .isn = tcp_isn(&secrets.secret, &names, now),
                             .ts_offset = tcp_timestamp_offset(&secrets.secret, &names)};
}

/* ---- Headers ---- */

void tcp_put_header(struct packet *p, const struct tcp_segment *s, const struct ip_addr *local,
                    const struct ip_addr *peer)
{
    size_t size = tcp_header_size(s);
    uint8_t *header = packet_push(p, size);
    tcp_emit(s, header);
    uint32_t sum = checksum_fold(ip_pseudo_sum(local, peer, IP_PROTOCOL_TCP, p->total));
    write_be16(header + TCP_CHECKSUM_OFFSET, (uint16_t)sum);
    p->checksum = PACKET_SUM_PARTIAL;
    p->sum_start = 0;
    p->sum_offset = TCP_CHECKSUM_OFFSET;
}

void tcp_send_segment(const struct tcp_segment *s, const struct ip_addr *local,
                      const struct ip_addr *peer, struct netif *netif)
{
    struct ip_path path;
    struct packet *p;
    const struct ip_meta meta = {.protocol = IP_PROTOCOL_TCP, .dont_fragment = true};
    struct netif *n = ip_is_link_local(peer) ? netif : NULL;
    if (ip_path_find(peer, local, n, false, &path) != OK || packet_alloc(0, &p) != OK) {
        return;
    }
    tcp_put_header(p, s, &path.source, &path.destination);
    (void)ip_send(p, &path, &meta);
}

void tcp_refuse_segment(const struct tcp_incoming *in)
{
    struct tcp_segment reset;
    if (tcp_reset_for(&in->segment, &reset)) {
        tcp_send_segment(&reset, &in->local.address, &in->peer.address, in->meta->netif);
    }
}
