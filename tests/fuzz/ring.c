// SPDX-License-Identifier: Apache-2.0
/* A virtqueue whose device writes whatever it likes into shared memory, between our steps. */
#include "lib/virtio/ring.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { SIZE = 8, SHARED_SIZE = 512, STEP_SIZE = 4 };

static _Alignas(16) uint8_t shared[SHARED_SIZE];
static struct ring_entry entries[SIZE];
static bool is_out[SIZE]; // tokens in the device

static void take_back(const struct ring_taken *taken)
{
    size_t number = (size_t)((char *)taken->token - (char *)is_out);
    require(number < SIZE && is_out[number]);
    is_out[number] = false;
}

static void give(struct ring *r, unsigned pieces)
{
    uint16_t head = ring_next_head(r);
    require(head < SIZE && !is_out[head]);
    for (unsigned i = 0; i < pieces; i++) {
        ring_add(r, i, 16, i == 0 ? RING_DEVICE_READS : RING_DEVICE_WRITES);
    }
    is_out[head] = true;
    (void)ring_publish(r, &is_out[head]);
}

static void step(struct ring *r, const uint8_t step[STEP_SIZE])
{
    struct ring_taken taken;
    unsigned pieces = step[1] % 4 + 1;
    switch (step[0] % 8) {
    case 0:
        if (ring_room(r) >= pieces) {
            give(r, pieces);
        }
        break;
    case 1:
        if (ring_take(r, &taken)) {
            require(taken.written <= 16 * (SIZE - 1));
            take_back(&taken);
        }
        break;
    case 2: (void)ring_arm(r, (uint16_t)(step[1] % SIZE + 1)); break;
    case 3:
        ring_disarm(r);
        (void)ring_wants_notice(r);
        break;
    default: shared[(step[1] << 8 | step[2]) % SHARED_SIZE] = step[3]; break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ring r;
    struct ring_taken taken;
    memset(shared, 0, sizeof(shared));
    memset(is_out, 0, sizeof(is_out));
    require(ring_layout(SIZE).size <= SHARED_SIZE);
    ring_init(&r, SIZE, shared, entries);
    r.has_events = size % 2 != 0;
    for (size_t i = 0; i + STEP_SIZE <= size; i += STEP_SIZE) {
        step(&r, data + i);
    }
    while (ring_give_up(&r, &taken)) {
        take_back(&taken);
    }
    for (size_t i = 0; i < SIZE; i++) {
        require(!is_out[i]);
    }
    require(r.free == SIZE);
    return 0;
}
