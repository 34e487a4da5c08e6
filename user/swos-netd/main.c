// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/authority.h"
#include "user/lib/tool.h"
#include "user/swos-netd/netd.h"

enum { EVENTS, SIGNALS, FIRST_INTERFACE };

static const uint32_t groups = 1u << (ABI_RTNLGRP_LINK - 1) | 1u << (ABI_RTNLGRP_ND_USEROPT - 1);

nsec_t netd_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_BOOTTIME, &t); // a lease goes on while the machine sleeps
    return (nsec_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void netd_say(const struct netd *n, const char *format, ...)
{
    va_list arguments;
    int log = n->log_path == NULL ? STDERR_FILENO
                                  : open(n->log_path, O_WRONLY | O_NOCTTY | O_APPEND | O_CLOEXEC);
    if (log < 0) {
        return; // nobody to say it to
    }
    char line[512];
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    if (size > 0) {
        size_t length = (size_t)size < sizeof(line) - 1 ? (size_t)size : sizeof(line) - 2;
        line[length] = '\n';
        (void)!write(log, line, length + 1);
    }
    if (log != STDERR_FILENO) {
        close(log);
    }
}

// ---- Links ----

static bool take_link(void *context, const struct netlink_message *m)
{
    struct netd *n = context;
    struct netlink_link link;
    struct netlink_resolver resolver;
    if (m->header.type == ABI_RTM_NEWLINK && netlink_link_parse(m->payload, &link) == OK) {
        interface_update(n, &link);
    } else if (m->header.type == ABI_RTM_DELLINK && netlink_link_parse(m->payload, &link) == OK) {
        struct interface *i = interface_find(n, link.index);
        if (i != NULL) {
            interface_remove(n, i);
        }
    } else if (m->header.type == ABI_RTM_NEWNDUSEROPT &&
               netlink_resolver_parse(m->payload, &resolver) == OK) {
        interface_advertise(n, &resolver);
    }
    return true;
}

// Links as they are while a list of them is read; changes wait until it is.
struct snapshot {
    struct netlink_link *list;
    size_t count;
    size_t room;
    bool is_short; // of memory
};

static bool note_link(void *context, const struct netlink_message *m)
{
    struct snapshot *s = context;
    if (s->count == s->room) {
        size_t room = s->room == 0 ? 8 : s->room * 2;
        struct netlink_link *list = reallocarray(s->list, room, sizeof(*list));
        if (list == NULL) {
            s->is_short = true;
            return false;
        }
        s->list = list;
        s->room = room;
    }
    if (m->header.type == ABI_RTM_NEWLINK &&
        netlink_link_parse(m->payload, &s->list[s->count]) == OK) {
        s->count++;
    }
    return true;
}

// All links anew: at the begin, and when news of them were lost.
static bool read_links(struct netd *n)
{
    struct snapshot s = {};
    if (!rtnl_dump(&n->rtnl, ABI_RTM_GETLINK, note_link, &s) || s.is_short) {
        free(s.list);
        return false;
    }
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        container_of(node, struct interface, link)->is_seen = false;
    }
    for (size_t i = 0; i < s.count; i++) {
        interface_update(n, &s.list[i]);
    }
    for (struct list *node = n->interfaces.next; node != &n->interfaces;) {
        struct interface *i = container_of(node, struct interface, link);
        node = node->next;
        if (!i->is_seen) {
            interface_remove(n, i);
        }
    }
    free(s.list);
    return true;
}

// ---- Policy ----

static void read_policy(struct netd *n)
{
    char why[POLICY_WHY_SIZE];
    if (!policy_read(&n->policy, n->policy_path, why)) {
        netd_say(n, "net: %s: %s", n->policy_path, strerror(errno));
    } else if (why[0] != '\0') {
        netd_say(n, "net: warning: %s", why);
    }
    if (!policy6_read(&n->policy6, n->policy6_path, why)) {
        netd_say(n, "net: warning: %s", why[0] != '\0' ? why : strerror(errno));
    }
}

static void reconsider(struct netd *n)
{
    struct policy old = n->policy;
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        interface_forget6(n, container_of(node, struct interface, link));
    }
    n->is_policy6_used = false;
    read_policy(n);
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        struct interface *i = container_of(node, struct interface, link);
        interface_forget(n, i, &old);
        interface_reconsider(n, i);
    }
    policy_free(&old);
    cache_reconsider(n);
}

// ---- Waiting ----

static size_t count_interfaces(const struct netd *n)
{
    size_t count = 0;
    for (const struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        count++;
    }
    return count;
}

