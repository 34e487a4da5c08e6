// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "kernel/mm/cache.h"
#include "kernel/mm/inject.h"
#include "kernel/mm/test/disk.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/test.h"

static struct disk disk;
static struct vmo *file;

static void set_up(const struct pager_ops *ops, uint64_t size)
{
    disk_init(&disk);
    file = NULL;
    EXPECT_OK(vmo_create_file(ops, &disk, size, &file));
}

static void tear_down(void)
{
    vmo_unref(file);
}

static int byte_at(uint64_t offset)
{
    uint8_t byte;
    return vmo_read_bytes(file, offset, &byte, 1) == OK ? byte : -1;
}

static status_t put(uint64_t offset, uint8_t byte)
{
    return vmo_write_bytes(file, offset, &byte, 1);
}

TEST(a_file_is_read_page_by_page_from_its_pager)
{
    uint8_t bytes[2] = {};
    set_up(&disk_ops, 3 * PAGE_SIZE + 5);
    EXPECT_EQ(byte_at(0), 1);
    EXPECT_EQ(byte_at(3ull * PAGE_SIZE), 4);
    EXPECT_OK(vmo_read_bytes(file, PAGE_SIZE - 1, bytes, 2));
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(bytes[1], 2);
    EXPECT_STATUS(vmo_read_bytes(file, 3 * PAGE_SIZE + 4, bytes, 2), ERR_RANGE);
    tear_down();
    EXPECT_EQ(disk.releases, 1);
}

TEST(who_reads_on_gets_more_and_more_at_a_time)
{
    set_up(&disk_read_only_ops, (uint64_t)DISK_PAGES * PAGE_SIZE);
    for (uint64_t i = 0; i < DISK_PAGES; i++) {
        EXPECT_EQ(byte_at(i << PAGE_SHIFT), (int)i + 1);
    }
    EXPECT_EQ(disk.pages_read, DISK_PAGES);
    EXPECT_EQ(disk.reads, 4); // 4, 8, 16, and the rest
    tear_down();
}

TEST(a_page_that_cannot_be_read_is_an_error_for_its_readers_only)
{
    set_up(&disk_ops, 4ull * PAGE_SIZE);
    disk.bad_page = 2;
    EXPECT_EQ(byte_at(0), 1);
    EXPECT_EQ(byte_at(1ull * PAGE_SIZE), 2);
    EXPECT_EQ(byte_at(2ull * PAGE_SIZE), -1);
    EXPECT_EQ(byte_at(3ull * PAGE_SIZE), 4);
    disk.bad_page = UINT64_MAX;
    EXPECT_EQ(byte_at(2ull * PAGE_SIZE), 3);
    tear_down();
}

TEST(what_was_written_is_read_and_reaches_the_pager_when_asked)
{
    set_up(&disk_ops, 2ull * PAGE_SIZE);
    EXPECT_OK(put(1, 77));
    EXPECT_OK(put(5 * PAGE_SIZE + 3, 78));
    EXPECT_EQ(vmo_size(file), 5 * PAGE_SIZE + 4);
    EXPECT_EQ(byte_at(0), 1);
    EXPECT_EQ(byte_at(1), 77);
    EXPECT_EQ(byte_at(5 * PAGE_SIZE + 3), 78);
    EXPECT_EQ(disk.pages_written, 0);
    EXPECT_OK(vmo_sync(file, 0, VMO_PAGES_MAX));
    EXPECT_EQ(disk.pages_written, 2);
    EXPECT_EQ(disk.bytes[0][1], 77);
    EXPECT_EQ(disk.bytes[5][3], 78);
    EXPECT_OK(vmo_sync(file, 0, VMO_PAGES_MAX));
    EXPECT_EQ(disk.pages_written, 2);
    tear_down();
}

TEST(what_the_pager_did_not_store_stays_dirty)
{
    set_up(&disk_ops, 3ull * PAGE_SIZE);
    EXPECT_OK(put(0, 70));
    EXPECT_OK(put(2ull * PAGE_SIZE, 72));
    disk.bad_page = 0;
    EXPECT_STATUS(vmo_sync(file, 0, 3), ERR_IO);
    EXPECT_EQ(disk.bytes[2][0], 72);
    disk.bad_page = UINT64_MAX;
    EXPECT_OK(vmo_sync(file, 0, 3));
    EXPECT_EQ(disk.bytes[0][0], 70);
    tear_down();
}

