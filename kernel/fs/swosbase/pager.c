// SPDX-License-Identifier: Apache-2.0
/* Reads blocks of the image into pages, and lets none pass that has not its hash. */
#include "kernel/mm/pager.h"
#include "kernel/core/hash.h"
#include "kernel/core/log.h"
#include "kernel/fs/swosbase/swosbase_priv.h"
#include "kernel/mm/heap.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    HASHES_AT_A_TIME = 8, // they lie on the stack, once for each level
    PATH_SIZE = 256,
};

static_assert(SWOSBASE_BLOCK_SIZE == PAGE_SIZE);

// ---- Reading ----

static status_t read_piece(struct swosbase_fs *fs, uint64_t block, struct page *const *pages,
                           unsigned count)
{
    struct block_segment segments[PAGER_READ_MAX];
    for (unsigned i = 0; i < count; i++) {
        segments[i] = (struct block_segment){page_paddr(pages[i]), PAGE_SIZE};
    }
    struct block_request r = {
        .op = BLOCK_READ,
        .offset = block * SWOSBASE_BLOCK_SIZE,
        .segments = segments,
        .segment_count = count,
    };
    return block_run(fs->device, &r);
}

// As few requests as the device allows.
static status_t read_blocks(struct swosbase_fs *fs, uint64_t block, struct page *const *pages,
                            size_t count)
{
    uint64_t most = u64_min(fs->device->request_max / PAGE_SIZE,
                            u64_min(fs->device->segments_max, PAGER_READ_MAX));
    while (count != 0) {
        unsigned piece = (unsigned)u64_min(count, most);
        status_t status = read_piece(fs, block, pages, piece);
        if (status != OK) {
            return status;
        }
        block += piece;
        pages += piece;
        count -= piece;
    }
    return OK;
}

// ---- Checking ----

// The hashes that `count` blocks of the run must have, from its block `first` on.
static status_t get_hashes(const struct swosbase_run *run, uint64_t first, size_t count,
                           uint8_t (*out)[SWOSBASE_HASH_SIZE])
{
    if (run->hashes == NULL) {
        memcpy(out[0], run->fs->base.root_hash, SWOSBASE_HASH_SIZE);
        return OK;
    }
    return vmo_read_bytes(run->hashes, (run->first_hash + first) * SWOSBASE_HASH_SIZE, out,
                          count * SWOSBASE_HASH_SIZE);
}

static void report(struct swosbase_run *run, uint64_t index, const char *what)
{
    char path[PATH_SIZE] = "the file system's own data";
    if (atomic_exchange_explicit(&run->is_bad, true, memory_order_relaxed)) {
        return;
    }
    if (run->inode != SWOSBASE_NO_INODE) {
        swosbase_path_of(run->fs, run->inode, path, sizeof(path));
    }
    log_error("swosbase", "%s: %s: block %llu %s", run->fs->device->name, path,
              (unsigned long long)(run->first_block + index), what);
}

static status_t check_some(struct swosbase_run *run, uint64_t first, struct page *const *pages,
                           size_t count)
{
    uint8_t want[HASHES_AT_A_TIME][SWOSBASE_HASH_SIZE];
    status_t status = get_hashes(run, first, count, want);
    if (status != OK) {
        report(run, first, "cannot be checked: its hash cannot be read");
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t got[SWOSBASE_HASH_SIZE];
        hash_sha256(span_of(page_virt(pages[i]), PAGE_SIZE), got);
        if (memcmp(got, want[i], sizeof(got)) != 0) {
            report(run, first + i, "is not what was signed");
            return ERR_IO;
        }
    }
    return OK;
}

static status_t check_blocks(struct swosbase_run *run, uint64_t first, struct page *const *pages,
                             size_t count)
{
    for (size_t i = 0; i < count; i += HASHES_AT_A_TIME) {
        size_t piece = (size_t)u64_min(count - i, HASHES_AT_A_TIME);
        status_t status = check_some(run, first + i, pages + i, piece);
        if (status != OK) {
            return status;
        }
    }
    return OK;
}

static status_t read(void *context, uint64_t first, struct page *const *pages, size_t count)
{
    struct swosbase_run *run = context;
    status_t status = read_blocks(run->fs, run->first_block + first, pages, count);
    if (status != OK) {
        report(run, first, "cannot be read");
        return ERR_IO;
    }
    return check_blocks(run, first, pages, count);
}

// ---- Memory objects ----

static void release_file(void *context)
{
    struct swosbase_run *run = context;
    swosbase_fs_unref(run->fs);
    heap_free(run);
}

// Its own objects go with the file system, and nobody else has them.
static const struct pager_ops own_ops = {.read = read};
static const struct pager_ops file_ops = {.read = read, .release = release_file};

status_t swosbase_run_create_vmo(struct swosbase_run *run, uint64_t size, struct vmo **out)
{
    return vmo_create_file(&own_ops, run, size, out);
}

status_t swosbase_file_create_vmo(struct swosbase_fs *fs, uint32_t number,
                                  const struct swosbase_inode *inode, struct vmo **out)
{
    void *memory;
    status_t status = heap_zalloc(sizeof(struct swosbase_run), &memory);
    if (status != OK) {
        return status;
    }
    struct swosbase_run *run = memory;
    *run = (struct swosbase_run){
        .fs = fs,
        .first_block = inode->place / SWOSBASE_BLOCK_SIZE,
        .first_hash = inode->place / SWOSBASE_BLOCK_SIZE - 1, // the tree begins with block 1
        .hashes = fs->levels[0],
        .inode = number,
    };
    status = vmo_create_file(&file_ops, run, inode->size, out);
    if (status != OK) {
        heap_free(run);
        return status;
    }
    refcount_inc(&fs->refs);
    return OK;
}
