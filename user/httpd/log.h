// SPDX-License-Identifier: Apache-2.0
/*
 * The access log, in the combined format.  A worker gathers its lines and writes them when there are many,
 * or after a second; a line is never torn.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/span.h"

enum { LOG_ROOM = 16384, LOG_LINE_MAX = 4096 };

struct access_log {
    int file; // -1: there is none
    size_t used;
    char date[32]; // of `second`
    int64_t second;
    char text[LOG_ROOM];
};

struct log_entry {
    struct in6_addr client;
    int64_t now;
    struct span line; // what has no data is written as a dash
    unsigned status;
    uint64_t bytes; // of the body
    struct span referer;
    struct span agent;
};

// True: it holds lines that log_flush is to write soon.
bool log_add(struct access_log *log, const struct log_entry *e);
void log_flush(struct access_log *log);
