// SPDX-License-Identifier: Apache-2.0
#include "user/syscall_fuzz/hint.h"

#include "abi/fcntl.h"
#include "abi/gen/syscall_numbers.h"
#include "abi/mman.h"
#include "abi/rights.h"
#include "abi/signal.h"
#include "abi/wait.h"
#include "lib/base/bits.h"

enum hint_kind : uint8_t { ONE_OF, FLAGS };
enum { CHOICES = 12 };

struct hint {
    uint16_t call;
    uint8_t argument;
    enum hint_kind kind;
    uint64_t
        choices[CHOICES]; // those behind the last that is not 0 are no choices, but for the first
};

// Clone flags, futex operations, fcntl commands and the like have the numbers of musl's headers.
static const struct hint hints[] = {
    {SYS_clone,
     0,
     FLAGS,
     {0x100, 0x200, 0x400, 0x800, 0x4000, 0x10000, 0x80000, 0x100000, 0x200000, 0x1000000, SIGCHLD,
      0x50f00}},
    {SYS_wait4, 2, FLAGS, {ABI_WNOHANG, ABI_WUNTRACED, ABI_WCONTINUED}},
    {SYS_waitid, 0, ONE_OF, {0, 1, 2, 3}},
    {SYS_waitid, 3, FLAGS, {ABI_WNOHANG, ABI_WUNTRACED, ABI_WEXITED, ABI_WCONTINUED, ABI_WNOWAIT}},
    {SYS_execveat, 4, FLAGS, {ABI_AT_EMPTY_PATH, ABI_AT_SYMLINK_NOFOLLOW}},
    {SYS_prctl, 0, ONE_OF, {1, 2, 3, 4, 15, 16, 38, 39}},
    {SYS_getrusage, 0, ONE_OF, {0, 1, UINT64_MAX}},
    {SYS_sched_setscheduler, 1, ONE_OF, {0, 1, 2, 3, 5}},
    {SYS_getpriority, 0, ONE_OF, {0, 1, 2}},
    {SYS_setpriority, 0, ONE_OF, {0, 1, 2}},
    {SYS_membarrier, 0, ONE_OF, {0, 1, 8, 16, 32, 64}},
    {SYS_rt_sigprocmask, 0, ONE_OF, {0, ABI_SIG_UNBLOCK, ABI_SIG_SETMASK}},
    {SYS_mmap, 2, FLAGS, {ABI_PROT_READ, ABI_PROT_WRITE, ABI_PROT_READ, ABI_PROT_EXEC}},
    {SYS_mmap,
     3,
     FLAGS,
     {ABI_MAP_PRIVATE, ABI_MAP_ANONYMOUS, ABI_MAP_SHARED, ABI_MAP_FIXED, ABI_MAP_FIXED_NOREPLACE,
      ABI_MAP_POPULATE, ABI_MAP_LOCKED}},
    {SYS_mprotect, 2, FLAGS, {ABI_PROT_READ, ABI_PROT_WRITE, ABI_PROT_EXEC}},
    {SYS_mremap, 3, FLAGS, {ABI_MREMAP_MAYMOVE, ABI_MREMAP_FIXED}},
    {SYS_madvise,
     2,
     ONE_OF,
     {0, ABI_MADV_WILLNEED, ABI_MADV_DONTNEED, ABI_MADV_FREE, ABI_MADV_REMOVE, ABI_MADV_DONTFORK,
      ABI_MADV_HUGEPAGE}},
    {SYS_msync, 2, FLAGS, {ABI_MS_ASYNC, ABI_MS_INVALIDATE, ABI_MS_SYNC}},
    {SYS_mlockall, 0, FLAGS, {ABI_MCL_CURRENT, ABI_MCL_ONFAULT}},
    {SYS_futex, 1, ONE_OF, {0, 1, 3, 4, 5, 9, 10, 128, 129, 131, 132, 137}},
    {SYS_dup3, 2, ONE_OF, {0, ABI_O_CLOEXEC}},
    {SYS_fcntl, 1, ONE_OF, {0, 1, 2, 3, 4, 5, 6, 7, 1030, 36, 37, 38}},
    {SYS_ioctl,
     1,
     ONE_OF,
     {0x5401, 0x5402, 0x5404, 0x540e, 0x540f, 0x5413, 0x541b, 0x5421, 0x80045430, 0x40045431,
      0x8912, 0x8933}},
    {SYS_handle_duplicate,
     1,
     FLAGS,
     {SWIFTOS_RIGHT_READ, SWIFTOS_RIGHT_WRITE, SWIFTOS_RIGHT_MAP, SWIFTOS_RIGHT_DUPLICATE,
      SWIFTOS_RIGHT_TRANSFER, SWIFTOS_RIGHT_GETATTR, SWIFTOS_RIGHT_LOOKUP, SWIFTOS_RIGHT_ALL}},
    {SYS_openat,
     2,
     FLAGS,
     {ABI_O_WRONLY, ABI_O_RDWR, ABI_O_CREAT, ABI_O_EXCL, ABI_O_TRUNC, ABI_O_APPEND, ABI_O_NONBLOCK,
      ABI_O_DIRECTORY, ABI_O_NOFOLLOW, ABI_O_CLOEXEC, ABI_O_PATH, ABI_O_NOCTTY}},
    {SYS_lseek, 2, ONE_OF, {0, 1, 2, 3, 4}},
    {SYS_newfstatat, 3, FLAGS, {ABI_AT_SYMLINK_NOFOLLOW, ABI_AT_EMPTY_PATH}},
    {SYS_faccessat2, 3, FLAGS, {ABI_AT_SYMLINK_NOFOLLOW, ABI_AT_EMPTY_PATH, ABI_AT_EACCESS}},
    {SYS_fchmodat2, 3, FLAGS, {ABI_AT_SYMLINK_NOFOLLOW, ABI_AT_EMPTY_PATH}},
    {SYS_fchownat, 4, FLAGS, {ABI_AT_SYMLINK_NOFOLLOW, ABI_AT_EMPTY_PATH}},
    {SYS_utimensat, 3, FLAGS, {ABI_AT_SYMLINK_NOFOLLOW, ABI_AT_EMPTY_PATH}},
    {SYS_mknodat,
     2,
     ONE_OF,
     {0, ABI_S_IFIFO | 0600, ABI_S_IFREG | 0600, ABI_S_IFCHR | 0600, ABI_S_IFSOCK | 0600}},
    {SYS_unlinkat, 2, ONE_OF, {0, ABI_AT_REMOVEDIR}},
    {SYS_renameat2, 4, ONE_OF, {0, ABI_RENAME_NOREPLACE, ABI_RENAME_EXCHANGE}},
    {SYS_linkat, 4, FLAGS, {ABI_AT_SYMLINK_FOLLOW, ABI_AT_EMPTY_PATH}},
    {SYS_fallocate, 1, FLAGS, {ABI_FALLOC_KEEP_SIZE, ABI_FALLOC_PUNCH_HOLE}},
    {SYS_fadvise64, 3, ONE_OF, {0, 1, 2, 3, 4, 5}},
    {SYS_sync_file_range, 3, FLAGS, {1, 2, 4}},
    {SYS_flock,
     1,
     ONE_OF,
     {ABI_LOCK_SH | ABI_LOCK_NB, ABI_LOCK_EX | ABI_LOCK_NB, ABI_LOCK_UN, ABI_LOCK_EX}},
    {SYS_mount, 3, FLAGS, {ABI_MS_RDONLY, ABI_MS_NOEXEC, ABI_MS_NOATIME}},
    {SYS_umount2, 1, ONE_OF, {0, ABI_UMOUNT_NOFOLLOW}},
    {SYS_pipe2, 1, FLAGS, {ABI_WAIT_CLOEXEC, ABI_WAIT_NONBLOCK}},
    {SYS_eventfd2, 1, FLAGS, {ABI_WAIT_CLOEXEC, ABI_WAIT_NONBLOCK, ABI_EFD_SEMAPHORE}},
    {SYS_timerfd_create, 0, ONE_OF, {0, ABI_CLOCK_MONOTONIC, ABI_CLOCK_BOOTTIME}},
    {SYS_timerfd_create, 1, FLAGS, {ABI_WAIT_CLOEXEC, ABI_WAIT_NONBLOCK}},
    {SYS_timerfd_settime, 1, FLAGS, {ABI_TFD_TIMER_ABSTIME, ABI_TFD_TIMER_CANCEL_ON_SET}},
    {SYS_signalfd4, 3, FLAGS, {ABI_WAIT_CLOEXEC, ABI_WAIT_NONBLOCK}},
    {SYS_epoll_create1, 0, ONE_OF, {0, ABI_WAIT_CLOEXEC}},
    {SYS_epoll_ctl, 1, ONE_OF, {ABI_EPOLL_CTL_ADD, ABI_EPOLL_CTL_DEL, ABI_EPOLL_CTL_MOD}},
    {SYS_socket, 0, ONE_OF, {1, 2, 2, 10, 10, 16, 17}},
    {SYS_socket, 1, ONE_OF, {1, 2, 3, 5, 0x801, 0x802, 0x803, 0x80001}},
    {SYS_socket, 2, ONE_OF, {0, 0, 0, 1, 4, 6, 17, 58}},
    {SYS_socketpair, 0, ONE_OF, {1}},
    {SYS_socketpair, 1, ONE_OF, {1, 2, 5, 0x801}},
    {SYS_socketpair, 2, ONE_OF, {0}},
    {SYS_accept4, 3, ONE_OF, {0, 0x800, 0x80800}},
    {SYS_sendto, 3, FLAGS, {0x40, 0x4000}},
    {SYS_sendmsg, 2, FLAGS, {0x40, 0x4000}},
    {SYS_recvfrom, 3, FLAGS, {0x40, 2, 0x20, 0x100, 0x2000}},
    {SYS_recvmsg, 2, FLAGS, {0x40, 2, 0x20, 0x100, 0x2000, 0x40000000}},
    {SYS_shutdown, 1, ONE_OF, {0, 1, 2}},
    {SYS_getsockopt, 1, ONE_OF, {0, 1, 1, 6, 17, 41, 58, 263, 270}},
    {SYS_getsockopt, 2, ONE_OF, {1, 2, 3, 4, 6, 7, 8, 16, 17, 20, 25, 38}},
    {SYS_setsockopt, 1, ONE_OF, {0, 1, 1, 6, 17, 41, 58, 263, 270}},
    {SYS_setsockopt, 2, ONE_OF, {1, 2, 7, 8, 16, 20, 26, 35, 42, 49, 67}},
    {SYS_meminfo, 2, ONE_OF, {0, 1}},
    {SYS_timer_settime, 1, ONE_OF, {0, 1}},
    {SYS_clock_nanosleep, 1, ONE_OF, {0, 1}},
    {SYS_getitimer, 0, ONE_OF, {0, 1, 2}},
    {SYS_setitimer, 0, ONE_OF, {0, 1, 2}},
    {SYS_getrandom, 2, FLAGS, {1, 2}},
};

static unsigned count_of(const struct hint *h)
{
    unsigned count = CHOICES;
    while (count > 1 && h->choices[count - 1] == 0) {
        count--;
    }
    return count;
}

static uint64_t choose(struct random *r, const struct hint *h)
{
    unsigned count = count_of(h);
    if (h->kind == ONE_OF) {
        return h->choices[random_below(r, count)];
    }
    uint64_t flags = 0;
    for (uint64_t picks = random_below(r, 4); picks > 0; picks--) {
        flags |= h->choices[random_below(r, count)];
    }
    return flags;
}

bool hint_value(struct random *r, uint32_t call, unsigned argument, uint64_t *out)
{
    for (unsigned i = 0; i < ARRAY_SIZE(hints); i++) {
        if (hints[i].call == call && hints[i].argument == argument) {
            *out = choose(r, &hints[i]);
            return true;
        }
    }
    return false;
}
