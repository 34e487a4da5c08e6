// SPDX-License-Identifier: Apache-2.0
/* The host program's streams as open files. */
#include "abi/stat.h"
#include "kernel/drv/semihost/semihost.h"
#include "kernel/mm/heap.h"

enum { CHUNK_SIZE = 512 };

struct stream_file {
    struct file file;
    enum semihost_stream stream; // [I]
};

static status_t write(struct file *f, struct uio *from, [[maybe_unused]] uint64_t *position)
{
    enum semihost_stream stream = container_of(f, struct stream_file, file)->stream;
    char chunk[CHUNK_SIZE];
    status_t status = OK;
    while (status == OK && from->left > 0) {
        size_t before = from->left;
        status_t copied = uio_get(from, chunk, sizeof(chunk));
        status = semihost_write(stream, chunk, before - from->left);
        status = status == OK ? copied : status;
    }
    return status;
}

static status_t stat(struct file *f, struct abi_stat *out)
{
    *out = (struct abi_stat){.inode = f->object.id.raw, .mode = ABI_S_IFIFO | 0200, .links = 1};
    return OK;
}

static void release(struct file *f)
{
    heap_free(container_of(f, struct stream_file, file));
}

static const struct file_ops stream_ops = {
    .kind = "guest channel",
    .release = release,
    .write = write,
    .stat = stat,
};

status_t semihost_open(enum semihost_stream stream, struct file **out)
{
    void *memory;
    status_t status = heap_alloc(sizeof(struct stream_file), &memory);
    if (status != OK) {
        return status;
    }
    struct stream_file *f = memory;
    f->stream = stream;
    file_init(&f->file, &stream_ops, FILE_WRITE);
    *out = &f->file;
    return OK;
}
