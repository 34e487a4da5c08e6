// SPDX-License-Identifier: Apache-2.0
/*
 * The test framework.  The same test file runs in the host binary, under sanitizers, and inside the
 * kernel's test image, so it includes only lib/ headers and this one.
 *
 *     TEST(list_pop_of_an_empty_list_gives_nothing)
 *     {
 *         struct list head = LIST_INIT(head);
 *         EXPECT(list_pop(&head) == NULL);
 *     }
 *
 * A test's name is a sentence; the suite is the folder the file tests (lib/fdt/test/fdt_test.c is
 * "fdt").  A failed expectation reports its place and returns from the function it stands in, so a
 * helper with expectations returns void and the test asks test_has_failed() if it must stop too.
 *
 * TEST puts a struct test_case into the section `tests`.  The linker (or the kernel's linker
 * script, which must keep the section and relocate it like other data) gives its bounds.
 */
#pragma once

#include "lib/base/attr.h"
#include "lib/base/string.h"
#include "lib/base/types.h"

struct test_case {
    const char *name; // a C identifier; its underscores are printed as spaces
    const char *file; // path from the root
    void (*run)(void);
};

extern const struct test_case __start_tests[];
extern const struct test_case __stop_tests[];

#define TEST(sentence)                                                                             \
    static void test_##sentence(void);                                                             \
    static const struct test_case case_##sentence                                                  \
        __attribute__((used, retain, section("tests"))) = {#sentence, __FILE__, test_##sentence};  \
    static void test_##sentence(void)

/*
 * Records a failure of the running test; given by what runs the tests (host.c, the kernel's test
 * image).  The text is in the format of lib/fmt.
 */
void test_fail(const char *file, int line, const char *format, ...) PRINTF(3, 4) COLD;

// Whether the running test has failed already.
bool test_has_failed(void);

// Used by the macros below: false, and a recorded failure, when the two differ.
bool test_check_eq(const char *file, int line, const char *text, long long got, long long want);
bool test_check_status(const char *file, int line, const char *text, status_t got, status_t want);
bool test_check_str(const char *file, int line, const char *text, const char *got,
                    const char *want);
bool test_check_mem(const char *file, int line, const void *got, const void *want, size_t size);

/*
 * The expectations are a bare `if` each, without the usual do-while, so that a test with many of
 * them still counts as simple; they stand inside braces like every other statement.
 */
#define EXPECT_THAT(check)                                                                         \
    if (!(check))                                                                                  \
    return

#define EXPECT(condition)                                                                          \
    if (!(condition))                                                                              \
    return test_fail(__FILE__, __LINE__, "expected that %s", #condition)

// Both are integers (or enums); they are compared as long long and both are printed.
#define EXPECT_EQ(got, want)                                                                       \
    EXPECT_THAT(test_check_eq(__FILE__, __LINE__, #got, (long long)(got), (long long)(want)))

#define EXPECT_OK(status) EXPECT_STATUS(status, OK)
#define EXPECT_STATUS(status, want)                                                                \
    EXPECT_THAT(test_check_status(__FILE__, __LINE__, #status, status, want))
#define EXPECT_STR(got, want)       EXPECT_THAT(test_check_str(__FILE__, __LINE__, #got, got, want))
#define EXPECT_MEM(got, want, size) EXPECT_THAT(test_check_mem(__FILE__, __LINE__, got, want, size))
