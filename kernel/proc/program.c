// SPDX-License-Identifier: Apache-2.0
#include "kernel/proc/program.h"

#include "abi/clock_page.h"
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/core/time.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/pager.h"
#include "kernel/mm/vmo.h"
#include "kernel/proc/clock.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "lib/elf/elf.h"

// Auxiliary vector tags (ELF psABI; the values of musl's elf.h).
enum {
    AT_NULL = 0,
    AT_PHDR = 3,
    AT_PHENT = 4,
    AT_PHNUM = 5,
    AT_PAGESZ = 6,
    AT_BASE = 7,
    AT_ENTRY = 9,
    AT_UID = 11,
    AT_EUID = 12,
    AT_GID = 13,
    AT_EGID = 14,
    AT_PLATFORM = 15,
    AT_HWCAP = 16,
    AT_CLKTCK = 17,
    AT_SECURE = 23,
    AT_RANDOM = 25,
    AT_HWCAP2 = 26,
    AT_EXECFN = 31,
};
enum {
    PHENT_SIZE = 56,
    CLOCK_TICKS = 100,
    STACK_ALIGN = 16,
    HEAD_SIZE = 1024, // of the file: its headers are in there
    SCRIPT_LINE_MAX = 256,
    STRINGS_FIRST_ROOM = 1024,
    RANDOM_SIZE = 16,
    STACK_RANDOM_PAGES = 1 << 18,
};
constexpr uint64_t STACK_MIN = 128 << 10;
constexpr uint64_t STACK_MAX = 1ull << 30;

// Position-independent programs go here, leaving room below for fixed ones.
constexpr vaddr_t PIE_BASE = 0x0000555500000000;
constexpr uint64_t PIE_RANDOM = 1ull << 36;
constexpr vaddr_t STACK_TOP = 0x00007ffffff00000;

static const char platform[] = "aarch64";

/* ---- Strings ---- */

void program_strings_init(struct program_strings *s, size_t limit)
{
    *s = (struct program_strings){.limit = limit};
}

void program_strings_fini(struct program_strings *s)
{
    heap_free(s->bytes);
    s->bytes = NULL;
}

static status_t make_room(struct program_strings *s, size_t size)
{
    size_t wanted = s->room == 0 ? STRINGS_FIRST_ROOM : s->room;
    void *memory;
    if (size > s->limit || s->used > s->limit - size) {
        return ERR_2BIG;
    }
    while (wanted < s->used + size) {
        wanted *= 2;
    }
    if (wanted == s->room) {
        return OK;
    }
    status_t status = heap_alloc(wanted, &memory);
    if (status != OK) {
        return status;
    }
    if (s->used != 0) {
        memcpy(memory, s->bytes, s->used);
    }
    heap_free(s->bytes);
    s->bytes = memory;
    s->room = wanted;
    return OK;
}

status_t program_strings_add(struct program_strings *s, const char *bytes, size_t size)
{
    status_t status = make_room(s, size);
    if (status == OK) {
        memcpy(s->bytes + s->used, bytes, size);
        s->used += size;
    }
    return status;
}

static status_t add_user_string(struct program_strings *s, vaddr_t string)
{
    size_t len;
    status_t status = make_room(s, 1);
    while (status == OK) {
        status = arch_copy_string_from_user(s->bytes + s->used, string, s->room - s->used, &len);
        if (status != ERR_NAMETOOLONG) {
            s->used += status == OK ? len + 1 : 0;
            return status;
        }
        status = make_room(s, s->room - s->used + 1);
    }
    return status;
}

status_t program_strings_add_user(struct program_strings *s, vaddr_t vector, size_t *count)
{
    for (*count = 0; vector != 0; (*count)++) {
        vaddr_t string;
        if (arch_copy_from_user(&string, vector + *count * sizeof(string), sizeof(string)) != 0) {
            return ERR_FAULT;
        }
        if (string == 0) {
            break;
        }
        status_t status = add_user_string(s, string);
        if (status != OK) {
            return status;
        }
        if (*count >= s->limit / sizeof(string)) {
            return ERR_2BIG;
        }
    }
    return OK;
}

