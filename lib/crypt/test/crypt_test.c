// SPDX-License-Identifier: Apache-2.0
#include "lib/crypt/crypt.h"

#include "lib/base/string.h"
#include "tests/harness/test.h"

enum { BYTES_MAX = 128 };

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

// The bytes of a hexadecimal text; gives their number.
static size_t bytes_of(const char *hex, uint8_t out[BYTES_MAX])
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
    return size;
}

TEST(sha256_gives_what_fips_180_4_says)
{
    uint8_t want[BYTES_MAX];
    uint8_t got[CRYPT_SHA256_SIZE];
    (void)bytes_of("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want);
    crypt_sha256(span_of("abc", 3), got);
    EXPECT_MEM(got, want, sizeof(got));
    (void)bytes_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", want);
    crypt_sha256(span_of("", 0), got);
    EXPECT_MEM(got, want, sizeof(got));
}

// RFC 8032 7.1, test 2.
static const char public_key[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char signature[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

TEST(a_signature_holds_for_its_message_and_key_only)
{
    uint8_t key[BYTES_MAX];
    uint8_t sig[BYTES_MAX];
    uint8_t message[1] = {0x72};
    EXPECT_EQ(bytes_of(public_key, key), CRYPT_PUBLIC_KEY_SIZE);
    EXPECT_EQ(bytes_of(signature, sig), CRYPT_SIGNATURE_SIZE);
    EXPECT(crypt_is_signed(span_of(message, 1), sig, key));
    message[0] ^= 1;
    EXPECT(!crypt_is_signed(span_of(message, 1), sig, key));
    message[0] ^= 1;
    sig[63] ^= 1;
    EXPECT(!crypt_is_signed(span_of(message, 1), sig, key));
    sig[63] ^= 1;
    key[0] ^= 1;
    EXPECT(!crypt_is_signed(span_of(message, 1), sig, key));
}

// RFC 8439 A.1, test vectors 1 and 2.
TEST(the_stream_is_that_of_rfc_8439)
{
    static const uint8_t key[CRYPT_STREAM_KEY_SIZE];
    uint8_t want[BYTES_MAX];
    uint8_t got[128];
    (void)bytes_of("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                   "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
                   "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
                   "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
                   want);
    crypt_stream(key, got, sizeof(got));
    EXPECT_MEM(got, want, sizeof(got));
    memset(got, 0, sizeof(got));
    crypt_stream(key, got, 65);
    EXPECT_MEM(got, want, 65);
    EXPECT_EQ(got[65], 0);
}

// The paper's appendix A: key 00 to 0f, data 00 to 0e.
TEST(the_keyed_hash_is_that_of_its_paper)
{
    uint8_t key[CRYPT_SIPHASH_KEY_SIZE];
    for (unsigned i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    EXPECT(crypt_siphash(key, span_of(key, 15)) == 0xa129ca6149be45e5);
    EXPECT(crypt_siphash(key, span_of(key, 0)) == 0x726fdb47dd0e0e31);
}
