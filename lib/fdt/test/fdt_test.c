// SPDX-License-Identifier: Apache-2.0
#include "lib/fdt/fdt.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum {
    HEADER = 40,
    BLOB_MAX = 4096,
    BEGIN_NODE = 1,
    END_NODE = 2,
    PROP = 3,
    NOP = 4,
    END = 9,
    // Header fields
    AT_TOTAL = 4,
    AT_STRUCTURE = 8,
    AT_STRINGS = 12,
    AT_RESERVATIONS = 16,
    AT_VERSION = 20,
    AT_COMPATIBLE = 24,
    AT_STRINGS_SIZE = 32,
    AT_STRUCTURE_SIZE = 36,
};

/* ---- A writer of trees ---- */

// Header, then two reservations and their end, then structure; strings are collected apart.
static struct {
    alignas(8) uint8_t bytes[BLOB_MAX];
    uint32_t size;
    uint8_t strings[128];
    uint32_t strings_size;
} tree;

static void put_in(uint8_t *bytes, uint32_t offset, uint32_t value)
{
    for (uint32_t i = 0; i < 4; i++) {
        bytes[offset + i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void put_at(uint32_t offset, uint32_t value)
{
    put_in(tree.bytes, offset, value);
}

static void put(uint32_t value)
{
    put_at(tree.size, value);
    tree.size += 4;
}

static void put_bytes(const void *data, size_t size)
{
    memcpy(tree.bytes + tree.size, data, size);
    tree.size = (uint32_t)align_up(tree.size + size, 4);
}

static void start(void)
{
    static const uint32_t reservations[] = {1, 0x1000, 0, 0x2000, 0, 0x5000, 0, 0x100, 0, 0, 0, 0};
    memset(&tree, 0, sizeof(tree));
    tree.size = HEADER;
    for (size_t i = 0; i < ARRAY_SIZE(reservations); i++) {
        put(reservations[i]);
    }
    put_at(AT_RESERVATIONS, HEADER);
    put_at(AT_STRUCTURE, tree.size);
}

static void begin(const char *name)
{
    put(BEGIN_NODE);
    put_bytes(name, strlen(name) + 1);
}

static void end(void)
{
    put(END_NODE);
}

static void prop(const char *name, const void *value, size_t size)
{
    put(PROP);
    put((uint32_t)size);
    put(tree.strings_size);
    memcpy(tree.strings + tree.strings_size, name, strlen(name) + 1);
    tree.strings_size += (uint32_t)strlen(name) + 1;
    put_bytes(value, size);
}

static struct span finish(void)
{
    put(END);
    put_at(0, 0xd00dfeed);
    put_at(AT_VERSION, 17);
    put_at(AT_COMPATIBLE, 16);
    uint32_t structure = 0;
    for (int i = 0; i < 4; i++) {
        structure = structure << 8 | tree.bytes[AT_STRUCTURE + i];
    }
    put_at(AT_STRUCTURE_SIZE, tree.size - structure);
    put_at(AT_STRINGS, tree.size);
    put_at(AT_STRINGS_SIZE, tree.strings_size);
    memcpy(tree.bytes + tree.size, tree.strings, tree.strings_size);
    tree.size += tree.strings_size;
    put_at(AT_TOTAL, tree.size);
    return span_of(tree.bytes, tree.size);
}

#define PROP_STRING(name, text) prop(name, text, sizeof(text))
#define PROP_U32(name, low)     prop(name, (uint8_t[]){0, 0, 0, low}, 4)

// / {serial@9000 {}; cpus {cpu@0 {}; cpu@1 {};}; empty {child {};};}
static struct span sample(void)
{
    start();
    begin("");
    PROP_STRING("model", "sample");
    PROP_U32("#address-cells", 2);
    begin("serial@9000");
    PROP_STRING("compatible", "arm,pl011\0arm,primecell");
    prop("dma-coherent", "", 0);
    end();
    begin("cpus");
    PROP_U32("#size-cells", 0);
    begin("cpu@0");
    PROP_STRING("status", "okay");
    end();
    begin("cpu@1");
    PROP_STRING("status", "disabled");
    end();
    end();
    begin("empty");
    begin("child");
    PROP_U32("reg", 7);
    end();
    end();
    end();
    return finish();
}

static struct fdt open_sample(void)
{
    struct fdt f = {};
    status_t status = fdt_open(sample(), &f);
    if (status != OK) {
        test_fail(__FILE__, __LINE__, "the sample was refused with %d", (int)status);
    }
    return f;
}

/* ---- Walking ---- */

TEST(a_walk_meets_children_before_siblings)
{
    static const struct {
        const char *name;
        uint32_t depth;
    } want[] = {{"", 0},      {"serial@9000", 1}, {"cpus", 1}, {"cpu@0", 2},
                {"cpu@1", 2}, {"empty", 1},       {"child", 2}};
    struct fdt f = open_sample();
    struct fdt_node node;
    status_t status = fdt_root(&f, &node);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        EXPECT_OK(status);
        EXPECT_STR(fdt_node_name(&f, &node), want[i].name);
        EXPECT_EQ(node.depth, want[i].depth);
        status = fdt_next_node(&f, &node, &node);
    }
    EXPECT_STATUS(status, ERR_NOENT);
}

TEST(siblings_pass_over_what_is_below_them)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_STATUS(fdt_next_sibling(&f, &node, &node), ERR_NOENT);
    EXPECT_OK(fdt_first_child(&f, &node, &node));
    EXPECT_STR(fdt_node_name(&f, &node), "serial@9000");
    EXPECT_OK(fdt_next_sibling(&f, &node, &node));
    EXPECT_STR(fdt_node_name(&f, &node), "cpus");
    EXPECT_OK(fdt_next_sibling(&f, &node, &node));
    EXPECT_STR(fdt_node_name(&f, &node), "empty");
    EXPECT_EQ(node.depth, 1);
    EXPECT_STATUS(fdt_next_sibling(&f, &node, &node), ERR_NOENT);
}

TEST(the_last_child_has_no_sibling_in_the_next_node)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_find_path(&f, "/cpus/cpu@1", &node));
    EXPECT_STATUS(fdt_next_sibling(&f, &node, &node), ERR_NOENT);
}

