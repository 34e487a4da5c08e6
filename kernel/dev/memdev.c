// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/memdev.h"

#include "kernel/core/random.h"
#include "kernel/core/thread.h"
#include "kernel/mm/heap.h"

enum { CHUNK_SIZE = 256 };

struct memdev_file {
    struct file file;
    const struct chardev *node; // [I]
};

static void release(struct file *f)
{
    heap_free(container_of(f, struct memdev_file, file));
}

static status_t stat(struct file *f, struct abi_stat *out)
{
    chardev_stat(container_of(f, struct memdev_file, file)->node, out);
    return OK;
}

// Like Linux these can be sought, to no effect.
static status_t read_nothing(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    (void)f;
    (void)to;
    return OK;
}

static status_t read_zeros(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    (void)f;
    while (to->left > 0) {
        status_t status = uio_zero(to, u64_min(to->left, 16ul * PAGE_SIZE));
        if (status != OK) {
            return status;
        }
        if (thread_is_notified(thread_current())) {
            return OK;
        }
        thread_preempt_point();
    }
    return OK;
}

static status_t read_random(struct file *f, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    uint8_t chunk[CHUNK_SIZE];
    status_t status = OK;
    if (file_is_nonblocking(f) && !random_is_seeded()) {
        return ERR_AGAIN;
    }
    status = random_wait(NSEC_NEVER, WAIT_INTERRUPTIBLE);
    while (status == OK && to->left > 0) {
        size_t n = u64_min(to->left, sizeof(chunk));
        random_bytes(chunk, n);
        status = uio_put(to, chunk, n);
        if (thread_is_notified(thread_current())) {
            break;
        }
        thread_preempt_point();
    }
    return status == ERR_INTR ? ERR_RESTART : status;
}

static status_t drop(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    (void)f;
    uio_skip(from, from->left);
    return OK;
}

static status_t refuse(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    (void)f;
    return from->left == 0 ? OK : ERR_NOSPC;
}

// What is written makes the generator no worse; nobody's word is taken for its worth.
static status_t stir(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    (void)f;
    uint8_t chunk[CHUNK_SIZE];
    status_t status = OK;
    while (status == OK && from->left > 0 && !thread_is_notified(thread_current())) {
        size_t before = from->left;
        status = uio_get(from, chunk, sizeof(chunk));
        random_add(chunk, before - from->left, 0);
        thread_preempt_point();
    }
    return status;
}

static status_t no_size(struct file *f, uint64_t *out)
{
    (void)f;
    *out = 0;
    return OK;
}

#define MEMDEV_OPS(name, read_function, write_function)                                            \
    {.kind = (name),                                                                               \
     .is_seekable = true,                                                                          \
     .release = release,                                                                           \
     .read = (read_function),                                                                      \
     .write = (write_function),                                                                    \
     .stat = stat,                                                                                 \
     .size = no_size}

enum memdev { MEMDEV_NULL, MEMDEV_ZERO, MEMDEV_FULL, MEMDEV_RANDOM, MEMDEV_URANDOM, MEMDEVS };

static const struct memdev_kind {
    const char *name;
    uint32_t minor; // of major 1
    struct file_ops ops;
} kinds[MEMDEVS] = {
    [MEMDEV_NULL] = {"null", 3, MEMDEV_OPS("null", read_nothing, drop)},
    [MEMDEV_ZERO] = {"zero", 5, MEMDEV_OPS("zero", read_zeros, drop)},
    [MEMDEV_FULL] = {"full", 7, MEMDEV_OPS("full", read_zeros, refuse)},
    [MEMDEV_RANDOM] = {"random", 8, MEMDEV_OPS("random", read_random, stir)},
    [MEMDEV_URANDOM] = {"urandom", 9, MEMDEV_OPS("urandom", read_random, stir)},
};

static struct chardev nodes[MEMDEVS];

static status_t memdev_open(struct chardev *d, uint32_t flags, struct file **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct memdev_file), &memory);
    if (status != OK) {
        return status;
    }
    struct memdev_file *f = memory;
    f->node = d;
    file_init(&f->file, &kinds[d - nodes].ops, flags & (FILE_READ | FILE_WRITE | FILE_STATUS_MASK));
    *out = &f->file;
    return OK;
}

status_t memdev_open_null(uint32_t flags, struct file **out)
{
    return memdev_open(&nodes[MEMDEV_NULL], flags, out);
}

static const struct chardev_ops node_ops = {.open = memdev_open};

void memdev_init(void)
{
    for (size_t i = 0; i < MEMDEVS; i++) {
        chardev_init(&nodes[i], &node_ops, CHARDEV_ROOT, kinds[i].name, 0666);
        nodes[i].number = chardev_number(1, kinds[i].minor);
        chardev_add(&nodes[i]);
    }
}
