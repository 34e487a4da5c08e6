// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/value.h"

#include "abi/gen/syscall_stubs.h"
#include "abi/signal.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "user/syscall_fuzz/arena.h"
#include "user/syscall_fuzz/hint.h"
#include "user/syscall_fuzz/shape.h"

enum { CURRENT_DIRECTORY = -100, FIRST_PROCESS = 1 };

/* ---- Numbers ---- */

uint64_t value_number(struct random *r)
{
    static const uint64_t edges[] = {0,          1,
                                     2,          3,
                                     7,          8,
                                     16,         128,
                                     4095,       4096,
                                     4097,       65535,
                                     65536,      1u << 20,
                                     INT32_MAX,  1u << 31,
                                     UINT32_MAX, 1ull << 32,
                                     INT64_MAX,  1ull << 63,
                                     UINT64_MAX, UINT64_MAX - 7};
    switch (random_below(r, 4)) {
    case 0: return random_below(r, 16);
    case 1: return random_below(r, 8192);
    case 2: return random_pick(r, edges);
    default: return random_one_in(r, 4) ? random_next(r) : 1ull << random_below(r, 64);
    }
}

// Handles are small and dense, so a small number is one that is open, was, or will be.
uint64_t value_handle(struct random *r)
{
    static const int64_t others[] = {-1,   CURRENT_DIRECTORY, 63,        64,       255, 1023,
                                     1024, 1 << 20,           INT32_MAX, INT32_MIN};
    if (random_one_in(r, 24)) {
        return (uint64_t)random_pick(r, others);
    }
    return random_below(r, random_one_in(r, 4) ? 40 : 12);
}

uint64_t value_pid(struct random *r)
{
    int64_t self = sys_getpid();
    switch (random_below(r, 8)) {
    case 0: return 0;
    case 1: return (uint64_t)sys_gettid();
    case 2: return (uint64_t)(self + 1 + (int64_t)random_below(r, 8));
    case 3: return (uint64_t)(self - 1 - (int64_t)random_below(r, 8));
    case 4: return 2 + random_below(r, 1000);
    case 5: return random_one_in(r, 8) ? value_number(r) : (uint64_t)-self;
    default: return (uint64_t)self;
    }
}

uint64_t value_signal(struct random *r)
{
    if (random_one_in(r, 32)) {
        return random_one_in(r, 2) ? SIGKILL : SIGSTOP;
    }
    return random_one_in(r, 16) ? value_number(r) : random_below(r, SIGNAL_MAX + 1);
}

uint64_t value_size(struct random *r)
{
    static const uint64_t sizes[] = {0, 1, 4, 8, 16, 24, 32, 64, 100, 128, 255, 512, 4096};
    return random_one_in(r, 4) ? value_number(r) : random_pick(r, sizes);
}

static uint64_t a_count(struct random *r)
{
    return random_one_in(r, 8) ? value_number(r) : random_below(r, 9);
}

static uint64_t a_set_size(struct random *r)
{
    return random_one_in(r, 16) ? value_number(r) : sizeof(uint64_t);
}

static uint64_t an_offset(struct random *r)
{
    return random_one_in(r, 4) ? value_number(r) : random_below(r, 3ull * PAGE_SIZE);
}

static uint64_t a_clock(struct random *r)
{
    return random_one_in(r, 8) ? (uint64_t)-(int64_t)random_below(r, 64) : random_below(r, 12);
}

static uint64_t a_short_time(struct random *r)
{
    return random_one_in(r, 8) ? value_number(r) : random_below(r, 5);
}

static uint64_t a_deadline(struct random *r)
{
    return random_one_in(r, 4) ? value_number(r) : 1 + random_below(r, 1ull << 30);
}

static uint64_t a_mode(struct random *r)
{
    return random_one_in(r, 4) ? value_number(r) : random_below(r, 010000);
}

static uint64_t a_stack(struct random *r)
{
    return random_one_in(r, 2) ? 0 : arena_end() - PAGE_SIZE;
}

static uint64_t an_id(struct random *r)
{
    return random_one_in(r, 2) ? random_below(r, 8) : value_pid(r);
}

static uint64_t a_resource(struct random *r)
{
    return random_one_in(r, 16) ? value_number(r) : random_below(r, 16);
}

static const struct {
    const char *name;
    uint64_t (*value)(struct random *r);
} by_name[] = {
    {"handle", value_handle}, {"target", value_handle}, {"first", value_handle},
    {"last", value_handle},   {"pid", value_pid},       {"tid", value_pid},
    {"who", value_pid},       {"group", value_pid},     {"id", an_id},
    {"after", value_pid},     {"signal", value_signal}, {"clock", a_clock},
    {"size", value_size},     {"old_size", value_size}, {"new_size", value_size},
    {"count", a_count},       {"set_size", a_set_size}, {"offset", an_offset},
    {"mode", a_mode},         {"stack", a_stack},       {"timeout_ms", a_short_time},
    {"deadline", a_deadline}, {"resource", a_resource}, {"grant", an_id},
};

static uint64_t a_number(struct random *r, const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(by_name); i++) {
        if (strcmp(by_name[i].name, name) == 0) {
            return by_name[i].value(r);
        }
    }
    return value_number(r);
}

/* ---- Memory ---- */

static uint64_t a_pointer(struct random *r, const struct call_grammar *call, const char *name)
{
    if (random_one_in(r, 12)) {
        return arena_wild(r);
    }
    if (random_one_in(r, 12)) {
        return 0;
    }
    uint64_t at = arena_place(r, random_one_in(r, 2) ? 8 * random_below(r, 17) : SHAPE_BYTES);
    shape_fill(r, call->number, name, at, arena_end() - at);
    return at;
}

static bool is_of_mappings(const struct call_grammar *call)
{
    return call->number >= SYS_mmap && call->number <= SYS_munlock;
}

static uint64_t a_mapping_size(struct random *r)
{
    return random_one_in(r, 32) ? value_number(r) : (1 + random_below(r, 16)) * PAGE_SIZE;
}

/* ---- All of them ---- */

uint64_t value_of(struct random *r, const struct call_grammar *call, unsigned index)
{
    const char *name = call->names[index];
    enum argument_kind kind = call->arguments[index];
    uint64_t value;
    switch (kind) {
    case ARGUMENT_NONE: return 0;
    case ARGUMENT_FILE:
    case ARGUMENT_ANY: return value_handle(r);
    case ARGUMENT_AT: return random_one_in(r, 2) ? (uint64_t)CURRENT_DIRECTORY : value_handle(r);
    case ARGUMENT_USER: return a_pointer(r, call, name);
    case ARGUMENT_ADDR: return arena_zone(r);
    default: break;
    }
    if (!random_one_in(r, 16) && hint_value(r, call->number, index, &value)) {
        return value;
    }
    bool is_size = name[0] != 'o' || strcmp(name, "offset") != 0;
    if (is_of_mappings(call) && kind == ARGUMENT_U64) {
        return is_size ? a_mapping_size(r) : align_down(an_offset(r), PAGE_SIZE);
    }
    return a_number(r, name);
}