TEST(a_leaf_has_no_child)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_find_path(&f, "/serial@9000", &node));
    EXPECT_STATUS(fdt_first_child(&f, &node, &node), ERR_NOENT);
}

TEST(depth_has_no_limit)
{
    enum { DEPTH = 200 };
    start();
    begin("");
    for (int i = 0; i < DEPTH; i++) {
        begin("n");
    }
    for (int i = 0; i <= DEPTH; i++) {
        end();
    }
    struct fdt f;
    struct fdt_node node;
    EXPECT_OK(fdt_open(finish(), &f));
    status_t status = fdt_root(&f, &node);
    uint32_t deepest = 0;
    for (; status == OK; status = fdt_next_node(&f, &node, &node)) {
        deepest = node.depth;
    }
    EXPECT_STATUS(status, ERR_NOENT);
    EXPECT_EQ(deepest, DEPTH);
}

/* ---- Properties ---- */

TEST(properties_come_in_the_order_of_the_tree)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_find_path(&f, "/serial@9000", &node));
    struct fdt_property p = fdt_properties(&node);
    EXPECT_OK(fdt_next_property(&f, &p));
    EXPECT_STR(p.name, "compatible");
    EXPECT_EQ(p.value.size, sizeof("arm,pl011\0arm,primecell"));
    EXPECT_OK(fdt_next_property(&f, &p));
    EXPECT_STR(p.name, "dma-coherent");
    EXPECT_EQ(p.value.size, 0);
    EXPECT_STATUS(fdt_next_property(&f, &p), ERR_NOENT);
    EXPECT_STATUS(fdt_next_property(&f, &p), ERR_NOENT);
}

TEST(properties_end_where_the_first_child_begins)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_root(&f, &node));
    struct fdt_property p = fdt_properties(&node);
    EXPECT_OK(fdt_next_property(&f, &p));
    EXPECT_OK(fdt_next_property(&f, &p));
    EXPECT_STATUS(fdt_next_property(&f, &p), ERR_NOENT);
}

