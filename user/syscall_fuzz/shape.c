// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/shape.h"

#include "abi/gen/syscall_numbers.h"
#include "abi/records.h"
#include "abi/signal.h"
#include "abi/spawn.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"
#include "user/syscall_fuzz/arena.h"
#include "user/syscall_fuzz/clone.h"
#include "user/syscall_fuzz/value.h"

enum { LONG_PATH = 5000, NAME_LIMIT = 256 };

static void copy(uint64_t at, uint64_t room, const void *from, size_t size)
{
    memcpy((void *)at, from, u64_min(room, size));
}

/* ---- Strings ---- */

static const char *const paths[] = {"a",
                                    "a",
                                    "b",
                                    "c",
                                    "d",
                                    "d/e",
                                    "d/f",
                                    "l",
                                    "l/a",
                                    "./a",
                                    "d/../a",
                                    "a/b",
                                    "/data/a",
                                    "/data/d",
                                    "/data",
                                    "/",
                                    "/dev/null",
                                    "/dev/zero",
                                    "/dev/full",
                                    "/dev/random",
                                    "/dev/tty",
                                    "/dev/ptmx",
                                    "/dev/pts/0",
                                    "/dev/pts/1",
                                    "/dev/pts",
                                    "/dev",
                                    "/dev/console",
                                    "/bin/args",
                                    "/bin/true",
                                    "/etc/motd",
                                    "/bin",
                                    "",
                                    ".",
                                    "..",
                                    "nothing/here",
                                    "/bin/args/x",
                                    "../../../data/b",
                                    "s",
                                    "/proc/self/fd/1"};
// Where something may be mounted and unmounted without an end of everything else.
static const char *const mount_points[] = {"/data/d", "/data/a", "d", "d/e", "/data/d/e", "/data"};
static const char *const types[] = {"tmpfs", "tmpfs", "devfs", "swosbase", "", "nothing"};
static const char *const options[] = {"size=1m", "size=64k,mode=700", "", "size=", "nr_inodes=4"};

static void put_string(uint64_t at, uint64_t room, const char *text)
{
    copy(at, room, text, strlen(text) + 1);
}

// A name or a path at the limit of what one may be, or above it; without an end where memory ends.
static void put_long(struct random *r, uint64_t at, uint64_t room)
{
    static const uint64_t sizes[] = {NAME_LIMIT - 2, NAME_LIMIT - 1, NAME_LIMIT,
                                     4095,           4096,           LONG_PATH};
    uint64_t size = u64_min(room, random_pick(r, sizes));
    bool has_parts = random_one_in(r, 2);
    for (uint64_t i = 0; i < size; i++) {
        ((char *)at)[i] = has_parts && i % 2 == 1 ? '/' : 'x';
    }
    if (size < room) {
        ((char *)at)[size] = '\0';
    }
}

static void put_path(struct random *r, uint64_t at, uint64_t room)
{
    if (random_one_in(r, 24)) {
        put_long(r, at, room);
    } else {
        put_string(at, room, random_pick(r, paths));
    }
}

static void put_mount_point(struct random *r, uint64_t at, uint64_t room)
{
    put_string(at, room, random_pick(r, mount_points));
}

static void put_type(struct random *r, uint64_t at, uint64_t room)
{
    put_string(at, room, random_pick(r, types));
}

static void put_options(struct random *r, uint64_t at, uint64_t room)
{
    put_string(at, room, random_pick(r, options));
}

// Pointers to strings, and now and then no end of them.
static void put_strings(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t list[9] = {};
    uint64_t count = random_below(r, ARRAY_SIZE(list));
    for (uint64_t i = 0; i < count; i++) {
        list[i] = random_one_in(r, 16) ? arena_wild(r) : arena_place(r, 64);
        if (list[i] + 64 <= arena_end() && list[i] + (uint64_t)PAGE_SIZE * 8 > arena_end()) {
            put_path(r, list[i], 64);
        }
    }
    copy(at, room, list, sizeof(list));
}

/* ---- Structs ---- */

static void put_vector(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t v[16];
    for (unsigned i = 0; i < ARRAY_SIZE(v); i += 2) {
        v[i] = random_one_in(r, 16) ? arena_wild(r) : arena_place(r, 64);
        v[i + 1] = random_one_in(r, 8) ? value_size(r) : random_below(r, 300);
    }
    copy(at, room, v, sizeof(v));
}

static void put_time(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t t[4] = {0, random_below(r, 2000000), 0, random_below(r, 2000000)};
    if (random_one_in(r, 6)) {
        t[random_below(r, 4)] = value_number(r);
    }
    copy(at, room, t, sizeof(t));
}

