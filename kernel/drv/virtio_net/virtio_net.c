// SPDX-License-Identifier: Apache-2.0
/* What the device has, going up and down, and its threads. */
#include "kernel/drv/virtio_net/virtio_net.h"

#include "kernel/core/log.h"
#include "kernel/core/time.h"
#include "kernel/drv/virtio_net/virtio_net_priv.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kthread.h"
#include "kernel/mm/page.h"
#include "lib/fmt/fmt.h"
#include "lib/net/ethernet.h"

// Fields of the configuration (5.1.4).
enum { CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_PAIRS = 8, CONFIG_MTU = 10 };
enum { LINK_UP = 1 }; // of the status

enum {
    QUEUE_SIZE = 256,
    QUEUE_MIN = 32, // the largest packet finds room
    COMMAND_QUEUE_SIZE = 4,
    PAIRS_MAX = 64,
    MTU_MIN = 68,
    MTU_MAX = 9216,
};
constexpr nsec_t RESTART_PAUSE = 10 * NSEC_PER_SEC;

// What we can use of what it has: some of it makes no sense without other parts.
static uint64_t choose_features(uint64_t has)
{
    uint64_t wanted = NET_F_MAC | NET_F_STATUS | NET_F_MTU | NET_F_MRG_RXBUF | NET_F_CSUM |
                      NET_F_GUEST_CSUM | NET_F_CTRL_VQ | VIRTIO_F_EVENT_IDX;
    if ((has & NET_F_CSUM) != 0) {
        wanted |= NET_F_HOST_TSO4 | NET_F_HOST_TSO6;
    }
    if ((has & NET_F_GUEST_CSUM) != 0 && (has & NET_F_MRG_RXBUF) != 0) {
        wanted |= NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6;
    }
    if ((has & NET_F_CTRL_VQ) != 0) {
        wanted |= NET_F_CTRL_RX | NET_F_MQ;
    }
    return wanted & has;
}

// The end of a thread that virtio_net_destroy waits for, once that has woken it.
static void say_ended(struct virtio_net *nic)
{
    mutex_lock(&nic->lock);
    mutex_unlock(&nic->lock);
    completion_signal(&nic->ended);
}

// ---- The keeper ----

void net_call_keeper(struct virtio_net *nic)
{
    atomic_store(&nic->keeper_is_called, true);
    struct thread *keeper = atomic_load(&nic->keeper);
    if (keeper != NULL) {
        thread_wake(keeper);
    }
}

static void config_changed(struct virtio_device *d)
{
    net_call_keeper(d->driver);
}

// ---- Pairs ----

// One thread's life: batches, until there is nothing more and interrupts say when there is.
static void serve(struct net_pair *pair)
{
    struct ring *r = &pair->receive.ring;
    bool has_more = net_receive_batch(pair);
    net_send_reclaim(pair);
    if (r->is_broken) {
        net_call_keeper(pair->nic);
        thread_park();
    } else if (has_more || !ring_arm(r, 1)) {
        thread_preempt_point();
    } else {
        thread_park();
    }
}

static void pair_thread(void *arg)
{
    struct net_pair *pair = arg;
    for (;;) {
        unsigned state = PAIR_STOPPING;
        unsigned now = atomic_load(&pair->state);
        if (now == PAIR_RUNNING) {
            serve(pair);
        } else if (now == PAIR_ENDING) {
            say_ended(pair->nic);
            return;
        } else if (atomic_compare_exchange_strong(&pair->state, &state, PAIR_STOPPED)) {
            (void)wait_wake_all(&pair->nic->stopped);
        } else {
            thread_park();
        }
    }
}

static void wake(struct net_pair *pair, struct virtio_queue *q)
{
    if (pair->thread != NULL && ring_has_news(&q->ring)) {
        ring_disarm(&q->ring);
        thread_wake(pair->thread);
    }
}

static void receive_interrupt(struct virtio_queue *q)
{
    wake(container_of(q, struct net_pair, receive), q);
}

static void send_interrupt(struct virtio_queue *q)
{
    wake(container_of(q, struct net_pair, send), q);
}

static status_t make_queue(struct virtio_net *nic, unsigned index, uint16_t size,
                           void (*interrupt)(struct virtio_queue *q), struct virtio_queue *q)
{
    if (q->ring.entries != NULL) {
        return virtio_queue_renew(q);
    }
    return virtio_queue_create(nic->device, index, size, interrupt, q);
}