TEST(properties_of_a_child_are_not_its_parents)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    struct span value;
    EXPECT_OK(fdt_find_path(&f, "/empty", &node));
    EXPECT_STATUS(fdt_property(&f, &node, "reg", &value), ERR_NOENT);
    struct fdt_property p = fdt_properties(&node);
    EXPECT_STATUS(fdt_next_property(&f, &p), ERR_NOENT);
    EXPECT_STATUS(fdt_next_property(&f, &p), ERR_NOENT);
}

TEST(a_number_has_exactly_one_cell)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    uint32_t value;
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_OK(fdt_property_u32(&f, &node, "#address-cells", &value));
    EXPECT_EQ(value, 2);
    EXPECT_STATUS(fdt_property_u32(&f, &node, "model", &value), ERR_INVAL);
    EXPECT_STATUS(fdt_property_u32(&f, &node, "#address", &value), ERR_NOENT);
}

TEST(a_string_is_the_first_of_its_property_and_must_end)
{
    start();
    begin("");
    PROP_STRING("list", "one\0two");
    prop("cut", "abc", 3);
    prop("empty", "", 0);
    end();
    struct fdt f;
    struct fdt_node node;
    const char *text;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_OK(fdt_property_string(&f, &node, "list", &text));
    EXPECT_STR(text, "one");
    EXPECT_STATUS(fdt_property_string(&f, &node, "cut", &text), ERR_INVAL);
    EXPECT_STATUS(fdt_property_string(&f, &node, "empty", &text), ERR_INVAL);
    EXPECT_STATUS(fdt_property_string(&f, &node, "none", &text), ERR_NOENT);
}

TEST(a_list_is_searched_string_by_string)
{
    struct span list = span_of("arm,pl011\0arm\0end", sizeof("arm,pl011\0arm\0end"));
    unsigned index = 99;
    EXPECT(fdt_list_has(list, "arm", &index));
    EXPECT_EQ(index, 1);
    EXPECT(fdt_list_has(list, "end", NULL));
    EXPECT(!fdt_list_has(list, "pl011", &index));
    EXPECT_EQ(index, 1);
    EXPECT(!fdt_list_has(span_of(NULL, 0), "", NULL));
    list.size--;
    EXPECT(!fdt_list_has(list, "end", NULL));
}

TEST(only_a_device_whose_status_is_absent_or_okay_is_enabled)
{
    static const struct {
        const char *status;
        size_t size;
        bool is_enabled;
    } cases[] = {{"okay", 5, true},      {"ok", 3, true},    {"disabled", 9, false},
                 {"reserved", 9, false}, {"fail", 5, false}, {"okay", 4, false},
                 {"", 0, false}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        start();
        begin("");
        prop("status", cases[i].status, cases[i].size);
        end();
        struct fdt f;
        struct fdt_node node;
        EXPECT_OK(fdt_open(finish(), &f));
        EXPECT_OK(fdt_root(&f, &node));
        EXPECT_EQ(fdt_is_enabled(&f, &node), cases[i].is_enabled);
    }
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT(fdt_is_enabled(&f, &node));
}

TEST(a_corrupt_node_is_not_enabled)
{
    start();
    begin("");
    put(5);
    end();
    struct fdt f;
    struct fdt_node node;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT(!fdt_is_enabled(&f, &node));
}

TEST(cells_make_numbers_of_up_to_64_bits)
{
    static const uint8_t bytes[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99};
    struct span value = span_of(bytes, sizeof(bytes));
    uint64_t number = 1;
    EXPECT_OK(fdt_cells(value, 0, 0, &number));
    EXPECT_EQ(number, 0);
    EXPECT_OK(fdt_cells(value, 1, 1, &number));
    EXPECT_EQ(number, 0x22334455);
    EXPECT_OK(fdt_cells(value, 0, 2, &number));
    EXPECT_EQ(number, 0x1122334455667788);
    EXPECT_STATUS(fdt_cells(value, 0, 3, &number), ERR_NOTSUP);
    EXPECT_STATUS(fdt_cells(value, 2, 2, &number), ERR_RANGE);
    EXPECT_STATUS(fdt_cells(value, SIZE_MAX - 2, 1, &number), ERR_RANGE);
    EXPECT_EQ(number, 0x1122334455667788);
}

