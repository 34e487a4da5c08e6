// SPDX-License-Identifier: Apache-2.0
#include "lib/elf/elf.h"

#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "tests/harness/alloc.h"
#include "tests/harness/random.h"
#include "tests/harness/test.h"

enum {
    EHDR = 64,
    PHDR = 56,
    SEGMENTS = 3,
    HEADERS_END = EHDR + SEGMENTS * PHDR,
    CODE_SIZE = HEADERS_END + 16, // headers and the code behind them
    DATA_OFFSET = CODE_SIZE,
    DATA_SIZE = 24,
    FILE_SIZE = DATA_OFFSET + DATA_SIZE,
    // Program headers of the sample: code, data, one without anything.
    CODE = EHDR,
    DATA = EHDR + PHDR,
    LAST = EHDR + 2 * PHDR,
    // Fields of a file header
    AT_CLASS = 4,
    AT_ORDER = 5,
    AT_TYPE = 16,
    AT_MACHINE = 18,
    AT_VERSION = 20,
    AT_ENTRY = 24,
    AT_HEADERS = 32,
    AT_EHSIZE = 52,
    AT_PHSIZE = 54,
    AT_COUNT = 56,
    // Fields of a program header
    P_TYPE = 0,
    P_FLAGS = 4,
    P_OFFSET = 8,
    P_ADDRESS = 16,
    P_FILE_SIZE = 32,
    P_MEMORY_SIZE = 40,
    P_ALIGN = 48,
    EXEC = 2,
    DYN = 3,
    LOAD = 1,
    R = 4,
    W = 2,
    X = 1,
};

static constexpr uint64_t PAGE = PAGE_SIZE;
static constexpr uint64_t MIN = 0x10000;
static constexpr uint64_t MAX = 0x1000000;
static constexpr uint64_t BASE = 0x400000;

static uint8_t file[FILE_SIZE];

static void put(size_t offset, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) {
        file[offset + i] = (uint8_t)(value >> 8 * i);
    }
}

static void put_segment(size_t at, unsigned flags, uint64_t offset, uint64_t address)
{
    put(at + P_TYPE, 4, LOAD);
    put(at + P_FLAGS, 4, flags);
    put(at + P_OFFSET, 8, offset);
    put(at + P_ADDRESS, 8, address);
    put(at + P_ALIGN, 8, PAGE_SIZE);
}

static void put_sizes(size_t at, uint64_t file_size, uint64_t memory_size)
{
    put(at + P_FILE_SIZE, 8, file_size);
    put(at + P_MEMORY_SIZE, 8, memory_size);
}

// A program at `base` with its headers in its first segment.
static struct span sample(unsigned type, uint64_t base)
{
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    memset(file, 0, sizeof(file));
    memcpy(file, magic, sizeof(magic));
    put(AT_TYPE, 2, type);
    put(AT_MACHINE, 2, 183);
    put(AT_VERSION, 4, 1);
    put(AT_ENTRY, 8, base + HEADERS_END);
    put(AT_HEADERS, 8, EHDR);
    put(AT_EHSIZE, 2, EHDR);
    put(AT_PHSIZE, 2, PHDR);
    put(AT_COUNT, 2, SEGMENTS);
    put_segment(CODE, R | X, 0, base);
    put_sizes(CODE, CODE_SIZE, CODE_SIZE);
    put_segment(DATA, R | W, DATA_OFFSET, base + PAGE_SIZE + DATA_OFFSET);
    put_sizes(DATA, DATA_SIZE, 2 * PAGE);
    put_segment(LAST, R, 0, 0);
    return span_of(file, sizeof(file));
}

static enum elf_refusal parse_sample(struct elf *e)
{
    return elf_parse(span_of(file, sizeof(file)), MIN, MAX, e);
}

TEST(a_fixed_program_is_described)
{
    struct elf e;
    EXPECT_EQ(elf_parse(sample(EXEC, BASE), MIN, MAX, &e), ELF_GOOD);
    EXPECT(!e.is_position_independent);
    EXPECT_EQ(e.entry, BASE + HEADERS_END);
    EXPECT_EQ(e.low, BASE);
    EXPECT_EQ(e.high, BASE + 4 * PAGE);
    EXPECT_EQ(e.headers_address, BASE + EHDR);
    EXPECT_EQ(e.header_count, SEGMENTS);
}

