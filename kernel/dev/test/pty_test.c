// SPDX-License-Identifier: Apache-2.0
/* Pseudo-terminals, with processes that are made up. */
#include "kernel/dev/pty.h"

#include "abi/signal.h"
#include "kernel/core/test/spawn.h"
#include "kernel/core/time.h"
#include "kernel/mm/test/user.h"
#include "tests/harness/test.h"

enum { SESSION = 100, GROUP = 100, OTHER_GROUP = 101, LOST_GROUP = 102 };

// The world of jobs: one session, whose caller is who the test says.
static struct {
    struct tty_caller caller;
    struct tty *controlling;
    bool is_signal_off;
    int32_t signal_group;
    int signals[8];
    size_t signal_count;
} jobs;

static void job_caller(struct tty_caller *out)
{
    *out = jobs.caller;
}

static struct tty *job_controlling(void)
{
    if (jobs.controlling != NULL) {
        tty_ref(jobs.controlling);
    }
    return jobs.controlling;
}

static status_t job_set_controlling(struct tty *t)
{
    if (jobs.controlling != NULL) {
        tty_unref(t);
        return ERR_PERM;
    }
    jobs.controlling = t;
    return OK;
}

static void note_signal(int32_t group, int signal)
{
    jobs.signal_group = group;
    if (jobs.signal_count < ARRAY_SIZE(jobs.signals)) {
        jobs.signals[jobs.signal_count++] = signal;
    }
}

static void job_lose_controlling(int32_t session, struct tty *t, bool hang_up)
{
    if (jobs.controlling == t) {
        jobs.controlling = NULL;
        tty_unref(t);
        if (hang_up) {
            note_signal(session, SIGHUP);
            note_signal(session, SIGCONT);
        }
    }
}

static bool job_is_signal_off(int signal)
{
    (void)signal;
    return jobs.is_signal_off;
}

static bool job_is_orphaned(int32_t group)
{
    return group == LOST_GROUP;
}

static int32_t job_session_of_group(int32_t group)
{
    return group == GROUP || group == OTHER_GROUP ? SESSION : 0;
}

static const struct tty_job_ops fake_jobs = {
    .caller = job_caller,
    .controlling = job_controlling,
    .set_controlling = job_set_controlling,
    .lose_controlling = job_lose_controlling,
    .is_signal_off = job_is_signal_off,
    .is_orphaned = job_is_orphaned,
    .session_of_group = job_session_of_group,
    .signal_group = note_signal,
};

// A pair, open on both sides, and a page of user memory for ioctls.
static struct {
    const struct tty_job_ops *real_jobs;
    struct aspace *as;
    vaddr_t user;
    struct file *master;
    struct file *slave;
    struct tty *tty;
} pair;

static void begin(void)
{
    pair.real_jobs = tty_set_job_ops(&fake_jobs);
    memset(&jobs, 0, sizeof(jobs));
    pair.master = NULL;
    pair.slave = NULL;
    EXPECT_OK(aspace_create(&pair.as));
    user_enter(pair.as);
    pair.user = user_map(pair.as, 0, 1, PROT_RW, 0);
    EXPECT(pair.user != 0);
    EXPECT_OK(pty_create(FILE_READ | FILE_WRITE, &pair.master, &pair.tty));
    EXPECT_OK(tty_open(pair.tty, FILE_READ | FILE_WRITE | CHARDEV_OPEN_NOCTTY, &pair.slave));
}

static void close_file(struct file **f)
{
    if (*f != NULL) {
        (*f)->ops->last_handle(*f);
        file_unref(*f);
        *f = NULL;
    }
}

static void end(void)
{
    close_file(&pair.slave);
    close_file(&pair.master);
    if (jobs.controlling != NULL) {
        tty_unref(jobs.controlling);
    }
    user_enter(NULL);
    aspace_unref(pair.as);
    (void)tty_set_job_ops(pair.real_jobs);
}

static status_t write_to(struct file *f, const char *text, size_t *done)
{
    struct uio u;
    uio_init_kernel(&u, (void *)(uintptr_t)text, strlen(text));
    status_t status = file_write(f, &u);
    *done = strlen(text) - u.left;
    return status;
}

