// SPDX-License-Identifier: Apache-2.0
/* Options, listening, threads, and the end. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "user/httpd/worker.h"
#include "user/lib/authority.h"
#include "user/lib/tool.h"

enum {
    WORKERS_MAX = 1024,
    HANDLES_RESERVED = 64, // beside connections: of files, the log, the workers
    HANDLES_PER_WORKER = 16,
};

static bool read_number(int64_t low, int64_t high, unsigned *out)
{
    int64_t value;
    if (!tool_number(optarg, low, high, &value)) {
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool read_option(int c, struct options *o)
{
    unsigned number;
    switch (c) {
    case '4': o->has_v6 = false; return true;
    case '6': o->has_v4 = false; return true;
    case 'a': o->address = optarg; return true;
    case 'r': o->root = optarg; return true;
    case 'l': o->log = optarg; return true;
    case 'p':
        if (!read_number(0, UINT16_MAX, &number)) {
            return false;
        }
        o->port = (uint16_t)number;
        return true;
    case 'w': return read_number(1, WORKERS_MAX, &o->workers);
    case 'c': return read_number(1, INT32_MAX / 2, &o->connections);
    case 't': return read_number(1, 86400, &o->idle_seconds);
    case 'T':
        if (!read_number(1, 86400, &o->head_seconds)) {
            return false;
        }
        o->send_seconds = o->head_seconds;
        return true;
    default: return false;
    }
}

static struct options read_options(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct options o = {.root = "/www",
                        .port = 8080,
                        .has_v4 = true,
                        .has_v6 = true,
                        .workers = cpus < 1             ? 1
                                   : cpus > WORKERS_MAX ? WORKERS_MAX
                                                        : (unsigned)cpus,
                        .connections = 10000,
                        .idle_seconds = 60,
                        .head_seconds = 15,
                        .send_seconds = 30,
                        .shutdown_seconds = 10};
    for (int c; (c = getopt(argc, argv, "46a:r:l:p:w:c:t:T:")) != -1;) {
        if (!read_option(c, &o)) {
            tool_usage();
        }
    }
    if (optind < argc && (strcmp(argv[optind], "6") == 0 || strcmp(argv[optind], "4") == 0)) {
        (void)read_option(argv[optind++][0], &o);
    }
    if (optind < argc || (!o.has_v4 && !o.has_v6)) {
        tool_usage();
    }
    return o;
}

// As many handles as connections want, or as many connections as there may be handles.
static void fit_handles(struct options *o)
{
    struct rlimit limit;
    rlim_t reserved = HANDLES_RESERVED + (rlim_t)o->workers * HANDLES_PER_WORKER;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    rlim_t wanted = o->connections + reserved;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur < wanted) {
        o->connections = limit.rlim_cur > 2 * reserved ? (unsigned)(limit.rlim_cur - reserved)
                                                       : (unsigned)(limit.rlim_cur / 2);
    }
}

// "@N": a handle that we were given; else a path.
static int open_root(const char *root)
{
    int64_t number;
    if (root[0] == '@' && tool_number(root + 1, 0, INT32_MAX, &number)) {
        return openat((int)number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_log(const char *log)
{
    if (strcmp(log, "-") == 0) {
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
    }
    return open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

// ---- Listening ----

static socklen_t make_address(const struct options *o, int family, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        struct sockaddr_in *a = (struct sockaddr_in *)out;
        a->sin_port = htons(o->port);
        bool is_right = o->address == NULL || inet_pton(family, o->address, &a->sin_addr) == 1;
        return is_right ? sizeof(*a) : 0;
    }
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
    a->sin6_port = htons(o->port);
    bool is_right = o->address == NULL || inet_pton(family, o->address, &a->sin6_addr) == 1;
    return is_right ? sizeof(*a) : 0;
}

// Port 0: the one that the system chose is that of all workers and versions.
static void learn_port(struct server *s)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof(a);
    if (s->options.port == 0 &&
        getsockname(s->workers[0].listeners[0], (struct sockaddr *)&a, &size) == 0) {
        s->options.port = ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port
                                                       : ((struct sockaddr_in6 *)&a)->sin6_port);
    }
}

// Whether nobody else has the port: workers share it among them, and would with another server too.
static bool is_free(const struct sockaddr_storage *address, socklen_t size)
{
    const int on = 1;
    int s = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0) {
        return false;
    }
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6) {
        (void)setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    }
    bool is_bound = bind(s, (const struct sockaddr *)address, size) == 0;
    int why = errno;
    close(s);
    errno = why;
    return is_bound;
}

// Each worker at one address.  False: the system does not have that version, or it has no such address.
static bool listen_version(struct server *s, int family)
{
    for (unsigned i = 0; i < s->options.workers; i++) {
        struct sockaddr_storage address;
        socklen_t size = make_address(&s->options, family, &address);
        if (size == 0) {
            return false;
        }
        if ((i == 0 && !is_free(&address, size)) ||
            !worker_listen(&s->workers[i], (struct sockaddr *)&address, size)) {
            if (i == 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
                return false;
            }
            tool_die("port %u: %s", s->options.port, strerror(errno));
        }
        learn_port(s);
    }
    return true;
}

// A version that is not there is left out if the other is.
static bool listen_all(struct server *s)
{
    bool is_v4 = s->options.has_v4 && listen_version(s, AF_INET);
    bool is_v6 = s->options.has_v6 && listen_version(s, AF_INET6);
    return is_v4 || is_v6;
}

// ---- The end ----

static void stop(struct server *s)
{
    atomic_store_explicit(&s->is_stopping, true, memory_order_release);
    for (unsigned i = 0; i < s->options.workers; i++) {
        (void)eventfd_write(s->workers[i].wake, 1);
    }
}

// What the log shows is another file from now on; its name is free for a new one.
static void reopen_log(const struct server *s)
{
    if (s->options.log == NULL || strcmp(s->options.log, "-") == 0) {
        return;
    }
    int file = open_log(s->options.log);
    if (file < 0 || dup3(file, s->log, O_CLOEXEC) < 0) {
        tool_fail(s->options.log);
    }
    if (file >= 0) {
        close(file);
    }
}

// Until a signal ends the server.  A second one does not wait for what is under way.
static void wait_for_end(struct server *s, const sigset_t *signals)
{
    int which;
    while (sigwait(signals, &which) == 0 && which == SIGHUP) {
        reopen_log(s);
    }
    sigset_t end = *signals;
    sigdelset(&end, SIGHUP);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &end, NULL);
    stop(s);
}

static bool start_workers(struct server *s)
{
    for (unsigned i = 0; i < s->options.workers; i++) {
        struct worker *w = &s->workers[i];
        int error = pthread_create(&w->thread, NULL, worker_run, w);
        if (error != 0) {
            errno = error;
            return false;
        }
        w->is_running = true;
    }
    return true;
}

static void open_all(struct server *s)
{
    s->root = open_root(s->options.root);
    if (s->root < 0) {
        tool_die("%s: %s", s->options.root, strerror(errno));
    }
    s->log = s->options.log == NULL ? -1 : open_log(s->options.log);
    if (s->options.log != NULL && s->log < 0) {
        tool_die("%s: %s", s->options.log, strerror(errno));
    }
    s->workers = calloc(s->options.workers, sizeof(struct worker));
    for (unsigned i = 0; i < s->options.workers; i++) {
        if (s->workers == NULL || !worker_open(&s->workers[i], s)) {
            tool_die("worker: %s", strerror(errno));
        }
    }
    if (!listen_all(s)) {
        tool_die("%s: no such address", s->options.address != NULL ? s->options.address : "*");
    }
}

int main(int argc, char **argv)
{
    static struct server server;
    sigset_t signals;
    tool_begin(
        argc, argv,
        "[-46] [-a ADDRESS] [-p PORT] [-r ROOT] [-l LOG] [-w WORKERS] [-c CONNECTIONS] "
        "[-t SECONDS] [-T SECONDS]",
        "Serves the files of ROOT (/www; @N: a folder's handle) over HTTP, at port 8080, and what "
        "it counts at\n/metrics. LOG gets the accesses; - is standard output, SIGHUP opens it "
        "anew. -t: how long a\nconnection may be idle; -T: how long a client may take for a "
        "request's head, or to take an answer.\nSIGTERM ends it, when what is under way is done.");
    server.options = read_options(argc, argv);
    fit_handles(&server.options);
    server.started = time(NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    open_all(&server);
    // All that it needs are handles by now, unless the log is to be opened anew.
    authority_keep(server.options.log != NULL ? AUTHORITY_FILES : 0);
    if (!start_workers(&server)) {
        tool_warn("worker: %s", strerror(errno));
        stop(&server);
    } else {
        printf("httpd: listening on %u\n", server.options.port);
        (void)fflush(stdout);
        wait_for_end(&server, &signals);
    }
    for (unsigned i = 0; i < server.options.workers; i++) {
        if (server.workers[i].is_running) {
            (void)pthread_join(server.workers[i].thread, NULL);
        }
        worker_close(&server.workers[i]);
    }
    free(server.workers);
    close(server.root);
    return tool_end();
}
