// SPDX-License-Identifier: Apache-2.0
#include "kernel/test/card.h"

#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/core/wait.h"
#include "kernel/net/netif.h"
#include "lib/net/ethernet.h"

enum { TYPE = 0x88b6 };
constexpr nsec_t PATIENCE = 300 * NSEC_PER_SEC;
static const struct mac_addr GROUP = {{1, 0, 0x5e, 1, 2, 3}};

static struct {
    struct wait_queue queue;
    _Atomic uint8_t asked;
    bool is_member;
    bool is_promiscuous;
} card;

static void receive(struct netif *n, struct packet *p, const struct mac_addr *from)
{
    if (packet_need(p, 1) != OK || p->data[0] == 's') {
        packet_free(p);
        return;
    }
    uint8_t what = p->data[0];
    const struct ethernet_header h = {.destination = *from, .source = n->mac, .type = TYPE};
    ethernet_emit(&h, packet_push(p, ETHERNET_HEADER_SIZE));
    p->checksum = PACKET_SUM_NONE;
    netif_transmit(n, p);
    if (what != 'b') {
        atomic_store(&card.asked, what);
        (void)wait_wake_all(&card.queue);
    }
}

static const struct netif_protocol protocol = {.type = TYPE, .receive = receive};

static bool has_asked(uint8_t *what)
{
    *what = atomic_exchange(&card.asked, 0);
    return *what != 0;
}

static void filter_no_more(struct netif *n)
{
    if (card.is_promiscuous) {
        netif_set_promiscuous(n, false);
    }
    if (card.is_member) {
        netif_group_remove(n, &GROUP);
    }
    card.is_promiscuous = false;
    card.is_member = false;
}

static status_t obey(struct netif *n, uint8_t what)
{
    switch (what) {
    case 'd': {
        status_t status = netif_set_up(n, false);
        return status == OK ? netif_set_up(n, true) : status;
    }
    case 'g': card.is_member = true; return netif_group_add(n, &GROUP);
    case 'p':
        card.is_promiscuous = true;
        netif_set_promiscuous(n, true);
        return OK;
    case 'n': filter_no_more(n); return OK;
    default: return OK;
    }
}

static status_t serve(struct netif *n)
{
    uint8_t what = 0;
    status_t status = netif_set_up(n, true);
    while (status == OK && what != 'l') {
        WAIT_UNTIL(&card.queue, has_asked(&what), time_now() + PATIENCE, WAIT_DEFAULT, &status);
        if (status == OK) {
            status = obey(n, what);
        }
    }
    return status;
}

int card_bounce(void)
{
    struct netif *n = netif_find_name("eth0");
    if (n == NULL) {
        return 1;
    }
    wait_init(&card.queue, "card");
    netif_register_protocol(&protocol);
    status_t status = serve(n);
    filter_no_more(n);
    (void)netif_set_up(n, false);
    const struct netif_counters *c = &n->counters;
    log_info("card", "in %llu, %llu errors, %llu dropped; out %llu, %llu errors, %llu dropped",
             (unsigned long long)c->packets_in, (unsigned long long)c->errors_in,
             (unsigned long long)c->dropped_in, (unsigned long long)c->packets_out,
             (unsigned long long)c->errors_out, (unsigned long long)c->dropped_out);
    return status == OK ? 0 : 1;
}
