// SPDX-License-Identifier: Apache-2.0
/*
 * Authority is what a process holds: rights of handles, grants, and the floor of its capability mask.
 * Each part runs in a child that gives something up, and ends with the number of what went wrong.
 */
#include "abi/fcntl.h"
#include "abi/gen/syscall_stubs.h"
#include "abi/handle.h"
#include "abi/records.h"
#include "abi/rights.h"
#include "abi/socket.h"
#include "abi/sys.h"
#include "lib/base/bits.h"
#include "lib/base/types.h"
#include "user/libswos/print.h"

enum {
    CWD = ABI_AT_FDCWD,
    READ_ONLY = ABI_O_RDONLY,
    DIRECTORY = ABI_O_RDONLY | ABI_O_DIRECTORY,
};

enum : uint32_t {
    MASK_ROOT = 63,
    MASK_USER = 14,
    MASK_GUEST = 2,
    NAMESPACE = 1u << SWOS_GRANT_NAMESPACE,
};

static int failures;

static void expect(const char *what, int64_t got, int64_t want)
{
    if (got != want) {
        print_error("%s: %lld, expected %lld\n", what, (long long)got, (long long)want);
        failures++;
    }
}

static int64_t open_at(int64_t dir, const char *path, uint32_t flags)
{
    return sys_openat((int32_t)dir, path, flags, 0600);
}

// Opens and closes again: OK or the error.
static int64_t try_open(int64_t dir, const char *path, uint32_t flags)
{
    int64_t h = open_at(dir, path, flags);
    return h < 0 ? h : sys_close((int32_t)h);
}

/* ---- Identities ---- */

static void become(uint32_t principal, uint32_t caps)
{
    struct swos_identity i = {.principal = principal, .group = principal, .caps = caps};
    struct swos_identity me = {};
    expect("adopt", sys_set_identity(&i, sizeof(i)), 0);
    expect("who am I", sys_get_identity(&me, sizeof(me)), 0);
    expect("principal", me.principal, principal);
    expect("uid", sys_getuid(), principal);
    expect("mask", me.caps, caps);
    expect("a session of its own", me.session != 0, true);
}

/* ---- Handles ---- */

static void duplicates_have_no_more_rights(void)
{
    char byte = 'x';
    struct swos_handle_info info = {};
    int64_t h = open_at(CWD, "/tmp/file", ABI_O_RDWR | ABI_O_CREAT);
    expect("create", h < 0 ? h : 0, 0);
    int32_t file = (int32_t)h;
    int32_t reader = (int32_t)sys_handle_duplicate(file, SWIFTOS_RIGHT_READ);
    expect("write with the right", sys_write(file, &byte, 1), 1);
    expect("write without it", sys_write(reader, &byte, 1), ERR_BADF);
    expect("read", sys_pread64(reader, &byte, 1, 0), 1);
    expect("attributes without the right", sys_fchmod(reader, 0600), ERR_ACCES);
    expect("duplicate without the right", sys_dup(reader), ERR_ACCES);
    expect("information", sys_handle_info(reader, &info, sizeof(info)), 0);
    expect("rights", info.rights, SWIFTOS_RIGHT_READ);
    expect("close", sys_close(reader), 0);
    expect("close twice", sys_close(reader), ERR_BADF);
    expect("unlink", sys_unlinkat(CWD, "/tmp/file", 0), 0);
}

static void numbers_are_the_lowest_free(void)
{
    int64_t first = sys_dup(1);
    int64_t second = sys_dup(1);
    expect("next number", second, first + 1);
    expect("close", sys_close((int32_t)first), 0);
    expect("lowest number", sys_dup(1), first);
    expect("fcntl from 100", sys_fcntl(1, ABI_F_DUPFD_CLOEXEC, 100), 100);
    expect("close on exec", sys_fcntl(100, ABI_F_GETFD, 0), ABI_FD_CLOEXEC);
    expect("fcntl beyond the limit", sys_fcntl(1, ABI_F_DUPFD, 1u << 30), ERR_INVAL);
    expect("dup3 onto itself", sys_dup3(1, 1, 0), ERR_INVAL);
    expect("dup3", sys_dup3(1, 200, ABI_O_CLOEXEC), 200);
    expect("close range", sys_close_range(100, UINT32_MAX, 0), 0);
    expect("after it", sys_close(200), ERR_BADF);
}

static void handles_run_out(void)
{
    int64_t last = 0;
    int64_t h;
    while ((h = sys_dup(1)) >= 0) {
        last = h;
    }
    expect("too many", h, ERR_MFILE);
    expect("the last number", last, 1023);
    expect("open", try_open(CWD, "/bin/args", READ_ONLY), ERR_MFILE);
    expect("close range", sys_close_range(3, UINT32_MAX, 0), 0);
    expect("open again", try_open(CWD, "/bin/args", READ_ONLY), 0);
}

