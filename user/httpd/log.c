// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { QUOTED_MAX = 1024 }; // bytes of a field, before what is unprintable is written out

void log_flush(struct access_log *log)
{
    for (size_t done = 0; done < log->used;) {
        ssize_t n = write(log->file, log->text + done, log->used - done);
        if (n <= 0) {
            break; // a full disk costs the lines, not the service
        }
        done += (size_t)n;
    }
    log->used = 0;
}

// `"text"`, with what is not printable, quotes and backslashes as \xHH.
static size_t quote(char *out, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t used = 0;
    size_t size = text.size < QUOTED_MAX ? text.size : QUOTED_MAX;
    out[used++] = '"';
    if (text.data == NULL) {
        out[used++] = '-';
    }
    for (size_t i = 0; i < size && text.data != NULL; i++) {
        uint8_t c = text.data[i];
        if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
            out[used++] = (char)c;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = digits[c >> 4];
        out[used++] = digits[c & 15];
    }
    out[used++] = '"';
    return used;
}

static const char *date_of(struct access_log *log, int64_t now)
{
    if (log->second != now || log->date[0] == '\0') {
        time_t seconds = now;
        struct tm fields;
        log->second = now;
        if (gmtime_r(&seconds, &fields) == NULL ||
            strftime(log->date, sizeof(log->date), "[%d/%b/%Y:%H:%M:%S +0000]", &fields) == 0) {
            strcpy(log->date, "[-]");
        }
    }
    return log->date;
}

bool log_add(struct access_log *log, const struct log_entry *e)
{
    static const size_t most = 4 * (size_t)QUOTED_MAX * 3 + 256;
    char client[INET6_ADDRSTRLEN];
    static_assert(LOG_ROOM > 4 * QUOTED_MAX * 3 + 256);
    if (log->file < 0) {
        return false;
    }
    if (LOG_ROOM - log->used < most) {
        log_flush(log);
    }
    if (IN6_IS_ADDR_V4MAPPED(&e->client)) {
        (void)inet_ntop(AF_INET, e->client.s6_addr + 12, client, sizeof(client));
    } else {
        (void)inet_ntop(AF_INET6, &e->client, client, sizeof(client));
    }
    char *p = log->text + log->used;
    p += sprintf(p, "%s - - %s ", client, date_of(log, e->now));
    p += quote(p, e->line);
    p += sprintf(p, " %u %llu ", e->status, (unsigned long long)e->bytes);
    p += quote(p, e->referer);
    *p++ = ' ';
    p += quote(p, e->agent);
    *p++ = '\n';
    log->used = (size_t)(p - log->text);
    return true;
}
