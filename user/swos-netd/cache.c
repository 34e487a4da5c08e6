// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/swos-netd/netd.h"

static const nsec_t pause_ns = 5000000000; // before it is started again

static void run(const struct netd *n)
{
    char name[] = "swos-resolver";
    char option[] = "-f";
    char path[256];
    char *const arguments[] = {name, option, path, NULL};
    sigset_t none;
    size_t size = strlen(n->servers_path);
    if (size < sizeof(path)) {
        memcpy(path, n->servers_path, size + 1);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        execv("/bin/swos-resolver", arguments);
    }
    netd_say(n, "net: /bin/swos-resolver: %s", strerror(errno));
    _exit(127);
}

void cache_reconsider(struct netd *n)
{
    if (!n->policy.wants_cache) {
        cache_stop(n);
        return;
    }
    if (n->cache != 0) {
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        run(n);
    }
    n->cache = pid > 0 ? pid : 0;
    n->cache_at = pid > 0 ? NSEC_NEVER : netd_now() + pause_ns;
    resolver_update(n);
}

void cache_reap(struct netd *n)
{
    for (pid_t ended; (ended = waitpid(-1, NULL, WNOHANG)) > 0;) {
        if (ended == n->cache) {
            netd_say(n, "net: swos-resolver has ended");
            n->cache = 0;
            n->cache_at = netd_now() + pause_ns;
            resolver_update(n); // who asks goes to the servers meanwhile
        }
    }
}

void cache_stop(struct netd *n)
{
    n->cache_at = NSEC_NEVER;
    if (n->cache != 0) {
        (void)kill(n->cache, SIGTERM);
        n->cache = 0;
        resolver_update(n);
    }
}