static status_t ready_pair(struct virtio_net *nic, unsigned index)
{
    struct net_pair *pair = &nic->pairs[index];
    status_t status = make_queue(nic, 2 * index, QUEUE_SIZE, receive_interrupt, &pair->receive);
    if (status == OK) {
        status = make_queue(nic, 2 * index + 1, QUEUE_SIZE, send_interrupt, &pair->send);
    }
    if (status == OK && (pair->send.ring.size < QUEUE_MIN || pair->receive.ring.size < QUEUE_MIN)) {
        status = ERR_NOTSUP;
    }
    if (status == OK && pair->thread == NULL) {
        char name[THREAD_NAME_SIZE];
        fmt_print(name, sizeof(name), "%s/%u", nic->netif.name, index);
        status = kthread_create(name, pair_thread, pair, &pair->thread);
    }
    return status == OK ? net_receive_fill(pair) : status;
}

static status_t make_pairs(struct virtio_net *nic)
{
    void *pairs;
    void *queues;
    unsigned count = (unsigned)u64_min(u64_min(nic->pairs_max, cpu_count()), PAIRS_MAX);
    status_t status = heap_alloc_array(count, sizeof(struct net_pair), &pairs);
    if (status != OK) {
        return status;
    }
    status = heap_alloc_array(count, sizeof(struct netif_queue), &queues);
    if (status != OK) {
        heap_free(pairs);
        return status;
    }
    nic->pairs = pairs;
    nic->pair_count = count;
    for (unsigned i = 0; i < count; i++) {
        nic->pairs[i].nic = nic;
        spin_init(&nic->pairs[i].send_lock, "virtio-net", RANK_DEVICE);
    }
    netif_set_queues(&nic->netif, queues, count);
    return OK;
}

// ---- Up and down ----

static status_t ready_commands(struct virtio_net *nic)
{
    if (!net_has(nic, NET_F_CTRL_VQ)) {
        return OK;
    }
    if (nic->command == NULL) {
        void *memory;
        status_t status = heap_alloc(sizeof(struct net_command), &memory);
        if (status != OK) {
            return status;
        }
        nic->command = memory;
    }
    return make_queue(nic, 2 * nic->pairs_max, COMMAND_QUEUE_SIZE, net_command_interrupt,
                      &nic->commands);
}

// Everything that the device is to have before it begins to work.
static status_t ready(struct virtio_net *nic)
{
    status_t status = virtio_negotiate(nic->device, nic->features, 0);
    if (status == OK && nic->pairs == NULL) {
        status = make_pairs(nic);
    }
    for (unsigned i = 0; status == OK && i < nic->pair_count; i++) {
        status = ready_pair(nic, i);
    }
    return status == OK ? ready_commands(nic) : status;
}

static void stop_thread(struct net_pair *pair)
{
    unsigned state = PAIR_RUNNING;
    status_t status;
    if (atomic_compare_exchange_strong(&pair->state, &state, PAIR_STOPPING)) {
        thread_wake(pair->thread);
        WAIT_UNTIL(&pair->nic->stopped, atomic_load(&pair->state) == PAIR_STOPPED, NSEC_NEVER,
                   WAIT_DEFAULT, &status);
    }
}

// The device gives all back, in whatever state it is.
static void stop(struct virtio_net *nic) REQUIRES(nic -> lock)
{
    struct ring_taken taken;
    nic->is_started = false;
    for (unsigned i = 0; i < nic->pair_count; i++) {
        net_send_set_live(&nic->pairs[i], false);
    }
    for (unsigned i = 0; i < nic->pair_count; i++) {
        stop_thread(&nic->pairs[i]);
    }
    virtio_stop(nic->device);
    for (unsigned i = 0; i < nic->pair_count; i++) {
        net_send_empty(&nic->pairs[i]);
        net_receive_empty(&nic->pairs[i]);
    }
    while (nic->commands.ring.entries != NULL && ring_give_up(&nic->commands.ring, &taken)) {
    }
    netif_drop_queued(&nic->netif);
}

static void go(struct virtio_net *nic)
{
    for (unsigned i = 0; i < nic->pair_count; i++) {
        struct net_pair *pair = &nic->pairs[i];
        virtio_queue_notify(&pair->receive);
        ring_disarm(&pair->send.ring);
        net_send_set_live(pair, true);
        atomic_store(&pair->state, PAIR_RUNNING);
        thread_wake(pair->thread);
        netif_resume(&nic->netif, i);
    }
}

