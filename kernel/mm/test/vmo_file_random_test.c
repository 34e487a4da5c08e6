// SPDX-License-Identifier: Apache-2.0
/* Random operations on a file and on mappings of it, against a naive model. */
#include "kernel/mm/cache.h"
#include "kernel/mm/test/disk.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum { PAGES = 24, STEPS = 4000 };
static const vaddr_t shared_place = 0x40000000;
static const vaddr_t private_place = 0x7fff0000; // across the bounds of page tables

static struct {
    struct disk disk;
    struct vmo *file;
    struct aspace *as;
    size_t size; // in pages
    uint8_t bytes[PAGES];
    bool has_copy[PAGES];
    uint8_t copies[PAGES];
} t;

static int in_file(size_t i)
{
    return i < t.size ? t.bytes[i] : -1;
}

static void map(struct vmo *v, vaddr_t va, unsigned flags)
{
    struct mapping m = {.vmo = v,
                        .size_pages = PAGES,
                        .prot = PROT_RW,
                        .max_prot = PROT_RW,
                        .flags = flags | ASPACE_FIXED};
    EXPECT_OK(aspace_map(t.as, &m, &va));
}

static void set_up(void)
{
    memset(&t, 0, sizeof(t));
    disk_init(&t.disk);
    t.size = PAGES;
    memset(t.disk.bytes, 0, sizeof(t.disk.bytes));
    struct vmo *view = NULL;
    EXPECT_OK(vmo_create_file(&disk_ops, &t.disk, (uint64_t)PAGES << PAGE_SHIFT, &t.file));
    EXPECT_OK(vmo_create_private(t.file, &view));
    EXPECT_OK(aspace_create(&t.as));
    map(t.file, shared_place, ASPACE_SHARED);
    map(view, private_place, 0);
    vmo_unref(view);
    user_enter(t.as);
}

static void resize(size_t pages)
{
    // A file system forgets as well what is beyond the end.
    for (size_t i = pages; i < PAGES; i++) {
        memset(t.disk.bytes[i], 0, sizeof(t.disk.bytes[0]));
        t.bytes[i] = 0;
    }
    EXPECT_OK(vmo_resize(t.file, (uint64_t)pages << PAGE_SHIFT));
    t.size = pages;
}

static void write_file(size_t i, uint8_t value)
{
    EXPECT_OK(vmo_write_bytes(t.file, (uint64_t)i << PAGE_SHIFT, &value, 1));
    t.bytes[i] = value;
    if (i >= t.size) {
        EXPECT_EQ(vmo_size(t.file), ((uint64_t)i << PAGE_SHIFT) + 1);
        EXPECT_OK(vmo_resize(t.file, (uint64_t)(i + 1) << PAGE_SHIFT));
        t.size = i + 1;
    }
}

static void write_private(size_t i, uint8_t value)
{
    bool works = i < t.size || t.has_copy[i];
    EXPECT_EQ(user_write(private_place + (i << PAGE_SHIFT), value), works);
    t.has_copy[i] |= works;
    t.copies[i] = value;
}

static void fork_once(void)
{
    struct aspace *child = NULL;
    EXPECT_OK(aspace_fork(t.as, &child));
    user_enter(child);
    aspace_unref(t.as);
    t.as = child;
}

static void step(struct test_random *random)
{
    size_t i = test_random_below(random, PAGES);
    uint8_t value = (uint8_t)test_random_below(random, 256);
    switch (test_random_below(random, 16)) {
    case 0: resize(i); break;
    case 1: fork_once(); break;
    case 2: EXPECT_OK(vmo_sync(t.file, 0, PAGES)); break;
    case 3: (void)cache_shrink(1 + i); break;
    case 4: EXPECT_OK(aspace_discard(t.as, shared_place, PAGES)); break;
    case 5:
        EXPECT_OK(aspace_discard(t.as, private_place + (i << PAGE_SHIFT), 1));
        t.has_copy[i] = false;
        break;
    case 6:
    case 7:
    case 8: write_file(i, value); break;
    case 9:
    case 10:
    case 11: write_private(i, value); break;
    default:
        EXPECT_EQ(user_write(shared_place + (i << PAGE_SHIFT), value), i < t.size);
        t.bytes[i] = i < t.size ? value : t.bytes[i];
    }
}

static void expect_agreement(size_t i)
{
    uint8_t byte = 0;
    status_t status = vmo_read_bytes(t.file, (uint64_t)i << PAGE_SHIFT, &byte, 1);
    EXPECT_EQ(status == OK ? byte : -1, in_file(i));
    EXPECT_EQ(user_peek(shared_place + (i << PAGE_SHIFT)), in_file(i));
    EXPECT_EQ(user_peek(private_place + (i << PAGE_SHIFT)),
              t.has_copy[i] ? t.copies[i] : in_file(i));
}

TEST(files_and_their_mappings_agree_with_a_naive_model)
{
    struct test_random random = {23};
    set_up();
    for (unsigned n = 0; n < STEPS && !test_has_failed(); n++) {
        step(&random);
        expect_agreement(test_random_below(&random, PAGES));
    }
    user_enter(NULL);
    aspace_unref(t.as);
    vmo_unref(t.file);
    EXPECT_EQ(t.disk.releases, 1);
}
