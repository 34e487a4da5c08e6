// SPDX-License-Identifier: Apache-2.0
#include "kernel/ipc/socket.h"

#include "kernel/core/test/spawn.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/unix.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/inject.h"
#include "lib/base/bits.h"
#include "tests/harness/test.h"

static struct socket *pair[2];

static void hold(struct socket *s)
{
    object_handle_add(&s->file.object);
}

// Ends the handle and the reference that came with it.
static void drop(struct socket *s)
{
    object_handle_drop(&s->file.object);
    socket_unref(s);
}

static status_t make_pair_with(uint32_t type, uint32_t flags)
{
    status_t status = socket_create_pair(ABI_AF_UNIX, type, 0, flags, pair);
    if (status == ERR_AFNOSUPPORT) {
        unix_init(NULL); // no boot has done it
        status = socket_create_pair(ABI_AF_UNIX, type, 0, flags, pair);
    }
    return status;
}

static void make_pair(uint32_t type, uint32_t flags)
{
    EXPECT_OK(make_pair_with(type, flags));
    hold(pair[0]);
    hold(pair[1]);
}

static void close_pair(void)
{
    drop(pair[0]);
    drop(pair[1]);
}

static status_t put(struct socket *s, const void *bytes, size_t size, size_t *moved)
{
    struct uio u;
    uio_init_kernel(&u, (void *)(uintptr_t)bytes, size);
    status_t status = file_write(&s->file, &u);
    *moved = size - u.left;
    return status;
}

static status_t take(struct socket *s, void *bytes, size_t size, size_t *moved)
{
    struct uio u;
    uio_init_kernel(&u, bytes, size);
    status_t status = file_read(&s->file, &u);
    *moved = size - u.left;
    return status;
}

static char big[400000];

TEST(a_stream_joins_what_was_sent)
{
    char bytes[16];
    size_t n;
    make_pair(ABI_SOCK_STREAM, 0);
    EXPECT_OK(put(pair[0], "hello ", 6, &n));
    EXPECT_OK(put(pair[0], "world", 5, &n));
    EXPECT_OK(take(pair[1], bytes, 8, &n));
    EXPECT_MEM(bytes, "hello wo", 8);
    EXPECT_OK(take(pair[1], bytes, sizeof(bytes), &n));
    EXPECT_EQ(n, 3);
    close_pair();
}

TEST(records_stay_apart_and_are_cut)
{
    static const uint32_t types[] = {ABI_SOCK_DGRAM, ABI_SOCK_SEQPACKET};
    char bytes[16];
    size_t n;
    for (unsigned i = 0; i < 2; i++) {
        make_pair(types[i], FILE_NONBLOCK);
        EXPECT_OK(put(pair[0], "hello", 5, &n));
        EXPECT_OK(put(pair[0], "", 0, &n));
        EXPECT_OK(put(pair[0], big, 100000, &n));
        EXPECT_EQ(n, 100000);
        EXPECT_OK(take(pair[1], bytes, 3, &n));
        EXPECT_EQ(n, 3);
        EXPECT_OK(take(pair[1], bytes, 3, &n));
        EXPECT_EQ(n, 0);
        EXPECT_OK(take(pair[1], big, sizeof(big), &n));
        EXPECT_EQ(n, 100000);
        EXPECT_STATUS(take(pair[1], big, 1, &n), ERR_AGAIN);
        EXPECT_STATUS(put(pair[0], big, sizeof(big), &n), ERR_MSGSIZE);
        close_pair();
    }
}

TEST(a_receiver_holds_no_more_than_its_limit)
{
    int32_t limit = 20000;
    size_t total = 0;
    size_t n;
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    EXPECT_OK(socket_set_option(pair[1], ABI_SOL_SOCKET, ABI_SO_RCVBUF, &limit, sizeof(limit)));
    EXPECT_OK(put(pair[0], big, sizeof(big), &n));
    EXPECT(n > 10000 && n <= 20000);
    EXPECT_STATUS(put(pair[0], big, 5000, &total), ERR_AGAIN);
    EXPECT_EQ(file_poll(&pair[0]->file, NULL), 0);
    EXPECT_OK(take(pair[1], big, sizeof(big), &total));
    EXPECT_EQ(total, n);
    EXPECT_EQ(file_poll(&pair[0]->file, NULL), EVENT_OUT);
    // Many small messages are charged for what they take.
    total = 0;
    while (put(pair[0], "x", 1, &n) == OK) {
        total += n;
    }
    EXPECT(total > 100 && total < 20000 / 64);
    close_pair();
}