static void give(struct file *f, const char *text)
{
    size_t done;
    EXPECT_OK(write_to(f, text, &done));
    EXPECT_EQ(done, strlen(text));
}

static status_t read_from(struct file *f, char *text, size_t size)
{
    struct uio u;
    uio_init_kernel(&u, text, size - 1);
    status_t status = file_read(f, &u);
    text[size - 1 - u.left] = '\0';
    return status;
}

static void expect_from(struct file *f, const char *want)
{
    char text[256];
    EXPECT_OK(read_from(f, text, sizeof(text)));
    EXPECT_STR(text, want);
}

static status_t control(struct file *f, uint32_t request, vaddr_t argument)
{
    int64_t result;
    return file_ioctl(f, request, argument, &result);
}

static int32_t user_int(void)
{
    int32_t value = -1;
    (void)arch_copy_from_user(&value, pair.user, sizeof(value));
    return value;
}

static void set_user_int(int32_t value)
{
    EXPECT_EQ(arch_copy_to_user(pair.user, &value, sizeof(value)), 0);
}

static void change_local(uint32_t off, uint32_t on)
{
    struct abi_termios t;
    EXPECT_OK(control(pair.slave, ABI_TCGETS, pair.user));
    EXPECT_EQ(arch_copy_from_user(&t, pair.user, sizeof(t)), 0);
    t.local = (t.local & ~off) | on;
    EXPECT_EQ(arch_copy_to_user(pair.user, &t, sizeof(t)), 0);
    EXPECT_OK(control(pair.slave, ABI_TCSETSF, pair.user));
}

TEST(what_a_master_writes_is_echoed_and_read_by_lines)
{
    begin();
    give(pair.master, "hello\n");
    expect_from(pair.slave, "hello\n");
    expect_from(pair.master, "hello\r\n");
    give(pair.slave, "answer\n");
    expect_from(pair.master, "answer\r\n");
    end();
}

TEST(a_pair_has_a_name_that_goes_with_its_master)
{
    struct chardev *node = NULL;
    begin();
    EXPECT_OK(control(pair.master, ABI_TIOCGPTN, pair.user));
    EXPECT_EQ(user_int(), 0);
    EXPECT_OK(chardev_get(CHARDEV_PTS, span_of("0", 1), &node));
    struct file *f;
    EXPECT_STATUS(chardev_open(node, FILE_READ, &f), ERR_IO); // locked
    set_user_int(0);
    EXPECT_OK(control(pair.master, ABI_TIOCSPTLCK, pair.user));
    EXPECT_OK(chardev_open(node, FILE_READ, &f));
    file_unref(f);
    struct abi_stat stat;
    EXPECT_OK(pair.slave->ops->stat(pair.slave, &stat));
    EXPECT_EQ(stat.inode, node->id);
    close_file(&pair.master);
    EXPECT_STATUS(chardev_open(node, FILE_READ, &f), ERR_IO);
    chardev_unref(node);
    EXPECT_STATUS(chardev_get(CHARDEV_PTS, span_of("0", 1), &node), ERR_NOENT);
    end();
}

TEST(numbers_of_pairs_are_the_lowest_free_ones)
{
    struct file *more[3];
    struct tty *t;
    begin();
    for (int32_t i = 0; i < 3; i++) {
        EXPECT_OK(pty_create(FILE_READ, &more[i], &t));
        EXPECT_OK(control(more[i], ABI_TIOCGPTN, pair.user));
        EXPECT_EQ(user_int(), i + 1);
    }
    close_file(&more[1]);
    EXPECT_OK(pty_create(FILE_READ, &more[1], &t));
    EXPECT_OK(control(more[1], ABI_TIOCGPTN, pair.user));
    EXPECT_EQ(user_int(), 2);
    for (int i = 0; i < 3; i++) {
        close_file(&more[i]);
    }
    end();
}

