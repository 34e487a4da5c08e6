// SPDX-License-Identifier: Apache-2.0
#include "lib/base/bits.h"
#include "lib/boot/image.h"
#include "tests/harness/test.h"

// A header in the layout of the boot protocol, followed by some of the image.
struct image {
    uint32_t code[2];
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic;
    uint32_t pe_offset;
    uint8_t rest[64];
};

static const struct image good = {.image_size = 4096, .flags = 0xa, .magic = 0x644d5241};

static status_t check(const struct image *image)
{
    uint64_t size = 0;
    return image_check(span_of(image, sizeof(*image)), &size);
}

TEST(a_good_image_tells_the_memory_it_needs)
{
    uint64_t size = 0;
    EXPECT_OK(image_check(span_of(&good, sizeof(good)), &size));
    EXPECT_EQ(size, 4096);
}

TEST(a_file_shorter_than_the_header_is_no_image)
{
    static uint8_t last[IMAGE_HEADER_SIZE];
    uint64_t size = 0;
    for (size_t length = 0; length < IMAGE_HEADER_SIZE; length++) {
        // Where the header would go on there is nothing to read.
        uint8_t *file = last + sizeof(last) - length;
        memcpy(file, &good, length);
        EXPECT_STATUS(image_check(span_of(file, length), &size), ERR_NOEXEC);
    }
}

TEST(a_wrong_magic_is_no_image)
{
    struct image image = good;
    image.magic ^= 1u << 31;
    EXPECT_STATUS(check(&image), ERR_NOEXEC);
}

TEST(an_image_that_does_not_name_its_page_size_is_good)
{
    struct image image = good;
    image.flags = 0x8;
    EXPECT_OK(check(&image));
}

TEST(what_the_loader_does_not_do_is_not_supported)
{
    static const uint64_t flags[] = {0xb, 0xc, 0xe, 0x2};
    struct image image = good;
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        image.flags = flags[i];
        EXPECT_STATUS(check(&image), ERR_NOTSUP);
    }
    image = good;
    image.text_offset = 0x80000;
    EXPECT_STATUS(check(&image), ERR_NOTSUP);
}

TEST(an_image_needs_at_least_the_memory_of_its_file)
{
    struct image image = good;
    image.image_size = sizeof(image);
    EXPECT_OK(check(&image));
    image.image_size = sizeof(image) - 1;
    EXPECT_STATUS(check(&image), ERR_INVAL);
}

TEST(an_absurd_size_is_refused)
{
    struct image image = good;
    image.image_size = UINT64_MAX;
    EXPECT_STATUS(check(&image), ERR_INVAL);
    image.image_size = IMAGE_SIZE_MAX + 1ull;
    EXPECT_STATUS(check(&image), ERR_INVAL);
}
