// SPDX-License-Identifier: Apache-2.0
/*
 * The links of the simulator in real time, with the kernel of this machine at one end or at both.
 *
 *   tun [OPTION]... send BYTES       the machine of lib/tcp connects to 10.0.0.2 and sends
 *   tun [OPTION]... receive BYTES    it listens at 10.0.0.2, port 80, for so many bytes
 *   tun [OPTION]... relay            tun0's packets come out of tun1, and the other way
 *
 * It makes the devices, says `ready`, and waits for a line: until that comes the caller gives them
 * addresses.  Loss is of what goes the way of the data: out of the machine or tun0, and with `receive`
 * out of the kernel.  What is sent and must come is the pattern of end.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/bits.h"
#include "lib/net/checksum.h"
#include "lib/net/ip4.h"
#include "tests/netsim/end.h"

enum { MTU = 1500, MSS = MTU - 40, BUFFER = 4 << 20, CLIENT_PORT = 40000, HOP_LIMIT = 64 };

enum mode { MODE_SEND, MODE_RECEIVE, MODE_RELAY };

struct bench {
    enum mode mode;
    uint64_t bytes;
    nsec_t time_limit;
    struct net net;
    struct link links[2]; // out of side 0, and of side 1
    struct end ends[2];   // one of them, or both, stand for a device only
    int devices[2];       // -1: the machine
};

static nsec_t clock_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (nsec_t)t.tv_sec * NSEC_PER_SEC + (nsec_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int open_device(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        die("/dev/net/tun");
    }
    return fd;
}

/* ---- Between devices and links ---- */

// A packet of the relay is whole; its header counts as that which lies around each packet.
static void take_whole(struct bench *b, unsigned side, struct span data)
{
    if (data.size <= PACKET_OVERHEAD) {
        return;
    }
    struct packet *p = packet_create((uint32_t)data.size);
    memcpy(p->bytes, data.data, data.size);
    p->size -= PACKET_OVERHEAD;
    net_send(&b->net, &b->links[side], &b->ends[1 - side], p);
}

// Of what the kernel sends to the machine only TCP's part goes on.
static void take_segment(struct bench *b, unsigned side, struct span data)
{
    struct ip4_header h;
    if (ip4_parse(data, data.size, &h) != OK || h.protocol != IP_PROTOCOL_TCP) {
        return;
    }
    uint32_t size = (uint32_t)h.total_size - h.header_size;
    struct packet *p = packet_create(size);
    memcpy(p->bytes, data.data + h.header_size, size);
    struct end *machine = &b->ends[1 - side];
    if (machine->is_listening && size >= 2) {
        machine->names.peer_port = read_be16(p->bytes);
    }
    net_send(&b->net, &b->links[side], machine, p);
}

static void read_device(struct bench *b, unsigned side)
{
    uint8_t data[2 * MTU];
    ssize_t size = read(b->devices[side], data, sizeof(data));
    while (size > 0) {
        struct span whole = span_of(data, (size_t)size);
        b->mode == MODE_RELAY ? take_whole(b, side, whole) : take_segment(b, side, whole);
        size = read(b->devices[side], data, sizeof(data));
    }
}

static size_t wrap(const struct end *from, const struct packet *p, uint8_t *to)
{
    struct ip4_header h = {
        .source = from->names.local,
        .destination = from->names.peer,
        .total_size = (uint16_t)(p->size + IP4_HEADER_MIN),
        .hop_limit = HOP_LIMIT,
        .protocol = IP_PROTOCOL_TCP,
        .dont_fragment = true,
    };
    uint8_t *segment = to + ip4_emit(&h, to);
    memcpy(segment, p->bytes, p->size);
    uint32_t sum = checksum_pseudo(&h.source, &h.destination, IP_PROTOCOL_TCP, p->size);
    write_be16(segment + TCP_CHECKSUM_OFFSET, 0);
    write_be16(segment + TCP_CHECKSUM_OFFSET, checksum_finish(checksum_add(sum, segment, p->size)));
    return h.total_size;
}

// What the device does not take, because its queue is full or it is down, is lost.
static void write_device(const struct bench *b, unsigned side, const struct packet *p)
{
    uint8_t data[2 * MTU];
    ssize_t done = 0;
    if (b->mode == MODE_RELAY) {
        done = write(b->devices[side], p->bytes, p->size + PACKET_OVERHEAD);
    } else if (p->size <= MTU) {
        done = write(b->devices[side], data, wrap(&b->ends[1 - side], p, data));
    }
    if (done < 0 && errno != EAGAIN && errno != EIO) {
        die("write");
    }
}

static void deliver(struct bench *b, struct packet *p)
{
    unsigned side = p->to == &b->ends[0] ? 0 : 1;
    if (b->devices[side] < 0) {
        end_receive(p->to, p);
    } else {
        write_device(b, side, p);
        free(p);
    }
}

/* ---- The run ---- */

static struct end *machine_of(struct bench *b)
{
    return b->mode == MODE_RELAY ? NULL : &b->ends[b->mode == MODE_SEND ? 0 : 1];
}

static void set_up(struct bench *b, uint64_t seed)
{
    struct end_config c = {.burst_max = MSS};
    c.tcp = (struct tcp_config){.receive_buffer = BUFFER, .send_buffer = BUFFER, .mss_max = MSS};
    net_init(&b->net, seed);
    struct end_config sender = c;
    sender.bytes = b->bytes;
    end_init(&b->ends[0], &b->net, &sender);
    end_init(&b->ends[1], &b->net, &c);
    end_join(&b->ends[0], &b->links[0], &b->ends[1], &b->links[1], CLIENT_PORT);
    b->devices[0] = b->mode == MODE_SEND ? -1 : open_device("tun0");
    b->devices[1] = b->mode == MODE_SEND    ? open_device("tun0")
                    : b->mode == MODE_RELAY ? open_device("tun1")
                                            : -1;
}

