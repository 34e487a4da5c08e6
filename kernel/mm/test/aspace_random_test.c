// SPDX-License-Identifier: Apache-2.0
/*
 * Random operations against a naive model, operations with every allocation failing in turn, and
 * threads that work in one address space at the same time.
 */
#include "kernel/core/test/spawn.h"
#include "kernel/mm/aspace.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { PAGES = 40 };
static const vaddr_t place = 0x7fff0000; // across the bounds of page tables

struct model_page {
    bool is_mapped;
    uint8_t prot;
    uint8_t value;
};

struct side {
    struct aspace *as;
    struct model_page pages[PAGES];
};

static vaddr_t page(size_t index)
{
    return place + index * PAGE_SIZE;
}

static int expected_byte(const struct model_page *p)
{
    return p->is_mapped && p->prot != PROT_NONE ? p->value : -1;
}

static unsigned random_prot(struct test_random *random)
{
    static const unsigned prots[] = {PROT_NONE, PROT_READ, PROT_RW, PROT_RW, PROT_RX};
    return prots[test_random_below(random, 5)];
}

static bool has_hole(const struct side *s, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (!s->pages[i].is_mapped) {
            return true;
        }
    }
    return false;
}

static void change_range(struct side *s, size_t first, size_t end, struct test_random *random)
{
    unsigned prot = random_prot(random);
    switch (test_random_below(random, 3)) {
    case 0:
        EXPECT_EQ(user_map(s->as, page(first), end - first, prot, 0), page(first));
        for (size_t i = first; i < end; i++) {
            s->pages[i] = (struct model_page){.is_mapped = true, .prot = (uint8_t)prot};
        }
        break;
    case 1:
        EXPECT_OK(aspace_unmap(s->as, page(first), end - first));
        for (size_t i = first; i < end; i++) {
            s->pages[i].is_mapped = false;
        }
        break;
    default:
        if (has_hole(s, first, end)) {
            EXPECT_STATUS(aspace_protect(s->as, page(first), end - first, prot), ERR_NOMEM);
            return;
        }
        EXPECT_OK(aspace_protect(s->as, page(first), end - first, prot));
        for (size_t i = first; i < end; i++) {
            s->pages[i].prot = (uint8_t)prot;
        }
    }
}

static void access_page(struct side *s, size_t index, struct test_random *random)
{
    struct model_page *p = &s->pages[index];
    user_enter(s->as);
    if (test_random_below(random, 2) == 0) {
        EXPECT_EQ(user_peek(page(index)), expected_byte(p));
        return;
    }
    uint8_t value = (uint8_t)test_random_below(random, 256);
    bool may_write = p->is_mapped && (p->prot & PROT_WRITE) != 0;
    EXPECT_EQ(user_write(page(index), value), may_write);
    p->value = may_write ? value : p->value;
}

// The other side becomes a copy of this one.
static void fork_side(struct side *s, struct side *other)
{
    struct aspace *child = NULL;
    EXPECT_OK(aspace_fork(s->as, &child));
    user_enter(child);
    aspace_unref(other->as);
    *other = *s;
    other->as = child;
}

static void expect_agreement(struct side *s)
{
    size_t mapped = 0;
    user_enter(s->as);
    for (size_t i = 0; i < PAGES; i++) {
        struct region_info info = {};
        bool has_region = aspace_next_region(s->as, page(i), &info) == OK && info.start <= page(i);
        EXPECT_EQ(has_region, s->pages[i].is_mapped);
        EXPECT(!has_region || info.prot == s->pages[i].prot);
        EXPECT_EQ(user_peek(page(i)), expected_byte(&s->pages[i]));
        mapped += s->pages[i].is_mapped;
    }
    EXPECT_EQ(s->as->mapped_pages, mapped);
}

static void random_step(struct side *sides, struct test_random *random)
{
    struct side *s = &sides[test_random_below(random, 2)];
    size_t first = test_random_below(random, PAGES);
    // Mostly short ranges: long ones have a hole somewhere, and little could be protected.
    size_t limit = test_random_below(random, 4) == 0 ? PAGES : 4;
    limit = limit < PAGES - first ? limit : PAGES - first;
    size_t end = first + 1 + test_random_below(random, limit);
    uint64_t kind = test_random_below(random, 20);
    if (kind == 0) {
        fork_side(s, s == sides ? sides + 1 : sides);
    } else if (kind < 8) {
        change_range(s, first, end, random);
    } else {
        access_page(s, first, random);
    }
}

TEST(random_operations_agree_with_a_naive_model)
{
    static struct side sides[2];
    struct test_random random = {17};
    memset(sides, 0, sizeof(sides));
    EXPECT_OK(aspace_create(&sides[0].as));
    EXPECT_OK(aspace_create(&sides[1].as));
    for (unsigned step = 0; step < 3000 && !test_has_failed(); step++) {
        random_step(sides, &random);
        if (step % 50 == 0) {
            expect_agreement(&sides[0]);
            expect_agreement(&sides[1]);
        }
    }
    user_enter(NULL);
    aspace_unref(sides[0].as);
    aspace_unref(sides[1].as);
}

/* ---- Without memory ---- */

static void prepare(struct side *s)
{
    memset(s, 0, sizeof(*s));
    EXPECT_OK(aspace_create(&s->as));
    EXPECT(user_map(s->as, page(0), 20, PROT_RW, 0) != 0);
    EXPECT(user_map(s->as, page(24), 10, PROT_RW, 0) != 0);
    user_enter(s->as);
    for (size_t i = 0; i < 34; i++) {
        bool is_mapped = i < 20 || i >= 24;
        s->pages[i] = (struct model_page){is_mapped, PROT_RW, 0};
        if (is_mapped && i % 3 != 0) {
            s->pages[i].value = (uint8_t)(i + 1);
            EXPECT(user_write(page(i), s->pages[i].value));
        }
    }
}

