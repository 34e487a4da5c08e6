// SPDX-License-Identifier: Apache-2.0
/*
 * Packets as they come and go, into a file that Wireshark and tcpdump read (pcap, nanoseconds), or a line of
 * text each.  What was sent is seen before a card has put in its checksums.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/net/arp.h"
#include "lib/net/ethernet.h"
#include "lib/net/ip4.h"
#include "lib/net/ip6.h"
#include "lib/net/udp.h"
#include "lib/tcp/segment.h"
#include "user/lib/tool.h"

enum {
    PACKET_MAX = 65536 + 64,
    LINK_ETHERNET = 1,
    LINK_RAW = 101, // IP without a header of a link
    TEXT = 256,
};

static const uint32_t pcap_magic = 0xa1b23c4d;

static struct {
    int64_t count; // 0: until stopped
    int64_t size_max;
    const char *interface;
    const char *path;
    bool is_promiscuous;
    FILE *out;
    bool has_header;
    volatile sig_atomic_t is_stopped;
} capture = {.size_max = PACKET_MAX};

static void stop(int signal)
{
    (void)signal;
    capture.is_stopped = 1;
}

// ---- A file ----

struct pcap_header {
    uint32_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t zone;
    uint32_t accuracy;
    uint32_t size_max;
    uint32_t link;
};

struct pcap_packet {
    uint32_t seconds;
    uint32_t nanoseconds;
    uint32_t kept;
    uint32_t size;
};

static void write_packet(struct span packet, size_t size, const struct timespec *at, uint32_t link)
{
    const struct pcap_header h = {
        .magic = pcap_magic, .major = 2, .minor = 4, .size_max = PACKET_MAX, .link = link};
    const struct pcap_packet p = {.seconds = (uint32_t)at->tv_sec,
                                  .nanoseconds = (uint32_t)at->tv_nsec,
                                  .kept = (uint32_t)packet.size,
                                  .size = (uint32_t)size};
    if (!capture.has_header) {
        (void)fwrite(&h, sizeof(h), 1, capture.out);
        capture.has_header = true;
    }
    (void)fwrite(&p, sizeof(p), 1, capture.out);
    (void)fwrite(packet.data, 1, packet.size, capture.out);
    (void)fflush(capture.out);
}

// ---- Text ----

static struct span behind(struct span s, size_t size)
{
    size = size < s.size ? size : s.size;
    return span_of(s.data + size, s.size - size);
}

static void print_transport(uint8_t protocol, struct span data, size_t total)
{
    char text[TEXT];
    struct tcp_segment tcp;
    struct udp_header udp;
    size_t header;
    if (protocol == IP_PROTOCOL_TCP && tcp_parse(data, &tcp, &header) == OK) {
        tcp_print(&tcp, text, sizeof(text));
        printf(" tcp %s", text);
    } else if (protocol == IP_PROTOCOL_UDP && udp_parse(data, total, &udp) == OK) {
        printf(" udp %u > %u size %u", udp.source_port, udp.destination_port,
               udp.size - UDP_HEADER_SIZE);
    } else if ((protocol == IP_PROTOCOL_ICMP || protocol == IP_PROTOCOL_ICMP6) && data.size >= 2) {
        printf(" icmp type %u code %u", data.data[0], data.data[1]);
    } else {
        printf(" protocol %u", protocol);
    }
}

static void print_ip(struct span data, size_t total)
{
    char from[IP_TEXT_SIZE];
    char to[IP_TEXT_SIZE];
    struct ip4_header four;
    struct ip6_header six;
    if (ip4_parse(data, total, &four) == OK) {
        ip_print(&four.source, from);
        ip_print(&four.destination, to);
        printf(" %s > %s", from, to);
        if (ip4_is_fragment(&four)) {
            printf(" fragment %u", four.fragment_offset);
        } else {
            size_t size = four.total_size - four.header_size;
            struct span rest = behind(data, four.header_size);
            rest.size = rest.size < size ? rest.size : size;
            print_transport(four.protocol, rest, size);
        }
    } else if (ip6_parse(data, total, &six) == OK) {
        ip_print(&six.source, from);
        ip_print(&six.destination, to);
        printf(" %s > %s", from, to);
        struct span rest = behind(data, IP6_HEADER_SIZE);
        rest.size = rest.size < six.payload_size ? rest.size : six.payload_size;
        print_transport(six.next, rest, six.payload_size);
    } else {
        printf(" malformed");
    }
}

static void print_packet(struct span packet, size_t size, const struct timespec *at, uint32_t link)
{
    struct ethernet_header e = {.type = ETHER_IP4};
    struct tm fields;
    char clock[16] = "";
    if (gmtime_r(&at->tv_sec, &fields) != NULL) {
        (void)strftime(clock, sizeof(clock), "%H:%M:%S", &fields);
    }
    printf("%s.%06ld", clock, at->tv_nsec / 1000);
    size_t header = link == LINK_ETHERNET ? ETHERNET_HEADER_SIZE : 0;
    if (header != 0 && ethernet_parse(packet, &e) != OK) {
        printf(" malformed\n");
        return;
    }
    if (e.type == ETHER_IP4 || e.type == ETHER_IP6) {
        print_ip(behind(packet, header), size - header);
    } else {
        printf(" %s", e.type == ETHER_ARP ? "arp" : "type");
        if (e.type != ETHER_ARP) {
            printf(" %#06x", e.type);
        }
    }
    printf(" (%zu bytes)\n", size);
    (void)fflush(stdout);
}

// ---- Capturing ----

static int open_socket(void)
{
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    if (s < 0) {
        tool_die("socket failed: %s", strerror(errno));
    }
    if (capture.interface != NULL) {
        name.sll_ifindex = (int)if_nametoindex(capture.interface);
        if (name.sll_ifindex == 0) {
            tool_die("%s: %s", capture.interface, strerror(errno));
        }
        if (bind(s, (struct sockaddr *)&name, sizeof(name)) != 0) {
            tool_die("%s: %s", capture.interface, strerror(errno));
        }
    }
    if (capture.is_promiscuous && capture.interface != NULL) {
        const struct packet_mreq all = {.mr_ifindex = name.sll_ifindex,
                                        .mr_type = PACKET_MR_PROMISC};
        if (setsockopt(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) != 0) {
            tool_die("%s: %s", capture.interface, strerror(errno));
        }
    }
    return s;
}

// Loopback may have a link's header or not; then the packet begins with IP's.
static uint32_t link_of(const struct sockaddr_ll *from, struct span packet)
{
    bool has_header = packet.size >= ETHERNET_HEADER_SIZE &&
                      read_be16(packet.data + ETHERNET_TYPE_OFFSET) == ntohs(from->sll_protocol);
    return from->sll_hatype == ARPHRD_ETHER || has_header ? LINK_ETHERNET : LINK_RAW;
}

static void run(int s)
{
    static uint8_t packet[PACKET_MAX];
    for (int64_t seen = 0; !capture.is_stopped && (capture.count == 0 || seen < capture.count);) {
        struct sockaddr_ll from = {};
        socklen_t from_size = sizeof(from);
        struct timespec at;
        ssize_t size =
            recvfrom(s, packet, sizeof(packet), MSG_TRUNC, (struct sockaddr *)&from, &from_size);
        if (size < 0) {
            if (errno != EINTR) {
                tool_fail("packet");
                return;
            }
            continue;
        }
        (void)clock_gettime(CLOCK_REALTIME, &at);
        size_t kept = (size_t)size < sizeof(packet) ? (size_t)size : sizeof(packet);
        kept = kept < (size_t)capture.size_max ? kept : (size_t)capture.size_max;
        uint32_t link = link_of(&from, span_of(packet, kept));
        if (capture.out != NULL) {
            write_packet(span_of(packet, kept), (size_t)size, &at, link);
        } else {
            print_packet(span_of(packet, kept), (size_t)size, &at, link);
        }
        seen++;
    }
}

static void read_options(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "c:i:ps:w:")) != -1;) {
        bool is_right = true;
        switch (c) {
        case 'c': is_right = tool_number(optarg, 1, INT64_MAX, &capture.count); break;
        case 'i': capture.interface = optarg; break;
        case 'p': capture.is_promiscuous = true; break;
        case 's': is_right = tool_number(optarg, 1, PACKET_MAX, &capture.size_max); break;
        case 'w': capture.path = optarg; break;
        default: is_right = false; break;
        }
        if (!is_right) {
            tool_usage();
        }
    }
    if (optind < argc || (capture.path != NULL && capture.interface == NULL)) {
        tool_usage(); // a file is of one kind of link
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-p] [-c COUNT] [-s SIZE] [-i INTERFACE [-w FILE]]",
               "Prints a line for each packet, or writes them to FILE (- is standard output) in "
               "the format "
               "of pcap. -s:\nonly so many bytes of each; -p: those for others too.");
    read_options(argc, argv);
    int s = open_socket();
    struct sigaction action = {.sa_handler = stop}; // no SA_RESTART: waiting ends
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (capture.path != NULL) {
        capture.out = strcmp(capture.path, "-") == 0 ? stdout : fopen(capture.path, "we");
        if (capture.out == NULL) {
            tool_die("%s: %s", capture.path, strerror(errno));
        }
    }
    run(s);
    if (capture.out != NULL && capture.out != stdout && fclose(capture.out) != 0) {
        tool_fail(capture.path);
    }
    close(s);
    return tool_end();
}
