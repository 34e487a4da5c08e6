// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bits.h"
#include "lib/boot/manifest.h"
#include "tests/harness/test.h"

static const struct manifest_entry two[] = {
    {.name = "kernel.img", .size_bytes = 0x123456789, .sha256 = {1, 2, 3}},
    {.name = "cmdline", .size_bytes = 7, .sha256 = {[31] = 9}},
};

struct file {
    uint8_t bytes[MANIFEST_SIZE_MAX];
    size_t size;
};

// A manifest of two entries; its signature is 64 zeros, which the parser does not look into.
static struct file good(void)
{
    struct file file = {0};
    status_t status = manifest_emit(two, 2, 42, file.bytes, &file.size);
    file.size = status == OK ? file.size + MANIFEST_SIGNATURE_SIZE : 0;
    return file;
}

static status_t parse(const struct file *file)
{
    struct manifest manifest;
    return manifest_parse(span_of(file->bytes, file->size), &manifest);
}

TEST(what_was_emitted_is_parsed)
{
    struct file file = good();
    struct manifest manifest;
    EXPECT_OK(manifest_parse(span_of(file.bytes, file.size), &manifest));
    EXPECT_EQ(manifest.generation, 42);
    EXPECT_EQ(manifest.entry_count, 2);
    EXPECT_EQ(manifest.body.size, 32 + 2 * 80);
    EXPECT(manifest.signature == file.bytes + manifest.body.size);
    for (size_t i = 0; i < 2; i++) {
        struct manifest_entry entry;
        EXPECT_OK(manifest_find(&manifest, two[i].name, &entry));
        EXPECT_MEM(&entry, &two[i], sizeof(entry));
    }
}

TEST(a_name_that_is_not_there_is_not_found)
{
    struct file file = good();
    struct manifest manifest;
    struct manifest_entry entry;
    EXPECT_OK(manifest_parse(span_of(file.bytes, file.size), &manifest));
    EXPECT_STATUS(manifest_find(&manifest, "kernel.im", &entry), ERR_NOENT);
    EXPECT_STATUS(manifest_find(&manifest, "kernel.img2", &entry), ERR_NOENT);
    EXPECT_STATUS(manifest_find(&manifest, "", &entry), ERR_NOENT);
}

TEST(a_manifest_of_any_other_length_is_refused)
{
    struct file file = good();
    size_t right = file.size;
    for (file.size = 0; file.size <= sizeof(file.bytes); file.size++) {
        status_t want = file.size < MANIFEST_HEADER_SIZE ? ERR_NOEXEC : ERR_INVAL;
        EXPECT_STATUS(parse(&file), file.size == right ? OK : want);
    }
}

TEST(another_magic_or_version_is_told_apart)
{
    struct file file = good();
    file.bytes[8] = 2;
    EXPECT_STATUS(parse(&file), ERR_NOTSUP);
    file.bytes[0] = 's';
    EXPECT_STATUS(parse(&file), ERR_NOEXEC);
}

TEST(a_count_of_entries_out_of_bounds_is_refused)
{
    struct file file = good();
    file.bytes[12] = 0;
    EXPECT_STATUS(parse(&file), ERR_INVAL);
    file.bytes[12] = MANIFEST_ENTRIES_MAX + 1;
    EXPECT_STATUS(parse(&file), ERR_INVAL);
    memset(file.bytes + 12, 0xff, 4);
    EXPECT_STATUS(parse(&file), ERR_INVAL);
}

TEST(fields_that_must_be_zero_are_looked_at)
{
    static const size_t places[] = {24, 31, 32 + 72, 32 + 80 + 79, 32 + 11};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        struct file file = good();
        file.bytes[places[i]] = 1;
        EXPECT_STATUS(parse(&file), ERR_INVAL);
    }
}

TEST(names_are_plain_and_end_in_their_field)
{
    static const char *const names[] = {"", "a/b", "a\\b", "a b", "a\x80", "..\x1f"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct file file = good();
        memset(file.bytes + 32, 0, MANIFEST_NAME_SIZE);
        memcpy(file.bytes + 32, names[i], strlen(names[i]));
        EXPECT_STATUS(parse(&file), ERR_INVAL);
    }
    struct file file = good();
    memset(file.bytes + 32, 'a', MANIFEST_NAME_SIZE);
    EXPECT_STATUS(parse(&file), ERR_INVAL);
}

TEST(a_name_stands_there_once)
{
    struct file file = good();
    memcpy(file.bytes + 32 + 80, file.bytes + 32, MANIFEST_NAME_SIZE);
    EXPECT_STATUS(parse(&file), ERR_INVAL);
}

TEST(nothing_that_would_be_refused_is_emitted)
{
    struct manifest_entry entries[MANIFEST_ENTRIES_MAX + 1] = {0};
    uint8_t buf[MANIFEST_SIZE_MAX];
    size_t size = 0;
    EXPECT_STATUS(manifest_emit(entries, 0, 1, buf, &size), ERR_INVAL);
    EXPECT_STATUS(manifest_emit(entries, 1, 1, buf, &size), ERR_INVAL);
    EXPECT_STATUS(manifest_emit(entries, ARRAY_SIZE(entries), 1, buf, &size), ERR_INVAL);
}