static status_t start(struct virtio_net *nic) REQUIRES(nic -> lock)
{
    status_t status = ready(nic);
    if (status == OK) {
        virtio_watch_config(nic->device, config_changed);
        virtio_start(nic->device);
        status = nic->pair_count > 1 ? net_command_pairs(nic) : OK;
    }
    if (status != OK) {
        stop(nic);
        return status;
    }
    net_command_filter(nic);
    nic->is_started = true;
    go(nic);
    return OK;
}

// A broken device gets a second chance, but does not keep us busy.
static void restart(struct virtio_net *nic) REQUIRES(nic -> lock)
{
    nsec_t now = time_now();
    bool is_early = nic->restarted != 0 && now - nic->restarted < RESTART_PAUSE;
    nic->restarted = now;
    stop(nic);
    status_t status = is_early ? ERR_IO : start(nic);
    log_error("net", "%s: the device was broken and %s", nic->netif.name,
              status == OK ? "was reset" : "is not used any more");
}

// ---- The keeper's work ----

static bool has_link(struct virtio_net *nic)
{
    return !net_has(nic, NET_F_STATUS) ||
           (virtio_config16(nic->device, CONFIG_STATUS) & LINK_UP) != 0;
}

static bool is_broken(struct virtio_net *nic)
{
    bool is_any = nic->commands.ring.is_broken ||
                  (nic->device->transport->status(nic->device) & VIRTIO_NEEDS_RESET) != 0;
    for (unsigned i = 0; i < nic->pair_count; i++) {
        is_any |= nic->pairs[i].receive.ring.is_broken || nic->pairs[i].send.ring.is_broken;
    }
    return is_any;
}

static void keep(struct virtio_net *nic)
{
    mutex_lock(&nic->lock);
    if (nic->is_started && is_broken(nic)) {
        restart(nic);
    }
    bool is_running = nic->is_started && has_link(nic);
    mutex_unlock(&nic->lock);
    netif_set_running(&nic->netif, is_running);
}

static void keeper_thread(void *arg)
{
    struct virtio_net *nic = arg;
    while (!atomic_load(&nic->is_ending)) {
        if (atomic_exchange(&nic->keeper_is_called, false)) {
            keep(nic);
        } else {
            thread_park();
        }
    }
    say_ended(nic);
}

static status_t ready_keeper(struct virtio_net *nic)
{
    if (atomic_load(&nic->keeper) != NULL) {
        return OK;
    }
    struct thread *keeper;
    status_t status = kthread_create(nic->netif.name, keeper_thread, nic, &keeper);
    if (status == OK) {
        atomic_store(&nic->keeper, keeper);
    }
    return status;
}

// ---- The interface ----

static status_t set_up(struct netif *n, bool is_up)
{
    struct virtio_net *nic = net_of(n);
    mutex_lock(&nic->lock);
    status_t status = OK;
    if (is_up) {
        nic->restarted = 0;
        status = ready_keeper(nic);
        status = status == OK ? start(nic) : status;
    } else if (nic->is_started) {
        stop(nic);
    }
    mutex_unlock(&nic->lock);
    net_call_keeper(nic);
    return status;
}

static void set_filter(struct netif *n)
{
    struct virtio_net *nic = net_of(n);
    mutex_lock(&nic->lock);
    if (nic->is_started) {
        net_command_filter(nic);
    }
    mutex_unlock(&nic->lock);
}

static const struct netif_ops virtio_net_ops = {
    .transmit = net_transmit,
    .set_up = set_up,
    .set_filter = set_filter,
};

static uint32_t offload_features(const struct virtio_net *nic)
{
    return (net_has(nic, NET_F_CSUM) ? NETIF_CAN_CHECKSUM : 0) |
           (net_has(nic, NET_F_HOST_TSO4) ? NETIF_CAN_SEGMENT4 : 0) |
           (net_has(nic, NET_F_HOST_TSO6) ? NETIF_CAN_SEGMENT6 : 0);
}

