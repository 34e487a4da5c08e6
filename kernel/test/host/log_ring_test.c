// SPDX-License-Identifier: Apache-2.0
/* The largest ring of the log takes more memory in one piece than the smallest machine has. */
#include "lib/log/ring.h"

#include "lib/base/string.h"
#include "tests/harness/alloc.h"
#include "tests/harness/test.h"

static bool append(struct log_ring *ring, const char *text, uint32_t len)
{
    struct log_record r = {.time = 7, .source = "test", .level = LOG_WARN, .cpu = 70000};
    struct log_reservation reserved;
    if (!log_ring_reserve(ring, len, &reserved)) {
        return false;
    }
    log_ring_commit(ring, &reserved, &r, text);
    return true;
}

TEST(the_largest_ring_uses_all_of_its_places)
{
    struct log_ring ring;
    char text[LOG_TEXT_MAX] = "x";
    void *large =
        test_memory_get(LOG_RING_SIZE_MAX); // more than test images should have of their own
    EXPECT(large != NULL);
    log_ring_init(&ring, large, LOG_RING_SIZE_MAX, UINT64_C(1) << 40);
    for (unsigned i = 0; i < 10000; i++) {
        EXPECT(append(&ring, text, LOG_TEXT_MAX));
    }
    uint64_t held = log_ring_next(&ring) - log_ring_oldest(&ring);
    EXPECT_EQ(held, LOG_RING_SIZE_MAX / 2 / LOG_TEXT_MAX - 1);
    EXPECT_EQ(log_ring_next(&ring), (UINT64_C(1) << 40) + 10000);
    test_memory_put(large);
}