TEST(without_waiting_there_is_nothing_yet)
{
    char text[8];
    begin();
    atomic_fetch_or(&pair.slave->flags, FILE_NONBLOCK);
    atomic_fetch_or(&pair.master->flags, FILE_NONBLOCK);
    EXPECT_STATUS(read_from(pair.slave, text, sizeof(text)), ERR_AGAIN);
    EXPECT_STATUS(read_from(pair.master, text, sizeof(text)), ERR_AGAIN);
    give(pair.master, "part");
    EXPECT_STATUS(read_from(pair.slave, text, sizeof(text)), ERR_AGAIN);
    EXPECT_EQ(file_poll(pair.slave, NULL), EVENT_OUT);
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_IN | EVENT_OUT);
    give(pair.master, "\n");
    EXPECT_EQ(file_poll(pair.slave, NULL), EVENT_IN | EVENT_OUT);
    end();
}

TEST(a_full_terminal_takes_what_fits_when_it_must_not_wait)
{
    static char much[20000];
    size_t done;
    begin();
    change_local(ABI_ICANON | ABI_ECHO, 0);
    atomic_fetch_or(&pair.slave->flags, FILE_NONBLOCK);
    atomic_fetch_or(&pair.master->flags, FILE_NONBLOCK);
    memset(much, 'x', sizeof(much) - 1);
    EXPECT_OK(write_to(pair.slave, much, &done));
    EXPECT_EQ(done, 8192);
    EXPECT_STATUS(write_to(pair.slave, much, &done), ERR_AGAIN);
    EXPECT_OK(write_to(pair.master, much, &done));
    EXPECT_EQ(done, 4096);
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_IN);
    EXPECT_OK(control(pair.slave, ABI_FIONREAD, pair.user));
    EXPECT_EQ(user_int(), 4096);
    EXPECT_OK(control(pair.slave, ABI_TCFLSH, ABI_TCIFLUSH));
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_IN | EVENT_OUT);
    end();
}

static void echo_back(void *arg)
{
    char text[64];
    (void)arg;
    while (read_from(pair.slave, text, sizeof(text)) == OK && text[0] != '\0') {
        size_t done;
        (void)write_to(pair.slave, text, &done);
    }
}

TEST(readers_and_writers_on_both_sides_wait_for_each_other)
{
    static char got[32768];
    size_t total = 0;
    begin();
    change_local(ABI_ICANON | ABI_ECHO, 0);
    EXPECT(test_spawn("echo", echo_back, NULL) != NULL);
    // More than both rings hold; the echo of each piece is read before the next is written.
    for (int i = 0; i < 64; i++) {
        static char piece[257];
        memset(piece, 'a' + i % 26, 256);
        give(pair.master, piece);
        while (total < 256 * (size_t)(i + 1)) {
            char text[128];
            EXPECT_OK(read_from(pair.master, text, sizeof(text)));
            for (const char *c = text; *c != '\0'; c++) {
                got[total++] = *c;
            }
        }
    }
    EXPECT_EQ(got[0], 'a');
    EXPECT_EQ(got[(size_t)256 * 63], 'a' + 63 % 26);
    close_file(&pair.master); // ends the other thread
    test_join_all();
    end();
}

TEST(a_terminal_without_its_master_is_at_its_end)
{
    char text[8];
    size_t done;
    begin();
    give(pair.master, "lost\n");
    close_file(&pair.master);
    EXPECT_OK(read_from(pair.slave, text, sizeof(text)));
    EXPECT_STR(text, "");
    EXPECT_STATUS(write_to(pair.slave, "x", &done), ERR_IO);
    EXPECT_EQ(file_poll(pair.slave, NULL), EVENT_IN | EVENT_OUT | EVENT_ERR | EVENT_HUP);
    EXPECT_STATUS(control(pair.slave, ABI_TCGETS, pair.user), ERR_IO);
    end();
}

TEST(a_master_reads_what_is_left_and_then_that_nobody_is_there)
{
    char text[8];
    begin();
    give(pair.slave, "bye");
    close_file(&pair.slave);
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_IN | EVENT_OUT);
    expect_from(pair.master, "bye");
    EXPECT_STATUS(read_from(pair.master, text, sizeof(text)), ERR_IO);
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_OUT | EVENT_HUP);
    EXPECT_OK(tty_open(pair.tty, FILE_READ | FILE_WRITE, &pair.slave));
    EXPECT_EQ(file_poll(pair.master, NULL), EVENT_OUT);
    end();
}

