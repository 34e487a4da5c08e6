// SPDX-License-Identifier: Apache-2.0
/* Filters: what was checked ends, and touches nothing that is not its own. */
#include "lib/bpf/filter.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static void copy(const void *context, size_t offset, void *to, size_t size)
{
    memcpy(to, (const uint8_t *)context + offset, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bpf_instruction program[BPF_INSTRUCTIONS_MAX];
    if (size == 0) {
        return 0;
    }
    size_t count = u64_min(u64_min(data[0], (size - 1) / sizeof(program[0])), BPF_INSTRUCTIONS_MAX);
    size_t used = 1 + count * sizeof(program[0]);
    memcpy(program, data + 1, count * sizeof(program[0]));
    if (bpf_check(program, count) == OK) {
        const struct bpf_packet p = {.size = size - used, .copy = copy, .context = data + used};
        (void)bpf_run(program, &p);
    }
    return 0;
}
