// SPDX-License-Identifier: Apache-2.0
/*
 * The processes that use most CPU, again and again.  Shares are of the time between two pictures, so
 * the first one covers the life of the system.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

struct row {
    const struct swos_process *p;
    uint64_t used_ns; // since the picture before
};

struct picture {
    uint64_t time_ns;
    struct swos_process *processes;
    size_t process_count;
    struct swos_cpu *cpus;
    size_t cpu_count;
    struct system_memory memory;
};

static bool is_batch;
static bool sorts_by_memory;
static struct termios saved;
static volatile sig_atomic_t is_over;

static void give_up(int)
{
    is_over = 1;
}

static bool take(struct picture *out)
{
    *out = (struct picture){.time_ns = system_uptime()};
    if (!system_processes(&out->processes, &out->process_count)) {
        tool_fail("processes");
        return false;
    }
    if (!system_cpus(&out->cpus, &out->cpu_count) || !system_memory(&out->memory)) {
        tool_fail("system");
        return false;
    }
    return true;
}

static void drop(struct picture *p)
{
    free(p->processes);
    free(p->cpus);
    *p = (struct picture){};
}

static uint64_t time_used(const struct swos_process *p)
{
    return p->user_ns + p->system_ns;
}

// Both lists are sorted by identifier; one that was used again started later.
static uint64_t used_before(const struct picture *before, size_t *at, const struct swos_process *p)
{
    while (*at < before->process_count && before->processes[*at].pid < p->pid) {
        (*at)++;
    }
    if (*at < before->process_count && before->processes[*at].pid == p->pid &&
        before->processes[*at].start_ns == p->start_ns) {
        return time_used(&before->processes[*at]);
    }
    return 0;
}

static int compare(const void *left, const void *right)
{
    const struct row *a = left;
    const struct row *b = right;
    if (sorts_by_memory && a->p->resident_bytes != b->p->resident_bytes) {
        return a->p->resident_bytes < b->p->resident_bytes ? 1 : -1;
    }
    if (!sorts_by_memory && a->used_ns != b->used_ns) {
        return a->used_ns < b->used_ns ? 1 : -1;
    }
    return a->p->pid - b->p->pid;
}

struct shares {
    double user, system, idle;
};

static struct shares shares_of(uint64_t user, uint64_t system, uint64_t idle)
{
    double sum = (double)(user + system + idle);
    if (sum <= 0) {
        return (struct shares){.idle = 100};
    }
    return (struct shares){100 * (double)user / sum, 100 * (double)system / sum,
                           100 * (double)idle / sum};
}

static struct shares cpu_shares(const struct picture *now, const struct picture *before, size_t i)
{
    const struct swos_cpu *a = &now->cpus[i];
    struct swos_cpu none = {};
    const struct swos_cpu *b = i < before->cpu_count ? &before->cpus[i] : &none;
    return shares_of(a->user_ns - b->user_ns, a->system_ns - b->system_ns, a->idle_ns - b->idle_ns);
}

static unsigned print_cpus(const struct picture *now, const struct picture *before)
{
    struct shares all = {};
    for (size_t i = 0; i < now->cpu_count; i++) {
        struct shares s = cpu_shares(now, before, i);
        all.user += s.user / (double)now->cpu_count;
        all.system += s.system / (double)now->cpu_count;
        all.idle += s.idle / (double)now->cpu_count;
    }
    printf("CPU: %5.1f%% user %5.1f%% system %5.1f%% idle, %zu CPUs\nCPUs:", all.user, all.system,
           all.idle, now->cpu_count);
    for (size_t i = 0; i < now->cpu_count; i++) {
        printf(" cpu%u %.1f%%", now->cpus[i].index, 100 - cpu_shares(now, before, i).idle);
    }
    (void)putchar('\n');
    return 2;
}

static unsigned print_summary(const struct picture *now, const struct picture *before)
{
    unsigned by_state[4] = {};
    static const char states[] = "RSTZ";
    for (size_t i = 0; i < now->process_count; i++) {
        const char *at = strchr(states, now->processes[i].state);
        if (at != NULL && *at != '\0') {
            by_state[at - states]++;
        }
    }
    unsigned long long s = now->time_ns / 1000000000;
    const struct system_memory *m = &now->memory;
    printf("top - up %llu:%02llu:%02llu\n", s / 3600, s / 60 % 60, s % 60);
    printf("Tasks: %zu total, %u running, %u sleeping, %u stopped, %u zombie\n", now->process_count,
           by_state[0], by_state[1], by_state[2], by_state[3]);
    unsigned lines = 2 + print_cpus(now, before);
    printf("Mem: %llu KiB total, %llu used, %llu free, %llu cached\n",
           (unsigned long long)m->total_bytes / 1024,
           (unsigned long long)(m->total_bytes - m->free_bytes - m->cached_bytes) / 1024,
           (unsigned long long)m->free_bytes / 1024, (unsigned long long)m->cached_bytes / 1024);
    return lines + 1;
}

static void print_row(const struct row *r, uint64_t span, int width)
{
    char line[256];
    unsigned long long hundredths = time_used(r->p) / 10000000;
    const char *command = r->p->command[0] != '\0' ? r->p->command : r->p->name;
    (void)snprintf(line, sizeof(line), "%5d %-8s %3d %8llu %7llu %c %5.1f %4llu:%02llu.%02llu %s",
                   r->p->pid, tool_owner(r->p->principal), r->p->nice,
                   (unsigned long long)r->p->virtual_bytes / 1024,
                   (unsigned long long)r->p->resident_bytes / 1024, r->p->state,
                   span == 0 ? 0.0 : 100.0 * (double)r->used_ns / (double)span, hundredths / 6000,
                   hundredths / 100 % 60, hundredths % 100, command);
    printf("%.*s\n", width, line);
}

static void show(const struct picture *now, const struct picture *before)
{
    struct winsize size = {};
    bool is_screen = !is_batch && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    int width = is_screen && size.ws_col > 0 ? size.ws_col : 255;
    struct row *rows = calloc(now->process_count + 1, sizeof(*rows));
    if (rows == NULL) {
        tool_die("out of memory");
    }
    for (size_t i = 0, at = 0; i < now->process_count; i++) {
        rows[i].p = &now->processes[i];
        rows[i].used_ns = time_used(rows[i].p) - used_before(before, &at, rows[i].p);
    }
    qsort(rows, now->process_count, sizeof(*rows), compare);
    if (!is_batch) {
        (void)fputs("\033[H\033[2J", stdout);
    }
    unsigned lines = print_summary(now, before);
    printf("\n%5s %-8s %3s %8s %7s %c %5s %10s %s\n", "PID", "USER", "NI", "VSZ", "RSS", 'S',
           "%CPU", "TIME+", "COMMAND");
    lines += 3; // the prompt line stays free
    size_t room = is_screen ? (size.ws_row > lines ? size.ws_row - lines : 1) : now->process_count;
    for (size_t i = 0; i < now->process_count && i < room; i++) {
        print_row(&rows[i], now->time_ns - before->time_ns, width);
    }
    if (is_batch) {
        (void)putchar('\n');
    }
    (void)fflush(stdout);
    free(rows);
}

// Waits for the time of the next picture, or a key.  False: enough.
static bool wait_for_next(double seconds)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (is_batch) {
        struct timespec t = {.tv_sec = (time_t)seconds};
        t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
        nanosleep(&t, NULL);
        return !is_over;
    }
    if (poll(&input, 1, (int)(seconds * 1000)) > 0) {
        char key;
        if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3) {
            return false;
        }
        sorts_by_memory = key == 'm' || key == 'M' || (sorts_by_memory && key != 'p' && key != 'P');
    }
    return !is_over;
}

static void enter_raw_mode(void)
{
    if (tcgetattr(STDIN_FILENO, &saved) != 0) {
        tool_die("standard input is no terminal; -b works without one");
    }
    struct termios raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

static void run(int64_t rounds, double seconds)
{
    struct picture before = {};
    struct picture now;
    while (take(&now)) {
        show(&now, &before);
        drop(&before);
        before = now;
        if (--rounds == 0 || !wait_for_next(seconds)) {
            break;
        }
    }
    drop(&before);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-bm] [-d SECONDS] [-n ROUNDS]",
               "Shows the busiest processes; -b without a screen, q ends it, m and p choose the "
               "order: memory or CPU.");
    double seconds = 2;
    int64_t rounds = 0;
    for (int c; (c = getopt(argc, argv, "bmd:n:")) != -1;) {
        switch (c) {
        case 'b': is_batch = true; break;
        case 'm': sorts_by_memory = true; break;
        case 'd':
            if (!tool_duration(optarg, &seconds)) {
                tool_die("%s: not a duration", optarg);
            }
            break;
        case 'n':
            if (!tool_number(optarg, 1, INT64_MAX, &rounds)) {
                tool_die("%s: not a number of rounds", optarg);
            }
            break;
        default: tool_usage();
        }
    }
    if (optind < argc) {
        tool_usage();
    }
    (void)signal(SIGINT, give_up);
    (void)signal(SIGTERM, give_up);
    if (!is_batch) {
        enter_raw_mode();
    }
    run(rounds, seconds);
    if (!is_batch) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
        (void)putchar('\n');
    }
    return tool_end();
}
