// SPDX-License-Identifier: Apache-2.0
/*
 * What a test image does instead of starting the first process:
 *
 *   autorun=test[:PATTERN]   the tests whose "suite: name" contains PATTERN ('_' stands for a blank)
 *   autorun=crash:CAUSE      breaks the kernel in one way, see kernel/test/crash.h
 *   autorun=bench            the benchmarks
 *   autorun=card             sends frames back, see kernel/test/card.h
 *
 * Results go to the guest channel, where there is one, else to the log.
 */
#include "kernel/init/autorun.h"

#include "kernel/core/log.h"
#include "kernel/drv/semihost/semihost.h"
#include "kernel/test/bench.h"
#include "kernel/test/card.h"
#include "kernel/test/crash.h"
#include "kernel/test/leak.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"
#include "tests/harness/runner.h"

enum { UNKNOWN_STATUS = 126, PATTERN_MAX = 128, LINE_MAX_BYTES = 512 };

static void write_line(const char *line)
{
    char text[LINE_MAX_BYTES];
    size_t len = u64_min(fmt_print(text, sizeof(text), "%s\n", line), sizeof(text) - 1);
    if (semihost_write(SEMIHOST_OUT, text, len) != OK) {
        log_info("test", "%s", line);
    }
}

static int run_tests(struct span pattern)
{
    static const struct test_runner runner = {
        .write = write_line, .before = leak_begin, .after = leak_end};
    static char filter[PATTERN_MAX];
    size_t len = u64_min(pattern.size, sizeof(filter) - 1);
    for (size_t i = 0; i < len; i++) {
        filter[i] = pattern.data[i] == '_' ? ' ' : (char)pattern.data[i];
    }
    struct test_result result = test_run_all(&runner, filter);
    return result.failed == 0 ? 0 : 1;
}

static void report_bench(const char *name, uint64_t tenths)
{
    char line[LINE_MAX_BYTES];
    fmt_print(line, sizeof(line), "%s: %llu.%llu ns", name, (unsigned long long)tenths / 10,
              (unsigned long long)tenths % 10);
    write_line(line);
}

// Whether `what` begins with `word`, alone or with a colon and a rest behind it.
static bool is_command(struct span what, const char *word, struct span *rest)
{
    size_t len = strlen(word);
    if (what.size < len || memcmp(what.data, word, len) != 0) {
        return false;
    }
    size_t skip = what.size == len ? len : len + 1;
    *rest = span_of(what.data + skip, what.size - skip);
    return what.size == len || what.data[len] == ':';
}

int autorun(struct span what)
{
    struct span rest;
    if (is_command(what, "test", &rest)) {
        return run_tests(rest);
    }
    if (is_command(what, "crash", &rest)) {
        return crash_now(rest);
    }
    if (is_command(what, "bench", &rest)) {
        return bench_run(report_bench) == 0 ? 0 : 1;
    }
    if (is_command(what, "card", &rest)) {
        return card_bounce();
    }
    log_error("test", "autorun=%.*s: not known", (int)what.size, (const char *)what.data);
    return UNKNOWN_STATUS;
}