static void put_set(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t set[16] = {random_next(r) << random_below(r, 64)};
    if (random_one_in(r, 2)) {
        set[0] = 1ull << random_below(r, 64);
    }
    copy(at, room, set, sizeof(set));
}

static void on_signal(int signal)
{
    (void)signal;
}

static void put_action(struct random *r, uint64_t at, uint64_t room)
{
    struct abi_sigaction a = {
        .handler = (uint64_t)on_signal,
        .flags = ABI_SA_RESTORER | (1ull << random_below(r, 32)),
        .restorer = (uint64_t)signal_return,
        .mask = random_one_in(r, 2) ? 0 : random_next(r),
    };
    if (random_one_in(r, 3)) {
        a.handler = random_one_in(r, 8) ? arena_wild(r) : random_below(r, 2);
    }
    copy(at, room, &a, sizeof(a));
}

static void put_stack(struct random *r, uint64_t at, uint64_t room)
{
    struct abi_sigaltstack s = {.base = arena_place(r, 8), .size = ABI_MINSIGSTKSZ};
    if (random_one_in(r, 4)) {
        s.size = value_size(r);
        s.flags = (int32_t)random_below(r, 4);
    }
    copy(at, room, &s, sizeof(s));
}

static void put_info(struct random *r, uint64_t at, uint64_t room)
{
    struct abi_siginfo i = {.signal = (int32_t)value_signal(r),
                            .code = -(int32_t)random_below(r, 8),
                            .pid = (int32_t)value_pid(r)};
    copy(at, room, &i, sizeof(i));
}

// Pairs of a handle and events: what poll takes; or handles for a new process.
static void put_handles(struct random *r, uint64_t at, uint64_t room)
{
    struct swiftos_spawn_handle h[8];
    for (unsigned i = 0; i < ARRAY_SIZE(h); i++) {
        h[i] = (struct swiftos_spawn_handle){
            .from = (int32_t)value_handle(r),
            .to = (int32_t)value_handle(r),
            .rights = random_one_in(r, 2) ? UINT32_MAX : (uint32_t)random_next(r),
        };
    }
    copy(at, room, h, sizeof(h));
}

static void put_event(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t e[8] = {random_below(r, 32) | (random_one_in(r, 4) ? random_next(r) : 0),
                     value_signal(r) | random_below(r, 4) << 32, value_pid(r)};
    copy(at, room, e, sizeof(e));
}

static void put_identity(struct random *r, uint64_t at, uint64_t room)
{
    struct swos_identity i = {.principal = (uint32_t)random_below(r, 4) * 500,
                              .group = (uint32_t)random_below(r, 3),
                              .session = (uint32_t)random_below(r, 3),
                              .caps = (uint32_t)random_below(r, 256)};
    copy(at, room, &i, sizeof(i));
}

static void put_limit(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t pair[2] = {value_size(r) << random_below(r, 24), UINT64_MAX};
    copy(at, room, pair, sizeof(pair));
}

// Priorities stay below that of the process which keeps the time.
static void put_priority(struct random *r, uint64_t at, uint64_t room)
{
    int32_t priority[2] = {(int32_t)random_below(r, 50)};
    copy(at, room, priority, sizeof(priority));
}

static void put_spawn(struct random *r, uint64_t at, uint64_t room)
{
    struct swos_spawn_action actions[4];
    for (unsigned i = 0; i < ARRAY_SIZE(actions); i++) {
        actions[i] = (struct swos_spawn_action){.kind = (uint32_t)random_below(r, 6),
                                                .handle = (int32_t)value_handle(r),
                                                .source = (int32_t)value_handle(r),
                                                .open_flags = (uint32_t)value_number(r),
                                                .path = arena_place(r, 64)};
    }
    struct swos_spawn s = {
        .flags = (uint32_t)random_below(r, SWOS_SPAWN_FLAGS + 2),
        .directory = random_one_in(r, 2) ? -100 : (int32_t)value_handle(r),
        .paths = arena_place(r, 72),
        .argv = arena_place(r, 72),
        .envp = random_one_in(r, 2) ? 0 : arena_place(r, 72),
        .handles = arena_place(r, 128),
        .actions = arena_place(r, sizeof(actions)),
        .handle_count = (uint32_t)random_below(r, 4),
        .action_count = (uint32_t)random_below(r, ARRAY_SIZE(actions)),
        .grants = random_one_in(r, 2) ? 0 : (uint32_t)random_next(r),
        .process_group = (int32_t)value_pid(r),
        .signal_mask = random_next(r),
        .signal_default = random_next(r),
    };
    put_strings(r, s.paths, arena_end() - s.paths);
    put_strings(r, s.argv, arena_end() - s.argv);
    put_handles(r, s.handles, arena_end() - s.handles);
    copy(s.actions, arena_end() - s.actions, actions, sizeof(actions));
    copy(at, room, &s, sizeof(s));
}