// The first argument becomes these `size` bytes, which are `count` strings.
static status_t replace_first(struct program_strings *s, const char *bytes, size_t size,
                              size_t count)
{
    size_t old = s->argc == 0 ? 0 : strlen(s->bytes) + 1;
    status_t status = make_room(s, size);
    if (status == OK) {
        memmove(s->bytes + size, s->bytes + old, s->used - old);
        memcpy(s->bytes, bytes, size);
        s->used += size - old;
        s->argc += count - (s->argc == 0 ? 0 : 1);
    }
    return status;
}

/* ---- The file ---- */

static status_t content_of(struct vnode *v, const struct cred *who, struct vmo **out)
{
    if (v->type != VNODE_FILE || v->content == NULL || (v->mount->flags & MOUNT_NO_EXEC) != 0) {
        return ERR_ACCES;
    }
    status_t status = vnode_may(v, who, WANT_EXECUTE);
    if (status == OK) {
        vmo_ref(v->content);
        *out = v->content;
    }
    return status;
}

static status_t open_content(const struct program_request *r, struct span path, struct vmo **out)
{
    struct vnode *v;
    status_t status = path_find(r->base, path, PATH_FOLLOW, &v);
    if (status == OK) {
        status = content_of(v, r->who, out);
        vnode_unref(v);
    }
    return status;
}

static status_t read_head(struct vmo *v, char head[HEAD_SIZE], size_t *size)
{
    *size = u64_min(vmo_size(v), HEAD_SIZE);
    return vmo_read_bytes(v, 0, head, *size);
}

/* ---- Scripts ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *line, size_t at, size_t end)
{
    while (at < end && is_blank(line[at])) {
        at++;
    }
    return at;
}

// Takes "#! INTERPRETER [ARGUMENT]" apart: the argument is the rest of the line.  ERR_NOEXEC.
static status_t parse_script(const char *head, size_t size, struct span *interpreter,
                             struct span *argument)
{
    size_t end = 2;
    size_t most = u64_min(size, SCRIPT_LINE_MAX);
    while (end < most && head[end] != '\n' && head[end] != '\0') {
        end++;
    }
    if (end == SCRIPT_LINE_MAX) {
        return ERR_NOEXEC;
    }
    while (end > 2 && is_blank(head[end - 1])) {
        end--;
    }
    size_t start = skip_blanks(head, 2, end);
    size_t stop = start;
    while (stop < end && !is_blank(head[stop])) {
        stop++;
    }
    if (start == stop) {
        return ERR_NOEXEC;
    }
    size_t rest = skip_blanks(head, stop, end);
    *interpreter = span_of(head + start, stop - start);
    *argument = span_of(head + rest, end - rest);
    return OK;
}

static size_t put(char *out, size_t at, struct span text)
{
    memcpy(out + at, text.data, text.size);
    out[at + text.size] = '\0';
    return at + text.size + 1;
}

// INTERPRETER [ARGUMENT] PATH take the place of the first argument.
static status_t become_interpreter(struct program_strings *s, struct span interpreter,
                                   struct span argument, struct span path)
{
    void *memory;
    status_t status = heap_alloc(interpreter.size + argument.size + path.size + 3, &memory);
    if (status != OK) {
        return status;
    }
    size_t size = put(memory, 0, interpreter);
    size_t count = 2;
    if (argument.size != 0) {
        size = put(memory, size, argument);
        count++;
    }
    size = put(memory, size, path);
    status = replace_first(s, memory, size, count);
    heap_free(memory);
    return status;
}

// Opens what is to run at the end of a chain of scripts.  `name` holds an interpreter's path.
static status_t open_program(const struct program_request *r, char name[SCRIPT_LINE_MAX],
                             char head[HEAD_SIZE], size_t *size, struct vmo **out)
{
    struct span path = r->path;
    status_t status =
        r->vnode != NULL ? content_of(r->vnode, r->who, out) : open_content(r, path, out);
    for (unsigned depth = 0; status == OK; depth++) {
        struct span interpreter;
        struct span argument;
        status = read_head(*out, head, size);
        if (status == OK && (*size < 2 || head[0] != '#' || head[1] != '!')) {
            return OK;
        }
        if (status == OK) {
            status = depth == SCRIPT_DEPTH_MAX ? ERR_LOOP
                                               : parse_script(head, *size, &interpreter, &argument);
        }
        if (status == OK) {
            status = become_interpreter(r->strings, interpreter, argument, path);
        }
        vmo_unref(*out);
        if (status == OK) {
            put(name, 0, interpreter);
            path = span_of(name, interpreter.size);
            status = open_content(r, path, out);
        }
    }
    return status;
}

/* ---- Segments ---- */