static void write_big(void *arg)
{
    size_t n;
    EXPECT_OK(put(arg, big, sizeof(big), &n));
    EXPECT_EQ(n, sizeof(big));
    EXPECT_OK(pair[0]->ops->shutdown(arg, SOCKET_SENDS));
}

TEST(a_sender_of_more_than_fits_waits_for_the_receiver)
{
    static char got[70000];
    size_t total = 0;
    size_t wrong = 0;
    size_t n;
    for (size_t i = 0; i < sizeof(big); i++) {
        big[i] = (char)(i * 7 + i / 4096);
    }
    make_pair(ABI_SOCK_STREAM, 0);
    test_spawn("sender", write_big, pair[0]);
    do {
        EXPECT_OK(take(pair[1], got, 1 + total % sizeof(got), &n));
        wrong += memcmp(got, big + total, n) != 0;
        total += n;
    } while (n > 0);
    EXPECT_EQ(total, sizeof(big));
    EXPECT_EQ(wrong, 0);
    test_join_all();
    close_pair();
}

static _Atomic int ended_with;

static void read_one(void *arg)
{
    char byte;
    size_t n;
    atomic_store(&ended_with, take(arg, &byte, 1, &n));
}

static void write_until_broken(void *arg)
{
    size_t n;
    status_t status;
    do {
        status = put(arg, big, 4096, &n);
    } while (status == OK);
    atomic_store(&ended_with, status);
}

static void close_during(void (*run)(void *), int expected)
{
    make_pair(ABI_SOCK_STREAM, 0);
    atomic_store(&ended_with, 1);
    test_spawn("waiter", run, pair[0]);
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    drop(pair[1]);
    test_join_all();
    EXPECT_EQ(atomic_load(&ended_with), expected);
    drop(pair[0]);
}

TEST(who_waits_learns_that_the_peer_closed)
{
    close_during(read_one, OK);
    close_during(write_until_broken, ERR_PIPE);
}

TEST(a_signal_ends_a_receive_that_waits)
{
    make_pair(ABI_SOCK_STREAM, 0);
    atomic_store(&ended_with, 1);
    struct thread *t = test_spawn("reader", read_one, pair[0]);
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    thread_notify(t, THREAD_SIGNALLED);
    test_join_all();
    EXPECT_EQ(atomic_load(&ended_with), ERR_INTR);
    close_pair();
}

enum { SENDERS = 4, RECORDS = 100, RECORD = 3000 };

static void send_records(void *arg)
{
    char record[RECORD];
    size_t n;
    memset(record, (int)(uintptr_t)arg, sizeof(record));
    for (unsigned i = 0; i < RECORDS; i++) {
        EXPECT_OK(put(pair[0], record, sizeof(record), &n));
    }
}

TEST(records_of_many_senders_do_not_mix)
{
    static char record[RECORD + 1];
    unsigned counts[SENDERS + 1] = {0};
    size_t mixed = 0;
    size_t n;
    make_pair(ABI_SOCK_DGRAM, 0);
    for (uintptr_t i = 1; i <= SENDERS; i++) {
        test_spawn("sender", send_records, (void *)i);
    }
    for (unsigned i = 0; i < SENDERS * RECORDS; i++) {
        EXPECT_OK(take(pair[1], record, sizeof(record), &n));
        EXPECT_EQ(n, RECORD);
        for (unsigned j = 1; j < RECORD; j++) {
            mixed += record[j] != record[0];
        }
        counts[(unsigned)record[0] % (SENDERS + 1)]++;
    }
    EXPECT_EQ(mixed, 0);
    for (unsigned i = 1; i <= SENDERS; i++) {
        EXPECT_EQ(counts[i], RECORDS);
    }
    test_join_all();
    close_pair();
}

/* ---- Connections ---- */

static struct socket_address address_of(const char *name)
{
    struct socket_address a = {.family = ABI_AF_UNIX, .size = (uint32_t)(3 + strlen(name))};
    memcpy(a.bytes + 3, name, strlen(name));
    return a;
}