TEST(a_raw_read_ends_when_its_time_is_over)
{
    struct abi_termios t;
    char text[8];
    begin();
    EXPECT_OK(control(pair.slave, ABI_TCGETS, pair.user));
    EXPECT_EQ(arch_copy_from_user(&t, pair.user, sizeof(t)), 0);
    t.local &= ~(uint32_t)(ABI_ICANON | ABI_ECHO);
    t.cc[ABI_VMIN] = 0;
    t.cc[ABI_VTIME] = 1;
    EXPECT_EQ(arch_copy_to_user(pair.user, &t, sizeof(t)), 0);
    EXPECT_OK(control(pair.slave, ABI_TCSETS, pair.user));
    nsec_t before = time_now();
    EXPECT_OK(read_from(pair.slave, text, sizeof(text)));
    EXPECT_STR(text, "");
    EXPECT(time_now() - before >= NSEC_PER_SEC / 10);
    end();
}

TEST(bad_addresses_are_refused)
{
    begin();
    EXPECT_STATUS(control(pair.slave, ABI_TCGETS, 8), ERR_FAULT);
    EXPECT_STATUS(control(pair.slave, ABI_TCSETS, 8), ERR_FAULT);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSWINSZ, 8), ERR_FAULT);
    EXPECT_STATUS(control(pair.slave, 0x1234, 8), ERR_NOTTY);
    EXPECT_STATUS(control(pair.slave, ABI_TCFLSH, 7), ERR_INVAL);
    EXPECT_STATUS(control(pair.slave, ABI_TCXONC, 7), ERR_INVAL);
    end();
}

// ---- Jobs ----

// The caller leads a session that the terminal controls.
static void begin_session(void)
{
    begin();
    jobs.caller = (struct tty_caller){SESSION, GROUP, true, 1};
    EXPECT_OK(control(pair.slave, ABI_TIOCSCTTY, 0));
    EXPECT(jobs.controlling == pair.tty);
}

TEST(an_interrupt_goes_to_the_foreground_group)
{
    begin_session();
    set_user_int(OTHER_GROUP);
    EXPECT_OK(control(pair.slave, ABI_TIOCSPGRP, pair.user));
    EXPECT_OK(control(pair.master, ABI_TIOCGPGRP, pair.user));
    EXPECT_EQ(user_int(), OTHER_GROUP);
    give(pair.master, "\x03");
    EXPECT_EQ(jobs.signal_count, 1);
    EXPECT_EQ(jobs.signals[0], SIGINT);
    EXPECT_EQ(jobs.signal_group, OTHER_GROUP);
    end();
}

TEST(a_new_window_size_is_told_once)
{
    struct abi_winsize size = {.rows = 50, .columns = 132};
    begin_session();
    EXPECT_EQ(arch_copy_to_user(pair.user, &size, sizeof(size)), 0);
    EXPECT_OK(control(pair.master, ABI_TIOCSWINSZ, pair.user));
    EXPECT_OK(control(pair.master, ABI_TIOCSWINSZ, pair.user));
    EXPECT_EQ(jobs.signal_count, 1);
    EXPECT_EQ(jobs.signals[0], SIGWINCH);
    EXPECT_OK(control(pair.slave, ABI_TIOCGWINSZ, pair.user));
    EXPECT_EQ(arch_copy_from_user(&size, pair.user, sizeof(size)), 0);
    EXPECT_EQ(size.columns, 132);
    end();
}

TEST(a_background_read_stops_its_group)
{
    char text[8];
    begin_session();
    give(pair.master, "x\n");
    jobs.caller = (struct tty_caller){SESSION, OTHER_GROUP, false, 1};
    EXPECT_STATUS(read_from(pair.slave, text, sizeof(text)), ERR_RESTART);
    EXPECT_EQ(jobs.signals[0], SIGTTIN);
    EXPECT_EQ(jobs.signal_group, OTHER_GROUP);
    jobs.is_signal_off = true;
    EXPECT_STATUS(read_from(pair.slave, text, sizeof(text)), ERR_IO);
    jobs.is_signal_off = false;
    jobs.caller.group = LOST_GROUP;
    EXPECT_STATUS(read_from(pair.slave, text, sizeof(text)), ERR_IO);
    EXPECT_EQ(jobs.signal_count, 1);
    end();
}

