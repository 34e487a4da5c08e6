// SPDX-License-Identifier: Apache-2.0
#include "lib/base64/base64.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

static status_t decode(const char *text, char *out, size_t size, size_t *written)
{
    return base64_decode(span_of(text, strlen(text)), out, size, written);
}

TEST(the_examples_of_rfc_4648_section_10)
{
    static const char *const pairs[][2] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        char out[8] = {};
        size_t written;
        EXPECT_OK(decode(pairs[i][0], out, sizeof(out) - 1, &written));
        EXPECT_EQ(written, strlen(pairs[i][1]));
        EXPECT_STR(out, pairs[i][1]);
    }
}

TEST(padding_may_be_left_out)
{
    char out[8] = {};
    size_t written;
    EXPECT_OK(decode("Zm9vYg", out, sizeof(out), &written));
    EXPECT_EQ(written, 4);
    EXPECT_STR(out, "foob");
}

TEST(what_is_not_base64_is_refused)
{
    static const char *const texts[] = {
        "Z",         "Zm9vY", "Zm9v YmFy", "Zm-_", "Zm9v\n", "Z=g=", "Zm9vYg=",
        "Zm9vYg===", "Zm9v=", "=",         "Zh==", "A",      "====", "Zm9=",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        char out[8];
        size_t written;
        EXPECT_STATUS(decode(texts[i], out, sizeof(out), &written), ERR_INVAL);
    }
}

TEST(a_result_that_does_not_fit_is_refused)
{
    char out[3] = {0, 0, '!'};
    size_t written;
    EXPECT_STATUS(decode("Zm9v", out, 2, &written), ERR_RANGE);
    EXPECT_EQ(out[2], '!');
}

TEST(every_byte_survives_encoding_and_decoding)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct test_random random = {1};
    for (int round = 0; round < 1000; round++) {
        uint8_t bytes[30];
        char text[40];
        uint8_t out[30];
        size_t written;
        for (size_t i = 0; i < sizeof(bytes); i += 3) {
            uint32_t bits = (uint32_t)test_random_below(&random, 1u << 24);
            for (size_t j = 0; j < 3; j++) {
                bytes[i + j] = (uint8_t)(bits >> (16 - 8 * j));
            }
            for (size_t j = 0; j < 4; j++) {
                text[i / 3 * 4 + j] = alphabet[bits >> (18 - 6 * j) & 63];
            }
        }
        EXPECT_OK(base64_decode(span_of(text, sizeof(text)), out, sizeof(out), &written));
        EXPECT_EQ(written, sizeof(bytes));
        EXPECT_MEM(out, bytes, sizeof(bytes));
    }
}
