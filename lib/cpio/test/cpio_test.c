// SPDX-License-Identifier: Apache-2.0
#include "lib/cpio/cpio.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/fmt/fmt.h"
#include "tests/harness/test.h"

enum {
    ROOM = 1024,
    FILE_MODE = 0100644,
    DIRECTORY_MODE = 040755,
};

struct archive {
    char bytes[ROOM];
    size_t size;
};

static void append(struct archive *a, const char *name, uint32_t mode, const char *data)
{
    size_t name_size = strlen(name) + 1;
    size_t data_size = strlen(data);
    a->size += fmt_print(a->bytes + a->size, ROOM - a->size,
                         "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 0, mode, 0,
                         0, 1, 0, data_size, 0, 0, 0, 0, name_size, 0);
    memcpy(a->bytes + a->size, name, name_size);
    a->size = (size_t)align_up(a->size + name_size, 4);
    memcpy(a->bytes + a->size, data, data_size);
    a->size = (size_t)align_up(a->size + data_size, 4);
}

static struct archive example(void)
{
    struct archive a = {};
    append(&a, "bin", DIRECTORY_MODE, "");
    append(&a, "bin/init", FILE_MODE, "program");
    append(&a, "empty", FILE_MODE, "");
    append(&a, "motd", FILE_MODE, "hello");
    append(&a, "TRAILER!!!", 0, "");
    return a;
}

static struct span span_of_archive(const struct archive *a)
{
    return span_of(a->bytes, a->size);
}

TEST(entries_come_in_the_order_of_the_archive)
{
    struct archive a = example();
    struct cpio_entry e = {};
    EXPECT_OK(cpio_next(span_of_archive(&a), &e));
    EXPECT_STR(e.name, "bin");
    EXPECT_EQ(e.mode, DIRECTORY_MODE);
    EXPECT_OK(cpio_next(span_of_archive(&a), &e));
    EXPECT_STR(e.name, "bin/init");
    EXPECT_EQ(e.mode, FILE_MODE);
    EXPECT_EQ(e.data.size, 7);
    EXPECT_MEM(e.data.data, "program", 7);
    EXPECT_OK(cpio_next(span_of_archive(&a), &e));
    EXPECT_OK(cpio_next(span_of_archive(&a), &e));
    EXPECT_STR(e.name, "motd");
    EXPECT_STATUS(cpio_next(span_of_archive(&a), &e), ERR_NOENT);
}

TEST(files_are_found_by_path_with_or_without_a_slash)
{
    struct archive a = example();
    struct span data;
    EXPECT_OK(cpio_find(span_of_archive(&a), "/bin/init", &data));
    EXPECT_EQ(data.size, 7);
    EXPECT_OK(cpio_find(span_of_archive(&a), "motd", &data));
    EXPECT_MEM(data.data, "hello", 5);
    EXPECT_OK(cpio_find(span_of_archive(&a), "empty", &data));
    EXPECT_EQ(data.size, 0);
}

TEST(neither_a_folder_nor_a_part_of_a_name_is_a_file)
{
    struct archive a = example();
    struct span data;
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "bin", &data), ERR_NOENT);
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "bin/ini", &data), ERR_NOENT);
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "bin/init2", &data), ERR_NOENT);
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "", &data), ERR_NOENT);
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "TRAILER!!!", &data), ERR_NOENT);
}

TEST(names_lose_what_archivers_put_before_them)
{
    static const char *const want[] = {".", "bin", "bin/init", "motd"};
    struct archive a = {};
    struct cpio_entry e = {};
    struct span data;
    append(&a, ".", DIRECTORY_MODE, "");
    append(&a, "./bin", DIRECTORY_MODE, "");
    append(&a, "./bin/init", FILE_MODE, "program");
    append(&a, "/motd", FILE_MODE, "hello");
    append(&a, "TRAILER!!!", 0, "");
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        EXPECT_OK(cpio_next(span_of_archive(&a), &e));
        EXPECT_STR(e.name, want[i]);
    }
    EXPECT_OK(cpio_find(span_of_archive(&a), "bin/init", &data));
    EXPECT_OK(cpio_find(span_of_archive(&a), "./motd", &data));
}