TEST(segments_come_in_order_and_empty_ones_are_passed_over)
{
    struct elf e;
    struct elf_segment s;
    unsigned cursor = 0;
    EXPECT_EQ(elf_parse(sample(EXEC, BASE), MIN, MAX, &e), ELF_GOOD);
    EXPECT(elf_next_segment(&e, &cursor, &s));
    EXPECT_EQ(s.address, BASE);
    EXPECT_EQ(s.file_size, CODE_SIZE);
    EXPECT_EQ(s.prot, ELF_READ | ELF_EXEC);
    EXPECT(elf_next_segment(&e, &cursor, &s));
    EXPECT_EQ(s.address, BASE + PAGE_SIZE + DATA_OFFSET);
    EXPECT_EQ(s.file_offset, DATA_OFFSET);
    EXPECT_EQ(s.file_size, DATA_SIZE);
    EXPECT_EQ(s.memory_size, 2 * PAGE);
    EXPECT_EQ(s.prot, ELF_READ | ELF_WRITE);
    EXPECT(!elf_next_segment(&e, &cursor, &s));
    EXPECT(!elf_next_segment(&e, &cursor, &s));
}

TEST(a_position_independent_program_may_start_at_0)
{
    struct elf e;
    EXPECT_EQ(elf_parse(sample(DYN, 0), MIN, MAX, &e), ELF_GOOD);
    EXPECT(e.is_position_independent);
    EXPECT_EQ(e.low, 0);
    EXPECT_EQ(e.high, 4 * PAGE);
    EXPECT_EQ(elf_parse(sample(EXEC, 0), MIN, MAX, &e), ELF_SEGMENT_ADDRESS);
}

TEST(a_position_independent_program_starts_at_a_multiple_of_its_largest_alignment)
{
    struct elf e;
    (void)sample(DYN, 0x31000);
    put(DATA + P_ALIGN, 8, 0x10000);
    put(DATA + P_ADDRESS, 8, 0x40000 + DATA_OFFSET);
    EXPECT_EQ(parse_sample(&e), ELF_GOOD);
    EXPECT_EQ(e.low, 0x30000);
    put(AT_TYPE, 2, EXEC);
    EXPECT_EQ(parse_sample(&e), ELF_GOOD);
    EXPECT_EQ(e.low, 0x31000);
}

TEST(headers_outside_every_segment_have_no_address)
{
    struct elf e;
    (void)sample(EXEC, BASE);
    put_segment(CODE, R | X, HEADERS_END, BASE + HEADERS_END);
    put_sizes(CODE, 16, 16);
    EXPECT_EQ(parse_sample(&e), ELF_GOOD);
    EXPECT_EQ(e.headers_address, 0);
}

TEST(headers_partly_in_a_segment_have_no_address)
{
    struct elf e;
    (void)sample(EXEC, BASE);
    put_sizes(CODE, HEADERS_END - 1, HEADERS_END - 1);
    put(AT_ENTRY, 8, BASE + EHDR);
    EXPECT_EQ(parse_sample(&e), ELF_GOOD);
    EXPECT_EQ(e.headers_address, 0);
}

TEST(a_program_starts_in_code_that_is_in_the_file)
{
    struct elf e;
    (void)sample(EXEC, BASE);
    put_sizes(CODE, CODE_SIZE, CODE_SIZE + 16);
    EXPECT_EQ(parse_sample(&e), ELF_GOOD);
    put(AT_ENTRY, 8, BASE + CODE_SIZE);
    EXPECT_EQ(parse_sample(&e), ELF_BAD_ENTRY);
}

TEST(an_alignment_of_0_or_1_asks_for_pages)
{
    for (uint64_t align = 0; align <= 1; align++) {
        struct elf e;
        (void)sample(EXEC, BASE);
        put(DATA + P_ALIGN, 8, align);
        EXPECT_EQ(parse_sample(&e), ELF_GOOD);
        put(DATA + P_ADDRESS, 8, BASE + PAGE_SIZE + DATA_OFFSET + 8);
        EXPECT_EQ(parse_sample(&e), ELF_BAD_ALIGNMENT);
    }
}

TEST(a_program_may_fill_its_space_but_not_leave_it)
{
    struct elf e;
    EXPECT_EQ(elf_parse(sample(EXEC, MIN), MIN, MIN + 4 * PAGE, &e), ELF_GOOD);
    EXPECT_EQ(elf_parse(sample(DYN, 0), MIN, MIN + 4 * PAGE, &e), ELF_GOOD);
    EXPECT_EQ(elf_parse(sample(EXEC, MIN), MIN, MIN + 3 * PAGE, &e), ELF_SEGMENT_ADDRESS);
    EXPECT_EQ(elf_parse(sample(DYN, 0), MIN, MIN + 3 * PAGE, &e), ELF_SEGMENT_ADDRESS);
    EXPECT_EQ(elf_parse(sample(DYN, MIN), MIN, MIN + 4 * PAGE, &e), ELF_SEGMENT_ADDRESS);
}