struct place {
    vaddr_t va;
    uint64_t first; // page of the object
    size_t pages;
    unsigned prot;
};

static status_t map(struct aspace *as, struct vmo *v, const struct place *p)
{
    vaddr_t va = p->va;
    struct mapping m = {.vmo = v,
                        .offset = p->first,
                        .size_pages = p->pages,
                        .prot = p->prot,
                        .max_prot = p->prot,
                        .flags = ASPACE_FIXED};
    return aspace_map(as, &m, &va);
}

static status_t map_zeros(struct aspace *as, const struct place *p)
{
    struct vmo *v;
    status_t status = vmo_create_anonymous(p->pages, &v);
    if (status == OK) {
        status = map(as, v, p);
        vmo_unref(v); // the mapping has its own reference
    }
    return status;
}

// A view of the file that is the program's own, zero behind the segment's bytes.
static status_t map_private(struct aspace *as, struct vmo *file, const struct elf_segment *s,
                            const struct place *p)
{
    struct vmo *v;
    status_t status = vmo_create_private(file, &v);
    if (status != OK) {
        return status;
    }
    uint64_t end = s->file_offset + s->file_size;
    if (s->memory_size > s->file_size && !is_aligned(end, PAGE_SIZE)) {
        status = vmo_zero(v, end, align_up(end, PAGE_SIZE) - end);
    }
    if (status == OK) {
        status = map(as, v, p);
    }
    vmo_unref(v);
    return status;
}

static status_t load_segment(struct aspace *as, struct vmo *file, const struct elf_segment *s,
                             uint64_t bias)
{
    uint64_t lead = s->address & (PAGE_SIZE - 1);
    size_t pages = pages_for(lead + s->memory_size);
    struct place p = {
        .va = bias + s->address - lead,
        .first = (s->file_offset - lead) >> PAGE_SHIFT,
        .pages = s->file_size == 0 ? 0 : pages_for(lead + s->file_size),
        .prot = ((s->prot & ELF_READ) != 0 ? PROT_READ : 0u) |
                ((s->prot & ELF_WRITE) != 0 ? PROT_WRITE : 0u) |
                ((s->prot & ELF_EXEC) != 0 ? PROT_EXEC : 0u),
    };
    bool is_as_in_file = (p.prot & PROT_WRITE) == 0 && s->memory_size == s->file_size;
    status_t status = OK;
    if (p.pages != 0) {
        status = is_as_in_file ? map(as, file, &p) : map_private(as, file, s, &p);
    }
    if (status == OK && pages > p.pages) {
        struct place rest = {.va = p.va + ((uint64_t)p.pages << PAGE_SHIFT),
                             .pages = pages - p.pages,
                             .prot = p.prot};
        status = map_zeros(as, &rest);
    }
    return status;
}

/* ---- The stack ---- */

// Everything that lies on it at the start, and where.
struct layout {
    vaddr_t top;
    uint64_t size; // of the mapping
    vaddr_t strings;
    vaddr_t path;
    vaddr_t platform;
    vaddr_t random;
    vaddr_t sp;
};

enum { AUXV_WORDS = 40 };