// What the device says about itself.
static status_t read_config(struct virtio_net *nic)
{
    struct virtio_device *d = nic->device;
    struct netif *n = &nic->netif;
    for (unsigned i = 0; i < MAC_SIZE; i += sizeof(uint16_t)) {
        uint16_t bytes = virtio_config16(d, CONFIG_MAC + i);
        n->mac.bytes[i] = (uint8_t)bytes;
        n->mac.bytes[i + 1] = (uint8_t)(bytes >> 8);
    }
    uint32_t mtu_max = net_has(nic, NET_F_MRG_RXBUF) ? MTU_MAX : PAGE_SIZE / 2;
    uint32_t mtu = net_has(nic, NET_F_MTU) ? virtio_config16(d, CONFIG_MTU) : ETHERNET_MTU;
    nic->pairs_max = net_has(nic, NET_F_MQ) ? virtio_config16(d, CONFIG_PAIRS) : 1;
    if (!mac_is_unicast(&n->mac) || mtu < MTU_MIN || nic->pairs_max == 0) {
        return ERR_INVAL;
    }
    n->mtu_max = net_has(nic, NET_F_MTU) ? (uint32_t)u64_min(mtu, mtu_max) : mtu_max;
    n->mtu = (uint32_t)u64_min(mtu, n->mtu_max);
    return OK;
}

static status_t identify(struct virtio_net *nic)
{
    uint64_t features = choose_features(nic->device->transport->features(nic->device));
    status_t status = virtio_negotiate(nic->device, features | NET_F_MAC, 0);
    if (status != OK) {
        return status;
    }
    nic->features = features;
    status = read_config(nic);
    virtio_stop(nic->device);
    return status;
}

status_t virtio_net_create(struct virtio_device *d, struct netif **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct virtio_net), &memory);
    if (status != OK) {
        return status;
    }
    struct virtio_net *nic = memory;
    nic->device = d;
    d->driver = nic;
    mutex_init(&nic->lock, "virtio-net", RANK_MODULE);
    wait_init(&nic->answered, "virtio-net commands");
    wait_init(&nic->stopped, "virtio-net threads");
    struct netif *n = &nic->netif;
    status = identify(nic);
    if (status != OK) {
        virtio_net_destroy(n);
        return status;
    }
    n->ops = &virtio_net_ops;
    n->header_size = ETHERNET_HEADER_SIZE;
    n->features = offload_features(nic);
    n->flags = NETIF_BROADCAST | NETIF_MULTICAST;
    *out = n;
    return OK;
}

static void end_pair(struct net_pair *pair)
{
    if (pair->thread != NULL) {
        completion_init(&pair->nic->ended, "virtio-net thread");
        mutex_lock(&pair->nic->lock);
        atomic_store(&pair->state, PAIR_ENDING);
        thread_wake(pair->thread);
        mutex_unlock(&pair->nic->lock);
        completion_wait(&pair->nic->ended);
    }
    virtio_queue_destroy(&pair->receive);
    virtio_queue_destroy(&pair->send);
}

static void end_keeper(struct virtio_net *nic)
{
    struct thread *keeper = atomic_load(&nic->keeper);
    if (keeper != NULL) {
        completion_init(&nic->ended, "virtio-net keeper");
        mutex_lock(&nic->lock);
        atomic_store(&nic->is_ending, true);
        thread_wake(keeper);
        mutex_unlock(&nic->lock);
        completion_wait(&nic->ended);
    }
}

void virtio_net_destroy(struct netif *n)
{
    struct virtio_net *nic = net_of(n);
    virtio_stop(nic->device);
    end_keeper(nic);
    for (unsigned i = 0; i < nic->pair_count; i++) {
        end_pair(&nic->pairs[i]);
    }
    virtio_queue_destroy(&nic->commands);
    heap_free(nic->command);
    if (nic->pairs != NULL) {
        heap_free(n->queues);
        heap_free(nic->pairs);
    }
    heap_free(nic);
}

static status_t probe(struct virtio_device *d)
{
    struct netif *n;
    status_t status = virtio_net_create(d, &n);
    if (status != OK) {
        return status;
    }
    status = netif_register(n, "eth");
    if (status != OK) {
        virtio_net_destroy(n);
        return status;
    }
    char mac[MAC_TEXT_SIZE];
    mac_print(&n->mac, mac);
    log_info("net", "%s: %s at %s", n->name, mac, d->name);
    return OK;
}

static const struct virtio_driver virtio_net_driver = {
    .name = "virtio-net",
    .type = VIRTIO_NET,
    .probe = probe,
};
VIRTIO_DRIVER(virtio_net_driver);