static void wait_for_more(struct bench *b)
{
    struct end *machine = machine_of(b);
    nsec_t at = net_next(&b->net);
    nsec_t now = clock_now();
    if (machine != NULL) {
        at = u64_min(at, end_deadline(machine));
    }
    at = u64_min(at, now + NSEC_PER_SEC);
    nsec_t left = at > now ? at - now : 0;
    struct timespec wait = {(time_t)(left / NSEC_PER_SEC), (long)(left % NSEC_PER_SEC)};
    struct pollfd fds[2] = {{b->devices[0], POLLIN, 0}, {b->devices[1], POLLIN, 0}};
    if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR) {
        die("ppoll");
    }
    b->net.now = clock_now();
    for (unsigned side = 0; side < 2; side++) {
        if ((fds[side].revents & POLLIN) != 0) {
            read_device(b, side);
        }
    }
}

static bool is_over(const struct end *machine)
{
    enum tcp_state state = tcp_state(&machine->tcp);
    bool has_ended = machine->has_shut && machine->has_end;
    return has_ended && (state == TCP_TIME_WAIT || state == TCP_CLOSED);
}

static void run(struct bench *b)
{
    struct end *machine = machine_of(b);
    nsec_t begin = clock_now();
    b->net.now = begin;
    if (b->mode == MODE_SEND) {
        end_connect(machine);
    }
    while (b->net.failure[0] == '\0' && (machine == NULL || !is_over(machine))) {
        wait_for_more(b);
        while (net_next(&b->net) <= b->net.now) {
            deliver(b, net_take(&b->net));
        }
        if (machine != NULL && end_deadline(machine) <= b->net.now) {
            end_wake(machine);
        }
        if (b->time_limit > 0 && b->net.now - begin > b->time_limit) {
            return;
        }
    }
}

static int report(struct bench *b)
{
    struct end *machine = machine_of(b);
    struct tcp_info info;
    if (b->net.failure[0] != '\0') {
        (void)fprintf(stderr, "tun: %s\n", b->net.failure);
        return 1;
    }
    if (machine != NULL) {
        tcp_info(&machine->tcp, b->net.now, &info);
        (void)printf("sent %llu read %llu again %u lost %u dropped %u\n",
                     (unsigned long long)machine->acked, (unsigned long long)machine->consumed,
                     info.retransmits, b->links[0].lost, b->links[0].dropped);
    }
    return 0;
}

static bool set_option(struct bench *b, int option, uint64_t value, uint64_t *seed)
{
    switch (option) {
    case 'l': b->links[0].config.loss = (uint32_t)value; return true;
    case 'o': b->links[0].config.reorder = (uint32_t)value; return true;
    case 'd':
        b->links[0].config.delay = value * NSEC_PER_MSEC / 2;
        b->links[0].config.reorder_delay = value * NSEC_PER_MSEC / 10;
        b->links[1].config.delay = b->links[0].config.delay;
        return true;
    case 'r':
        b->links[0].config.rate = value * 1000000;
        b->links[1].config.rate = value * 1000000;
        return true;
    case 'q':
        b->links[0].config.queue = (uint32_t)value * 1024;
        b->links[1].config.queue = (uint32_t)value * 1024;
        return true;
    case 't': b->time_limit = value * NSEC_PER_MSEC; return true;
    case 's': *seed = value; return true;
    default: return false;
    }
}

static int usage(void)
{
    (void)fputs("usage: tun [--loss PPM] [--reorder PPM] [--rtt MS] [--rate MBIT] [--queue KIB]\n"
                "           [--time MS] [--seed N] send BYTES | receive BYTES | relay\n",
                stderr);
    return 2;
}

static bool read_mode(struct bench *b, char **words, int count)
{
    static const char *const modes[] = {"send", "receive", "relay"};
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        if (count == (i == MODE_RELAY ? 1 : 2) && strcmp(words[0], modes[i]) == 0) {
            b->mode = (enum mode)i;
            b->bytes = count == 2 ? strtoull(words[1], NULL, 10) : 0;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"loss", 1, NULL, 'l'}, {"reorder", 1, NULL, 'o'}, {"rtt", 1, NULL, 'd'},
        {"rate", 1, NULL, 'r'}, {"queue", 1, NULL, 'q'},   {"time", 1, NULL, 't'},
        {"seed", 1, NULL, 's'}, {NULL, 0, NULL, 0},
    };
    static struct bench bench;
    uint64_t seed = 1;
    int option = getopt_long(argc, argv, "", options, NULL);
    while (option != -1) {
        uint64_t value = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;
        if (!set_option(&bench, option, value, &seed)) {
            return usage();
        }
        option = getopt_long(argc, argv, "", options, NULL);
    }
    if (!read_mode(&bench, argv + optind, argc - optind)) {
        return usage();
    }
    set_up(&bench, seed);
    if (puts("ready") < 0 || fflush(stdout) != 0 || getchar() == EOF) {
        return 1;
    }
    run(&bench);
    int status = report(&bench);
    end_fini(&bench.ends[0]);
    end_fini(&bench.ends[1]);
    net_fini(&bench.net);
    return status;
}