// Milliseconds until something is to be done; -1: never.
static int time_left(const struct netd *n)
{
    nsec_t next = n->cache_at;
    nsec_t now = netd_now();
    for (const struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        nsec_t deadline = interface_deadline(container_of(node, struct interface, link));
        next = deadline < next ? deadline : next;
    }
    if (next == NSEC_NEVER) {
        return -1;
    }
    nsec_t left = next > now ? (next - now + 999999) / 1000000 : 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

// False: told to end.
static bool take_signal(struct netd *n, int signals)
{
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
        return true;
    }
    if (info.ssi_signo == SIGHUP) {
        reconsider(n);
    } else if (info.ssi_signo == SIGCHLD) {
        cache_reap(n);
    }
    return info.ssi_signo == SIGHUP || info.ssi_signo == SIGCHLD;
}

static void run_interfaces(struct netd *n, const struct pollfd *ready, size_t count)
{
    size_t at = 0;
    for (struct list *node = n->interfaces.next; node != &n->interfaces; at++) {
        struct interface *i = container_of(node, struct interface, link);
        node = node->next;
        // What appeared since is at the end, and waits for the next turn.
        if (at < count && ready[at].fd == i->socket && ready[at].revents != 0) {
            interface_receive(n, i);
        }
        if (interface_deadline(i) <= netd_now()) {
            interface_timeout(n, i);
        }
    }
}

// One turn; false: told to end, or no memory.
static bool take_turn(struct netd *n, int signals)
{
    size_t count = count_interfaces(n);
    struct pollfd *waits = calloc(FIRST_INTERFACE + count, sizeof(*waits));
    if (waits == NULL) {
        return false;
    }
    waits[EVENTS] = (struct pollfd){.fd = n->events.socket, .events = POLLIN};
    waits[SIGNALS] = (struct pollfd){.fd = signals, .events = POLLIN};
    size_t at = FIRST_INTERFACE;
    for (struct list *node = n->interfaces.next; node != &n->interfaces; node = node->next) {
        waits[at++] = (struct pollfd){.fd = container_of(node, struct interface, link)->socket,
                                      .events = POLLIN};
    }
    bool goes_on = true;
    if (poll(waits, (nfds_t)at, time_left(n)) >= 0) {
        run_interfaces(n, waits + FIRST_INTERFACE, count);
        if (waits[EVENTS].revents != 0 && !rtnl_receive(&n->events, take_link, n)) {
            (void)read_links(n);
        }
        if (n->cache_at <= netd_now()) {
            cache_reconsider(n);
        }
        goes_on = waits[SIGNALS].revents == 0 || take_signal(n, signals);
    }
    free(waits);
    return goes_on;
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_options(int argc, char **argv, struct netd *n)
{
    for (int c; (c = getopt(argc, argv, "c:6:r:R:s:l:")) != -1;) {
        switch (c) {
        case 'c': n->policy_path = optarg; break;
        case '6': n->policy6_path = optarg; break;
        case 'r': n->resolver_path = optarg; break;
        case 'R': n->servers_path = optarg; break;
        case 's': n->state_path = optarg; break;
        case 'l': n->log_path = strcmp(optarg, "-") == 0 ? NULL : optarg; break;
        default: tool_usage();
        }
    }
    if (optind < argc) {
        tool_usage();
    }
}

int main(int argc, char **argv)
{
    static struct netd n = {.policy_path = "/etc/swos/net",
                            .policy6_path = "/etc/swos/net-ipv6",
                            .resolver_path = "/run/resolv.conf",
                            .servers_path = "/run/resolvers",
                            .state_path = "/run/net",
                            .log_path = "/dev/console",
                            .cache_at = NSEC_NEVER};
    tool_begin(
        argc, argv, "[-c POLICY] [-6 POLICY6] [-r RESOLV.CONF] [-R SERVERS] [-s STATE] [-l LOG]",
        "Sets up the network: static addresses of /etc/swos/net and /etc/swos/net-ipv6, leases "
        "of DHCP, resolvers.\nSIGHUP: reads these files anew. LOG (/dev/console) gets news, - is "
        "standard error.");
    read_options(argc, argv, &n);
    list_init(&n.interfaces);
    authority_keep(AUTHORITY_FILES | AUTHORITY_NETWORK);
    int signals = open_signals();
    if (signals < 0 || !rtnl_open(&n.rtnl, RTNL_ROUTE, 0) ||
        !rtnl_open(&n.events, RTNL_ROUTE, groups)) {
        tool_die("netlink: %s", strerror(errno));
    }
    read_policy(&n);
    resolver_update(&n);
    if (!read_links(&n)) {
        tool_die("links: %s", strerror(errno));
    }
    cache_reconsider(&n);
    while (take_turn(&n, signals)) {
    }
    cache_stop(&n);
    for (struct list *node = n.interfaces.next; node != &n.interfaces; node = node->next) {
        interface_release(&n, container_of(node, struct interface, link));
    }
    while (!list_is_empty(&n.interfaces)) {
        interface_remove(&n, container_of(n.interfaces.next, struct interface, link));
    }
    policy_free(&n.policy);
    rtnl_close(&n.events);
    rtnl_close(&n.rtnl);
    return tool_end();
}
