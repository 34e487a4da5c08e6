// SPDX-License-Identifier: Apache-2.0
/*
 * A program has exactly the handles that it was given, with no more rights than its maker has: nothing but
 * standard input, output and error by spawn, the listed ones by spawn_handles, all of them by fork.
 * Called with words it is its own child, which says what is not so.
 */
#include "user/tests/check.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <swiftos.h>
#include <swos/gen/syscall_stubs.h>
#include <swos/handle.h>
#include <swos/records.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NUMBERS = 64, GIVEN = 3, SECRET = 40, NOT_EXACTLY = 100 };

constexpr uint32_t LOOK = SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_GETATTR;

static char self[] = "/bin/posix_handles";

// 0: there is no such handle.
static uint32_t rights_of(int handle)
{
    struct swos_handle_info info = {};
    return sys_handle_info(handle, &info, sizeof(info)) == 0 ? info.rights : 0;
}

static uint64_t numbers(void)
{
    uint64_t set = 0;
    struct swos_handle_info info = {};
    for (int i = 0; i < NUMBERS; i++) {
        set |= sys_handle_info(i, &info, sizeof(info)) == 0 ? 1ull << i : 0;
    }
    return set;
}

/* ---- The child ---- */

static int fails_with(long result, int error)
{
    return result == -1 && errno == error;
}

// Given: a file, to read and look at.
static int use_what_was_given(void)
{
    char byte = 0;
    struct stat st;
    char *const again[] = {self, "count", NULL};
    const struct swiftos_spawn_handle pass[] = {{GIVEN, 0, SWIFTOS_RIGHT_ALL, 0}};
    CHECK(rights_of(GIVEN) == LOOK);
    CHECK(read(GIVEN, &byte, 1) == 1);
    CHECK(fstat(GIVEN, &st) == 0 && S_ISREG(st.st_mode));
    CHECK(fails_with(write(GIVEN, &byte, 1), EBADF));
    CHECK(fails_with(fchmod(GIVEN, 0600), EACCES));
    CHECK(fails_with(dup(GIVEN), EACCES) && fails_with(dup2(GIVEN, GIVEN + 1), EACCES));
    CHECK(sys_handle_duplicate(GIVEN, SWIFTOS_RIGHT_ALL) == -EACCES);
    CHECK(spawn_handles(self, again, pass, 1) == -EACCES);
    return check_end();
}

static int child(char **words)
{
    if (strcmp(words[0], "given") == 0) { // and nothing else
        return numbers() != 0xf ? NOT_EXACTLY : use_what_was_given();
    }
    if (strcmp(words[0], "numbers") == 0) {
        return numbers() == strtoull(words[1], NULL, 0) ? 0 : NOT_EXACTLY;
    }
    if (strcmp(words[0], "rights") == 0) {
        return rights_of(atoi(words[1])) == strtoul(words[2], NULL, 0) ? 0 : 1;
    }
    if (strcmp(words[0], "grants") == 0) {
        struct swos_identity me = {};
        return sys_get_identity(&me, sizeof(me)) == 0 && me.grants == strtoul(words[1], NULL, 0)
                   ? 0
                   : 1;
    }
    if (strcmp(words[0], "say") == 0) {
        return write(1, words[1], strlen(words[1])) == (ssize_t)strlen(words[1]) ? 0 : 1;
    }
    if (strcmp(words[0], "signal") == 0) {
        raise(SIGKILL);
    }
    return NOT_EXACTLY;
}

/* ---- The parent ---- */

static const struct swiftos_spawn_handle stdio[] = {
    {0, 0, SWIFTOS_RIGHT_ALL, 0},
    {1, 1, SWIFTOS_RIGHT_ALL, 0},
    {2, 2, SWIFTOS_RIGHT_ALL, 0},
};

// Runs the child with standard input, output and error and `more`, if that is not NULL.
static long run(const struct swiftos_spawn_handle *more, char *what, const char *argument)
{
    struct swiftos_spawn_handle list[4] = {stdio[0], stdio[1], stdio[2]};
    char *const argv[] = {self, what, (char *)argument, NULL};
    if (more != NULL) {
        list[3] = *more;
    }
    return spawn_handles(self, argv, list, more != NULL ? 4 : 3);
}

