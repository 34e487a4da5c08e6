// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/runner.h"

#include <stdarg.h>

#include "lib/fmt/fmt.h"
#include "tests/harness/alloc.h"

enum {
    LINE_BYTES = 512,
    REPORTS_MAX = 10, // a loop with a failing expectation in a helper must not flood the report
};

static struct {
    const struct test_runner *runner;
    unsigned failures; // of the running test
} state;

bool test_has_failed(void)
{
    return state.failures != 0;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    if (state.failures++ >= REPORTS_MAX) {
        return;
    }
    char text[LINE_BYTES];
    size_t used = fmt_print(text, sizeof(text), "# %s:%d: ", file, line);
    if (used < sizeof(text)) {
        va_list arguments;
        va_start(arguments, format);
        fmt_format(text + used, sizeof(text) - used, format, arguments);
        va_end(arguments);
    }
    state.runner->write(text);
}

bool test_check_eq(const char *file, int line, const char *text, long long got, long long want)
{
    if (got != want) {
        test_fail(file, line, "%s is %lld (%#llx), expected %lld (%#llx)", text, got,
                  (unsigned long long)got, want, (unsigned long long)want);
    }
    return got == want;
}

bool test_check_status(const char *file, int line, const char *text, status_t got, status_t want)
{
    if (got != want) {
        test_fail(file, line, "%s gave status %d, expected %d", text, (int)got, (int)want);
    }
    return got == want;
}

bool test_check_str(const char *file, int line, const char *text, const char *got, const char *want)
{
    bool is_equal = got != NULL && strcmp(got, want) == 0;
    if (!is_equal) {
        test_fail(file, line, "%s is \"%s\", expected \"%s\"", text, got, want);
    }
    return is_equal;
}

bool test_check_mem(const char *file, int line, const void *got, const void *want, size_t size)
{
    const uint8_t *a = got;
    const uint8_t *b = want;
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i]) {
            test_fail(file, line, "byte %zu of %zu is %#x, expected %#x", i, size, a[i], b[i]);
            return false;
        }
    }
    return true;
}

// Cuts the last component off `path[0, *length)` and gives its start.
static const char *last_component(const char *path, size_t *length, size_t *size)
{
    size_t start = *length;
    while (start > 0 && path[start - 1] != '/') {
        start--;
    }
    *size = *length - start;
    *length = start > 0 ? start - 1 : 0;
    return path + start;
}

// "suite: the name as a sentence" for a test of lib/SUITE/test/x.c or tests/SUITE/x.c.
static void describe(const struct test_case *test, char *text, size_t text_size)
{
    size_t length = strlen(test->file);
    size_t size = 0;
    (void)last_component(test->file, &length, &size);
    const char *suite = last_component(test->file, &length, &size);
    if (size == 4 && memcmp(suite, "test", 4) == 0) {
        suite = last_component(test->file, &length, &size);
    }
    size_t used = fmt_print(text, text_size, "%.*s: ", (int)size, suite);
    fmt_print(text + used, text_size - used, "%s", test->name);
    for (char *c = text + used; *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : *c;
    }
}

static bool contains(const char *text, const char *part)
{
    size_t part_size = strlen(part);
    for (; *text != '\0'; text++) {
        if (strncmp(text, part, part_size) == 0) {
            return true;
        }
    }
    return part_size == 0;
}

static bool run_one(const struct test_runner *runner, const struct test_case *test)
{
    state.failures = 0;
    test_alloc_reset();
    if (runner->before != NULL) {
        runner->before();
    }
    test->run();
    if (test_alloc_live() != 0 && !test_has_failed()) {
        test_fail(test->file, 0, "%zu allocations are left", test_alloc_live());
    }
    if (runner->after != NULL) {
        runner->after();
    }
    return !test_has_failed();
}

struct test_result test_run_all(const struct test_runner *runner, const char *filter)
{
    struct test_result result = {};
    char name[LINE_BYTES / 2];
    char line[LINE_BYTES];
    state.runner = runner;
    for (const struct test_case *test = __start_tests; test < __stop_tests; test++) {
        describe(test, name, sizeof(name));
        if (filter != NULL && !contains(name, filter)) {
            continue;
        }
        bool is_passed = run_one(runner, test);
        result.passed += is_passed;
        result.failed += !is_passed;
        fmt_print(line, sizeof(line), "%s %u - %s", is_passed ? "ok" : "not ok",
                  result.passed + result.failed, name);
        runner->write(line);
    }
    if (result.passed + result.failed == 0) {
        runner->write("# no test has such a name");
        result.failed = 1;
    }
    fmt_print(line, sizeof(line), "%u passed, %u failed", result.passed, result.failed);
    runner->write(line);
    return result;
}