TEST(a_file_with_one_thing_wrong_is_refused_for_it)
{
    static const struct {
        size_t offset;
        size_t size;
        uint64_t value;
        enum elf_refusal want;
    } cases[] = {
        {0, 1, 0x7e, ELF_BAD_MAGIC},
        {AT_CLASS, 1, 1, ELF_WRONG_CLASS},
        {AT_ORDER, 1, 2, ELF_WRONG_CLASS},
        {6, 1, 0, ELF_WRONG_CLASS},
        {AT_VERSION, 4, 2, ELF_WRONG_CLASS},
        {AT_TYPE, 2, 1, ELF_WRONG_TYPE},
        {AT_TYPE, 2, 4, ELF_WRONG_TYPE},
        {AT_MACHINE, 2, 62, ELF_WRONG_MACHINE},
        {AT_EHSIZE, 2, EHDR + 1, ELF_BAD_HEADERS},
        {AT_PHSIZE, 2, PHDR + 8, ELF_BAD_HEADERS},
        {AT_COUNT, 2, 0, ELF_BAD_HEADERS},
        {AT_COUNT, 2, 0xffff, ELF_BAD_HEADERS},
        {AT_COUNT, 2, SEGMENTS + 1, ELF_BAD_HEADERS},
        {AT_HEADERS, 8, UINT64_MAX - 8, ELF_BAD_HEADERS},
        {LAST + P_TYPE, 4, 3, ELF_INTERPRETER},
        {CODE + P_ALIGN, 8, 3 * PAGE, ELF_BAD_ALIGNMENT},
        {DATA + P_ALIGN, 8, 0x10000, ELF_BAD_ALIGNMENT}, // the address fits only a page
        {DATA + P_ADDRESS, 8, BASE + PAGE_SIZE, ELF_BAD_ALIGNMENT},
        {DATA + P_MEMORY_SIZE, 8, DATA_SIZE - 1, ELF_SEGMENT_SIZE},
        {DATA + P_MEMORY_SIZE, 8, 0, ELF_SEGMENT_SIZE},
        {DATA + P_FILE_SIZE, 8, DATA_SIZE + 1, ELF_SEGMENT_SIZE},
        {DATA + P_OFFSET, 8, UINT64_MAX - PAGE_SIZE + 1 + DATA_OFFSET, ELF_SEGMENT_SIZE},
        {DATA + P_ADDRESS, 8, MAX - PAGE_SIZE + DATA_OFFSET, ELF_SEGMENT_ADDRESS},
        {DATA + P_MEMORY_SIZE, 8, UINT64_MAX, ELF_SEGMENT_ADDRESS},
        {CODE + P_ADDRESS, 8, MIN - PAGE_SIZE, ELF_SEGMENT_ADDRESS},
        {DATA + P_ADDRESS, 8, BASE + DATA_OFFSET, ELF_SEGMENT_OVERLAP}, // in the code's page
        {DATA + P_ADDRESS, 8, BASE - PAGE_SIZE + DATA_OFFSET, ELF_SEGMENT_OVERLAP},
        {CODE + P_FLAGS, 4, R | W | X, ELF_WRITE_EXEC},
        {CODE + P_FLAGS, 4, R, ELF_BAD_ENTRY},
        {AT_ENTRY, 8, BASE + HEADERS_END + 2, ELF_BAD_ENTRY},
        {AT_ENTRY, 8, BASE + CODE_SIZE, ELF_BAD_ENTRY},
        {AT_ENTRY, 8, BASE - 4, ELF_BAD_ENTRY},
        {AT_ENTRY, 8, BASE + PAGE_SIZE + DATA_OFFSET, ELF_BAD_ENTRY},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct elf e;
        (void)sample(EXEC, BASE);
        put(cases[i].offset, cases[i].size, cases[i].value);
        enum elf_refusal got = parse_sample(&e);
        if (got != cases[i].want) {
            test_fail(__FILE__, __LINE__, "case %zu: %s, expected: %s", i, elf_refusal_text(got),
                      elf_refusal_text(cases[i].want));
        }
    }
}

