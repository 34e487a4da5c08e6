// SPDX-License-Identifier: Apache-2.0
#include "lib/fdt/fdt.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    HEADER_SIZE = 40,
    SIZE_MAX_BYTES = 2 << 20,
    TOKEN_SIZE = 4,
    PROP_HEADER_SIZE = 12, // token, length, name offset
    OLDEST_VERSION = 16,
    VERSION = 17,
};
constexpr uint32_t MAGIC = 0xd00dfeed;

enum token { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

// The header and all tokens are aligned to 4 bytes, which fdt_open checks.  Saying so matters: this
// code is compiled for memory that allows no unaligned access, where a word would be four loads.
static uint32_t word(const struct fdt *f, uint32_t offset)
{
    uint32_t big_endian;
    __builtin_memcpy(&big_endian, __builtin_assume_aligned(f->blob.data + offset, TOKEN_SIZE),
                     sizeof(big_endian));
    return __builtin_bswap32(big_endian);
}

status_t fdt_open(struct span blob, struct fdt *out)
{
    struct fdt f = {.blob = blob};
    if (!is_aligned((uintptr_t)blob.data, TOKEN_SIZE) || blob.size < HEADER_SIZE ||
        word(&f, 0) != MAGIC) {
        return ERR_INVAL;
    }
    uint32_t total = word(&f, 4);
    uint32_t version = word(&f, 20);
    if (total > blob.size || version < OLDEST_VERSION || word(&f, 24) > VERSION) {
        return ERR_INVAL;
    }
    f.blob.size = total;
    f.structure = word(&f, 8);
    uint32_t strings = word(&f, 12);
    f.reservations = word(&f, 16);
    uint32_t strings_size = word(&f, 32);
    uint32_t structure_size = word(&f, 36);
    if (version < VERSION) {
        structure_size = total - f.structure; // has no such field: up to the end
    }
    if (!span_has(f.blob, f.structure, structure_size) ||
        !span_has(f.blob, strings, strings_size) || f.reservations > total ||
        !is_aligned(f.structure, TOKEN_SIZE)) {
        return ERR_INVAL;
    }
    // With a terminator at the very end, every name that starts in the block ends in it.
    if (strings_size > 0 && blob.data[strings + strings_size - 1] != 0) {
        return ERR_INVAL;
    }
    f.structure_end = f.structure + (uint32_t)align_down(structure_size, TOKEN_SIZE);
    f.strings = span_of(blob.data + strings, strings_size);
    *out = f;
    return OK;
}

status_t fdt_open_address(const void *address, struct fdt *out)
{
    uint32_t size = read_be32((const uint8_t *)address + 4);
    return size <= SIZE_MAX_BYTES ? fdt_open(span_of(address, size), out) : ERR_INVAL;
}

/* ---- Tokens ---- */

static bool has_zero_byte(uint32_t w)
{
    return ((w - 0x01010101) & ~w & 0x80808080) != 0;
}

// The token after the name at `offset`, which is padded to a whole word (5.4.1).
static status_t skip_name(const struct fdt *f, uint32_t offset, uint32_t *next)
{
    while (offset < f->structure_end) {
        uint32_t w = word(f, offset);
        offset += TOKEN_SIZE;
        if (has_zero_byte(w)) {
            *next = offset;
            return OK;
        }
    }
    return ERR_INVAL;
}

// The token at `offset`, which is aligned, and where the next one is.
static status_t read_token(const struct fdt *f, uint32_t offset, enum token *token, uint32_t *next)
{
    if (offset >= f->structure_end) {
        return ERR_INVAL;
    }
    uint32_t left = f->structure_end - offset;
    *token = (enum token)word(f, offset);
    switch (*token) {
    case BEGIN_NODE: return skip_name(f, offset + TOKEN_SIZE, next);
    case PROP:
        if (left < PROP_HEADER_SIZE || word(f, offset + 4) > left - PROP_HEADER_SIZE) {
            return ERR_INVAL;
        }
        // Stays within `left`, which is a multiple of the alignment too.
        *next = offset + (uint32_t)align_up(PROP_HEADER_SIZE + word(f, offset + 4), TOKEN_SIZE);
        return OK;
    case END_NODE:
    case NOP:
    case END: *next = offset + TOKEN_SIZE; return OK;
    }
    return ERR_INVAL;
}

/* ---- Nodes ---- */

status_t fdt_root(const struct fdt *f, struct fdt_node *out)
{
    uint32_t at = f->structure;
    for (;;) {
        enum token token;
        uint32_t next;
        status_t status = read_token(f, at, &token, &next);
        if (status != OK) {
            return status;
        }
        if (token == BEGIN_NODE) {
            *out = (struct fdt_node){.offset = at};
            return OK;
        }
        if (token != NOP) {
            return ERR_INVAL;
        }
        at = next;
    }
}

// The next node after `from` that is at most `deepest` deep; none when a node of depth `floor` ends
// before it.
static status_t next_node(const struct fdt *f, const struct fdt_node *from, uint32_t floor,
                          uint32_t deepest, struct fdt_node *out)
{
    uint32_t at = from->offset;
    uint32_t open = from->depth; // nodes around `at`
    for (;;) {
        enum token token;
        uint32_t next;
        status_t status = read_token(f, at, &token, &next);
        if (status != OK) {
            return status;
        }
        if (token == BEGIN_NODE) {
            if (open <= deepest && at != from->offset) {
                *out = (struct fdt_node){.offset = at, .depth = open};
                return OK;
            }
            open++;
        } else if (token == END_NODE) {
            open--;
            if (open <= floor) {
                return ERR_NOENT;
            }
        } else if (token == END) {
            return ERR_INVAL;
        }
        at = next;
    }
}

status_t fdt_first_child(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    return next_node(f, node, node->depth, UINT32_MAX, out);
}

status_t fdt_next_sibling(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    return node->depth == 0 ? ERR_NOENT : next_node(f, node, node->depth - 1, node->depth, out);
}

status_t fdt_next_node(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    return next_node(f, node, 0, UINT32_MAX, out);
}

const char *fdt_node_name(const struct fdt *f, const struct fdt_node *node)
{
    return (const char *)f->blob.data + node->offset + TOKEN_SIZE;
}

/* ---- Properties ---- */

struct fdt_property fdt_properties(const struct fdt_node *node)
{
    return (struct fdt_property){.next = node->offset};
}

status_t fdt_next_property(const struct fdt *f, struct fdt_property *p)
{
    uint32_t at = p->next;
    bool is_start = p->name == NULL; // at the node's own token
    for (;; is_start = false) {
        enum token token;
        uint32_t next;
        status_t status = read_token(f, at, &token, &next);
        if (status != OK) {
            return status;
        }
        if (token == PROP) {
            uint32_t name = word(f, at + 8);
            if (name >= f->strings.size) {
                return ERR_INVAL;
            }
            p->name = (const char *)f->strings.data + name;
            p->value = span_of(f->blob.data + at + PROP_HEADER_SIZE, word(f, at + 4));
            p->next = next;
            return OK;
        }
        if (token == END) {
            return ERR_INVAL;
        }
        // Properties stand before the node's children (5.4.2).
        if (token == END_NODE || (token == BEGIN_NODE && !is_start)) {
            return ERR_NOENT;
        }
        at = next;
    }
}

status_t fdt_property(const struct fdt *f, const struct fdt_node *node, const char *name,
                      struct span *out)
{
    struct fdt_property p = fdt_properties(node);
    status_t status;
    while ((status = fdt_next_property(f, &p)) == OK) {
        if (strcmp(p.name, name) == 0) {
            *out = p.value;
            return OK;
        }
    }
    return status;
}

status_t fdt_property_u32(const struct fdt *f, const struct fdt_node *node, const char *name,
                          uint32_t *out)
{
    struct span value;
    status_t status = fdt_property(f, node, name, &value);
    if (status != OK) {
        return status;
    }
    if (value.size != 4) {
        return ERR_INVAL;
    }
    *out = read_be32(value.data);
    return OK;
}

status_t fdt_property_string(const struct fdt *f, const struct fdt_node *node, const char *name,
                             const char **out)
{
    struct span value;
    status_t status = fdt_property(f, node, name, &value);
    if (status != OK) {
        return status;
    }
    if (memchr(value.data, 0, value.size) == NULL) {
        return ERR_INVAL;
    }
    *out = (const char *)value.data;
    return OK;
}

bool fdt_list_has(struct span list, const char *text, unsigned *index)
{
    unsigned i = 0;
    for (size_t at = 0; at < list.size; i++) {
        const char *entry = (const char *)list.data + at;
        size_t len = strnlen(entry, list.size - at);
        if (len == list.size - at) {
            return false; // not terminated
        }
        if (strcmp(entry, text) == 0) {
            if (index != NULL) {
                *index = i;
            }
            return true;
        }
        at += len + 1;
    }
    return false;
}

bool fdt_is_enabled(const struct fdt *f, const struct fdt_node *node)
{
    struct span value;
    status_t status = fdt_property(f, node, "status", &value);
    if (status != OK) {
        return status == ERR_NOENT;
    }
    return fdt_list_has(value, "okay", NULL) || fdt_list_has(value, "ok", NULL);
}

/* ---- Finding ---- */

static bool name_matches(const char *name, const char *component, size_t len)
{
    // The component may hold a zero byte, so its length says nothing about the name's.
    if (strnlen(name, len) < len || memcmp(name, component, len) != 0) {
        return false;
    }
    return name[len] == '\0' || name[len] == '@';
}

status_t fdt_find_path_n(const struct fdt *f, const char *path, size_t len, struct fdt_node *out)
{
    struct fdt_node node;
    status_t status = fdt_root(f, &node);
    if (len == 0 || path[0] != '/') {
        return ERR_NOENT;
    }
    for (size_t at = 1; status == OK && at < len;) {
        size_t end = at;
        while (end < len && path[end] != '/') {
            end++;
        }
        status = fdt_first_child(f, &node, &node);
        while (status == OK && !name_matches(fdt_node_name(f, &node), path + at, end - at)) {
            status = fdt_next_sibling(f, &node, &node);
        }
        at = end + 1;
    }
    if (status == OK) {
        *out = node;
    }
    return status;
}

status_t fdt_find_path(const struct fdt *f, const char *path, struct fdt_node *out)
{
    return fdt_find_path_n(f, path, strlen(path), out);
}

/* ---- Numbers ---- */

status_t fdt_cells(struct span value, size_t offset, uint32_t cells, uint64_t *out)
{
    if (cells > 2) {
        return ERR_NOTSUP;
    }
    if (!span_has(value, offset, 4ull * cells)) {
        return ERR_RANGE;
    }
    uint64_t number = 0;
    for (uint32_t i = 0; i < cells; i++) {
        number = number << 32 | read_be32(value.data + offset + 4ull * i);
    }
    *out = number;
    return OK;
}

status_t fdt_reservation(const struct fdt *f, unsigned index, uint64_t *base, uint64_t *size)
{
    uint64_t offset = f->reservations + 16ull * index;
    if (!span_has(f->blob, offset, 16)) {
        return ERR_NOENT;
    }
    uint64_t first = read_be64(f->blob.data + offset);
    uint64_t length = read_be64(f->blob.data + offset + 8);
    if (first == 0 && length == 0) { // the end of the list (5.3.2)
        return ERR_NOENT;
    }
    *base = first;
    *size = length;
    return OK;
}