static const struct socket_wait no_wait = {.may_wait = false, .deadline = NSEC_NEVER};
static const struct socket_wait long_wait = {.may_wait = true, .deadline = NSEC_NEVER};

static status_t make_listener(const char *name, uint32_t backlog, struct socket **out)
{
    struct socket_address a = address_of(name);
    status_t status = socket_create(ABI_AF_UNIX, ABI_SOCK_STREAM, 0, 0, out);
    if (status != OK) {
        return status;
    }
    status = (*out)->ops->bind(*out, &a);
    if (status == OK) {
        status = (*out)->ops->listen(*out, backlog);
    }
    if (status != OK) {
        socket_unref(*out);
    }
    return status;
}

static status_t make_client(const char *name, const struct socket_wait *w, struct socket **out)
{
    struct socket_address a = address_of(name);
    status_t status = socket_create(ABI_AF_UNIX, ABI_SOCK_STREAM, 0, 0, out);
    if (status != OK) {
        return status;
    }
    status = (*out)->ops->connect(*out, &a, w);
    if (status != OK) {
        socket_unref(*out);
    }
    return status;
}

TEST(a_connection_can_be_written_to_before_it_is_accepted)
{
    struct socket *listener;
    struct socket *client;
    struct socket *server;
    struct socket_address name;
    char bytes[8];
    size_t n;
    make_pair(ABI_SOCK_STREAM, 0);
    close_pair();
    EXPECT_STATUS(make_client("here", &no_wait, &client), ERR_CONNREFUSED);
    EXPECT_OK(make_listener("here", 1, &listener));
    EXPECT_STATUS(make_listener("here", 1, &server), ERR_ADDRINUSE);
    EXPECT_OK(make_client("here", &no_wait, &client));
    EXPECT_OK(put(client, "early", 5, &n));
    EXPECT_OK(listener->ops->accept(listener, &no_wait, &server));
    EXPECT_OK(take(server, bytes, sizeof(bytes), &n));
    EXPECT_MEM(bytes, "early", 5);
    EXPECT_OK(client->ops->peer_name(client, &name));
    EXPECT_EQ(name.size, 7);
    EXPECT_OK(server->ops->peer_name(server, &name));
    EXPECT_EQ(name.size, 2);
    socket_unref(server);
    EXPECT_OK(take(client, bytes, sizeof(bytes), &n));
    EXPECT_EQ(n, 0);
    socket_unref(client);
    EXPECT_STATUS(listener->ops->accept(listener, &no_wait, &server), ERR_AGAIN);
    socket_unref(listener);
}

static void connect_and_wait(void *arg)
{
    struct socket *client;
    status_t status = make_client("busy", &long_wait, &client);
    atomic_store((_Atomic int *)arg, status);
    if (status == OK) {
        socket_unref(client);
    }
}

TEST(who_finds_the_backlog_full_waits_until_there_is_room_or_an_end)
{
    struct socket *listener;
    struct socket *first;
    struct socket *server;
    static _Atomic int results[2];
    make_pair(ABI_SOCK_STREAM, 0);
    close_pair();
    EXPECT_OK(make_listener("busy", 0, &listener));
    EXPECT_OK(make_client("busy", &no_wait, &first));
    struct socket *other;
    EXPECT_STATUS(make_client("busy", &no_wait, &other), ERR_AGAIN);
    for (unsigned i = 0; i < 2; i++) {
        atomic_store(&results[i], 1);
        test_spawn("client", connect_and_wait, (void *)&results[i]);
    }
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    EXPECT_OK(listener->ops->accept(listener, &no_wait, &server));
    (void)thread_sleep_until(time_now() + NSEC_PER_MSEC, WAIT_DEFAULT);
    hold(listener);
    drop(listener);
    test_join_all();
    // One got the room, one learned of the end.
    EXPECT_EQ(atomic_load(&results[0]) + atomic_load(&results[1]), ERR_CONNREFUSED);
    socket_unref(server);
    socket_unref(first);
}

/* ---- Handles ---- */

