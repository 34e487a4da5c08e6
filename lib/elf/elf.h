// SPDX-License-Identifier: Apache-2.0
/*
 * Programs: 64-bit AArch64 ELF files, fixed (ET_EXEC) or position independent (ET_DYN, static PIE),
 * as the ELF gABI chapters 4 and 5 and the AArch64 ELF ABI describe them.
 *
 * elf_parse checks everything a loader relies on, so that a loader needs no checks of its own; a
 * file it refuses is refused with a reason that can be shown.  The bytes are borrowed.
 */
#pragma once

#include "lib/base/span.h"

enum elf_refusal {
    ELF_GOOD,
    ELF_TOO_SHORT,
    ELF_BAD_MAGIC,
    ELF_WRONG_CLASS, // not 64-bit little endian version 1
    ELF_WRONG_TYPE,  // neither ET_EXEC nor ET_DYN
    ELF_WRONG_MACHINE,
    ELF_BAD_HEADERS,   // program headers missing, of another size, or outside the file
    ELF_INTERPRETER,   // asks for a dynamic linker
    ELF_BAD_ALIGNMENT, // segment address and file offset disagree, or alignment is no power of two
    ELF_SEGMENT_SIZE,  // larger in the file than in memory, or outside the file
    ELF_SEGMENT_ADDRESS, // outside the addresses that the caller allows
    ELF_SEGMENT_OVERLAP, // two segments share a page, or they are out of order
    ELF_WRITE_EXEC,      // a segment is writable and executable
    ELF_NO_SEGMENTS,
    ELF_BAD_ENTRY, // not inside an executable segment
};

enum {
    ELF_READ = 1 << 0,
    ELF_WRITE = 1 << 1,
    ELF_EXEC = 1 << 2,
};

struct elf_segment {
    uint64_t address;     // as in the file; add the load bias for position-independent programs
    uint64_t memory_size; // the part past file_size is zero
    uint64_t file_offset; // congruent to address modulo the page size
    uint64_t file_size;
    unsigned prot; // ELF_READ | ...
};

struct elf {
    struct span file;   // its beginning: as much as the headers need
    uint64_t file_size; // of all of it
    uint64_t align;     // the largest that a segment asks for, at least a page
    bool is_position_independent;
    uint64_t entry;
    uint64_t low; // the segments lie in [low, high), page aligned; see elf_parse
    uint64_t high;
    uint64_t headers_address; // where the program headers are in memory; 0: not loaded
    uint16_t header_count;
    uint64_t headers_offset;
};

// Checks `file`, which holds the whole file.  The segments of a fixed program lie inside [min, max),
// which are page aligned.  Those of a position-independent one need at most max - min bytes from
// `low` on, which is a multiple of the largest alignment they ask for; a bias must keep it one.
enum elf_refusal elf_parse(struct span file, uint64_t min, uint64_t max, struct elf *out);

// The same from the first bytes of a file of `size` bytes; headers that are not among them are refused
// as bad ones.
enum elf_refusal elf_parse_head(struct span head, uint64_t size, uint64_t min, uint64_t max,
                                struct elf *out);

// Iterates over the PT_LOAD segments in order of address: start with *cursor = 0; false at the end.
bool elf_next_segment(const struct elf *e, unsigned *cursor, struct elf_segment *out);

// A refusal in words: "writable and executable segment".
const char *elf_refusal_text(enum elf_refusal refusal);
