// SPDX-License-Identifier: Apache-2.0
#include "lib/fdt/fdt.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"

enum {
    HEADER_SIZE = 40,
    SIZE_MAX_BYTES = 2 << 20,
    TOKEN_SIZE = 4,
    PROP_HEADER_SIZE = 12, // token, length, name offset
};
constexpr uint32_t MAGIC = 0xd00dfeed;

enum token { BEGIN_NODE = 1, END_NODE = 2, PROP = 3, NOP = 4, END = 9 };

static uint32_t word(const struct fdt *f, uint32_t offset)
{
    return read_be32(f->blob.data + offset);
}

status_t fdt_open(struct span blob, struct fdt *out)
{
    if (blob.size < HEADER_SIZE || read_be32(blob.data) != MAGIC) {
        return ERR_INVAL;
    }
    struct fdt f = {.blob = blob};
    uint32_t total = word(&f, 4);
    if (total < HEADER_SIZE || total > blob.size || word(&f, 20) < 16) {
        return ERR_INVAL;
    }
    f.blob.size = total;
    f.structure = word(&f, 8);
    uint32_t strings = word(&f, 12);
    f.reservations = word(&f, 16);
    uint32_t strings_size = word(&f, 32);
    uint32_t structure_size = word(&f, 36); // version 17; 0 in version 16 means: up to the end
    if (word(&f, 20) < 17) {
        structure_size = f.structure <= total ? total - f.structure : 0;
    }
    if (!span_has(f.blob, f.structure, structure_size) ||
        !span_has(f.blob, strings, strings_size) || f.reservations > total ||
        !is_aligned(f.structure, TOKEN_SIZE)) {
        return ERR_INVAL;
    }
    f.structure_end = f.structure + structure_size;
    f.strings = span_of(blob.data + strings, strings_size);
    *out = f;
    return OK;
}

status_t fdt_open_address(const void *address, struct fdt *out)
{
    const uint8_t *bytes = address;
    if (read_be32(bytes) != MAGIC || read_be32(bytes + 4) > SIZE_MAX_BYTES) {
        return ERR_INVAL;
    }
    return fdt_open(span_of(bytes, read_be32(bytes + 4)), out);
}

/* ---- Tokens ---- */

// Length of a terminated string that starts at `offset` of the blob and ends before `end`.
static bool string_length(const struct fdt *f, uint32_t offset, uint32_t end, uint32_t *out)
{
    for (uint32_t at = offset; at < end; at++) {
        if (f->blob.data[at] == 0) {
            *out = at - offset;
            return true;
        }
    }
    return false;
}

