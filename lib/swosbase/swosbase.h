// SPDX-License-Identifier: Apache-2.0
/*
 * SWOSBASE version 4, the format of base images: a read-only file system of which every byte is
 * covered by one signature.
 *
 *   block 0          superblock: what follows, the root of the hash tree, and an Ed25519 signature
 *   blocks 1...      metadata: inodes, directory entries, names and targets of links
 *   then             contents of files, each from the start of a block on, the rest of its last
 *                    block zero
 *   tree_start...    hash tree: SHA-256 of each block from block 1 to here, 128 hashes a block; then
 *                    of these blocks, and so on up to a level of one block, whose hash is the root
 *
 * Blocks have 4096 bytes; numbers are little endian; padding and reserved fields are zero.
 *
 *   superblock                                   inode (32 bytes), at 32 times its number
 *   0    8   "SWOSBASE"                          0   4  mode: type and permissions as POSIX has them
 *   8    4   version, 4                          4   4  owner
 *   12   4   block size, 4096                    8   4  group
 *   16   8   blocks in all                       12  4  links
 *   24   8   tree_start, a block                 16  8  size: bytes; of a directory: entries
 *   32   8   bytes of metadata                   24  8  place, in bytes: of a file's content in the
 *   40   4   inodes                                     image; of entries or a target in the metadata
 *   44   4   0                                   directory entry (16 bytes), sorted by name
 *   48   8   generation                          0   4  inode
 *   56   8   time of all files, seconds          4   4  place of the name in the metadata
 *   64   32  root of the hash tree               8   2  length of the name, 1 to 255
 *   96   32  label, padded with zeros            10  6  0
 *   128  64  signature of bytes 0 to 127
 *   192      0
 *
 * Inode 0 is the root directory.
 *
 * Nothing here reads, hashes or verifies: who mounts an image checks the signature of the superblock,
 * and each block against its hash before a byte of it gets here.  Yet nothing here believes it either:
 * what is malformed is ERR_INVAL.
 */
#pragma once

#include "lib/base/span.h"

enum {
    SWOSBASE_BLOCK_SIZE = 4096,
    SWOSBASE_HASH_SIZE = 32,
    SWOSBASE_HASHES_PER_BLOCK = SWOSBASE_BLOCK_SIZE / SWOSBASE_HASH_SIZE,
    SWOSBASE_LEVELS_MAX = 6, // 128^6 blocks are more than an image can have
    SWOSBASE_SIGNED_SIZE = 128,
    SWOSBASE_SIGNATURE_SIZE = 64,
    SWOSBASE_LABEL_SIZE = 32,
    SWOSBASE_NAME_MAX = 255,
    SWOSBASE_TARGET_MAX = 4095,
    SWOSBASE_ROOT = 0, // inode
};

// What the superblock says.
struct swosbase {
    uint64_t blocks;
    uint64_t tree_start;
    uint64_t meta_size; // bytes
    uint32_t inodes;
    unsigned levels;                           // of the tree
    uint64_t level_start[SWOSBASE_LEVELS_MAX]; // first block of each, 0: hashes of the content
    uint64_t level_blocks[SWOSBASE_LEVELS_MAX];
    uint64_t generation;
    uint64_t time;
    uint8_t root_hash[SWOSBASE_HASH_SIZE];
    char label[SWOSBASE_LABEL_SIZE + 1];
};

enum swosbase_type : uint8_t { SWOSBASE_FILE, SWOSBASE_DIRECTORY, SWOSBASE_LINK };

struct swosbase_inode {
    enum swosbase_type type;
    uint32_t mode; // permissions, without the type
    uint32_t owner;
    uint32_t group;
    uint32_t links;
    uint64_t size;
    uint64_t place;
};

struct swosbase_entry {
    uint32_t inode;
    size_t name_len;
    char name[SWOSBASE_NAME_MAX + 1]; // terminated
};

// How metadata is read: `size` bytes at `offset` of it, all of them or an error.
struct swosbase_reader {
    status_t (*read)(void *context, uint64_t offset, void *bytes, size_t size);
    void *context;
};

// Reads a superblock of a device or file of `size` bytes.  ERR_NOEXEC: it is no base image.
// ERR_NOTSUP: of another version.  ERR_NODATA: the image is cut short.  ERR_INVAL.
status_t swosbase_open(const uint8_t block[SWOSBASE_BLOCK_SIZE], uint64_t size,
                       struct swosbase *out);

// What is signed, and the signature, in a superblock.
struct span swosbase_signed_part(const uint8_t block[SWOSBASE_BLOCK_SIZE]);
const uint8_t *swosbase_signature(const uint8_t block[SWOSBASE_BLOCK_SIZE]);

// Inode `number`.  ERR_INVAL, errors of the reader.
status_t swosbase_inode(const struct swosbase *s, const struct swosbase_reader *r, uint32_t number,
                        struct swosbase_inode *out);

// Entry `index` of a directory.  ERR_NOENT: it has no more.  ERR_INVAL, errors of the reader.
status_t swosbase_entry(const struct swosbase *s, const struct swosbase_reader *r,
                        const struct swosbase_inode *directory, uint64_t index,
                        struct swosbase_entry *out);

// The inode of `name`.  ERR_NOENT, ERR_INVAL, errors of the reader.
status_t swosbase_lookup(const struct swosbase *s, const struct swosbase_reader *r,
                         const struct swosbase_inode *directory, struct span name, uint32_t *out);
