// SPDX-License-Identifier: Apache-2.0
#include "lib/ksym/ksym.h"
#include "tests/harness/alloc.h"
#include "tests/harness/test.h"

// Two functions, "vm_map" at 0x10 and "vm_x" at 0x40, up to 0x80; token 0 is "vm_".
static const struct {
    struct ksym_table table;
    uint8_t text[16];
} blob = {
    .table = {.size_bytes = sizeof(blob),
              .count = 2,
              .start = 0x10,
              .tokens = 24,
              .token_count = 1,
              .functions = 28},
    .text = {3, 'v', 'm', '_', 0x30 / 4, 4, 0x80, 'm', 'a', 'p', 0x40 / 4, 2, 0x80, 'x'},
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
        uint8_t text[100];
    } long_name = {
        .table = {.size_bytes = sizeof(long_name), .count = 1, .tokens = 24, .functions = 24},
    };
    memset(long_name.text, 'a', sizeof(long_name.text));
    long_name.text[0] = 1;
    long_name.text[1] = 90;
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_OK(ksym_find(span_of(&long_name, sizeof(long_name)), 1, name, &start));
    EXPECT_EQ(strlen(name), KSYM_NAME_MAX - 1);
}

TEST(a_large_function_has_a_size_of_several_bytes)
{
    const struct {
        struct ksym_table table;
        uint8_t text[8];
    } large = {
        .table = {.size_bytes = sizeof(large), .count = 2, .tokens = 24, .functions = 24},
        .text = {0x81, 0x80, 0x01, 1, 'a', 1, 1, 'b'},
    };
    const uint32_t size = 4 * ((1u << 14) + 1);
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_OK(ksym_find(span_of(&large, sizeof(large)), size - 1, name, &start));
    EXPECT_STR(name, "a");
    EXPECT_OK(ksym_find(span_of(&large, sizeof(large)), size, name, &start));
    EXPECT_STR(name, "b");
    EXPECT_EQ(start, size);
}

TEST(a_size_without_an_end_gives_no_name)
{
    struct {
        struct ksym_table table;
        uint8_t text[16];
    } endless = {
        .table = {.size_bytes = sizeof(endless), .count = 1, .tokens = 24, .functions = 24},
    };
    memset(endless.text, 0xff, sizeof(endless.text));
    char name[KSYM_NAME_MAX];
    uint32_t start;
    EXPECT_STATUS(ksym_find(span_of(&endless, sizeof(endless)), 0, name, &start), ERR_NOENT);
}