TEST(a_file_that_shrank_and_grew_reads_as_zero_there)
{
    set_up(&disk_ops, 4ull * PAGE_SIZE);
    EXPECT_OK(put(PAGE_SIZE + 9, 9));
    EXPECT_OK(put(3ull * PAGE_SIZE, 9));
    disk_init(&disk);
    memset(disk.bytes[2], 0, sizeof(disk.bytes) - sizeof(disk.bytes[0]) * 2); // as a pager's would
    EXPECT_OK(vmo_resize(file, PAGE_SIZE + 5));
    EXPECT_EQ(byte_at(PAGE_SIZE + 5), -1);
    EXPECT_OK(vmo_resize(file, 8ull * PAGE_SIZE));
    EXPECT_EQ(byte_at(PAGE_SIZE), 2);
    EXPECT_EQ(byte_at(PAGE_SIZE + 9), 0);
    EXPECT_EQ(byte_at(3ull * PAGE_SIZE), 0);
    EXPECT_STATUS(vmo_resize(file, UINT64_MAX), ERR_FBIG);
    tear_down();
}

/* ---- Files of holes ---- */

struct quota {
    size_t used;
    size_t limit;
};

static status_t charge(void *context, size_t count)
{
    struct quota *q = context;
    if (q->used + count > q->limit) {
        return ERR_NOSPC;
    }
    q->used += count;
    return OK;
}

static void uncharge(void *context, size_t count)
{
    struct quota *q = context;
    q->used -= count;
}

static const struct pager_ops memory_ops = {.charge = charge, .uncharge = uncharge};
static struct quota quota;

static void set_up_memory(uint64_t size, size_t limit)
{
    quota = (struct quota){.limit = limit};
    file = NULL;
    EXPECT_OK(vmo_create_file(&memory_ops, &quota, size, &file));
}

TEST(holes_read_as_zero_and_take_no_memory)
{
    uint64_t at = 0;
    set_up_memory(1ull << 40, 2);
    EXPECT_EQ(byte_at(12345), 0);
    EXPECT_EQ(vmo_resident_pages(file), 0);
    EXPECT_OK(put(1ull << 30, 5));
    EXPECT_EQ(quota.used, 1);
    EXPECT(vmo_next_present(file, &at));
    EXPECT_EQ(at, 1ull << 18);
    EXPECT_OK(vmo_zero(file, 1ull << 30, PAGE_SIZE));
    EXPECT_EQ(quota.used, 0);
    EXPECT_EQ(byte_at(1ull << 30), 0);
    tear_down();
}

TEST(a_file_of_holes_has_no_more_pages_than_it_may_have)
{
    uint8_t bytes[3 * PAGE_SIZE];
    memset(bytes, 3, sizeof(bytes));
    set_up_memory(0, 2);
    EXPECT_STATUS(vmo_write_bytes(file, 0, bytes, sizeof(bytes)), ERR_NOSPC);
    EXPECT_EQ(vmo_size(file), 2 * PAGE_SIZE);
    EXPECT_EQ(vmo_resident_pages(file), 2);
    EXPECT_OK(vmo_resize(file, 0));
    EXPECT_EQ(quota.used, 0);
    EXPECT_OK(vmo_write_bytes(file, 10, bytes, 2 * PAGE_SIZE - 10));
    tear_down();
    EXPECT_EQ(quota.used, 0);
}

TEST(zeroing_bytes_keeps_what_is_beside_them)
{
    uint8_t bytes[3 * PAGE_SIZE];
    memset(bytes, 3, sizeof(bytes));
    set_up_memory(0, 3);
    EXPECT_OK(vmo_write_bytes(file, 0, bytes, sizeof(bytes)));
    EXPECT_OK(vmo_zero(file, 100, 2ull * PAGE_SIZE));
    EXPECT_EQ(byte_at(99), 3);
    EXPECT_EQ(byte_at(100), 0);
    EXPECT_EQ(byte_at(2 * PAGE_SIZE + 99), 0);
    EXPECT_EQ(byte_at(2 * PAGE_SIZE + 100), 3);
    EXPECT_EQ(quota.used, 2);
    tear_down();
}