static status_t try_map(struct aspace *as)
{
    struct vmo *v = NULL;
    vaddr_t va = page(5);
    status_t status = vmo_create_anonymous(4, &v);
    if (status == OK) {
        struct mapping m = {.vmo = v, .size_pages = 4, .flags = ASPACE_FIXED};
        status = aspace_map(as, &m, &va);
        vmo_unref(v);
    }
    return status;
}

static status_t try_unmap(struct aspace *as)
{
    return aspace_unmap(as, page(5), 4);
}

static status_t try_protect(struct aspace *as)
{
    return aspace_protect(as, page(5), 4, PROT_READ);
}

static status_t try_fork(struct aspace *as)
{
    struct aspace *child = NULL;
    status_t status = aspace_fork(as, &child);
    if (status == OK) {
        aspace_unref(child);
    }
    return status;
}

static status_t try_populate(struct aspace *as)
{
    return aspace_populate(as, page(0), 20, true);
}

// Runs `operation` with each of its allocations failing once; a failure has changed nothing.
static void sweep(status_t (*operation)(struct aspace *))
{
    static struct side s;
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed && !test_has_failed(); n++) {
        prepare(&s);
        inject_arm(n);
        status_t status = operation(s.as);
        has_failed = inject_disarm();
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
        if (status != OK) {
            expect_agreement(&s);
        }
        user_enter(NULL);
        aspace_unref(s.as);
    }
}

TEST(mapping_without_memory_changes_nothing)
{
    sweep(try_map);
}

TEST(unmapping_without_memory_changes_nothing)
{
    sweep(try_unmap);
}

TEST(protecting_without_memory_changes_nothing)
{
    sweep(try_protect);
}

TEST(forking_without_memory_changes_nothing)
{
    sweep(try_fork);
}

TEST(populating_without_memory_changes_nothing)
{
    sweep(try_populate);
}

TEST(an_address_space_without_memory_is_not_there)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed; n++) {
        struct aspace *as = NULL;
        inject_arm(n);
        status_t status = aspace_create(&as);
        has_failed = inject_disarm();
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
        if (status == OK) {
            aspace_unref(as);
        }
    }
}

/* ---- At the same time ---- */

enum { WORKERS = 4, SLICE = 16, ROUNDS = 60 };
constexpr size_t FORK_PAGE = (size_t)WORKERS * SLICE;

static struct {
    struct aspace *as;
    _Atomic unsigned wrong;
} crowd;

static void expect_value(vaddr_t va, int value)
{
    crowd.wrong += user_peek(va) != value;
}

// Each worker changes its own pages in every way while others do the same next to it.
static void work_in_slice(void *number)
{
    size_t first = (uintptr_t)number * SLICE;
    struct test_random random = {(uintptr_t)number + 1};
    user_enter(crowd.as);
    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t i = first + test_random_below(&random, SLICE);
        crowd.wrong += user_map(crowd.as, page(first), SLICE, PROT_RW, 0) == 0;
        crowd.wrong += !user_write(page(i), (uint8_t)round);
        crowd.wrong += aspace_protect(crowd.as, page(first), SLICE / 2, PROT_READ) != OK;
        expect_value(page(i), (uint8_t)round);
        crowd.wrong += aspace_unmap(crowd.as, page(first + SLICE / 4), 2) != OK;
        expect_value(page(first + SLICE / 4), -1);
    }
    user_enter(NULL);
}

static void fork_often(void *)
{
    user_enter(crowd.as);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct aspace *child = NULL;
        crowd.wrong += !user_write(page(FORK_PAGE), 1);
        crowd.wrong += aspace_fork(crowd.as, &child) != OK;
        crowd.wrong += !user_write(page(FORK_PAGE), 2);
        user_enter(child);
        expect_value(page(FORK_PAGE), 1);
        crowd.wrong += !user_write(page(FORK_PAGE), 3);
        user_enter(crowd.as);
        aspace_unref(child);
        expect_value(page(FORK_PAGE), 2);
    }
    user_enter(NULL);
}

TEST(threads_change_one_address_space_at_the_same_time)
{
    crowd.wrong = 0;
    EXPECT_OK(aspace_create(&crowd.as));
    EXPECT(user_map(crowd.as, page(FORK_PAGE), 1, PROT_RW, 0) != 0);
    for (uintptr_t i = 0; i < WORKERS; i++) {
        EXPECT(test_spawn("slice", work_in_slice, (void *)i) != NULL);
    }
    EXPECT(test_spawn("fork", fork_often, NULL) != NULL);
    test_join_all();
    aspace_unref(crowd.as);
    EXPECT_EQ(crowd.wrong, 0);
}

// Works in the address space on one CPU and then on another; the first CPU keeps it active.
static void wander(void *)
{
    static uint64_t bits[1];
    static struct cpu_set set = {1, bits};
    user_enter(crowd.as);
    for (unsigned i = 0; i < 2 && i < cpu_online_count(); i++) {
        bits[0] = 1ull << i;
        crowd.wrong += thread_set_affinity(thread_current(), &set) != OK;
        crowd.wrong += !user_write(page(i), 1);
    }
    user_enter(NULL);
}

TEST(an_address_space_dies_although_a_cpu_still_has_it_active)
{
    crowd.wrong = 0;
    EXPECT_OK(aspace_create(&crowd.as));
    EXPECT(user_map(crowd.as, page(0), 2, PROT_RW, 0) != 0);
    EXPECT(test_spawn("wanderer", wander, NULL) != NULL);
    test_join_all();
    aspace_unref(crowd.as);
    EXPECT_EQ(crowd.wrong, 0);
}