// The console is nobody's but by a handle, and that of a machine is the administrator's to open.
static void without_a_handle_nothing_reaches_the_console(void)
{
    char byte = 'x';
    int64_t console = open_at(CWD, "/dev/console", ABI_O_RDWR | ABI_O_NOCTTY);
    int32_t h = (int32_t)console;
    expect("open the console", console < 0 ? console : 0, 0);
    expect("close all others", sys_close_range(0, (uint32_t)h - 1, 0), 0);
    for (int32_t i = 0; i < h; i++) {
        expect("write", sys_write(i, &byte, 1), ERR_BADF);
        expect("read", sys_read(i, &byte, 1), ERR_BADF);
    }
    int32_t mute = (int32_t)sys_handle_duplicate(h, SWIFTOS_RIGHT_GETATTR | SWIFTOS_RIGHT_WAIT);
    expect("write without the right", sys_write(mute, &byte, 1), ERR_BADF);
    expect("read without the right", sys_read(mute, &byte, 1), ERR_BADF);
    become(1000, MASK_USER);
    expect("open it as somebody else", try_open(CWD, "/dev/console", ABI_O_RDWR), ERR_ACCES);
}

/* ---- Grants ---- */

static void calls_want_their_grants(void)
{
    static const uint64_t time[2] = {1000000000, 0};
    struct sys_log_record record;
    for (uint32_t grant = 0; grant < SWOS_GRANT_COUNT; grant++) {
        expect("drop", sys_grant_drop(grant), 0);
        expect("open what was dropped", sys_grant_open(grant), ERR_PERM);
    }
    expect("power", sys_power(SYS_POWER_OFF), ERR_PERM);
    expect("log", sys_log_read(0, &record, sizeof(record)), ERR_PERM);
    expect("clock", sys_clock_settime(0, time), ERR_PERM);
    expect("mount", sys_mount("none", "/", "tmpfs", 0, NULL), ERR_PERM);
    expect("host name", sys_sethostname("x", 1), ERR_PERM);
    expect("identity", sys_set_identity(&record, sizeof(record)), ERR_PERM);
    expect("reclaim", sys_meminfo(&record, sizeof(record), SYS_MEMINFO_RECLAIM), ERR_PERM);
    expect("no such grant", sys_grant_drop(SWOS_GRANT_COUNT), ERR_INVAL);
}

static void a_grant_comes_back_by_its_handle(void)
{
    struct swos_handle_info info = {};
    struct swos_identity me = {};
    int64_t h = sys_grant_open(SWOS_GRANT_LOG);
    int64_t poor = sys_handle_duplicate((int32_t)h, SWIFTOS_RIGHT_GETATTR);
    expect("information", sys_handle_info((int32_t)h, &info, sizeof(info)), 0);
    expect("kind", info.kind, SWOS_HANDLE_GRANT);
    expect("grant", info.grant, SWOS_GRANT_LOG);
    expect("drop", sys_grant_drop(SWOS_GRANT_LOG), 0);
    expect("adopt without the right", sys_grant_adopt((int32_t)poor), ERR_ACCES);
    expect("adopt a file", sys_grant_adopt(1), ERR_INVAL);
    expect("adopt", sys_grant_adopt((int32_t)h), 0);
    expect("who am I", sys_get_identity(&me, sizeof(me)), 0);
    expect("held again", me.grants >> SWOS_GRANT_LOG & 1, 1);
    expect("read a grant", sys_read((int32_t)h, &me, 1), ERR_BADF);
}

/* ---- The namespace ---- */

static void without_the_namespace_only_handles_name_files(void)
{
    int64_t bin = open_at(CWD, "/bin", DIRECTORY);
    expect("open a directory", bin < 0 ? bin : 0, 0);
    expect("drop", sys_grant_drop(SWOS_GRANT_NAMESPACE), 0);
    expect("absolute", try_open(CWD, "/bin/args", READ_ONLY), ERR_ACCES);
    expect("relative", try_open(CWD, "bin/args", READ_ONLY), ERR_ACCES);
    expect("absolute beside a handle", try_open(bin, "/bin/args", READ_ONLY), ERR_ACCES);
    expect("below the handle", try_open(bin, "args", READ_ONLY), 0);
    expect("above the handle", try_open(bin, "../bin/args", READ_ONLY), ERR_NOENT);
    expect("the wall", try_open(bin, "../../args", READ_ONLY), 0);
    expect("change directory", sys_chdir("/"), ERR_ACCES);
    expect("make", sys_mkdirat(CWD, "/forbidden", 0700), ERR_ACCES);
}