static size_t make_auxv(uint64_t v[AUXV_WORDS], const struct program_request *r,
                        const struct elf *e, uint64_t bias, const struct layout *l)
{
    uint64_t hwcap[2];
    arch_user_features(hwcap);
    const uint64_t pairs[] = {
        AT_PHDR,       e->headers_address == 0 ? 0 : bias + e->headers_address,
        AT_PHENT,      PHENT_SIZE,
        AT_PHNUM,      e->header_count,
        AT_PAGESZ,     PAGE_SIZE,
        AT_BASE,       0,
        AT_ENTRY,      bias + e->entry,
        AT_UID,        r->who->principal,
        AT_EUID,       r->who->principal,
        AT_GID,        r->who->group,
        AT_EGID,       r->who->group,
        AT_SECURE,     0,
        AT_RANDOM,     l->random,
        AT_EXECFN,     l->path,
        AT_HWCAP,      hwcap[0],
        AT_HWCAP2,     hwcap[1],
        AT_PLATFORM,   l->platform,
        AT_CLKTCK,     CLOCK_TICKS,
        AT_SWOS_CLOCK, l->top,
        AT_NULL,       0,
    };
    static_assert(sizeof(pairs) <= AUXV_WORDS * sizeof(uint64_t));
    memcpy(v, pairs, sizeof(pairs));
    return sizeof(pairs) / sizeof(pairs[0]);
}

static status_t write_at(struct vmo *v, const struct layout *l, vaddr_t at, const void *bytes,
                         size_t size)
{
    return vmo_write_bytes(v, at - (l->top - l->size), bytes, size);
}

// Addresses of the strings, each list with a NULL behind it, after the count of arguments.
static size_t make_vectors(uint64_t *out, const struct program_strings *s, vaddr_t strings)
{
    size_t n = 0;
    size_t at = 0;
    out[n++] = s->argc;
    for (size_t i = 0; i < s->argc + s->envc; i++) {
        if (i == s->argc) {
            out[n++] = 0;
        }
        out[n++] = strings + at;
        at += strlen(s->bytes + at) + 1;
    }
    if (s->envc == 0) {
        out[n++] = 0;
    }
    out[n++] = 0;
    return n;
}

static void seed(uint8_t out[RANDOM_SIZE])
{
    // Before there is randomness: the first program alone, whose canary is then guessable.
    if (random_try_bytes(out, RANDOM_SIZE) != OK) {
        uint64_t now = arch_counter();
        memcpy(out, &now, sizeof(now));
    }
}

static status_t write_strings(struct vmo *v, const struct program_request *r,
                              const struct layout *l)
{
    uint8_t random[RANDOM_SIZE] = {};
    seed(random);
    status_t status = write_at(v, l, l->strings, r->strings->bytes, r->strings->used);
    if (status == OK) {
        status = write_at(v, l, l->path, r->path.data, r->path.size); // fresh pages have its NUL
    }
    if (status == OK) {
        status = write_at(v, l, l->platform, platform, sizeof(platform));
    }
    return status == OK ? write_at(v, l, l->random, random, sizeof(random)) : status;
}

// From the top down: path, strings, platform, random bytes, auxiliary vector, environment, arguments.
static status_t fill_stack(struct vmo *v, const struct program_request *r, const struct elf *e,
                           uint64_t bias, struct layout *l)
{
    const struct program_strings *s = r->strings;
    uint64_t auxv[AUXV_WORDS];
    size_t pointers = 1 + s->argc + 1 + s->envc + 1;
    l->path = l->top - sizeof(uint64_t) - (r->path.size + 1);
    l->strings = l->path - s->used;
    l->platform = l->strings - sizeof(platform);
    l->random = align_down(l->platform - RANDOM_SIZE, STACK_ALIGN);
    size_t auxv_count = make_auxv(auxv, r, e, bias, l);
    l->sp = align_down(l->random - (pointers + auxv_count) * sizeof(uint64_t), STACK_ALIGN);
    void *memory;
    status_t status = heap_alloc_array(pointers + auxv_count, sizeof(uint64_t), &memory);
    if (status != OK) {
        return status;
    }
    uint64_t *words = memory;
    size_t n = make_vectors(words, s, l->strings);
    memcpy(words + n, auxv, auxv_count * sizeof(uint64_t));
    status = write_at(v, l, l->sp, words, (n + auxv_count) * sizeof(uint64_t));
    heap_free(memory);
    return status == OK ? write_strings(v, r, l) : status;
}