static long run_rights(struct swiftos_spawn_handle given, uint32_t rights)
{
    char want[16];
    char number[16];
    char *const argv[] = {self, "rights", number, want, NULL};
    snprintf(number, sizeof(number), "%d", given.to);
    snprintf(want, sizeof(want), "%#x", rights);
    return spawn_handles(self, argv, &given, 1);
}

static int ended_with(long pid)
{
    int status = -1;
    return CHECK(pid > 0 && waitpid((pid_t)pid, &status, 0) == pid) && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : -1;
}

// As the specification shows it.
static void a_child_reads_the_one_file_that_it_was_given(int file)
{
    struct swiftos_spawn_handle handles[] = {
        {0, 0, SWIFTOS_RIGHT_ALL, 0},
        {1, 1, SWIFTOS_RIGHT_ALL, 0},
        {2, 2, SWIFTOS_RIGHT_ALL, 0},
        {file, GIVEN, SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_GETATTR, 0},
    };
    char *const argv[] = {self, "given", 0};
    CHECK(spawn_handles(self, argv, handles, 4) == 0);
    CHECK(lseek(file, 0, SEEK_CUR) == 1); // one open file, with one position
    CHECK(ended_with(spawn_handles_async(self, argv, handles, 4)) == 0);
}

static void rights_are_cut_down_and_never_widened(int file)
{
    uint32_t held = rights_of(file);
    int looker = (int)sys_handle_duplicate(file, LOOK | SWIFTOS_RIGHT_TRANSFER);
    CHECK((held & SWIFTOS_RIGHT_TRANSFER) != 0 && (held & SWIFTOS_RIGHT_WRITE) == 0);
    CHECK(run_rights((struct swiftos_spawn_handle){file, 5, SWIFTOS_RIGHT_ALL, 0}, held) == 0);
    CHECK(run_rights((struct swiftos_spawn_handle){file, 5, SWIFTOS_RIGHT_WRITE | LOOK, 0}, LOOK) ==
          0);
    CHECK(run_rights((struct swiftos_spawn_handle){looker, 5, SWIFTOS_RIGHT_ALL, 0},
                     LOOK | SWIFTOS_RIGHT_TRANSFER) == 0);
    CHECK(run_rights((struct swiftos_spawn_handle){looker, 5, SWIFTOS_RIGHT_SETATTR, 0}, 0) == 0);
    CHECK(rights_of(file) == held && close(looker) == 0);
}

static void handles_get_the_numbers_that_are_listed(void)
{
    int ends[2];
    char got[8] = "";
    char *const argv[] = {self, "say", "hello", NULL};
    CHECK(pipe(ends) == 0);
    const struct swiftos_spawn_handle swapped[] = {{ends[1], 1, SWIFTOS_RIGHT_WRITE, 0}};
    CHECK(spawn_handles(self, argv, swapped, 1) == 0);
    CHECK(read(ends[0], got, sizeof(got)) == 5 && strcmp(got, "hello") == 0);
    const struct swiftos_spawn_handle twice[] = {{ends[0], 9, SWIFTOS_RIGHT_READ, 0},
                                                 {ends[0], 30, SWIFTOS_RIGHT_ALL, 0}};
    char *const numbers_of_both[] = {self, "numbers", "0x40000200", NULL};
    CHECK(spawn_handles(self, numbers_of_both, twice, 2) == 0);
    close(ends[0]);
    close(ends[1]);
}

// `secret` is open in all of them.
static void each_way_to_start_passes_on_what_it_should(void)
{
    char all[32];
    char *const numbers_of_all[] = {self, "numbers", all, NULL};
    char *const argv[] = {self, "numbers", "0x7", NULL};
    char *const none[] = {self, "numbers", "0", NULL};
    const char *const paths[] = {self, NULL};
    struct swos_spawn request = {
        .directory = AT_FDCWD, .paths = (uintptr_t)paths, .argv = (uintptr_t)argv};
    CHECK(ended_with(sys_spawn(&request, sizeof(request))) == 0);
    CHECK(run(NULL, "numbers", "0x7") == 0);
    CHECK(spawn_handles(self, none, NULL, 0) == 0);
    snprintf(all, sizeof(all), "%#llx", (unsigned long long)numbers());
    CHECK(numbers() == (0x7 | 1ull << SECRET));
    pid_t pid = fork();
    if (pid == 0) {
        execv(self, numbers_of_all);
        _exit(1);
    }
    CHECK(ended_with(pid) == 0);
}

