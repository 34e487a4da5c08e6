// SPDX-License-Identifier: Apache-2.0
/* The kernel's log, also as dmesg. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/gen/syscall_stubs.h"
#include "abi/sys.h"
#include "user/lib/tool.h"

enum { RECORD_MAX = 4096 };

static const char levels[] = "EWID";

struct record {
    struct sys_log_record head;
    char text[RECORD_MAX - sizeof(struct sys_log_record)];
};

// False: there is none yet from `sequence` on, or none may be read (errno says which).
static bool read_record(uint64_t sequence, struct record *out)
{
    int64_t size = sys_log_read(sequence, out, sizeof(*out));
    if (size < 0) {
        errno = (int)-size;
    }
    return size >= 0;
}

static void print(const struct record *r)
{
    uint64_t us = r->head.time_ns / 1000;
    char level = r->head.level < sizeof(levels) - 1 ? levels[r->head.level] : '?';
    printf("[%5llu.%06llu] %c %.*s: %.*s\n", (unsigned long long)(us / 1000000),
           (unsigned long long)(us % 1000000), level, (int)r->head.source_len, r->text,
           (int)(r->head.text_len - r->head.source_len), r->text + r->head.source_len);
}

static void follow(uint64_t next, struct record *r)
{
    for (;;) {
        (void)fflush(stdout);
        int64_t status = sys_log_wait(next, UINT64_MAX);
        if (status < 0) {
            errno = (int)-status;
            tool_fail("log");
            return;
        }
        while (read_record(next, r)) {
            print(r);
            next = r->head.sequence + 1;
        }
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-f] [--stats | RECORDS]",
               "Prints the kernel's log, or its last records; -f goes on with what comes.");
    static struct record r;
    int64_t wanted = INT64_MAX;
    bool follows = false;
    bool is_count = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-f") == 0) {
            follows = true;
        } else if (strcmp(argv[i], "--stats") == 0) {
            is_count = true;
        } else if (!tool_number(argv[i], 0, INT64_MAX, &wanted)) {
            tool_usage();
        }
    }
    uint64_t next = 0;
    uint64_t count = 0;
    uint64_t lost = 0;
    while (read_record(next, &r)) {
        lost += count == 0 ? r.head.sequence : 0;
        next = r.head.sequence + 1;
        count++;
    }
    if (errno != EAGAIN) {
        tool_fail("log");
        return tool_end();
    }
    if (is_count) {
        printf("available %llu\ntotal %llu\noverwritten %llu\n", (unsigned long long)count,
               (unsigned long long)next, (unsigned long long)lost);
        return tool_end();
    }
    uint64_t first = next > (uint64_t)wanted ? next - (uint64_t)wanted : 0;
    for (next = first; read_record(next, &r); next = r.head.sequence + 1) {
        print(&r);
    }
    if (follows) {
        follow(next, &r);
    }
    return tool_end();
}
