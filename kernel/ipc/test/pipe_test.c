// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/pipe.h"

#include "abi/stat.h"
#include "kernel/core/test/spawn.h"
#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

static struct {
    struct file *reader;
    struct file *writer;
} ends;

static void open_ends(uint32_t flags)
{
    EXPECT_OK(pipe_open_pair(flags, &ends.reader, &ends.writer));
    object_handle_add(&ends.reader->object);
    object_handle_add(&ends.writer->object);
}

static void close_end(struct file **f)
{
    object_handle_drop(&(*f)->object);
    file_unref(*f);
    *f = NULL;
}

static void close_ends(void)
{
    close_end(&ends.reader);
    close_end(&ends.writer);
}

static status_t put(struct file *f, const void *bytes, size_t size, size_t *moved)
{
    struct uio u;
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    status_t status = file_write(f, &u);
    *moved = size - u.left;
    return status;
}

static status_t take(struct file *f, void *bytes, size_t size, size_t *moved)
{
    struct uio u;
    uio_init_kernel(&u, bytes, size);
    status_t status = file_read(f, &u);
    *moved = size - u.left;
    return status;
}

TEST(a_pipe_gives_what_was_written_in_order)
{
    char bytes[16];
    size_t n;
    open_ends(0);
    EXPECT_OK(put(ends.writer, "hello ", 6, &n));
    EXPECT_OK(put(ends.writer, "world", 5, &n));
    EXPECT_OK(take(ends.reader, bytes, 8, &n));
    EXPECT_EQ(n, 8);
    EXPECT_MEM(bytes, "hello wo", 8);
    EXPECT_OK(take(ends.reader, bytes, sizeof(bytes), &n));
    EXPECT_EQ(n, 3);
    EXPECT_MEM(bytes, "rld", 3);
    close_ends();
}

TEST(each_end_goes_one_way)
{
    char byte = 0;
    size_t n;
    open_ends(0);
    EXPECT_STATUS(put(ends.reader, &byte, 1, &n), ERR_BADF);
    EXPECT_STATUS(take(ends.writer, &byte, 1, &n), ERR_BADF);
    EXPECT_STATUS(file_seek(ends.reader, 0, 0, &(uint64_t){0}), ERR_SPIPE);
    close_ends();
}

TEST(without_writers_a_pipe_is_at_its_end_once_it_is_empty)
{
    char bytes[4];
    size_t n;
    open_ends(0);
    EXPECT_OK(put(ends.writer, "ab", 2, &n));
    close_end(&ends.writer);
    EXPECT_EQ(file_poll(ends.reader, NULL), EVENT_IN | EVENT_HUP);
    EXPECT_OK(take(ends.reader, bytes, 4, &n));
    EXPECT_EQ(n, 2);
    EXPECT_OK(take(ends.reader, bytes, 4, &n));
    EXPECT_EQ(n, 0);
    EXPECT_EQ(file_poll(ends.reader, NULL), EVENT_HUP);
    close_end(&ends.reader);
}

TEST(without_readers_a_write_fails)
{
    size_t n;
    open_ends(0);
    close_end(&ends.reader);
    EXPECT_STATUS(put(ends.writer, "x", 1, &n), ERR_PIPE);
    EXPECT_OK(put(ends.writer, "", 0, &n));
    EXPECT_EQ(file_poll(ends.writer, NULL), EVENT_OUT | EVENT_ERR);
    close_end(&ends.writer);
}

static char big[3 * PIPE_CAPACITY];

TEST(nonblocking_ends_say_again)
{
    size_t n;
    open_ends(FILE_NONBLOCK);
    EXPECT_STATUS(take(ends.reader, big, 1, &n), ERR_AGAIN);
    EXPECT_OK(put(ends.writer, big, sizeof(big), &n));
    EXPECT_EQ(n, PIPE_CAPACITY);
    EXPECT_STATUS(put(ends.writer, big, 1, &n), ERR_AGAIN);
    EXPECT_EQ(file_poll(ends.writer, NULL), 0);
    EXPECT_OK(take(ends.reader, big, 100, &n));
    EXPECT_STATUS(put(ends.writer, big, 101, &n), ERR_AGAIN);
    EXPECT_OK(put(ends.writer, big, 5000, &n));
    EXPECT_EQ(n, 100);
    EXPECT_OK(take(ends.reader, big, PIPE_ATOMIC, &n));
    EXPECT_EQ(file_poll(ends.writer, NULL), EVENT_OUT);
    close_ends();
}

static void fill_with_pattern(char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(i * 7 + i / 4096);
    }
}

static void write_pattern(void *arg)
{
    size_t n;
    (void)arg;
    EXPECT_OK(put(ends.writer, big, sizeof(big), &n));
    EXPECT_EQ(n, sizeof(big));
    close_end(&ends.writer);
}