static status_t send_handle(struct socket *s, struct object *o)
{
    void *memory;
    struct uio u;
    status_t status =
        heap_alloc(sizeof(struct socket_cargo) + sizeof(struct handle_entry), &memory);
    if (status != OK) {
        return status;
    }
    struct socket_message m = {.cargo = memory};
    m.cargo->count = 1;
    m.cargo->entries[0] = (struct handle_entry){.object = o, .rights = SWIFTOS_RIGHT_READ};
    object_handle_add(o);
    uio_init_kernel(&u, (void *)(uintptr_t)"h", 1);
    status = socket_send(s, &u, &m);
    socket_cargo_drop(m.cargo);
    return status;
}

static status_t receive_handle(struct socket *s, uint32_t flags, struct socket_cargo **out)
{
    char byte;
    struct uio u;
    struct socket_message m = {.flags = flags, .wants_cargo = true};
    uio_init_kernel(&u, &byte, 1);
    status_t status = socket_receive(s, &u, &m);
    *out = m.cargo;
    return status;
}

// Whether the writing end is gone; what a worker does is waited for.
static bool writer_went(struct file *reader)
{
    for (unsigned i = 0; i < 8; i++) {
        worker_flush();
    }
    return file_poll(reader, NULL) == EVENT_HUP;
}

static void make_pipe(struct file **reader, struct file **writer)
{
    EXPECT_OK(pipe_open_pair(0, reader, writer));
    object_handle_add(&(*reader)->object);
    object_handle_add(&(*writer)->object);
}

static void end_file(struct file *f)
{
    object_handle_drop(&f->object);
    file_unref(f);
}

TEST(a_handle_in_a_message_keeps_its_object_and_its_rights)
{
    struct file *reader;
    struct file *writer;
    struct socket_cargo *cargo;
    make_pair(ABI_SOCK_SEQPACKET, FILE_NONBLOCK);
    make_pipe(&reader, &writer);
    EXPECT_OK(send_handle(pair[0], &writer->object));
    end_file(writer);
    EXPECT_EQ(file_poll(reader, NULL), 0);
    EXPECT_OK(receive_handle(pair[1], ABI_MSG_PEEK, &cargo));
    EXPECT_EQ(cargo->count, 1);
    socket_cargo_drop(cargo);
    EXPECT_OK(receive_handle(pair[1], 0, &cargo));
    EXPECT_EQ(cargo->count, 1);
    EXPECT_EQ(cargo->entries[0].rights, SWIFTOS_RIGHT_READ);
    EXPECT(!writer_went(reader));
    socket_cargo_drop(cargo);
    EXPECT(writer_went(reader));
    end_file(reader);
    close_pair();
}

TEST(handles_of_a_message_that_nobody_reads_end_with_the_socket)
{
    struct file *reader;
    struct file *writer;
    make_pair(ABI_SOCK_DGRAM, FILE_NONBLOCK);
    make_pipe(&reader, &writer);
    EXPECT_OK(send_handle(pair[0], &writer->object));
    end_file(writer);
    close_pair();
    EXPECT(writer_went(reader));
    end_file(reader);
}

TEST(a_deep_chain_of_sockets_in_sockets_ends_without_recursion)
{
    struct socket *inner[2];
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    for (unsigned i = 0; i < 200; i++) {
        inner[0] = pair[0];
        inner[1] = pair[1];
        make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
        EXPECT_OK(send_handle(pair[0], &inner[0]->file.object));
        EXPECT_OK(send_handle(pair[0], &inner[1]->file.object));
        drop(inner[0]);
        drop(inner[1]);
    }
    EXPECT_EQ(unix_in_flight(), 400);
    close_pair();
    for (unsigned i = 0; i < 1000 && unix_in_flight() != 0; i++) {
        worker_flush();
    }
    EXPECT_EQ(unix_in_flight(), 0);
}

// As a table tells when one of its handles goes.
static void leave_table(struct socket *s)
{
    s->file.ops->closed(&s->file, NULL);
    drop(s);
}