/* ---- Mappings ---- */

static const vaddr_t place = 0x40000000;
static struct aspace *as;

static vaddr_t at_page(size_t index)
{
    return place + index * PAGE_SIZE;
}

static void enter(void)
{
    as = NULL;
    EXPECT_OK(aspace_create(&as));
    user_enter(as);
}

static void leave(void)
{
    user_enter(NULL);
    aspace_unref(as);
}

static void map_file(vaddr_t va, uint64_t first, size_t pages, unsigned prot, unsigned flags)
{
    struct mapping m = {.vmo = file,
                        .offset = first,
                        .size_pages = pages,
                        .prot = prot,
                        .max_prot = PROT_READ | PROT_WRITE | PROT_EXEC,
                        .flags = flags | ASPACE_FIXED};
    if ((flags & ASPACE_SHARED) != 0) {
        EXPECT_OK(aspace_map(as, &m, &va));
        return;
    }
    EXPECT_OK(vmo_create_private(file, &m.vmo));
    EXPECT_OK(aspace_map(as, &m, &va));
    vmo_unref(m.vmo);
}

static status_t fault_at(vaddr_t va, bool is_write)
{
    return aspace_fault(as, &(struct fault){.is_write = is_write, .address = va});
}

TEST(a_shared_mapping_and_write_show_the_same_bytes)
{
    set_up(&disk_ops, 8ull * PAGE_SIZE);
    enter();
    map_file(place, 0, 8, PROT_RW, ASPACE_SHARED);
    EXPECT_EQ(user_peek(at_page(3)), 4);
    EXPECT(user_write(at_page(3), 90));
    EXPECT_EQ(byte_at(3ull * PAGE_SIZE), 90);
    EXPECT_OK(put(3ull * PAGE_SIZE, 91));
    EXPECT_EQ(user_peek(at_page(3)), 91);
    leave();
    tear_down();
}

TEST(each_write_through_a_mapping_reaches_the_pager)
{
    set_up(&disk_ops, 4ull * PAGE_SIZE);
    enter();
    map_file(place, 0, 4, PROT_RW, ASPACE_SHARED);
    EXPECT_EQ(user_peek(at_page(1)), 2);
    EXPECT(user_write(at_page(1), 90));
    EXPECT_OK(vmo_sync(file, 0, 4));
    EXPECT_EQ(disk.bytes[1][0], 90);
    EXPECT(user_write(at_page(1), 91));
    EXPECT_OK(vmo_sync(file, 0, 4));
    EXPECT_EQ(disk.bytes[1][0], 91);
    EXPECT_EQ(disk.pages_written, 2);
    leave();
    tear_down();
}

TEST(a_private_mapping_shows_the_file_until_it_is_written)
{
    set_up(&disk_ops, 8ull * PAGE_SIZE);
    enter();
    map_file(place, 2, 4, PROT_RW, 0);
    EXPECT_EQ(user_peek(at_page(0)), 3);
    EXPECT_OK(put(2ull * PAGE_SIZE, 50));
    EXPECT_EQ(user_peek(at_page(0)), 50);
    EXPECT(user_write(at_page(0), 51));
    EXPECT(user_write(at_page(3), 52)); // never read before
    EXPECT_EQ(byte_at(2ull * PAGE_SIZE), 50);
    EXPECT_EQ(byte_at(5ull * PAGE_SIZE), 6);
    EXPECT_OK(put(2ull * PAGE_SIZE, 53));
    EXPECT_EQ(user_peek(at_page(0)), 51);
    EXPECT_EQ(user_peek(at_page(3)), 52);
    leave();
    tear_down();
}

