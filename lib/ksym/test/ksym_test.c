// SPDX-License-Identifier: Apache-2.0
#include "lib/ksym/ksym.h"
#include "tests/harness/alloc.h"
#include "tests/harness/test.h"

// Two functions, "vm_map" at 0x10 and "vm_x" at 0x40, text up to 0x80; token 0 is "vm_".
static const struct {
    struct ksym_table table;
    uint32_t starts[3];
    uint8_t text[16];
} blob = {
    .table = {.size_bytes = sizeof(blob), .count = 3, .tokens = 32, .token_count = 1, .names = 36},
    .starts = {0x10, 0x40, 0x80},
    .text = {3, 'v', 'm', '_', 4, 0x80, 'm', 'a', 'p', 2, 0x80, 'x', 0},
};

static status_t find(uint32_t offset, char name[static KSYM_NAME_MAX], uint32_t *start)
{
    return ksym_find(span_of(&blob, sizeof(blob)), offset, name, start);
}

TEST(an_address_inside_a_function_gives_its_name_and_start)
{
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_OK(find(0x3f, name, &start));
    EXPECT_STR(name, "vm_map");
    EXPECT_EQ(start, 0x10);
}

TEST(the_first_byte_of_a_function_belongs_to_it)
{
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_OK(find(0x40, name, &start));
    EXPECT_STR(name, "vm_x");
    EXPECT_EQ(start, 0x40);
}

TEST(addresses_outside_the_text_have_no_name)
{
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_STATUS(find(0xf, name, &start), ERR_NOENT);
    EXPECT_STATUS(find(0x80, name, &start), ERR_NOENT);
    EXPECT_STATUS(find(UINT32_MAX, name, &start), ERR_NOENT);
}

TEST(an_empty_table_has_no_names)
{
    const struct ksym_table empty = {.size_bytes = sizeof(empty)};
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_STATUS(ksym_find(span_of(&empty, sizeof(empty)), 0, name, &start), ERR_NOENT);
}

TEST(a_table_cut_anywhere_is_read_without_leaving_it)
{
    for (size_t size = sizeof(uint32_t); size < sizeof(blob); size++) {
        // Memory of just this size, so that the sanitizer sees a byte too many.
        uint8_t *cut = test_alloc(size);
        EXPECT(cut != NULL);
        const uint32_t claimed = (uint32_t)size;
        memcpy(cut, &blob, size);
        memcpy(cut, &claimed, sizeof(claimed));
        char name[KSYM_NAME_MAX];
        uint32_t start;
        (void)ksym_find(span_of(cut, size), 0x20, name, &start);
        test_free(cut);
    }
}

TEST(a_longer_name_than_the_buffer_is_cut)
{
    struct {
        struct ksym_table table;
        uint32_t starts[2];
        uint8_t text[100];
    } long_name = {
        .table = {.size_bytes = sizeof(long_name), .count = 2, .tokens = 28, .names = 28},
        .starts = {0, 4},
    };
    memset(long_name.text, 'a', sizeof(long_name.text));
    long_name.text[0] = 90;
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_OK(ksym_find(span_of(&long_name, sizeof(long_name)), 1, name, &start));
    EXPECT_EQ(strlen(name), KSYM_NAME_MAX - 1);
}