TEST(reservations_end_at_an_empty_one)
{
    struct fdt f = open_sample();
    uint64_t base;
    uint64_t size;
    EXPECT_OK(fdt_reservation(&f, 0, &base, &size));
    EXPECT_EQ(base, 0x100001000);
    EXPECT_EQ(size, 0x2000);
    EXPECT_OK(fdt_reservation(&f, 1, &base, &size));
    EXPECT_EQ(base, 0x5000);
    EXPECT_STATUS(fdt_reservation(&f, 2, &base, &size), ERR_NOENT);
    EXPECT_EQ(base, 0x5000);
    EXPECT_STATUS(fdt_reservation(&f, UINT32_MAX, &base, &size), ERR_NOENT);
}

/* ---- Paths ---- */

TEST(a_path_names_a_node_with_or_without_its_unit_address)
{
    static const struct {
        const char *path;
        const char *name; // NULL: no such node
    } cases[] = {
        {"/", ""},
        {"/serial@9000", "serial@9000"},
        {"/serial", "serial@9000"},
        {"/cpus/", "cpus"},
        {"/cpus/cpu@1", "cpu@1"},
        {"/cpus/cpu", "cpu@0"},
        {"/ser", NULL},
        {"/serial@90", NULL},
        {"/serial@9000/x", NULL},
        {"/cpus/cpu@", NULL},
        {"serial", NULL},
        {"", NULL},
        {"/cpusx", NULL},
        {"xcpus", NULL},
        {"/child", NULL},
        {"/empty/child", "child"},
    };
    struct fdt f = open_sample();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fdt_node node;
        status_t status = fdt_find_path(&f, cases[i].path, &node);
        EXPECT_STATUS(status, cases[i].name != NULL ? OK : ERR_NOENT);
        if (status == OK) {
            EXPECT_STR(fdt_node_name(&f, &node), cases[i].name);
        }
    }
}

TEST(a_path_may_end_inside_its_text)
{
    struct fdt f = open_sample();
    struct fdt_node node;
    EXPECT_OK(fdt_find_path_n(&f, "/serial@9000:115200", 12, &node));
    EXPECT_STR(fdt_node_name(&f, &node), "serial@9000");
}

TEST(a_zero_byte_inside_a_path_matches_nothing)
{
    static const char path[2 * BLOB_MAX] = "/empty/child";
    struct span blob = sample();
    // Memory of just this size: a comparison that follows the path's length leaves it.
    uint8_t *copy = test_alloc(blob.size);
    EXPECT(copy != NULL);
    memcpy(copy, blob.data, blob.size);
    struct fdt f;
    struct fdt_node node;
    EXPECT_OK(fdt_open(span_of(copy, blob.size), &f));
    EXPECT_STATUS(fdt_find_path_n(&f, path, sizeof(path), &node), ERR_NOENT);
    test_free(copy);
}

/* ---- Damage ---- */

