// SPDX-License-Identifier: Apache-2.0
/* Commands to the device (virtio 1.2, 5.1.6.5): one at a time, whose answer is waited for. */
#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/drv/virtio_net/virtio_net_priv.h"
#include "lib/base/span.h"
#include "lib/base/string.h"

enum { CLASS_RX = 0, RX_PROMISCUOUS = 0, RX_ALL_MULTICAST = 1 };
enum { CLASS_MAC = 1, MAC_TABLE_SET = 0 };
enum { CLASS_MQ = 4, MQ_PAIRS_SET = 0 };
enum { RESULT_OK = 0, RESULT_NOTHING = 0xff, HEAD_SIZE = 2 };
constexpr nsec_t PATIENCE = 5 * NSEC_PER_SEC;

void net_command_interrupt(struct virtio_queue *q)
{
    if (ring_has_news(&q->ring)) {
        (void)wait_wake_all(&container_of(q, struct virtio_net, commands)->answered);
    }
}

// Has the device do what stands in nic->command with `size` bytes of data.
static status_t run(struct virtio_net *nic, uint8_t class, uint8_t command, size_t size)
    REQUIRES(nic -> lock)
{
    struct ring *r = &nic->commands.ring;
    struct net_command *c = nic->command;
    struct ring_taken taken;
    status_t status;
    if (ring_room(r) < 2) {
        return ERR_IO;
    }
    c->class = class;
    c->command = command;
    c->result = RESULT_NOTHING;
    ring_add(r, virt_to_phys(c).raw, (uint32_t)(HEAD_SIZE + size), RING_DEVICE_READS);
    ring_add(r, virt_to_phys(&c->result).raw, 1, RING_DEVICE_WRITES);
    ring_put(r, c);
    (void)ring_arm(r, 1);
    virtio_queue_notify(&nic->commands);
    WAIT_UNTIL(&nic->answered, ring_has_news(r), time_now() + PATIENCE, WAIT_DEFAULT, &status);
    if (status != OK || !ring_take(r, &taken)) {
        // It may write the result at any time: until it is reset it is not asked again.
        r->is_broken = true;
        net_call_keeper(nic);
        return ERR_IO;
    }
    return *(volatile uint8_t *)&c->result == RESULT_OK ? OK : ERR_IO;
}

status_t net_command_pairs(struct virtio_net *nic)
{
    nic->command->data[0] = (uint8_t)nic->pair_count;
    nic->command->data[1] = (uint8_t)(nic->pair_count >> 8);
    return run(nic, CLASS_MQ, MQ_PAIRS_SET, sizeof(uint16_t));
}

static status_t set_mode(struct virtio_net *nic, uint8_t mode, bool is_on) REQUIRES(nic -> lock)
{
    nic->command->data[0] = is_on;
    return run(nic, CLASS_RX, mode, 1);
}

// Two tables, of single addresses beside our own, which are none, and of groups.
static status_t set_table(struct virtio_net *nic, size_t *count) REQUIRES(nic -> lock)
{
    struct mac_addr groups[NET_GROUPS_MAX];
    *count = netif_groups(&nic->netif, groups, NET_GROUPS_MAX);
    size_t listed = u64_min(*count, NET_GROUPS_MAX);
    uint8_t *data = nic->command->data;
    write_le32(data, 0);
    write_le32(data + 4, (uint32_t)listed);
    memcpy(data + 8, groups, listed * sizeof(groups[0]));
    return run(nic, CLASS_MAC, MAC_TABLE_SET, 8 + listed * sizeof(groups[0]));
}

void net_command_filter(struct virtio_net *nic)
{
    if (!net_has(nic, NET_F_CTRL_RX)) {
        return; // everything that comes is looked at
    }
    uint32_t flags = atomic_load(&nic->netif.flags);
    size_t count = 0;
    status_t status = set_table(nic, &count);
    bool wants_all = (flags & NETIF_ALL_MULTICAST) != 0 || count > NET_GROUPS_MAX || status != OK;
    if (set_mode(nic, RX_ALL_MULTICAST, wants_all) != OK ||
        set_mode(nic, RX_PROMISCUOUS, (flags & NETIF_PROMISCUOUS) != 0) != OK) {
        log_warn("net", "%s: the device does not set its filter", nic->netif.name);
    }
}