TEST(a_background_write_stops_its_group_only_with_tostop)
{
    size_t done;
    begin_session();
    jobs.caller = (struct tty_caller){SESSION, OTHER_GROUP, false, 1};
    give(pair.slave, "x");
    jobs.caller = (struct tty_caller){SESSION, GROUP, false, 1};
    change_local(0, ABI_TOSTOP);
    jobs.caller = (struct tty_caller){SESSION, OTHER_GROUP, false, 1};
    EXPECT_STATUS(write_to(pair.slave, "x", &done), ERR_RESTART);
    EXPECT_EQ(jobs.signals[0], SIGTTOU);
    jobs.is_signal_off = true;
    give(pair.slave, "x");
    EXPECT_OK(control(pair.slave, ABI_TCGETS, pair.user));
    EXPECT_OK(control(pair.slave, ABI_TCSETS, pair.user));
    jobs.is_signal_off = false;
    EXPECT_STATUS(control(pair.slave, ABI_TCSETS, pair.user), ERR_RESTART);
    end();
}

TEST(only_groups_of_the_session_come_to_the_foreground)
{
    begin_session();
    set_user_int(LOST_GROUP);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSPGRP, pair.user), ERR_PERM);
    set_user_int(-1);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSPGRP, pair.user), ERR_INVAL);
    jobs.caller.session = SESSION + 1;
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSPGRP, pair.user), ERR_NOTTY);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCGPGRP, pair.user), ERR_NOTTY);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCGSID, pair.user), ERR_NOTTY);
    end();
}

TEST(a_terminal_controls_one_session_and_only_its_leader_takes_it)
{
    begin();
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSCTTY, 0), ERR_PERM);
    jobs.caller = (struct tty_caller){SESSION, GROUP, false, 1};
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSCTTY, 0), ERR_PERM);
    jobs.caller.is_leader = true;
    EXPECT_OK(control(pair.slave, ABI_TIOCSCTTY, 0));
    EXPECT_OK(control(pair.slave, ABI_TIOCSCTTY, 0));
    EXPECT_OK(control(pair.slave, ABI_TIOCGSID, pair.user));
    EXPECT_EQ(user_int(), SESSION);
    jobs.caller = (struct tty_caller){SESSION + 1, GROUP, true, 1};
    EXPECT_STATUS(control(pair.slave, ABI_TIOCSCTTY, 0), ERR_PERM);
    end();
}

TEST(a_session_leader_gets_the_terminal_that_it_opens)
{
    struct file *f;
    begin();
    jobs.caller = (struct tty_caller){SESSION, GROUP, true, 1};
    EXPECT_OK(tty_open(pair.tty, FILE_READ, &f));
    EXPECT(jobs.controlling == pair.tty);
    file_unref(f);
    end();
}

TEST(when_a_session_ends_its_foreground_group_is_hung_up)
{
    begin_session();
    EXPECT_OK(control(pair.slave, ABI_TIOCNOTTY, 0));
    EXPECT(jobs.controlling == NULL);
    EXPECT_EQ(jobs.signal_count, 2);
    EXPECT_EQ(jobs.signals[0], SIGHUP);
    EXPECT_EQ(jobs.signals[1], SIGCONT);
    EXPECT_STATUS(control(pair.slave, ABI_TIOCGSID, pair.user), ERR_NOTTY);
    end();
}

TEST(when_a_master_closes_the_leader_is_hung_up_and_has_no_terminal)
{
    begin_session();
    close_file(&pair.master);
    EXPECT(jobs.controlling == NULL);
    EXPECT_EQ(jobs.signal_count, 2);
    EXPECT_EQ(jobs.signals[0], SIGHUP);
    EXPECT_EQ(jobs.signal_group, SESSION);
    end();
}