// Of a socket: a name in the file system or beside it, an address of the network, or one of netlink.
static void put_address(struct random *r, uint64_t at, uint64_t room)
{
    static const struct {
        char bytes[28];
    } names[] = {
        {"\1\0s"},
        {"\1\0d/s"},
        {"\1\0\0abstract"},
        {"\1\0/data/s"},
        {"\2\0\0\0\x7f\0\0\1"},
        {"\2\0\x1b\xbc\x7f\0\0\1"},
        {"\2\0\x1b\xbd\0\0\0\0"},
        {"\2\0\x1b\xbc\xe0\0\0\xfb"},
        {"\12\0\x1b\xbc\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"},
        {"\12\0\x1b\xbd"},
        {"\20\0"},
        {"\0\0"},
        {"\21\0\0\3\1"},
    };
    char address[112] = {};
    memcpy(address, names[random_below(r, ARRAY_SIZE(names))].bytes, sizeof(names[0].bytes));
    copy(at, room, address, sizeof(address));
}

// A request of netlink that changes nothing, or bytes.
static void put_datagram(struct random *r, uint64_t at, uint64_t room)
{
    uint32_t words[16] = {(uint32_t)random_below(r, 64),
                          18 + 4 * (uint32_t)random_below(r, 4) | 0x301u << 16};
    if (random_one_in(r, 3)) {
        words[0] = random_one_in(r, 2) ? 8 : 128; // echo, of either version
    }
    for (unsigned i = 4; i < ARRAY_SIZE(words); i++) {
        words[i] = (uint32_t)random_below(r, 20) | (uint32_t)random_below(r, 20) << 16;
    }
    copy(at, room, words, sizeof(words));
}

// struct msghdr, with handles to pass on behind it.
static void put_message(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t vector = arena_place(r, 128);
    uint64_t control = arena_place(r, 64);
    int32_t rights[8] = {24, 0, 1, 1, (int32_t)value_handle(r), (int32_t)value_handle(r)};
    uint64_t m[7] = {0, 0, vector, random_below(r, 4), control, random_below(r, 40), 0};
    put_vector(r, vector, arena_end() - vector);
    copy(control, arena_end() - control, rights, sizeof(rights));
    copy(at, room, m, sizeof(m));
}

/* ---- Anything ---- */

static void put_words(struct random *r, uint64_t at, uint64_t room)
{
    uint64_t words[SHAPE_BYTES / sizeof(uint64_t)];
    uint64_t kind = random_below(r, 4);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        words[i] = kind == 0   ? 0
                   : kind == 1 ? value_number(r)
                   : kind == 2 ? random_below(r, 4) | random_below(r, 4) << 32
                               : arena_place(r, 64);
    }
    copy(at, room, words, sizeof(words));
}

static const struct {
    const char *name;
    uint32_t call; // 0: of any call
    void (*put)(struct random *r, uint64_t at, uint64_t room);
} shapes[] = {
    {"request", SYS_spawn, put_spawn},
    {"bytes", SYS_sendto, put_datagram},
    {"target", SYS_mount, put_mount_point},
    {"target", SYS_umount2, put_mount_point},
    {"path", 0, put_path},
    {"old_path", 0, put_path},
    {"new_path", 0, put_path},
    {"target", 0, put_path},
    {"source", 0, put_path},
    {"type", 0, put_type},
    {"data", 0, put_options},
    {"argv", 0, put_strings},
    {"envp", 0, put_strings},
    {"vector", 0, put_vector},
    {"request", 0, put_time},
    {"timeout", 0, put_time},
    {"value", 0, put_time},
    {"time", 0, put_time},
    {"times", 0, put_time},
    {"set", 0, put_set},
    {"mask", 0, put_set},
    {"action", 0, put_action},
    {"stack", 0, put_stack},
    {"info", 0, put_info},
    {"handles", 0, put_handles},
    {"event", 0, put_event},
    {"identity", 0, put_identity},
    {"limit", 0, put_limit},
    {"new_limit", 0, put_limit},
    {"param", 0, put_priority},
    {"address", 0, put_address},
    {"message", 0, put_message},
    {"messages", 0, put_message},
};

void shape_fill(struct random *r, uint32_t call, const char *name, uint64_t at, uint64_t room)
{
    for (unsigned i = 0; i < ARRAY_SIZE(shapes) && !random_one_in(r, 400); i++) {
        if ((shapes[i].call == 0 || shapes[i].call == call) && strcmp(shapes[i].name, name) == 0) {
            shapes[i].put(r, at, room);
            return;
        }
    }
    put_words(r, at, room);
}
