// SPDX-License-Identifier: Apache-2.0
/*
 * Pipes between processes, and the calls that wait: with no argument checks them, with `pipe` prints
 * what a round trip takes in nanoseconds.
 */
#include "abi/wait.h"

#include "abi/gen/syscall_stubs.h"
#include "abi/sys.h"
#include "lib/base/types.h"
#include "user/libswos/print.h"
#include "user/libswos/time.h"

enum { ROUNDS = 2000, IN = 1, OUT = 4, HUP = 16 };

static int failures;

static void check(bool holds, const char *what)
{
    if (!holds) {
        print("%s: no\n", what);
        failures++;
    }
}

// Writes back what it reads until the end.
static int64_t start_echo(const int32_t *there, const int32_t *back)
{
    int64_t pid = sys_fork();
    if (pid == 0) {
        char byte;
        (void)sys_close(there[1]);
        while (sys_read(there[0], &byte, 1) == 1) {
            (void)sys_write(back[1], &byte, 1);
        }
        sys_exit_group(0);
    }
    return pid;
}

static void round_trips(unsigned rounds)
{
    int32_t there[2] = {-1, -1};
    int32_t back[2] = {-1, -1};
    char byte = 'x';
    check(sys_pipe2(there, 0) == 0 && sys_pipe2(back, 0) == 0, "two pipes");
    int64_t pid = start_echo(there, back);
    uint64_t good = 0;
    nsec_t start = monotonic_time();
    for (unsigned i = 0; i < rounds; i++) {
        good += sys_write(there[1], &byte, 1) == 1 && sys_read(back[0], &byte, 1) == 1;
    }
    nsec_t taken = monotonic_time() - start;
    check(good == rounds, "every round trip");
    (void)sys_close(there[1]);
    int32_t status = 1;
    check(sys_wait4((int32_t)pid, &status, 0, NULL) == pid && status == 0,
          "the end ends the child");
    if (rounds == ROUNDS) {
        print("%llu\n", (unsigned long long)(taken / rounds));
    }
}

static void poll_pipe(void)
{
    int32_t pipe[2] = {-1, -1};
    struct abi_timespec soon = {.nanoseconds = 2000000};
    check(sys_pipe2(pipe, ABI_WAIT_NONBLOCK) == 0, "a pipe");
    struct abi_pollfd p[3] = {{pipe[0], IN, 0}, {pipe[1], OUT, 0}, {-1, IN, 0}};
    check(sys_ppoll(p, 3, NULL, NULL, 8) == 1 && p[1].revents == OUT, "the writer is ready");
    check(sys_ppoll(p, 1, &soon, NULL, 8) == 0, "an empty pipe times out");
    check(sys_write(pipe[1], "ab", 2) == 2 && sys_ppoll(p, 1, &soon, NULL, 8) == 1,
          "bytes are seen");
    uint64_t bits[1] = {1ull << (pipe[0] & 63)};
    check(sys_pselect6(pipe[0] + 1, bits, NULL, NULL, &soon, NULL) == 1 &&
              bits[0] == 1ull << (pipe[0] & 63),
          "select sees them");
    (void)sys_close(pipe[1]);
    check(sys_ppoll(p, 1, NULL, NULL, 8) == 1 && p[0].revents == (IN | HUP), "the end is seen");
    p[0].handle = 900;
    check(sys_ppoll(p, 1, NULL, NULL, 8) == 1 && p[0].revents == 32, "a bad handle is told");
    (void)sys_close(pipe[0]);
}

static void wait_on_set(void)
{
    struct abi_epoll_event e = {.events = IN, .data = 77};
    struct abi_epoll_event out[2] = {};
    uint64_t count = 5;
    int32_t set = (int32_t)sys_epoll_create1(0);
    int32_t counter = (int32_t)sys_eventfd2(0, ABI_WAIT_NONBLOCK);
    int32_t timer = (int32_t)sys_timerfd_create(ABI_CLOCK_MONOTONIC, 0);
    struct abi_itimerspec when = {.value = {.nanoseconds = 1000000}};
    check(set >= 0 && counter >= 0 && timer >= 0, "a set, a counter, a timer");
    check(sys_epoll_ctl(set, ABI_EPOLL_CTL_ADD, counter, &e) == 0, "the counter is in the set");
    check(sys_epoll_pwait(set, out, 2, 0, NULL, 8) == 0, "nothing is ready");
    (void)sys_write(counter, &count, 8);
    check(sys_epoll_pwait(set, out, 2, -1, NULL, 8) == 1 && out[0].data == 77,
          "the counter is ready");
    check(sys_read(counter, &count, 8) == 8 && count == 5, "the counter is read");
    e.data = 78;
    check(sys_epoll_ctl(set, ABI_EPOLL_CTL_ADD, timer, &e) == 0 &&
              sys_timerfd_settime(timer, 0, &when, NULL) == 0,
          "the timer runs");
    check(sys_epoll_pwait(set, out, 2, 1000, NULL, 8) == 1 && out[0].data == 78,
          "the timer expires");
    (void)sys_close(timer);
    check(sys_epoll_pwait(set, out, 2, 0, NULL, 8) == 0, "a closed file has left the set");
    check(sys_epoll_ctl(counter, ABI_EPOLL_CTL_ADD, set, &e) == ERR_INVAL, "a counter is no set");
    (void)sys_close(counter);
    (void)sys_close(set);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        round_trips(ROUNDS);
        return failures;
    }
    round_trips(50);
    poll_pipe();
    wait_on_set();
    return failures;
}
