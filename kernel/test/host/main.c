// SPDX-License-Identifier: Apache-2.0
/*
 * Runs the kernel's tests on the simulated machine:
 *
 *     kernel_test [--cpus N] [--seed S] [--one-in K] [FILTER]
 *
 * Without --cpus, on machines of 1, 2, 4 and 8 CPUs one after another, each in a process of its own
 * because the kernel's memory of how many CPUs it has is not meant to shrink.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/core/sched.h"
#include "kernel/core/test/spawn.h"
#include "kernel/net/inet.h"
#include "kernel/net/ip.h"
#include "kernel/net/loopback.h"
#include "kernel/net/netlink.h"
#include "kernel/test/host/machine.h"
#include "kernel/test/leak.h"
#include "lib/base/string.h"
#include "tests/harness/alloc.h"
#include "tests/harness/runner.h"

static struct {
    unsigned cpus;
    uint64_t seed;
    unsigned one_in;
    const char *filter;
} options = {.seed = 1, .one_in = 4};

void *test_memory_get(size_t size)
{
    return malloc(size);
}

void test_memory_put(void *memory)
{
    free(memory);
}

static void write_line(const char *line)
{
    if (puts(line) < 0 || fflush(stdout) != 0) {
        exit(1);
    }
}

static void after_test(void)
{
    test_join_all();
    leak_end();
}

static void run_tests(void *arg)
{
    (void)arg;
    machine_start_cpus();
    ip_init();
    loopback_init();
    inet_families_init();
    netlink_init();
    static const struct test_runner runner = {
        .write = write_line, .before = leak_begin, .after = after_test};
    (void)printf("# %u CPUs, seed %llu\n", options.cpus, (unsigned long long)options.seed);
    struct test_result result = test_run_all(&runner, options.filter);
    exit(result.failed == 0 ? 0 : 1);
}

static void boot(void)
{
    machine_boot(options.cpus);
    machine_memory();
    machine_thread("tests", run_tests, NULL);
    sched_run_idle();
}

// Runs the machine in a child process; true if all tests passed.
static bool run_in_child(unsigned cpus)
{
    pid_t child = fork();
    if (child == 0) {
        options.cpus = cpus;
        host_run(cpus, options.seed, options.one_in, boot);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--cpus") == 0) {
            options.cpus = (unsigned)strtoul(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--seed") == 0) {
            options.seed = strtoull(value, NULL, 0);
            i++;
        } else if (strcmp(argv[i], "--one-in") == 0) {
            options.one_in = (unsigned)strtoul(value, NULL, 0);
            i++;
        } else {
            options.filter = argv[i];
        }
    }
}

int main(int argc, char **argv)
{
    static const unsigned machines[] = {1, 2, 4, 8};
    parse(argc, argv);
    if (options.cpus > HOST_CPUS_MAX || options.one_in == 0) {
        (void)fprintf(stderr, "at most %d CPUs, and one in 1 or more\n", HOST_CPUS_MAX);
        return 1;
    }
    if (options.cpus != 0) {
        host_run(options.cpus, options.seed, options.one_in, boot);
    }
    bool is_passed = true;
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        is_passed = run_in_child(machines[i]) && is_passed;
    }
    return is_passed ? 0 : 1;
}
