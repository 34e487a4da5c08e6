// SPDX-License-Identifier: Apache-2.0
/* Keeps the end of its input in a growing ring, so that it works on pipes as on files. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/tool.h"

static struct {
    int64_t count;
    bool counts_bytes;
    bool is_from_start; // +N: from the Nth on
    bool follows;
} option = {.count = 10};

struct text {
    char *bytes;
    size_t size;
    size_t room;
};

static void append(struct text *t, const char *bytes, size_t size)
{
    if (t->size + size > t->room) {
        size_t room = (t->size + size) * 2;
        char *bytes_now = realloc(t->bytes, room);
        if (bytes_now == NULL) {
            tool_die("out of memory");
        }
        t->bytes = bytes_now;
        t->room = room;
    }
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

// Where the last `count` lines begin.
static size_t last_lines(const struct text *t, int64_t count)
{
    size_t at = t->size;
    if (count <= 0) {
        return at;
    }
    at -= at > 0 && t->bytes[at - 1] == '\n';
    while (at > 0) {
        if (t->bytes[at - 1] == '\n' && --count == 0) {
            return at;
        }
        at--;
    }
    return 0;
}

static size_t start_of_end(const struct text *t)
{
    if (option.counts_bytes) {
        return t->size > (uint64_t)option.count ? t->size - (size_t)option.count : 0;
    }
    return last_lines(t, option.count);
}

static void show_end(int fd, const char *name)
{
    struct text t = {};
    char chunk[8192];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        append(&t, chunk, (size_t)got);
        size_t start = start_of_end(&t);
        // What can no longer be part of the end goes, but not at every read.
        if (start > t.size / 2 && t.size > 1 << 20) {
            memmove(t.bytes, t.bytes + start, t.size - start);
            t.size -= start;
        }
    }
    if (got < 0) {
        tool_fail(name);
    }
    size_t start = start_of_end(&t);
    if (start < t.size) {
        (void)fwrite(t.bytes + start, 1, t.size - start, stdout);
    }
    free(t.bytes);
}

static void show_from_start(int fd, const char *name)
{
    int64_t left = option.count > 0 ? option.count - 1 : 0;
    char chunk[8192];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        ssize_t at = 0;
        while (left > 0 && at < got) {
            left -= option.counts_bytes || chunk[at] == '\n';
            at++;
        }
        (void)fwrite(chunk + at, 1, (size_t)(got - at), stdout);
    }
    if (got < 0) {
        tool_fail(name);
    }
}

// Looks once a second whether the file has grown; a file that shrank is read from its start.
static void follow(int fd, const char *name)
{
    for (;;) {
        struct stat st;
        (void)fflush(stdout);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < lseek(fd, 0, SEEK_CUR)) {
            lseek(fd, 0, SEEK_SET);
        }
        if (!tool_copy(fd, name, STDOUT_FILENO, "standard output")) {
            return;
        }
    }
}

static void show(const char *path, bool is_last)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tool_fail(path);
        return;
    }
    if (option.is_from_start) {
        show_from_start(fd, path);
    } else {
        show_end(fd, path);
    }
    if (is_last && option.follows) {
        follow(fd, path);
    }
    if (!is_input) {
        close(fd);
    }
}

static void parse_count(const char *text)
{
    option.is_from_start = text[0] == '+';
    if (!tool_number(text + (text[0] == '-' || text[0] == '+'), 0, INT64_MAX, &option.count)) {
        tool_usage();
    }
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-f] [-n [+]LINES | -c [+]BYTES | -LINES] [FILE...]",
               "Prints the last lines (10) or bytes of files; -f goes on as the file grows.");
    if (argc > 1 && argv[1][0] == '-' && argv[1][1] >= '0' && argv[1][1] <= '9') {
        parse_count(argv[1]);
        optind = 2;
    }
    for (int c; (c = getopt(argc, argv, "fn:c:")) != -1;) {
        switch (c) {
        case 'f': option.follows = true; break;
        case 'c': option.counts_bytes = true; [[fallthrough]];
        case 'n': parse_count(optarg); break;
        default: tool_usage();
        }
    }
    if (optind == argc) {
        show("-", true);
    }
    for (int i = optind; i < argc; i++) {
        if (argc - optind > 1) {
            printf("%s==> %s <==\n", i > optind ? "\n" : "", argv[i]);
        }
        show(argv[i], i == argc - 1);
    }
    return tool_end();
}