TEST(circles_of_sockets_in_flight_are_collected)
{
    struct file *reader;
    struct file *writer;
    struct socket *first[2];
    struct socket *used[2];
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    used[0] = pair[0];
    used[1] = pair[1];
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    first[0] = pair[0];
    first[1] = pair[1];
    make_pair(ABI_SOCK_DGRAM, FILE_NONBLOCK);
    make_pipe(&reader, &writer);
    // Each of two sockets lies in the inbox of the other; one that is in use lies there too.
    EXPECT_OK(send_handle(first[0], &writer->object));
    EXPECT_OK(send_handle(first[0], &pair[1]->file.object));
    EXPECT_OK(send_handle(pair[0], &first[1]->file.object));
    EXPECT_OK(send_handle(pair[0], &used[1]->file.object));
    EXPECT_EQ(unix_in_flight(), 3);
    end_file(writer);
    leave_table(pair[0]);
    leave_table(first[0]);
    leave_table(pair[1]);
    EXPECT(!writer_went(reader));
    EXPECT_EQ(unix_in_flight(), 3);
    leave_table(first[1]);
    EXPECT(writer_went(reader));
    EXPECT_EQ(unix_in_flight(), 0);
    size_t n;
    EXPECT_OK(put(used[0], "x", 1, &n));
    EXPECT_EQ(file_poll(&used[1]->file, NULL), EVENT_IN | EVENT_OUT);
    drop(used[0]);
    drop(used[1]);
    end_file(reader);
}

TEST(what_an_open_socket_can_receive_is_not_collected)
{
    struct socket_cargo *cargo;
    struct socket *first[2];
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    first[0] = pair[0];
    first[1] = pair[1];
    make_pair(ABI_SOCK_STREAM, FILE_NONBLOCK);
    // first[1] lies in its own inbox and in that of pair[1], which is open.
    EXPECT_OK(send_handle(first[0], &first[1]->file.object));
    EXPECT_OK(send_handle(pair[0], &first[1]->file.object));
    leave_table(first[0]);
    leave_table(first[1]);
    for (unsigned i = 0; i < 8; i++) {
        worker_flush();
    }
    EXPECT_EQ(unix_in_flight(), 1);
    EXPECT_OK(receive_handle(pair[1], 0, &cargo));
    EXPECT_EQ(cargo->count, 1);
    struct socket *again = socket_of(file_of(cargo->entries[0].object));
    EXPECT_EQ(file_poll(&again->file, NULL), EVENT_IN | EVENT_OUT | EVENT_RDHUP | EVENT_HUP);
    socket_cargo_drop(cargo);
    for (unsigned i = 0; i < 8; i++) {
        worker_flush();
    }
    EXPECT_EQ(unix_in_flight(), 0);
    close_pair();
}

/* ---- Every allocation failing ---- */

static status_t use_pair(uint32_t type)
{
    static char got[100];
    struct socket_cargo *cargo;
    size_t n;
    status_t status = make_pair_with(type, FILE_NONBLOCK);
    if (status != OK) {
        return status;
    }
    hold(pair[0]);
    hold(pair[1]);
    status = send_handle(pair[0], &pair[1]->file.object);
    if (status == OK) {
        status = receive_handle(pair[1], ABI_MSG_PEEK, &cargo);
        socket_cargo_drop(cargo);
    }
    if (status == OK) {
        status = receive_handle(pair[1], 0, &cargo);
        socket_cargo_drop(cargo);
    }
    if (status == OK) {
        status = put(pair[0], big, 70000, &n);
    }
    if (status == OK) {
        status = take(pair[1], got, sizeof(got), &n);
    }
    close_pair();
    return status;
}

static status_t use_connection(void)
{
    struct socket *listener;
    struct socket *client;
    struct socket *server;
    status_t status = make_listener("scarce", 1, &listener);
    if (status != OK) {
        return status;
    }
    status = make_client("scarce", &no_wait, &client);
    if (status == OK) {
        status = listener->ops->accept(listener, &no_wait, &server);
        if (status == OK) {
            socket_unref(server);
        }
        socket_unref(client);
    }
    socket_unref(listener);
    return status;
}

static status_t use_all(unsigned what)
{
    switch (what) {
    case 0: return use_pair(ABI_SOCK_STREAM);
    case 1: return use_pair(ABI_SOCK_DGRAM);
    default: return use_connection();
    }
}

TEST(sockets_survive_every_allocation_failing)
{
    make_pair(ABI_SOCK_STREAM, 0);
    close_pair();
    for (unsigned what = 0; what < 3; what++) {
        for (size_t n = 0; inject_is_available(); n++) {
            inject_arm(n);
            status_t status = use_all(what);
            if (!inject_disarm()) {
                EXPECT_OK(status);
                break;
            }
            EXPECT(status == ERR_NOMEM || status == OK);
        }
    }
}