TEST(a_file_without_segments_is_refused)
{
    struct elf e;
    (void)sample(EXEC, BASE);
    put(CODE + P_TYPE, 4, 0);
    put(DATA + P_TYPE, 4, 0);
    EXPECT_EQ(parse_sample(&e), ELF_NO_SEGMENTS);
}

TEST(every_refusal_has_words_of_its_own)
{
    for (int a = ELF_GOOD; a <= ELF_BAD_ENTRY; a++) {
        for (int b = ELF_GOOD; b < a; b++) {
            EXPECT(strcmp(elf_refusal_text((enum elf_refusal)a),
                          elf_refusal_text((enum elf_refusal)b)) != 0);
        }
    }
    EXPECT_STR(elf_refusal_text((enum elf_refusal)99), "unknown");
}

// What a loader relies on without looking again.
static void expect_loadable(const struct elf *e)
{
    struct elf_segment s;
    volatile uint8_t sum = 0; // the reads must happen
    unsigned cursor = 0;
    uint64_t free_from = e->low;
    while (elf_next_segment(e, &cursor, &s)) {
        uint64_t first = align_down(s.address, PAGE_SIZE);
        EXPECT(first >= free_from);
        EXPECT(s.memory_size != 0 && s.file_size <= s.memory_size);
        EXPECT_EQ(s.file_offset % PAGE_SIZE, s.address % PAGE_SIZE);
        EXPECT((s.prot & (ELF_WRITE | ELF_EXEC)) != (ELF_WRITE | ELF_EXEC));
        for (uint64_t i = 0; i < s.file_size; i++) {
            sum += e->file.data[s.file_offset + i];
        }
        free_from = align_up(s.address + s.memory_size, PAGE_SIZE);
        EXPECT(free_from > first);
    }
    EXPECT_EQ(free_from, e->high);
    EXPECT(e->high - e->low <= MAX - MIN);
    EXPECT(e->is_position_independent || (e->low >= MIN && e->high <= MAX));
    EXPECT(e->entry >= e->low && e->entry < e->high);
}

static void parse_damaged(const uint8_t *bytes, size_t size)
{
    struct elf e;
    if (elf_parse(span_of(bytes, size), MIN, MAX, &e) == ELF_GOOD) {
        expect_loadable(&e);
    }
}

TEST(a_file_cut_anywhere_is_refused)
{
    struct span whole = sample(EXEC, BASE);
    for (size_t size = 1; size < whole.size; size++) {
        // Memory of just this size, so that the sanitizer sees a byte too many.
        uint8_t *cut = test_alloc(size);
        struct elf e;
        EXPECT(cut != NULL);
        memcpy(cut, whole.data, size);
        enum elf_refusal got = elf_parse(span_of(cut, size), MIN, MAX, &e);
        EXPECT_EQ(got, size < EHDR          ? ELF_TOO_SHORT
                       : size < HEADERS_END ? ELF_BAD_HEADERS
                                            : ELF_SEGMENT_SIZE);
        test_free(cut);
    }
}

TEST(a_file_with_any_bit_flipped_is_refused_or_loadable)
{
    static const unsigned types[] = {EXEC, DYN};
    for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
        struct span whole = sample(types[t], BASE);
        uint8_t *copy = test_alloc(whole.size);
        EXPECT(copy != NULL);
        memcpy(copy, whole.data, whole.size);
        for (size_t bit = 0; bit < 8 * whole.size; bit++) {
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            parse_damaged(copy, whole.size);
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        test_free(copy);
    }
}

TEST(files_with_random_damage_are_refused_or_loadable)
{
    enum { ROUNDS = 4000, CHANGES = 5, FIRST = AT_TYPE };
    struct test_random random = {.state = 0xe1f};
    struct span whole = sample(DYN, BASE);
    uint8_t *copy = test_alloc(whole.size);
    EXPECT(copy != NULL);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(copy, whole.data, whole.size);
        for (uint64_t n = test_random_below(&random, CHANGES) + 1; n > 0; n--) {
            uint64_t at = test_random_below(&random, HEADERS_END - FIRST) + FIRST;
            // A field's own bytes elsewhere make values that are nearly right.
            copy[at] = n % 2 == 0 ? whole.data[test_random_below(&random, HEADERS_END)]
                                  : (uint8_t)test_random_next(&random);
        }
        parse_damaged(copy, whole.size);
    }
    test_free(copy);
}
