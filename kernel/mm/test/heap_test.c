// SPDX-License-Identifier: Apache-2.0
#include "kernel/mm/heap.h"

#include "kernel/core/test/spawn.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/page.h"
#include "lib/base/bits.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

TEST(blocks_of_every_size_are_aligned_and_do_not_overlap)
{
    static const size_t sizes[] = {0,    1,    15,   16,   17,   24,   32,   33,   48,    49,
                                   64,   65,   96,   100,  128,  200,  256,  500,  512,   777,
                                   1024, 1500, 1536, 2047, 2048, 2049, 4096, 5000, 100000};
    void *blocks[ARRAY_SIZE(sizes)];
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        EXPECT_OK(heap_alloc(sizes[i], &blocks[i]));
        EXPECT((uintptr_t)blocks[i] % HEAP_ALIGN_MIN == 0);
        EXPECT(!is_pow2(sizes[i]) || sizes[i] > 4096 || (uintptr_t)blocks[i] % sizes[i] == 0);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        const uint8_t *bytes = blocks[i];
        EXPECT(sizes[i] == 0 || (bytes[0] == i + 1 && bytes[sizes[i] - 1] == i + 1));
        heap_free(blocks[i]);
    }
}

TEST(absurd_sizes_are_no_memory)
{
    void *p = NULL;
    EXPECT_STATUS(heap_alloc(SIZE_MAX, &p), ERR_NOMEM);
    EXPECT_STATUS(heap_zalloc(SIZE_MAX - 4095, &p), ERR_NOMEM);
    EXPECT_STATUS(heap_alloc(((size_t)PAGE_SIZE << PAGE_MAX_ORDER) + 1, &p), ERR_NOMEM);
    EXPECT_STATUS(heap_alloc_array(SIZE_MAX / 2, 4, &p), ERR_NOMEM);
    EXPECT_STATUS(heap_alloc_array(1ull << 32, 1ull << 32, &p), ERR_NOMEM);
}

TEST(zeroed_memory_is_zero_where_others_wrote_before)
{
    for (size_t size = 16; size <= 8192; size *= 2) {
        void *memory = NULL;
        EXPECT_OK(heap_alloc(size, &memory));
        memset(memory, 0xff, size);
        heap_free(memory);
        EXPECT_OK(heap_zalloc(size, &memory));
        size_t zeroes = 0;
        for (size_t i = 0; i < size; i++) {
            zeroes += ((const uint8_t *)memory)[i] == 0;
        }
        heap_free(memory);
        EXPECT_EQ(zeroes, size);
    }
}

TEST(freeing_nothing_is_fine)
{
    heap_free(NULL);
}

TEST(a_cache_refuses_impossible_objects)
{
    struct heap_cache *c = NULL;
    EXPECT_STATUS(heap_cache_create("bad", 0, 8, &c), ERR_INVAL);
    EXPECT_STATUS(heap_cache_create("bad", HEAP_OBJECT_MAX + 1, 8, &c), ERR_INVAL);
    EXPECT_STATUS(heap_cache_create("bad", SIZE_MAX, 8, &c), ERR_INVAL);
    EXPECT_STATUS(heap_cache_create("bad", 64, 0, &c), ERR_INVAL);
    EXPECT_STATUS(heap_cache_create("bad", 64, 24, &c), ERR_INVAL);
    EXPECT_STATUS(heap_cache_create("bad", 64, 8192, &c), ERR_INVAL);
}

enum { OBJECTS = 300 };

static void *objects[OBJECTS];

static void use_cache(size_t size, size_t align)
{
    struct heap_cache *c = NULL;
    size_t misplaced = 0;
    EXPECT_OK(heap_cache_create("test", size, align, &c));
    for (unsigned i = 0; i < OBJECTS; i++) {
        EXPECT_OK(heap_cache_alloc(c, &objects[i]));
        memset(objects[i], 0xee, size);
        misplaced += (uintptr_t)objects[i] % align != 0;
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        heap_cache_free(c, objects[(i * 7) % OBJECTS]);
    }
    heap_cache_destroy(c);
    EXPECT_EQ(misplaced, 0);
}

TEST(objects_of_a_cache_keep_their_alignment_in_every_slab)
{
    use_cache(1, 8);
    use_cache(24, 8);
    use_cache(40, 64);
    use_cache(100, 4096);
    use_cache(HEAP_OBJECT_MAX, 16);
}