static void grants_are_the_tree_of_files_or_less(void)
{
    char names[16];
    snprintf(names, sizeof(names), "%#x", 1u << SWOS_GRANT_NAMESPACE);
    CHECK(run(NULL, "grants", names) == 0);
    pid_t pid = fork();
    if (pid == 0) { // without it no path names a program
        CHECK(sys_grant_drop(SWOS_GRANT_NAMESPACE) == 0);
        CHECK(run(NULL, "grants", "0") == -EACCES);
        _exit(check_end());
    }
    CHECK(ended_with(pid) == 0);
}

static long refused(struct swiftos_spawn_handle h)
{
    long result = run(&h, "numbers", "0xf");
    return result < 0 && errno == -result ? result : 1;
}

static void what_is_wrong_with_a_list_is_told(int file)
{
    char *const argv[] = {self, "numbers", "0", NULL};
    int untransferable = (int)sys_handle_duplicate(file, SWIFTOS_RIGHT_READ);
    CHECK(untransferable > 2);
    CHECK(refused((struct swiftos_spawn_handle){untransferable, 3, SWIFTOS_RIGHT_READ, 0}) ==
          -EACCES);
    CHECK(refused((struct swiftos_spawn_handle){untransferable, 3, 0, 0}) == -EACCES);
    CHECK(close(untransferable) == 0);
    CHECK(refused((struct swiftos_spawn_handle){63, 3, SWIFTOS_RIGHT_READ, 0}) == -EBADF);
    CHECK(refused((struct swiftos_spawn_handle){-1, 3, SWIFTOS_RIGHT_READ, 0}) == -EBADF);
    CHECK(refused((struct swiftos_spawn_handle){file, 2, SWIFTOS_RIGHT_READ, 0}) == -EINVAL);
    CHECK(refused((struct swiftos_spawn_handle){file, -1, SWIFTOS_RIGHT_READ, 0}) == -EINVAL);
    CHECK(refused((struct swiftos_spawn_handle){file, 3, SWIFTOS_RIGHT_READ, 2}) == -EINVAL);
    CHECK(refused((struct swiftos_spawn_handle){file, 1 << 20, SWIFTOS_RIGHT_READ, 0}) == -EMFILE);
    CHECK(spawn_handles("/bin/none", argv, stdio, 3) == -ENOENT);
    CHECK(spawn_handles("/etc/motd", argv, stdio, 3) == -EACCES);
    CHECK(spawn_handles(self, argv, (void *)8, 3) == -EFAULT);
    CHECK(spawn_handles((void *)8, argv, stdio, 3) == -EFAULT);
    CHECK(spawn_handles(self, argv, stdio, SIZE_MAX) == -E2BIG);
    CHECK(spawn_handles(self, argv, stdio, 1u << 31) == -E2BIG);
    CHECK(fails_with(waitpid(-1, NULL, WNOHANG), ECHILD)); // no child of what failed
}

static void the_limit_of_handles_goes_along(int file)
{
    struct rlimit was;
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
    struct rlimit low = {.rlim_cur = 2, .rlim_max = was.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK(run(NULL, "numbers", "0x7") == 0); // it spares what exists
    CHECK(refused((struct swiftos_spawn_handle){file, 3, SWIFTOS_RIGHT_READ, 0}) == -EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
}

static void statuses_come_back(void)
{
    CHECK(run(NULL, "signal", "") == 128 + SIGKILL);
    CHECK(run(NULL, "numbers", "0") == NOT_EXACTLY);
    signal(SIGCHLD, SIG_IGN);
    CHECK(run(NULL, "numbers", "0x7") == -ECHILD);
    signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return child(argv + 1);
    }
    int file = open("/etc/motd", O_RDONLY);
    CHECK(file > 2);
    a_child_reads_the_one_file_that_it_was_given(file);
    rights_are_cut_down_and_never_widened(file);
    handles_get_the_numbers_that_are_listed();
    what_is_wrong_with_a_list_is_told(file);
    the_limit_of_handles_goes_along(file);
    CHECK(dup2(file, SECRET) == SECRET && close(file) == 0);
    each_way_to_start_passes_on_what_it_should();
    grants_are_the_tree_of_files_or_less();
    statuses_come_back();
    return check_end();
}