static uint64_t random_below_power(uint64_t power)
{
    uint64_t value = 0;
    return random_try_bytes(&value, sizeof(value)) == OK ? value & (power - 1) : 0;
}

// The clock page lies right above the stack: they share page tables.
static status_t map_stack(struct aspace *as, const struct program_request *r, const struct elf *e,
                          uint64_t bias, vaddr_t *sp)
{
    struct layout l = {
        .top = STACK_TOP - (random_below_power(STACK_RANDOM_PAGES) << PAGE_SHIFT),
        .size = align_up(u64_min(u64_max(r->stack_bytes, STACK_MIN), STACK_MAX), PAGE_SIZE),
    };
    struct place p = {
        .va = l.top - l.size, .pages = l.size >> PAGE_SHIFT, .prot = PROT_READ | PROT_WRITE};
    struct vmo *v;
    status_t status = vmo_create_anonymous(p.pages, &v);
    if (status != OK) {
        return status;
    }
    status = fill_stack(v, r, e, bias, &l);
    if (status == OK) {
        status = map(as, v, &p);
    }
    vmo_unref(v);
    *sp = l.sp;
    return status == OK ? clock_map(as, l.top) : status;
}

/* ---- All of it ---- */

static status_t load_elf(struct aspace *as, struct vmo *file, const struct elf *e,
                         const struct program_request *r, struct arch_frame *frame)
{
    uint64_t bias = 0;
    if (e->is_position_independent) {
        bias = PIE_BASE + align_down(random_below_power(PIE_RANDOM), e->align) - e->low;
    }
    unsigned cursor = 0;
    struct elf_segment s;
    vaddr_t sp = 0;
    status_t status = OK;
    while (status == OK && elf_next_segment(e, &cursor, &s)) {
        status = load_segment(as, file, &s, bias);
    }
    if (status == OK) {
        status = map_stack(as, r, e, bias, &sp);
    }
    if (status == OK) {
        arch_frame_init_user(frame, bias + e->entry, sp, 0);
    }
    return status;
}

// Strings and pointers must leave most of the stack free.
static bool fits(const struct program_strings *s)
{
    return s->argc + s->envc <= (s->limit - u64_min(s->used, s->limit)) / sizeof(uint64_t);
}

static status_t load(const struct program_request *r, struct vmo *file, const char *head,
                     size_t size, struct aspace **out, struct arch_frame *frame)
{
    struct elf e;
    enum elf_refusal refusal =
        elf_parse_head(span_of(head, size), vmo_size(file), USER_BASE, PIE_BASE, &e);
    if (refusal != ELF_GOOD) {
        if (refusal != ELF_BAD_MAGIC && refusal != ELF_TOO_SHORT) { // shells try these as scripts
            log_warn("exec", "%.*s: %s", (int)u64_min(r->path.size, SCRIPT_LINE_MAX),
                     (const char *)r->path.data, elf_refusal_text(refusal));
        }
        return ERR_NOEXEC;
    }
    struct aspace *as;
    status_t status = aspace_create(&as);
    if (status != OK) {
        return status;
    }
    as->limit_pages = u64_min(as->limit_pages, r->aspace_bytes >> PAGE_SHIFT);
    status = load_elf(as, file, &e, r, frame);
    if (status != OK) {
        aspace_unref(as);
        return status;
    }
    *out = as;
    return OK;
}

status_t program_load(const struct program_request *r, struct aspace **out,
                      struct arch_frame *frame)
{
    char head[HEAD_SIZE];
    char name[SCRIPT_LINE_MAX];
    size_t size;
    struct vmo *file;
    status_t status = open_program(r, name, head, &size, &file);
    if (status != OK) {
        return status;
    }
    status = fits(r->strings) ? load(r, file, head, size, out, frame) : ERR_2BIG;
    vmo_unref(file);
    return status;
}
