// SPDX-License-Identifier: Apache-2.0
/*
 * Reader of flattened device trees (Devicetree Specification 0.4, chapter 5), over borrowed bytes.
 *
 * Nothing is trusted: every token is checked against the blob's bounds when it is read, so a corrupt
 * tree gives ERR_INVAL and never an access outside.  Nothing is allocated, and there is no limit on
 * depth.  The code needs no relocation and makes no unaligned access, because it also runs before the
 * kernel has relocated itself and turned the MMU on.
 *
 * A node is a position that knows its depth.  Walking a whole tree with fdt_next_node touches each
 * token once.
 */
#pragma once

#include "lib/base/span.h"

struct fdt {
    struct span blob;       // the whole tree, totalsize bytes
    uint32_t structure;     // offset of the structure block
    uint32_t structure_end; // its end
    struct span strings;    // property names
    uint32_t reservations;  // offset of the memory reservation block
};

struct fdt_node {
    uint32_t offset; // of its FDT_BEGIN_NODE token
    uint32_t depth;  // 0: the root
};

struct fdt_property {
    const char *name; // terminated
    struct span value;
    uint32_t next; // where the next property is looked for
};

// Checks the header: magic, compatible with version 16 or 17, blocks inside the blob, which must be
// aligned to 4 bytes (5.1 asks for 8).  ERR_INVAL.
status_t fdt_open(struct span blob, struct fdt *out);

// The same for a tree whose size only its header tells; at most 2 MiB (arm64 boot protocol).
status_t fdt_open_address(const void *address, struct fdt *out);

// ERR_INVAL: there is none, so the tree is corrupt.
status_t fdt_root(const struct fdt *f, struct fdt_node *out);

// ERR_NOENT: no more.  ERR_INVAL: corrupt.  `out` may be `node`.
status_t fdt_first_child(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out);
status_t fdt_next_sibling(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out);
// The next node of the whole tree: children before siblings.
status_t fdt_next_node(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out);

// "memory@40000000"; the root's is "".  Borrowed from the blob.
const char *fdt_node_name(const struct fdt *f, const struct fdt_node *node);

// Iterates: start with *p = fdt_properties(node); ERR_NOENT at the end.
struct fdt_property fdt_properties(const struct fdt_node *node);
status_t fdt_next_property(const struct fdt *f, struct fdt_property *p);

// ERR_NOENT: no such property.
status_t fdt_property(const struct fdt *f, const struct fdt_node *node, const char *name,
                      struct span *out);
// A property of one 32-bit cell.  ERR_NOENT, ERR_INVAL (another size).
status_t fdt_property_u32(const struct fdt *f, const struct fdt_node *node, const char *name,
                          uint32_t *out);
// The first string of a property.  ERR_NOENT, ERR_INVAL (not terminated).
status_t fdt_property_string(const struct fdt *f, const struct fdt_node *node, const char *name,
                             const char **out);

// By absolute path, "/" or "/cpus/cpu@0"; a component without @ matches any unit address.
status_t fdt_find_path(const struct fdt *f, const char *path, struct fdt_node *out);
// Like a path, but the part up to `len`.
status_t fdt_find_path_n(const struct fdt *f, const char *path, size_t len, struct fdt_node *out);

// Whether a list of terminated strings holds `text`; *index (may be NULL) its place.
bool fdt_list_has(struct span list, const char *text, unsigned *index);

// A number of `cells` (1 or 2; 0 reads as 0) big-endian cells at byte `offset` of a property.
// ERR_RANGE: past its end.  ERR_NOTSUP: more cells.
status_t fdt_cells(struct span value, size_t offset, uint32_t cells, uint64_t *out);

// Entry `index` of the memory reservation block.  ERR_NOENT.
status_t fdt_reservation(const struct fdt *f, unsigned index, uint64_t *base, uint64_t *size);

// Whether "status" says that the device is to be used: absent, "okay" or "ok" (2.3.4).  A corrupt
// node is not.
bool fdt_is_enabled(const struct fdt *f, const struct fdt_node *node);