TEST(a_header_that_cannot_be_is_refused)
{
    static const struct {
        uint32_t offset;
        uint32_t value;
    } cases[] = {
        {0, 0xd00dfeee},
        {AT_TOTAL, HEADER - 1},
        {AT_TOTAL, HEADER + 100}, // less than the blocks need
        {AT_TOTAL, BLOB_MAX + 1},
        {AT_TOTAL, 0x80000000},
        {AT_VERSION, 15},
        {AT_COMPATIBLE, 18},
        {AT_STRUCTURE, HEADER + 2},
        {AT_STRUCTURE, 0xfffffffc},
        {AT_STRUCTURE_SIZE, 0xfffffffc},
        {AT_STRINGS, 0xffffffff},
        {AT_STRINGS_SIZE, 0xffffffff},
        {AT_STRINGS_SIZE, 1}, // its only byte is no terminator
        {AT_RESERVATIONS, 0xfffffff0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fdt f;
        (void)sample();
        put_at(cases[i].offset, cases[i].value);
        status_t status = fdt_open(span_of(tree.bytes, BLOB_MAX), &f);
        if (status != ERR_INVAL) {
            test_fail(__FILE__, __LINE__, "case %zu gave %d", i, (int)status);
        }
    }
}

TEST(an_unaligned_tree_is_refused)
{
    struct fdt f;
    struct span blob = sample();
    memmove(tree.bytes + 2, tree.bytes, blob.size);
    EXPECT_STATUS(fdt_open(span_of(tree.bytes + 2, blob.size), &f), ERR_INVAL);
}

TEST(version_16_has_no_size_of_its_structure)
{
    struct fdt f;
    struct fdt_node node;
    struct span blob = sample();
    put_at(AT_VERSION, 16);
    put_at(AT_STRUCTURE_SIZE, 0);
    EXPECT_OK(fdt_open(blob, &f));
    EXPECT_OK(fdt_find_path(&f, "/empty/child", &node));
}

TEST(a_tree_at_an_address_tells_its_size_up_to_a_limit)
{
    struct fdt f;
    struct span blob = sample();
    EXPECT_OK(fdt_open_address(blob.data, &f));
    EXPECT_EQ(f.blob.size, blob.size);
    put_at(AT_TOTAL, (2 << 20) + 1);
    EXPECT_STATUS(fdt_open_address(blob.data, &f), ERR_INVAL);
    put_at(0, 0);
    EXPECT_STATUS(fdt_open_address(blob.data, &f), ERR_INVAL);
}

TEST(padding_tokens_are_passed_over)
{
    start();
    put(NOP);
    begin("");
    put(NOP);
    PROP_U32("a", 1);
    put(NOP);
    put(NOP);
    PROP_U32("b", 2);
    put(NOP);
    begin("c");
    put(NOP);
    end();
    put(NOP);
    end();
    struct fdt f;
    struct fdt_node node;
    uint32_t value;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_OK(fdt_property_u32(&f, &node, "b", &value));
    EXPECT_EQ(value, 2);
    EXPECT_OK(fdt_next_node(&f, &node, &node));
    EXPECT_STR(fdt_node_name(&f, &node), "c");
    EXPECT_STATUS(fdt_next_node(&f, &node, &node), ERR_NOENT);
}

// Reads a tree whose root holds the words given and is sound otherwise.
static void expect_corrupt(const uint32_t *words, size_t count)
{
    start();
    begin("");
    for (size_t i = 0; i < count; i++) {
        put(words[i]);
    }
    end();
    struct fdt f;
    struct fdt_node node;
    struct span value;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_STATUS(fdt_property(&f, &node, "x", &value), ERR_INVAL);
    EXPECT_STATUS(fdt_next_node(&f, &node, &node), ERR_INVAL);
}

TEST(tokens_that_make_no_tree_are_refused_where_they_are_read)
{
    expect_corrupt((uint32_t[]){5}, 1);                   // no such token
    expect_corrupt((uint32_t[]){END}, 1);                 // inside a node
    expect_corrupt((uint32_t[]){PROP, 0xfffffffd, 0}, 3); // its size wraps around
    expect_corrupt((uint32_t[]){PROP, 12, 0}, 3);         // into the strings
}

TEST(a_tree_whose_nodes_stay_open_is_corrupt)
{
    start();
    begin("");
    struct fdt f;
    struct fdt_node node;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_STATUS(fdt_next_node(&f, &node, &node), ERR_INVAL);
}

TEST(a_property_name_outside_the_strings_is_refused)
{
    start();
    begin("");
    put(PROP);
    put(0);
    put(0);
    end();
    struct fdt f;
    struct fdt_node node;
    struct span value;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_STATUS(fdt_property(&f, &node, "x", &value), ERR_INVAL);
}

TEST(a_node_name_must_end_inside_the_structure)
{
    start();
    begin("");
    put(BEGIN_NODE);
    put(0x61616161);
    tree.strings_size = 4; // four zero bytes behind the structure
    struct fdt f;
    struct fdt_node node;
    struct span blob = finish();
    put_at(tree.size - 8, 0x61616161); // instead of the last token
    EXPECT_OK(fdt_open(blob, &f));
    EXPECT_OK(fdt_root(&f, &node));
    EXPECT_STATUS(fdt_next_node(&f, &node, &node), ERR_INVAL);
}

TEST(a_structure_that_begins_with_no_node_has_no_root)
{
    start();
    end();
    begin("");
    end();
    struct fdt f;
    struct fdt_node node;
    EXPECT_OK(fdt_open(finish(), &f));
    EXPECT_STATUS(fdt_root(&f, &node), ERR_INVAL);
}

// Reads every byte that the interface hands out, so that a sanitizer sees what lies outside.
static uint64_t read_node(const struct fdt *f, const struct fdt_node *node)
{
    uint64_t sum = strlen(fdt_node_name(f, node));
    struct fdt_property p = fdt_properties(node);
    while (fdt_next_property(f, &p) == OK) {
        sum += strlen(p.name);
        for (size_t i = 0; i < p.value.size; i++) {
            sum += p.value.data[i];
        }
        sum += fdt_list_has(p.value, "arm", NULL);
    }
    const char *text;
    struct fdt_node other;
    sum += fdt_property_string(f, node, "model", &text) == OK ? strlen(text) : 0;
    sum += fdt_first_child(f, node, &other) == OK ? other.depth : 0;
    sum += fdt_next_sibling(f, node, &other) == OK ? other.depth : 0;
    return sum + fdt_is_enabled(f, node);
}

static void read_everything(const uint8_t *bytes, size_t size)
{
    struct fdt f;
    struct fdt_node node;
    volatile uint64_t sum = 0; // the reads must happen
    if (fdt_open(span_of(bytes, size), &f) != OK) {
        return;
    }
    uint64_t base;
    uint64_t length;
    for (unsigned i = 0; fdt_reservation(&f, i, &base, &length) == OK; i++) {
        sum += base + length;
    }
    status_t status = fdt_root(&f, &node);
    while (status == OK) {
        sum += read_node(&f, &node);
        uint32_t before = node.offset;
        status = fdt_next_node(&f, &node, &node);
        EXPECT(status != OK || node.offset > before);
    }
    EXPECT(status == ERR_NOENT || status == ERR_INVAL);
    sum += fdt_find_path(&f, "/cpus/cpu@1", &node) == OK;
}

TEST(a_tree_cut_anywhere_is_refused_or_read_inside_its_bounds)
{
    struct span blob = sample();
    for (uint32_t size = 1; size < blob.size; size++) {
        // Memory of just this size, so that the sanitizer sees a byte too many.
        uint8_t *cut = test_alloc(size);
        EXPECT(cut != NULL);
        memcpy(cut, blob.data, size);
        struct fdt f;
        EXPECT_STATUS(fdt_open(span_of(cut, size), &f), ERR_INVAL);
        if (size >= HEADER) {
            put_in(cut, AT_TOTAL, size);
            read_everything(cut, size);
            // Without strings, the structure is the last thing in memory.
            put_in(cut, AT_VERSION, 16);
            put_in(cut, AT_STRINGS, 0);
            put_in(cut, AT_STRINGS_SIZE, 0);
            read_everything(cut, size);
        }
        test_free(cut);
    }
}

TEST(a_tree_with_any_bit_flipped_is_read_inside_its_bounds)
{
    struct span blob = sample();
    uint8_t *copy = test_alloc(blob.size);
    EXPECT(copy != NULL);
    memcpy(copy, blob.data, blob.size);
    for (size_t bit = 0; bit < 8 * blob.size; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read_everything(copy, blob.size);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    test_free(copy);
}

TEST(trees_with_random_damage_are_read_inside_their_bounds)
{
    enum { ROUNDS = 2000, CHANGES = 6 };
    struct test_random random = {.state = 0x5eed};
    struct span blob = sample();
    uint8_t *copy = test_alloc(blob.size);
    EXPECT(copy != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, blob.data, blob.size);
        for (uint64_t n = test_random_below(&random, CHANGES) + 1; n > 0; n--) {
            // Small numbers make tokens, lengths and offsets that are nearly right.
            uint64_t at = test_random_below(&random, blob.size - 20) + 20;
            copy[at] = (uint8_t)test_random_below(&random, n % 2 == 0 ? 256 : 12);
        }
        read_everything(copy, blob.size);
    }
    test_free(copy);
}