TEST(after_the_end_there_is_still_the_end)
{
    struct archive a = {};
    struct cpio_entry e = {};
    append(&a, "TRAILER!!!", 0, "");
    EXPECT_STATUS(cpio_next(span_of_archive(&a), &e), ERR_NOENT);
    EXPECT_STATUS(cpio_next(span_of_archive(&a), &e), ERR_NOENT);
}

TEST(a_name_of_no_bytes_is_refused_whatever_comes_before_it)
{
    enum { HEADER = 110, NAME_SIZE = 94 };
    struct archive a = example();
    struct cpio_entry e = {};
    memcpy(a.bytes + NAME_SIZE, "00000000", 8);
    a.bytes[HEADER - 1] = '\0'; // in the checksum, which nobody reads
    EXPECT_STATUS(cpio_next(span_of_archive(&a), &e), ERR_INVAL);
}

TEST(an_archive_of_another_format_is_refused)
{
    struct archive a = example();
    struct cpio_entry e = {};
    a.bytes[5] = '2'; // the same with checksums, "070702"
    EXPECT_STATUS(cpio_next(span_of_archive(&a), &e), ERR_INVAL);
}

TEST(an_archive_without_its_end_is_corrupt)
{
    struct archive a = {};
    struct span data;
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "motd", &data), ERR_INVAL);
    append(&a, "motd", FILE_MODE, "hello");
    EXPECT_OK(cpio_find(span_of_archive(&a), "motd", &data));
    EXPECT_STATUS(cpio_find(span_of_archive(&a), "other", &data), ERR_INVAL);
}

// A header with `field` (0 to 12, each 8 digits) overwritten by `digits`.
static status_t with_field(size_t field, const char *digits)
{
    struct archive a = example();
    struct cpio_entry e = {};
    memcpy(a.bytes + 6 + 8 * field, digits, 8);
    return cpio_next(span_of_archive(&a), &e);
}

TEST(impossible_headers_are_refused)
{
    enum { MODE = 1, FILE_SIZE = 6, NAME_SIZE = 11 };
    EXPECT_STATUS(with_field(NAME_SIZE, "00000000"), ERR_INVAL);
    EXPECT_STATUS(with_field(NAME_SIZE, "00000003"), ERR_INVAL); // would cut off the NUL
    EXPECT_STATUS(with_field(NAME_SIZE, "ffffffff"), ERR_INVAL);
    EXPECT_STATUS(with_field(FILE_SIZE, "ffffffff"), ERR_INVAL);
    EXPECT_STATUS(with_field(FILE_SIZE, "0000000g"), ERR_INVAL);
    EXPECT_STATUS(with_field(MODE, "0000 1ed"), ERR_INVAL);
    EXPECT_OK(with_field(MODE, "0000A1eD"));
}

// Walks the whole archive; the sanitizer watches that nothing outside is touched.
static bool can_walk(struct span archive)
{
    struct cpio_entry e = {};
    status_t status;
    while ((status = cpio_next(archive, &e)) == OK) {
        bool is_inside =
            e.data.data >= archive.data && e.data.data + e.data.size <= archive.data + archive.size;
        if (!is_inside || memchr(e.name, 0, archive.size) == NULL) {
            return false;
        }
    }
    return status == ERR_NOENT || status == ERR_INVAL;
}

TEST(an_archive_cut_anywhere_is_read_without_leaving_it)
{
    struct archive a = example();
    for (size_t size = 0; size <= a.size; size++) {
        // At the very end of its memory.
        char bytes[ROOM];
        memcpy(bytes + ROOM - size, a.bytes, size);
        EXPECT(can_walk(span_of(bytes + ROOM - size, size)));
    }
}

TEST(an_archive_with_any_bit_flipped_is_read_without_leaving_it)
{
    struct archive a = example();
    char bytes[ROOM];
    char *start = bytes + ROOM - a.size;
    memcpy(start, a.bytes, a.size);
    for (size_t bit = 0; bit < a.size * 8; bit++) {
        start[bit / 8] = (char)(start[bit / 8] ^ 1 << bit % 8);
        EXPECT(can_walk(span_of(start, a.size)));
        start[bit / 8] = (char)(start[bit / 8] ^ 1 << bit % 8);
    }
}
