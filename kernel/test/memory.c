// SPDX-License-Identifier: Apache-2.0
/* The memory behind test_alloc in the kernel's test image. */
#include "kernel/mm/heap.h"
#include "tests/harness/alloc.h"

void *test_memory_get(size_t size)
{
    void *memory;
    return heap_alloc(size, &memory) == OK ? memory : NULL;
}

void test_memory_put(void *memory)
{
    heap_free(memory);
}