TEST(a_fork_copies_private_pages_of_a_file_on_write)
{
    struct aspace *child = NULL;
    set_up(&disk_ops, 8ull * PAGE_SIZE);
    enter();
    map_file(place, 2, 4, PROT_RW, 0);
    EXPECT(user_write(at_page(0), 60));
    EXPECT_OK(aspace_fork(as, &child));
    EXPECT(user_write(at_page(0), 61));
    EXPECT(user_write(at_page(1), 62));
    user_enter(child);
    EXPECT_EQ(user_peek(at_page(0)), 60);
    EXPECT_EQ(user_peek(at_page(1)), 4);
    EXPECT(user_write(at_page(1), 63));
    user_enter(as);
    EXPECT_EQ(user_peek(at_page(1)), 62);
    aspace_unref(child);
    leave();
    tear_down();
}

TEST(pages_beyond_the_end_of_a_file_cannot_be_touched)
{
    set_up(&disk_ops, 2 * PAGE_SIZE + 1);
    enter();
    map_file(at_page(0), 0, 8, PROT_RW, ASPACE_SHARED);
    map_file(at_page(8), 0, 8, PROT_RW, 0);
    EXPECT_EQ(user_peek(at_page(2)), 3);
    EXPECT_EQ(user_peek(at_page(10)), 3);
    EXPECT_STATUS(fault_at(at_page(3), false), ERR_RANGE);
    EXPECT_STATUS(fault_at(at_page(11), true), ERR_RANGE);
    EXPECT_OK(vmo_resize(file, 1));
    EXPECT_STATUS(fault_at(at_page(2), false), ERR_RANGE);
    EXPECT_EQ(user_peek(at_page(2)), -1);
    EXPECT_EQ(user_peek(at_page(10)), -1);
    EXPECT_EQ(user_peek(at_page(0)), 1);
    EXPECT_OK(vmo_resize(file, 4ull * PAGE_SIZE));
    EXPECT_EQ(user_peek(at_page(3)), 4);
    leave();
    tear_down();
}

TEST(a_page_that_cannot_be_read_is_an_error_of_the_fault)
{
    set_up(&disk_ops, 4ull * PAGE_SIZE);
    disk.bad_page = 1;
    enter();
    map_file(place, 0, 4, PROT_RW, ASPACE_SHARED);
    EXPECT_STATUS(fault_at(at_page(1), false), ERR_IO);
    EXPECT_OK(fault_at(at_page(0), false));
    leave();
    tear_down();
}

TEST(a_private_object_of_the_kernel_is_written_without_touching_the_file)
{
    struct vmo *v = NULL;
    uint8_t bytes[4] = {};
    set_up(&disk_ops, 2ull * PAGE_SIZE);
    EXPECT_OK(vmo_create_private(file, &v));
    EXPECT_OK(vmo_zero(v, 1, PAGE_SIZE - 1));
    EXPECT_OK(vmo_write_bytes(v, PAGE_SIZE - 1, (uint8_t[]){8, 9}, 2));
    EXPECT_OK(vmo_read_bytes(v, PAGE_SIZE - 2, bytes, 4));
    EXPECT_MEM(bytes, ((uint8_t[]){0, 8, 9, 0}), 4);
    EXPECT_OK(vmo_read_bytes(v, 0, bytes, 1));
    EXPECT_EQ(bytes[0], 1);
    EXPECT_EQ(byte_at(PAGE_SIZE), 2);
    EXPECT_STATUS(vmo_write_bytes(v, 2ull * PAGE_SIZE, bytes, 1), ERR_RANGE);
    vmo_unref(v);
    tear_down();
}

/* ---- Eviction ---- */

TEST(clean_pages_leave_when_memory_is_short_and_come_again)
{
    set_up(&disk_ops, 8ull * PAGE_SIZE);
    enter();
    map_file(place, 0, 8, PROT_READ, ASPACE_SHARED);
    for (size_t i = 0; i < 8; i++) {
        EXPECT_EQ(user_peek(at_page(i)), (int)i + 1);
    }
    EXPECT_OK(put(0, 40));
    EXPECT(cache_shrink(SIZE_MAX) >= 7);
    EXPECT_EQ(vmo_resident_pages(file), 1); // the dirty one
    disk.pages_read = 0;
    EXPECT_EQ(user_peek(at_page(0)), 40);
    EXPECT_EQ(user_peek(at_page(5)), 6);
    EXPECT(disk.pages_read > 0);
    leave();
    tear_down();
}