// The token at `offset` and where the next one is.
static status_t read_token(const struct fdt *f, uint32_t offset, enum token *token, uint32_t *next)
{
    uint32_t left = f->structure_end - offset;
    if (offset > f->structure_end || left < TOKEN_SIZE) {
        return ERR_INVAL;
    }
    uint32_t value = word(f, offset);
    uint64_t size = TOKEN_SIZE;
    uint32_t length;
    if (value == BEGIN_NODE) {
        if (!string_length(f, offset + TOKEN_SIZE, f->structure_end, &length)) {
            return ERR_INVAL;
        }
        size += (uint64_t)length + 1;
    } else if (value == PROP) {
        if (left < PROP_HEADER_SIZE) {
            return ERR_INVAL;
        }
        size = PROP_HEADER_SIZE + (uint64_t)word(f, offset + 4);
    } else if (value != END_NODE && value != NOP && value != END) {
        return ERR_INVAL;
    }
    size = align_up(size, TOKEN_SIZE);
    if (size > left) {
        return ERR_INVAL;
    }
    *token = (enum token)value;
    *next = offset + (uint32_t)size;
    return OK;
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

// The next BEGIN_NODE after the token at `at` (a node of depth `depth`), as long as that is deeper
// than `floor`.
static status_t next_node(const struct fdt *f, uint32_t at, uint32_t depth, uint32_t floor,
                          struct fdt_node *out)
{
    enum token token;
    uint32_t next;
    status_t status = read_token(f, at, &token, &next);
    uint32_t inside = depth + 1; // nodes open at `next`
    while (status == OK) {
        at = next;
        status = read_token(f, at, &token, &next);
        if (status != OK) {
            return status;
        }
        if (token == BEGIN_NODE) {
            *out = (struct fdt_node){.offset = at, .depth = inside};
            return OK;
        }
        if (token == END) {
            return inside == 0 ? ERR_NOENT : ERR_INVAL;
        }
        if (token == END_NODE) {
            if (inside == 0) {
                return ERR_INVAL;
            }
            inside--;
            if (inside <= floor) {
                return ERR_NOENT;
            }
        }
    }
    return status;
}

status_t fdt_first_child(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    return next_node(f, node->offset, node->depth, node->depth, out);
}

status_t fdt_next_node(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    return next_node(f, node->offset, node->depth, 0, out);
}

status_t fdt_next_sibling(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    struct fdt_node at = *node;
    if (node->depth == 0) {
        return ERR_NOENT;
    }
    do {
        status_t status = next_node(f, at.offset, at.depth, node->depth - 1, &at);
        if (status != OK) {
            return status;
        }
    } while (at.depth != node->depth);
    *out = at;
    return OK;
}

status_t fdt_parent(const struct fdt *f, const struct fdt_node *node, struct fdt_node *out)
{
    if (node->depth == 0) {
        return ERR_NOENT;
    }
    struct fdt_node at;
    status_t status = fdt_root(f, &at);
    struct fdt_node candidate = at;
    while (status == OK && at.offset < node->offset) {
        if (at.depth == node->depth - 1) {
            candidate = at;
        }
        if (node->depth == 1) {
            break;
        }
        status = fdt_next_node(f, &at, &at);
    }
    if (status == OK) {
        *out = candidate;
    }
    return status;
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

static status_t read_property(const struct fdt *f, uint32_t offset, struct fdt_property *p)
{
    uint32_t name = word(f, offset + 8);
    uint32_t strings = (uint32_t)(f->strings.data - f->blob.data);
    uint32_t length;
    if (name >= f->strings.size ||
        !string_length(f, strings + name, strings + (uint32_t)f->strings.size, &length)) {
        return ERR_INVAL;
    }
    p->name = (const char *)f->strings.data + name;
    p->value = span_of(f->blob.data + offset + PROP_HEADER_SIZE, word(f, offset + 4));
    return OK;
}

status_t fdt_next_property(const struct fdt *f, struct fdt_property *p)
{
    for (bool is_first = p->name == NULL;; is_first = false) {
        enum token token;
        uint32_t at = p->next;
        status_t status = read_token(f, at, &token, &p->next);
        if (status != OK) {
            return status;
        }
        if (token == PROP) {
            return read_property(f, at, p);
        }
        // The node's own token comes first; properties stand before its children (5.4.2).
        if (token != NOP && !(token == BEGIN_NODE && is_first)) {
            p->next = at;
            return ERR_NOENT;
        }
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
    if (fdt_property(f, node, "status", &value) != OK) {
        return true;
    }
    return fdt_list_has(value, "okay", NULL) || fdt_list_has(value, "ok", NULL);
}

/* ---- Finding ---- */

static bool name_matches(const char *name, const char *component, size_t len)
{
    if (strncmp(name, component, len) != 0) {
        return false;
    }
    return name[len] == '\0' || (name[len] == '@' && memchr(component, '@', len) == NULL);
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

status_t fdt_find_phandle(const struct fdt *f, uint32_t phandle, struct fdt_node *out)
{
    struct fdt_node node;
    status_t status = fdt_root(f, &node);
    while (status == OK) {
        uint32_t value;
        if ((fdt_property_u32(f, &node, "phandle", &value) == OK ||
             fdt_property_u32(f, &node, "linux,phandle", &value) == OK) &&
            value == phandle) {
            *out = node;
            return OK;
        }
        status = fdt_next_node(f, &node, &node);
    }
    return status;
}

/* ---- Addresses ---- */

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

struct cell_counts {
    uint32_t address;
    uint32_t size;
};

// Of the addresses of a node's children (2.3.5): 2 and 1 unless it says otherwise.
static struct cell_counts child_cells(const struct fdt *f, const struct fdt_node *node)
{
    struct cell_counts c = {.address = 2, .size = 1};
    uint32_t value;
    if (fdt_property_u32(f, node, "#address-cells", &value) == OK) {
        c.address = value;
    }
    if (fdt_property_u32(f, node, "#size-cells", &value) == OK) {
        c.size = value;
    }
    return c;
}

// From a child address of `bus` to one of its parent, whose addresses have `parent_cells` cells.
static status_t translate(const struct fdt *f, const struct fdt_node *bus, uint32_t parent_cells,
                          uint64_t size, uint64_t *address)
{
    struct span ranges;
    if (fdt_property(f, bus, "ranges", &ranges) != OK) {
        return ERR_INVAL; // its children have no address outside
    }
    if (ranges.size == 0) {
        return OK; // one to one
    }
    struct cell_counts child = child_cells(f, bus);
    size_t entry = 4ull * child.address + 4ull * parent_cells + 4ull * child.size;
    for (size_t at = 0; entry != 0 && at + entry <= ranges.size; at += entry) {
        uint64_t from;
        uint64_t to;
        uint64_t length;
        if (fdt_cells(ranges, at, child.address, &from) != OK ||
            fdt_cells(ranges, at + 4ull * child.address, parent_cells, &to) != OK ||
            fdt_cells(ranges, at + 4ull * (child.address + parent_cells), child.size, &length) !=
                OK) {
            return ERR_INVAL;
        }
        uint64_t offset = *address - from;
        if (*address >= from && offset < length && size <= length - offset) {
            *address = to + offset;
            return OK;
        }
    }
    return ERR_INVAL;
}

static status_t translate_to_root(const struct fdt *f, struct fdt_node bus, uint64_t size,
                                  uint64_t *address)
{
    while (bus.depth > 0) {
        struct fdt_node parent;
        status_t status = fdt_parent(f, &bus, &parent);
        if (status == OK) {
            status = translate(f, &bus, child_cells(f, &parent).address, size, address);
        }
        if (status != OK) {
            return status;
        }
        bus = parent;
    }
    return OK;
}

status_t fdt_reg(const struct fdt *f, const struct fdt_node *node, unsigned index, uint64_t *base,
                 uint64_t *size)
{
    struct fdt_node parent;
    struct span reg;
    status_t status = fdt_property(f, node, "reg", &reg);
    if (status == OK) {
        status = fdt_parent(f, node, &parent);
    }
    if (status != OK) {
        return status;
    }
    struct cell_counts cells = child_cells(f, &parent);
    if (cells.address > 2 || cells.size > 2) {
        return ERR_INVAL;
    }
    size_t entry = 4ull * (cells.address + cells.size);
    uint64_t offset = (uint64_t)entry * index;
    if (entry == 0 || !span_has(reg, offset, entry)) {
        return ERR_NOENT;
    }
    uint64_t address = 0;
    uint64_t length = 0;
    status = fdt_cells(reg, offset, cells.address, &address);
    if (status == OK) {
        status = fdt_cells(reg, offset + 4ull * cells.address, cells.size, &length);
    }
    if (status == OK) {
        status = translate_to_root(f, parent, length, &address);
    }
    if (status == OK && address + length < address) {
        status = ERR_INVAL;
    }
    if (status == OK) {
        *base = address;
        *size = length;
    }
    return status;
}

status_t fdt_reservation(const struct fdt *f, unsigned index, uint64_t *base, uint64_t *size)
{
    uint64_t offset = f->reservations + 16ull * index;
    if (!span_has(f->blob, offset, 16)) {
        return ERR_NOENT;
    }
    *base = read_be64(f->blob.data + offset);
    *size = read_be64(f->blob.data + offset + 8);
    return *base == 0 && *size == 0 ? ERR_NOENT : OK;
}
