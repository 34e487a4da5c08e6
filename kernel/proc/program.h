// SPDX-License-Identifier: Apache-2.0
/*
 * Programs: from a file to an address space that is ready to run.
 *
 * Segments are mapped from the page cache: those that cannot be written show the file itself, others
 * a private view of it.  A file that begins with "#!" is a script: its interpreter is started instead,
 * up to SCRIPT_DEPTH_MAX levels deep.
 */
#pragma once

#include "kernel/mm/aspace.h"
#include "kernel/vfs/path.h"
#include "lib/base/span.h"

enum { SCRIPT_DEPTH_MAX = 4 };

/* What main is called with: the strings of argv and then of envp, one after the other, each with its
 * NUL.  `limit` bounds what strings and pointers take up on the new stack. */
struct program_strings {
    char *bytes; // on the heap
    size_t used;
    size_t room;
    size_t limit;
    size_t argc;
    size_t envc;
};

void program_strings_init(struct program_strings *s, size_t limit);
void program_strings_fini(struct program_strings *s);

// Appends; the caller counts argc and envc.  ERR_2BIG, ERR_NOMEM.
status_t program_strings_add(struct program_strings *s, const char *bytes, size_t size);

// Appends those of a NULL-terminated vector in user memory (0: an empty one), and counts them.
status_t program_strings_add_user(struct program_strings *s, vaddr_t vector, size_t *count);

struct program_request {
    const struct path_base *base;
    struct span path;                // as given: a script finds itself by it
    struct vnode *vnode;             // borrowed; not NULL: the file itself, `path` is its name only
    struct program_strings *strings; // a script changes them
    const struct cred *who;          // for the auxiliary vector
    uint64_t stack_bytes;            // most that the stack may become
    uint64_t aspace_bytes;           // most that the address space may become
};

// Builds the address space and the registers to start with; the caller has its only reference.
// ERR_NOENT, ERR_ACCES, ERR_NOEXEC, ERR_LOOP, ERR_2BIG, ERR_NOMEM, ERR_IO and what else paths give.
status_t program_load(const struct program_request *r, struct aspace **out,
                      struct arch_frame *frame);