TEST(a_writer_of_more_than_fits_waits_for_the_reader)
{
    static char got[5000];
    size_t total = 0;
    size_t wrong = 0;
    size_t n;
    fill_with_pattern(big, sizeof(big));
    open_ends(0);
    test_spawn("writer", write_pattern, NULL);
    do {
        EXPECT_OK(take(ends.reader, got, 1 + total % sizeof(got), &n));
        wrong += memcmp(got, big + total, n) != 0;
        total += n;
    } while (n > 0);
    EXPECT_EQ(total, sizeof(big));
    EXPECT_EQ(wrong, 0);
    test_join_all();
    close_end(&ends.reader);
}

enum { WRITERS = 4, RECORDS = 60, RECORD = 3000 };

static void write_records(void *arg)
{
    char record[RECORD];
    size_t n;
    memset(record, (int)(uintptr_t)arg, sizeof(record));
    for (unsigned i = 0; i < RECORDS; i++) {
        EXPECT_OK(put(ends.writer, record, sizeof(record), &n));
        EXPECT_EQ(n, sizeof(record));
    }
}

TEST(writes_up_to_the_atomic_size_do_not_mix)
{
    static char record[RECORD];
    unsigned counts[WRITERS + 1] = {0};
    size_t mixed = 0;
    open_ends(0);
    for (uintptr_t i = 1; i <= WRITERS; i++) {
        test_spawn("writer", write_records, (void *)i);
    }
    for (unsigned i = 0; i < WRITERS * RECORDS; i++) {
        size_t n = 0;
        for (size_t have = 0; have < RECORD; have += n) {
            EXPECT_OK(take(ends.reader, record + have, RECORD - have, &n));
        }
        for (unsigned j = 1; j < RECORD; j++) {
            mixed += record[j] != record[0];
        }
        EXPECT(record[0] >= 1 && record[0] <= WRITERS);
        counts[(unsigned)record[0]]++;
    }
    EXPECT_EQ(mixed, 0);
    for (unsigned i = 1; i <= WRITERS; i++) {
        EXPECT_EQ(counts[i], RECORDS);
    }
    test_join_all();
    close_ends();
}

static _Atomic uint64_t read_total;

static void read_until_end(void *arg)
{
    char bytes[700];
    size_t n;
    (void)arg;
    do {
        EXPECT_OK(take(ends.reader, bytes, sizeof(bytes), &n));
        atomic_fetch_add(&read_total, n);
    } while (n > 0);
}

TEST(readers_share_what_comes_and_all_see_the_end)
{
    atomic_store(&read_total, 0);
    open_ends(0);
    for (unsigned i = 0; i < 3; i++) {
        test_spawn("reader", read_until_end, NULL);
    }
    size_t n;
    size_t total = 0;
    for (unsigned i = 0; i < 300; i++) {
        EXPECT_OK(put(ends.writer, big, 1 + i * 11 % 2500, &n));
        total += n;
    }
    close_end(&ends.writer);
    test_join_all();
    EXPECT_EQ(atomic_load(&read_total), total);
    close_end(&ends.reader);
}

static _Atomic int ended_with;

static void read_one(void *arg)
{
    char byte;
    size_t n;
    (void)arg;
    atomic_store(&ended_with, take(ends.reader, &byte, 1, &n));
}

TEST(a_signal_ends_a_read_that_waits)
{
    open_ends(0);
    atomic_store(&ended_with, 1);
    struct thread *t = test_spawn("reader", read_one, NULL);
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    thread_notify(t, THREAD_SIGNALLED);
    test_join_all();
    EXPECT_EQ(atomic_load(&ended_with), ERR_INTR);
    close_ends();
}

static void write_until_broken(void *arg)
{
    size_t n;
    (void)arg;
    status_t status;
    do {
        status = put(ends.writer, big, PIPE_ATOMIC, &n);
    } while (status == OK);
    atomic_store(&ended_with, status);
}

TEST(a_writer_that_waits_learns_that_the_reader_went)
{
    open_ends(0);
    test_spawn("writer", write_until_broken, NULL);
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    close_end(&ends.reader);
    test_join_all();
    EXPECT_EQ(atomic_load(&ended_with), ERR_PIPE);
    close_end(&ends.writer);
}