TEST(a_page_that_was_used_is_spared_once)
{
    set_up(&disk_ops, 2ull * PAGE_SIZE);
    (void)cache_shrink(SIZE_MAX);
    EXPECT_EQ(byte_at(PAGE_SIZE), 2);
    EXPECT_EQ(vmo_resident_pages(file), 1);
    EXPECT_EQ(byte_at(0), 1);
    vmo_read_ahead(file, 0, 2);
    EXPECT_EQ(cache_shrink(2), 2); // sees both in use, and once more
    EXPECT_EQ(vmo_resident_pages(file), 0);
    tear_down();
}

TEST(a_private_copy_does_not_leave)
{
    set_up(&disk_ops, 2ull * PAGE_SIZE);
    enter();
    map_file(place, 0, 2, PROT_RW, 0);
    EXPECT(user_write(at_page(0), 33));
    (void)cache_shrink(SIZE_MAX);
    EXPECT_EQ(vmo_resident_pages(file), 0);
    EXPECT_EQ(user_peek(at_page(0)), 33);
    EXPECT_EQ(user_peek(at_page(1)), 2);
    leave();
    tear_down();
}

/* ---- At the same time ---- */

enum { READERS = 4 };
static struct completion go_on;
static _Atomic unsigned right;

static void wait_in_read(struct disk *)
{
    completion_wait(&go_on);
}

static void read_first(void *)
{
    right += byte_at(0) == 1;
}

static void let_go(void *)
{
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    completion_signal(&go_on);
}

TEST(readers_of_one_page_wait_for_one_read)
{
    set_up(&disk_ops, PAGE_SIZE);
    right = 0;
    completion_init(&go_on, "go on");
    disk.on_read = wait_in_read;
    for (unsigned i = 0; i < READERS; i++) {
        EXPECT(test_spawn("reader", read_first, NULL) != NULL);
    }
    EXPECT(test_spawn("let go", let_go, NULL) != NULL);
    test_join_all();
    EXPECT_EQ(right, READERS);
    EXPECT_EQ(disk.reads, 1);
    tear_down();
}

/* ---- Without memory ---- */

static status_t try_read(void)
{
    uint8_t bytes[3 * PAGE_SIZE];
    return vmo_read_bytes(file, 0, bytes, sizeof(bytes));
}

static status_t try_write(void)
{
    uint8_t bytes[2 * PAGE_SIZE] = {1};
    return vmo_write_bytes(file, PAGE_SIZE / 2, bytes, sizeof(bytes));
}

static status_t try_private(void)
{
    struct vmo *v = NULL;
    status_t status = vmo_create_private(file, &v);
    if (status == OK) {
        status = vmo_zero(v, 10, PAGE_SIZE);
        struct vmo *copy = NULL;
        if (status == OK) {
            status = vmo_clone_cow(v, 0, 4, &copy);
        }
        if (status == OK) {
            vmo_unref(copy);
        }
        vmo_unref(v);
    }
    return status;
}

static status_t try_fault(void)
{
    return aspace_populate(as, place, 3, true);
}

static void sweep(status_t (*operation)(void), unsigned flags)
{
    bool has_failed = inject_is_available();
    for (size_t n = 0; has_failed && !test_has_failed(); n++) {
        set_up(&disk_ops, 4ull * PAGE_SIZE);
        enter();
        map_file(place, 0, 4, PROT_RW, flags);
        inject_arm(n);
        status_t status = operation();
        has_failed = inject_disarm();
        EXPECT(status == OK || (has_failed && status == ERR_NOMEM));
        EXPECT_OK(operation());
        leave();
        tear_down();
    }
}

TEST(reading_a_file_without_memory_fails_and_works_later)
{
    sweep(try_read, 0);
}

TEST(writing_a_file_without_memory_fails_and_works_later)
{
    sweep(try_write, 0);
}

TEST(private_objects_without_memory_fail_and_work_later)
{
    sweep(try_private, 0);
}

TEST(faults_on_files_without_memory_fail_and_work_later)
{
    sweep(try_fault, 0);
    sweep(try_fault, ASPACE_SHARED);
}
