// SPDX-License-Identifier: Apache-2.0
#include "user/httpd/metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "user/httpd/worker.h"

struct metric {
    enum counter counter;
    const char *name;
    const char *label; // or NULL
    const char *help;  // NULL: of the same family as the one before
};

static const struct metric metrics[] = {
    {COUNT_GET, "httpd_requests_total", "method=\"GET\"", "Requests answered."},
    {COUNT_HEAD, "httpd_requests_total", "method=\"HEAD\"", NULL},
    {COUNT_OTHER_METHOD, "httpd_requests_total", "method=\"other\"", NULL},
    {COUNT_2XX, "httpd_responses_total", "class=\"2xx\"", "Answers, by class of status."},
    {COUNT_3XX, "httpd_responses_total", "class=\"3xx\"", NULL},
    {COUNT_4XX, "httpd_responses_total", "class=\"4xx\"", NULL},
    {COUNT_5XX, "httpd_responses_total", "class=\"5xx\"", NULL},
    {COUNT_BYTES_IN, "httpd_received_bytes_total", NULL, "Bytes received."},
    {COUNT_BYTES_OUT, "httpd_sent_bytes_total", NULL, "Bytes sent."},
    {COUNT_ACCEPTED, "httpd_connections_accepted_total", NULL, "Connections accepted."},
    {COUNT_REFUSED, "httpd_connections_refused_total", NULL, "Connections answered 503 at once."},
    {COUNT_TIMED_OUT, "httpd_connections_timed_out_total", NULL,
     "Connections of clients too slow."},
    {COUNT_ABORTED, "httpd_connections_aborted_total", NULL, "Connections that broke."},
    {COUNT_CACHE_HITS, "httpd_cache_hits_total", NULL, "Files that needed no look at the disk."},
    {COUNT_CACHE_MISSES, "httpd_cache_misses_total", NULL, "Files that were looked up."},
};

static unsigned long long sum(const struct server *server, enum counter which)
{
    unsigned long long total = 0;
    for (unsigned i = 0; i < server->options.workers; i++) {
        total += atomic_load_explicit(&server->workers[i].counters[which], memory_order_relaxed);
    }
    return total;
}

char *metrics_create(const struct server *server, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (out == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        const struct metric *m = &metrics[i];
        if (m->help != NULL) {
            (void)fprintf(out, "# HELP %s %s\n# TYPE %s counter\n", m->name, m->help, m->name);
        }
        (void)fprintf(out, "%s%s%s%s %llu\n", m->name, m->label != NULL ? "{" : "",
                      m->label != NULL ? m->label : "", m->label != NULL ? "}" : "",
                      sum(server, m->counter));
    }
    (void)fprintf(out,
                  "# HELP httpd_connections Connections open now.\n# TYPE httpd_connections gauge\n"
                  "httpd_connections %u\n"
                  "# HELP httpd_workers Threads that serve.\n# TYPE httpd_workers gauge\n"
                  "httpd_workers %u\n"
                  "# HELP process_start_time_seconds When it started.\n"
                  "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %lld\n",
                  atomic_load_explicit(&server->connections, memory_order_relaxed),
                  server->options.workers, (long long)server->started);
    bool is_whole = ferror(out) == 0;
    if (fclose(out) != 0 || !is_whole) {
        free(text);
        return NULL;
    }
    return text;
}