TEST(the_capacity_changes_and_keeps_what_is_in_it)
{
    uint32_t size;
    size_t n;
    static char got[sizeof(big)];
    fill_with_pattern(big, sizeof(big));
    open_ends(FILE_NONBLOCK);
    EXPECT_OK(pipe_capacity(ends.reader, &size));
    EXPECT_EQ(size, PIPE_CAPACITY);
    EXPECT_OK(put(ends.writer, big, 10000, &n));
    EXPECT_OK(take(ends.reader, got, 5000, &n));
    EXPECT_STATUS(pipe_set_capacity(ends.writer, 4096, &size), ERR_BUSY);
    EXPECT_OK(pipe_set_capacity(ends.writer, 5001, &size));
    EXPECT_EQ(size, 8192);
    EXPECT_OK(put(ends.writer, big + 10000, 5000, &n));
    EXPECT_EQ(n, 3192);
    EXPECT_OK(pipe_set_capacity(ends.reader, 100000, &size));
    EXPECT_EQ(size, 131072);
    EXPECT_OK(put(ends.writer, big + 13192, 150000, &n));
    EXPECT_EQ(n, 131072 - 8192);
    EXPECT_OK(take(ends.reader, got, sizeof(got), &n));
    EXPECT_EQ(n, 131072);
    EXPECT_MEM(got, big + 5000, n);
    EXPECT_STATUS(pipe_set_capacity(ends.reader, 0, &size), ERR_INVAL);
    EXPECT_STATUS(pipe_set_capacity(ends.reader, PIPE_CAPACITY_MAX + 1, &size), ERR_PERM);
    close_ends();
}

static status_t use_with_failures(void)
{
    uint32_t size;
    size_t n;
    status_t status = pipe_open_pair(FILE_NONBLOCK, &ends.reader, &ends.writer);
    if (status != OK) {
        return status;
    }
    status = put(ends.writer, big, 9000, &n);
    if (status == OK) {
        status = pipe_set_capacity(ends.reader, 32768, &size);
    }
    file_unref(ends.reader);
    file_unref(ends.writer);
    return status;
}

TEST(a_pipe_survives_every_allocation_failing)
{
    for (size_t n = 0; inject_is_available(); n++) {
        inject_arm(n);
        status_t status = use_with_failures();
        if (!inject_disarm()) {
            EXPECT_OK(status);
            break;
        }
        EXPECT(status == ERR_NOMEM || status == OK);
    }
}

/* ---- FIFOs ---- */

static struct pipe *fifo;
static _Atomic unsigned nodes_released;

static status_t stat_node(void *context, struct abi_stat *out)
{
    *out = (struct abi_stat){.inode = (uintptr_t)context};
    return OK;
}

static void release_node(void *context)
{
    (void)context;
    atomic_fetch_add(&nodes_released, 1);
}

static const struct pipe_node_ops node_ops = {.stat = stat_node, .release = release_node};

static void open_fifo(void *arg)
{
    struct file **f = arg;
    uint32_t flags = f == &ends.reader ? FILE_READ : FILE_WRITE;
    EXPECT_OK(pipe_open(fifo, flags, &node_ops, (void *)7, f));
    object_handle_add(&(*f)->object);
}

TEST(opening_a_fifo_waits_for_the_other_side)
{
    char bytes[3];
    size_t n;
    struct abi_stat st;
    atomic_store(&nodes_released, 0);
    EXPECT_OK(pipe_create(&fifo));
    test_spawn("reader", open_fifo, &ends.reader);
    test_spawn("writer", open_fifo, &ends.writer);
    test_join_all();
    EXPECT_OK(put(ends.writer, "abc", 3, &n));
    EXPECT_OK(take(ends.reader, bytes, 3, &n));
    EXPECT_MEM(bytes, "abc", 3);
    EXPECT_OK(ends.reader->ops->stat(ends.reader, &st));
    EXPECT_EQ(st.inode, 7);
    close_ends();
    EXPECT_EQ(atomic_load(&nodes_released), 2);
    pipe_unref(fifo);
}

TEST(a_fifo_opened_without_waiting_needs_a_reader_only_for_writing)
{
    struct file *second;
    char byte;
    size_t n;
    EXPECT_OK(pipe_create(&fifo));
    EXPECT_STATUS(pipe_open(fifo, FILE_WRITE | FILE_NONBLOCK, NULL, NULL, &second), ERR_NXIO);
    EXPECT_OK(pipe_open(fifo, FILE_READ | FILE_NONBLOCK, NULL, NULL, &ends.reader));
    EXPECT_OK(take(ends.reader, &byte, 1, &n));
    EXPECT_EQ(n, 0);
    EXPECT_EQ(file_poll(ends.reader, NULL), 0);
    EXPECT_OK(pipe_open(fifo, FILE_WRITE | FILE_NONBLOCK, NULL, NULL, &ends.writer));
    EXPECT_STATUS(take(ends.reader, &byte, 1, &n), ERR_AGAIN);
    EXPECT_OK(pipe_open(fifo, FILE_READ | FILE_WRITE, NULL, NULL, &second));
    EXPECT_OK(put(second, "x", 1, &n));
    file_unref(second);
    file_unref(ends.writer);
    EXPECT_EQ(file_poll(ends.reader, NULL), EVENT_IN | EVENT_HUP);
    file_unref(ends.reader);
    EXPECT_OK(pipe_open(fifo, FILE_READ | FILE_NONBLOCK, NULL, NULL, &ends.reader));
    EXPECT_OK(take(ends.reader, &byte, 1, &n));
    EXPECT_EQ(n, 0);
    file_unref(ends.reader);
    pipe_unref(fifo);
}