static void find_cache(void *context, const char *name, size_t, size_t in_use, size_t pages)
{
    size_t *found = context;
    if (strcmp(name, "counted") == 0) {
        found[0] = in_use;
        found[1] = pages;
    }
}

TEST(the_report_counts_objects_in_callers_hands_only)
{
    struct heap_cache *c = NULL;
    void *mine[5];
    size_t found[2] = {};
    EXPECT_OK(heap_cache_create("counted", 100, 8, &c));
    for (unsigned i = 0; i < 5; i++) {
        EXPECT_OK(heap_cache_alloc(c, &mine[i]));
    }
    heap_cache_free(c, mine[4]);
    heap_for_each_cache(find_cache, found);
    for (unsigned i = 0; i < 4; i++) {
        heap_cache_free(c, mine[i]);
    }
    heap_cache_destroy(c);
    EXPECT_EQ(found[0], 4);
    EXPECT(found[1] > 0);
}

TEST(shrinking_gives_the_pages_of_freed_objects_back)
{
    struct heap_stats before;
    struct heap_stats during;
    struct heap_stats after;
    heap_shrink();
    heap_stats(&before);
    for (unsigned i = 0; i < OBJECTS; i++) {
        EXPECT_OK(heap_alloc(512, &objects[i]));
    }
    heap_stats(&during);
    for (unsigned i = 0; i < OBJECTS; i++) {
        heap_free(objects[i]);
    }
    size_t freed = heap_shrink();
    heap_stats(&after);
    EXPECT(during.slab_pages >= before.slab_pages + OBJECTS / 8 - 1);
    EXPECT(after.slab_pages <= before.slab_pages + OBJECTS / 16);
    EXPECT(freed > 0);
}

TEST(holes_in_slabs_are_filled_before_there_are_new_slabs)
{
    struct heap_cache *c = NULL;
    size_t full[2] = {};
    size_t refilled[2] = {};
    EXPECT_OK(heap_cache_create("counted", 256, 8, &c));
    for (unsigned i = 0; i < OBJECTS; i++) {
        EXPECT_OK(heap_cache_alloc(c, &objects[i]));
    }
    heap_for_each_cache(find_cache, full);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = round % 2; i < OBJECTS; i += 2) {
            heap_cache_free(c, objects[i]);
        }
        for (unsigned i = round % 2; i < OBJECTS; i += 2) {
            EXPECT_OK(heap_cache_alloc(c, &objects[i]));
        }
    }
    heap_for_each_cache(find_cache, refilled);
    for (unsigned i = 0; i < OBJECTS; i++) {
        heap_cache_free(c, objects[i]);
    }
    heap_cache_destroy(c);
    EXPECT(refilled[1] <= full[1] + 4); // what other CPUs' magazines hold
}

TEST(creating_a_cache_without_memory_leaves_nothing)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        struct heap_cache *c = NULL;
        void *object = NULL;
        inject_arm(n);
        status_t status = heap_cache_create("test", 64, 8, &c);
        status_t used = status == OK ? heap_cache_alloc(c, &object) : status;
        has_failed = inject_disarm();
        if (status == OK) {
            heap_cache_free(c, used == OK ? object : NULL);
            heap_cache_destroy(c);
        }
        EXPECT(used == OK || (has_failed && used == ERR_NOMEM));
    }
}

enum { SHARED = 64 };
static _Atomic(uint64_t *) shared[SHARED];
static _Atomic unsigned damaged;

// Threads take each other's blocks, so that objects are freed on other CPUs than they came from.
static void exchange(void *seed)
{
    struct test_random random = {(uintptr_t)seed};
    for (unsigned step = 0; step < 2000; step++) {
        size_t words = 2 + test_random_below(&random, 100);
        void *memory = NULL;
        uint64_t *p = heap_alloc(words * sizeof(*p), &memory) == OK ? memory : NULL;
        if (p != NULL) {
            p[0] = words;
            p[words - 1] = words;
        }
        p = atomic_exchange(&shared[test_random_below(&random, SHARED)], p);
        if (p != NULL) {
            damaged += p[p[0] - 1] != p[0];
            heap_free(p);
        }
    }
}

TEST(blocks_may_be_freed_on_other_cpus)
{
    damaged = 0;
    for (uintptr_t i = 1; i <= 6; i++) {
        EXPECT(test_spawn("heap", exchange, (void *)i) != NULL);
    }
    test_join_all();
    for (unsigned i = 0; i < SHARED; i++) {
        heap_free(atomic_exchange(&shared[i], NULL));
    }
    EXPECT_EQ(damaged, 0);
}