/* ---- Accounts ---- */

static uint32_t grants(void)
{
    struct swos_identity me = {};
    sys_get_identity(&me, sizeof(me));
    return me.grants;
}

static void guests_read_and_write_nothing(void)
{
    struct swos_identity root = {.principal = 0, .caps = MASK_ROOT};
    become(1002, MASK_GUEST);
    expect("grants", grants(), NAMESPACE);
    expect("read", try_open(CWD, "/bin/args", READ_ONLY), ERR_ACCES);
    expect("list", try_open(CWD, "/bin", DIRECTORY), ERR_ACCES);
    expect("create", try_open(CWD, "/guest", ABI_O_WRONLY | ABI_O_CREAT), ERR_ACCES);
    expect("become root", sys_set_identity(&root, sizeof(root)), ERR_PERM);
    expect("setuid", sys_setuid(0), ERR_PERM);
    expect("setuid to itself", sys_setuid(1002), 0);
}

static void users_read_but_have_no_grants(void)
{
    become(1000, MASK_USER);
    expect("grants", grants(), NAMESPACE);
    expect("read", try_open(CWD, "/bin/args", READ_ONLY), 0);
    expect("power", sys_power(SYS_POWER_OFF), ERR_PERM);
    expect("socket", sys_socket(ABI_AF_INET, ABI_SOCK_STREAM, 0), ERR_PERM);
    expect("socket of IPv6", sys_socket(ABI_AF_INET6, ABI_SOCK_DGRAM, 0), ERR_PERM);
    expect("socket of no family", sys_socket(-1, ABI_SOCK_STREAM, 0), ERR_PERM);
    expect("a local socket", sys_socket(ABI_AF_UNIX, ABI_SOCK_STREAM, 0) >= 0, true);
}

static void networkers_may_reach_out(void)
{
    become(1000, MASK_USER | SWOS_CAP_NET);
    expect("grants", grants(), NAMESPACE | 1u << SWOS_GRANT_NETWORK);
    expect("refused", sys_socket(ABI_AF_INET, ABI_SOCK_STREAM, 0) == ERR_PERM, false);
    expect("drop", sys_grant_drop(SWOS_GRANT_NETWORK), 0);
    expect("socket", sys_socket(ABI_AF_INET, ABI_SOCK_STREAM, 0), ERR_PERM);
}

static void an_identity_has_no_more_than_who_adopts_it(void)
{
    struct swos_identity more = {.principal = 1, .caps = SWOS_CAP_ALL};
    struct swos_identity wrong = {.principal = 1, .caps = 1u << 31};
    become(1, MASK_ROOT);
    expect("all grants", grants(), (1u << SWOS_GRANT_COUNT) - 1);
    expect("more capabilities", sys_set_identity(&more, sizeof(more)), ERR_PERM);
    expect("unknown ones", sys_set_identity(&wrong, sizeof(wrong)), ERR_INVAL);
    become(1000, MASK_USER); // down is fine
}

static void the_first_principal_is_nothing_special(void)
{
    become(1, MASK_GUEST);
    expect("read", try_open(CWD, "/bin/args", READ_ONLY), ERR_ACCES);
    expect("power", sys_power(SYS_POWER_OFF), ERR_PERM);
}

/* ---- All of it ---- */

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    {"duplicates have no more rights", duplicates_have_no_more_rights},
    {"numbers are the lowest free", numbers_are_the_lowest_free},
    {"handles run out", handles_run_out},
    {"without a handle nothing reaches the console", without_a_handle_nothing_reaches_the_console},
    {"calls want their grants", calls_want_their_grants},
    {"a grant comes back by its handle", a_grant_comes_back_by_its_handle},
    {"without the namespace only handles name files",
     without_the_namespace_only_handles_name_files},
    {"guests read and write nothing", guests_read_and_write_nothing},
    {"users read but have no grants", users_read_but_have_no_grants},
    {"networkers may reach out", networkers_may_reach_out},
    {"an identity has no more than who adopts it", an_identity_has_no_more_than_who_adopts_it},
    {"the first principal is nothing special", the_first_principal_is_nothing_special},
};

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        int status = -1;
        int64_t pid = sys_fork();
        if (pid == 0) {
            failures = 0;
            parts[i].run();
            sys_exit_group(failures);
        }
        expect("wait", sys_wait4((int32_t)pid, &status, 0, NULL), pid);
        if (status != 0) {
            print_error("%s: wait status %#x\n", parts[i].name, (unsigned)status);
            failures++;
        }
    }
    return failures;
}
