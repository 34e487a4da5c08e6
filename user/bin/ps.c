// SPDX-License-Identifier: Apache-2.0
/* Processes, as far as the caller may see them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/system.h"
#include "user/lib/tool.h"

struct process {
    const struct swos_process *p;
    uint64_t now; // monotonic
};

static void show_pid(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->pid);
}

static void show_parent(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->parent);
}

static void show_group(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->group);
}

static void show_session(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->session);
}

static void show_state(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%c", x->p->state);
}

// The state with what ps has always put behind it.
static void show_stat(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%c%s%s%s", x->p->state,
                   x->p->nice < 0   ? "<"
                   : x->p->nice > 0 ? "N"
                                    : "",
                   x->p->session == x->p->pid ? "s" : "", x->p->threads > 1 ? "l" : "");
}

static void show_user(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", tool_owner(x->p->principal));
}

static void show_uid(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%u", x->p->principal);
}

static void show_terminal(const struct process *x, char *out, size_t size)
{
    if (x->p->terminal >= 0) {
        (void)snprintf(out, size, "pts/%d", x->p->terminal);
    } else {
        (void)snprintf(out, size, "%s", x->p->terminal == -2 ? "console" : "?");
    }
}

static void show_time(const struct process *x, char *out, size_t size)
{
    unsigned long long s = (x->p->user_ns + x->p->system_ns) / 1000000000;
    (void)snprintf(out, size, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
}

static void show_elapsed(const struct process *x, char *out, size_t size)
{
    unsigned long long s = (x->now - x->p->start_ns) / 1000000000;
    if (s >= 3600) {
        (void)snprintf(out, size, "%02llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    } else {
        (void)snprintf(out, size, "%02llu:%02llu", s / 60, s % 60);
    }
}

static void show_start(const struct process *x, char *out, size_t size)
{
    time_t when = time(NULL) - (time_t)((x->now - x->p->start_ns) / 1000000000);
    (void)strftime(out, size, "%H:%M", localtime(&when));
}

static void show_share(const struct process *x, char *out, size_t size)
{
    uint64_t life = x->now - x->p->start_ns;
    uint64_t used = x->p->user_ns + x->p->system_ns;
    (void)snprintf(out, size, "%.1f", life == 0 ? 0.0 : 100.0 * (double)used / (double)life);
}

static void show_virtual(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%llu", (unsigned long long)x->p->virtual_bytes / 1024);
}

static void show_resident(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%llu", (unsigned long long)x->p->resident_bytes / 1024);
}

static void show_threads(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->threads);
}

static void show_nice(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%d", x->p->nice);
}

static void show_name(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", x->p->name);
}

static void show_command(const struct process *x, char *out, size_t size)
{
    (void)snprintf(out, size, "%s", x->p->command[0] != '\0' ? x->p->command : x->p->name);
}

struct column {
    const char *key;
    const char *title;
    int width; // negative: to the left
    void (*show)(const struct process *x, char *out, size_t size);
};

static const struct column columns[] = {
    {"pid", "PID", 5, show_pid},
    {"ppid", "PPID", 5, show_parent},
    {"pgid", "PGID", 5, show_group},
    {"pgrp", "PGRP", 5, show_group},
    {"sid", "SID", 5, show_session},
    {"sess", "SESS", 5, show_session},
    {"state", "S", -1, show_state},
    {"s", "S", -1, show_state},
    {"stat", "STAT", -4, show_stat},
    {"user", "USER", -8, show_user},
    {"uid", "UID", 5, show_uid},
    {"tty", "TTY", -8, show_terminal},
    {"time", "TIME", 8, show_time},
    {"etime", "ELAPSED", 8, show_elapsed},
    {"stime", "STIME", -5, show_start},
    {"start", "START", -5, show_start},
    {"pcpu", "%CPU", 5, show_share},
    {"%cpu", "%CPU", 5, show_share},
    {"vsz", "VSZ", 8, show_virtual},
    {"rss", "RSS", 7, show_resident},
    {"nlwp", "NLWP", 4, show_threads},
    {"ni", "NI", 3, show_nice},
    {"nice", "NI", 3, show_nice},
    {"comm", "COMMAND", -15, show_name},
    {"cmd", "CMD", -27, show_command},
    {"args", "COMMAND", -27, show_command},
    {"command", "COMMAND", -27, show_command},
};

enum { COLUMNS_MAX = 32, PIDS_MAX = 256, FIELD_MAX = 256 };

static struct {
    const struct column *columns[COLUMNS_MAX];
    const char *titles[COLUMNS_MAX];
    size_t count;
    int32_t pids[PIDS_MAX];
    size_t pid_count;
    bool shows_all;
} option;

static void add_column(char *word)
{
    char *title = strchr(word, '=');
    if (title != NULL) {
        *title++ = '\0';
    }
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (strcmp(columns[i].key, word) == 0) {
            if (option.count == COLUMNS_MAX) {
                tool_die("more than %d columns", COLUMNS_MAX);
            }
            option.columns[option.count] = &columns[i];
            option.titles[option.count++] = title != NULL ? title : columns[i].title;
            return;
        }
    }
    tool_die("%s: no such column", word);
}

// Cuts the list into words; titles are parts of it as long as the program runs.
static void add_columns(char *list)
{
    char *rest;
    for (char *word = strtok_r(list, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        add_column(word);
    }
}

static void add_pids(char *list)
{
    char *rest;
    for (char *word = strtok_r(list, ", ", &rest); word != NULL;
         word = strtok_r(NULL, ", ", &rest)) {
        int64_t pid;
        if (!tool_number(word, 1, INT32_MAX, &pid)) {
            tool_die("%s: not a process identifier", word);
        }
        if (option.pid_count == PIDS_MAX) {
            tool_die("more than %d process identifiers", PIDS_MAX);
        }
        option.pids[option.pid_count++] = (int32_t)pid;
    }
}

// Without options: those of the caller's session.
static bool is_wanted(const struct swos_process *p, int32_t session)
{
    if (option.pid_count == 0) {
        return option.shows_all || p->session == session;
    }
    for (size_t i = 0; i < option.pid_count; i++) {
        if (option.pids[i] == p->pid) {
            return true;
        }
    }
    return false;
}

static void print_field(const struct column *c, const char *text, bool is_last)
{
    if (is_last && c->width < 0) {
        puts(text);
    } else {
        printf("%*s%c", c->width, text, is_last ? '\n' : ' ');
    }
}

static void print_titles(void)
{
    bool is_any = false;
    for (size_t i = 0; i < option.count; i++) {
        is_any |= option.titles[i][0] != '\0';
    }
    for (size_t i = 0; is_any && i < option.count; i++) {
        print_field(option.columns[i], option.titles[i], i + 1 == option.count);
    }
}

static void print(const struct process *x)
{
    char text[FIELD_MAX];
    for (size_t i = 0; i < option.count; i++) {
        option.columns[i]->show(x, text, sizeof(text));
        print_field(option.columns[i], text, i + 1 == option.count);
    }
}

static void parse(int argc, char **argv)
{
    static char usual[] = "pid,tty,time,comm";
    static char full[] = "user,pid,ppid,stime,tty,time,args";
    static char wide[] = "s,uid,pid,ppid,ni,vsz,rss,tty,time,comm";
    static char ax[] = "pid,tty,stat,time,args";
    static char aux[] = "user,pid,%cpu,vsz,rss,tty,stat,start,time,args";
    char *form = usual;
    bool has_own = false;
    if (argc > 1 && (strcmp(argv[1], "aux") == 0 || strcmp(argv[1], "ax") == 0)) {
        option.shows_all = true;
        form = argv[1][2] == '\0' ? ax : aux;
        optind = 2;
    }
    for (int c; (c = getopt(argc, argv, "eAflo:p:")) != -1;) {
        switch (c) {
        case 'e':
        case 'A': option.shows_all = true; break;
        case 'f': form = full; break;
        case 'l': form = wide; break;
        case 'o':
            has_own = true;
            add_columns(optarg);
            break;
        case 'p': add_pids(optarg); break;
        default: tool_usage();
        }
    }
    if (optind < argc) {
        tool_usage();
    }
    if (!has_own) {
        add_columns(form);
    }
}

int main(int argc, char **argv)
{
    tool_begin(
        argc, argv, "[-Aefl] [-o COLUMN[=TITLE],...] [-p PID,...] | aux",
        "Lists processes: of the caller's session, all that may be seen (-e), or some (-p).");
    parse(argc, argv);
    struct swos_process *list;
    size_t count;
    if (!system_processes(&list, &count)) {
        tool_fail("processes");
        return tool_end();
    }
    int32_t session = getsid(0);
    uint64_t now = system_uptime();
    bool is_any = false;
    print_titles();
    for (size_t i = 0; i < count; i++) {
        if (is_wanted(&list[i], session)) {
            is_any = true;
            print(&(struct process){&list[i], now});
        }
    }
    free(list);
    int status = tool_end();
    return status == 0 && !is_any ? TOOL_FAILED : status;
}
