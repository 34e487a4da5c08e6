// SPDX-License-Identifier: Apache-2.0
/* Local sockets as POSIX and Linux have them; says nothing unless something is wrong. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi/sys.h"
#include "user/tests/check.h"

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
enum { TYPES = 3, BIG = 1 << 20 };

static volatile sig_atomic_t pipes_broken;

static void count_broken(int signal)
{
    (void)signal;
    pipes_broken++;
}

#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

static void make_pair(int type, int pair[2])
{
    CHECK(socketpair(AF_UNIX, type, 0, pair) == 0);
}

static void close_pair(int pair[2])
{
    CHECK(close(pair[0]) == 0);
    CHECK(close(pair[1]) == 0);
}

static void nap(long ms)
{
    struct timespec t = {.tv_nsec = ms * 1000000};
    nanosleep(&t, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sockaddr_un path_address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

static int name_size(const char *name)
{
    return (int)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static struct sockaddr_un abstract_address(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", name);
    return a;
}

static int listener_at(const struct sockaddr_un *a, socklen_t size, int type, int backlog)
{
    int s = socket(AF_UNIX, type, 0);
    CHECK(s >= 0);
    CHECK(bind(s, (const void *)a, size) == 0);
    CHECK(listen(s, backlog) == 0);
    return s;
}

static int events_of(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

/* ---- Pairs ---- */

static void test_pairs_of_every_type(void)
{
    for (int i = 0; i < TYPES; i++) {
        int pair[2];
        char b[16];
        int value;
        socklen_t size = sizeof(value);
        struct stat st;
        make_pair(types[i], pair);
        for (int from = 0; from < 2; from++) {
            CHECK(write(pair[from], "abc", 3) == 3);
            CHECK(send(pair[from], "de", 2, 0) == 2);
            CHECK(events_of(pair[1 - from]) == (POLLIN | POLLOUT));
            CHECK(ioctl(pair[1 - from], FIONREAD, &value) == 0);
            CHECK(value == (types[i] == SOCK_STREAM ? 5 : 3));
            ssize_t first = read(pair[1 - from], b, sizeof(b));
            CHECK(first == (types[i] == SOCK_STREAM ? 5 : 3));
            CHECK(memcmp(b, "abcde", (size_t)first) == 0);
            if (types[i] != SOCK_STREAM) {
                CHECK(recv(pair[1 - from], b, sizeof(b), 0) == 2 && memcmp(b, "de", 2) == 0);
            }
            FAILS(recv(pair[from], b, 1, MSG_DONTWAIT), EAGAIN);
        }
        CHECK(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == types[i]);
        CHECK(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &value, &size) == 0 && value == AF_UNIX);
        CHECK(getsockopt(pair[0], SOL_SOCKET, SO_ERROR, &value, &size) == 0 && value == 0);
        CHECK(fstat(pair[0], &st) == 0 && S_ISSOCK(st.st_mode));
        FAILS(lseek(pair[0], 0, SEEK_CUR), ESPIPE);
        close_pair(pair);
    }
}

static void test_flags_at_birth(void)
{
    int pair[2];
    char b;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    CHECK((fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0);
    CHECK(fcntl(pair[1], F_GETFD) == FD_CLOEXEC);
    FAILS(read(pair[0], &b, 1), EAGAIN);
    close_pair(pair);
    FAILS(socket(AF_UNIX, 77, 0), EINVAL);
    FAILS(socket(AF_UNIX, 7, 0), ESOCKTNOSUPPORT);
    FAILS(socket(AF_UNIX, SOCK_STREAM, 99), EPROTONOSUPPORT);
    FAILS(socket(12345, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(socket(AF_INET6 + 3, SOCK_STREAM, 0), EAFNOSUPPORT);
    FAILS(listen(0, 1), ENOTSOCK);
    FAILS(send(99, "x", 1, 0), EBADF);
}

static void *write_big(void *arg)
{
    int fd = *(int *)arg;
    char *bytes = malloc(BIG);
    for (int i = 0; i < BIG; i++) {
        bytes[i] = (char)(i * 7 + i / 4096);
    }
    CHECK(write(fd, bytes, BIG) == BIG);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    free(bytes);
    return NULL;
}

static void test_a_stream_moves_more_than_fits(void)
{
    int pair[2];
    pthread_t t;
    char *got = malloc(BIG);
    size_t have = 0;
    size_t wrong = 0;
    ssize_t n;
    make_pair(SOCK_STREAM, pair);
    pthread_create(&t, NULL, write_big, &pair[0]);
    while ((n = read(pair[1], got + have, 1 + (have * 13 + 7) % 50000)) > 0) {
        have += (size_t)n;
        if (have + 50000 > BIG && have < BIG) {
            n = recv(pair[1], got + have, BIG - have, MSG_WAITALL);
            CHECK(n == (ssize_t)(BIG - have));
            have += (size_t)n;
        }
    }
    CHECK(n == 0);
    CHECK(have == BIG);
    for (size_t i = 0; i < have; i++) {
        wrong += got[i] != (char)(i * 7 + i / 4096);
    }
    CHECK(wrong == 0);
    pthread_join(t, NULL);
    close_pair(pair);
    free(got);
}

/* ---- Flags of receiving ---- */

static void test_peek_trunc_waitall(void)
{
    int pair[2];
    char b[64];
    make_pair(SOCK_STREAM, pair);
    CHECK(write(pair[0], "abc", 3) == 3);
    CHECK(write(pair[0], "defg", 4) == 4);
    CHECK(recv(pair[1], b, sizeof(b), MSG_PEEK) == 7 && memcmp(b, "abcdefg", 7) == 0);
    CHECK(recv(pair[1], b, 2, MSG_PEEK) == 2 && memcmp(b, "ab", 2) == 0);
    CHECK(recv(pair[1], b, 4, 0) == 4 && memcmp(b, "abcd", 4) == 0);
    CHECK(recv(pair[1], b, sizeof(b), MSG_PEEK) == 3 && memcmp(b, "efg", 3) == 0);
    CHECK(recv(pair[1], b, sizeof(b), MSG_DONTWAIT | MSG_WAITALL) == 3);
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 5; i++) {
            nap(5);
            CHECK(write(pair[0], "ab", 2) == 2);
        }
        _exit(check_end());
    }
    CHECK(recv(pair[1], b, 10, MSG_WAITALL) == 10 && memcmp(b, "ababababab", 10) == 0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close_pair(pair);

    for (int i = 1; i < TYPES; i++) {
        struct iovec v = {.iov_base = b, .iov_len = 4};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
        make_pair(types[i], pair);
        CHECK(send(pair[0], "0123456789", 10, 0) == 10);
        CHECK(send(pair[0], "", 0, 0) == 0);
        CHECK(send(pair[0], "xyz", 3, MSG_EOR) == 3);
        CHECK(recv(pair[1], b, 4, MSG_PEEK | MSG_TRUNC) == 10);
        CHECK(recvmsg(pair[1], &m, 0) == 4 && (m.msg_flags & MSG_TRUNC) != 0);
        CHECK(recv(pair[1], b, sizeof(b), 0) == 0);
        CHECK(recvmsg(pair[1], &m, 0) == 3 && m.msg_flags == MSG_EOR);
        close_pair(pair);
    }
}

static void test_records_of_every_size(void)
{
    int pair[2];
    static char out[150000];
    static char in[150001];
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (char)(i * 31 + i / 1000);
    }
    for (int i = 1; i < TYPES; i++) {
        make_pair(types[i], pair);
        for (size_t size = 1; size <= sizeof(out); size = size * 5 + 1) {
            CHECK(send(pair[0], out, size, 0) == (ssize_t)size);
            memset(in, 0, sizeof(in));
            CHECK(recv(pair[1], in, sizeof(in), 0) == (ssize_t)size);
            CHECK(memcmp(in, out, size) == 0);
        }
        FAILS(send(pair[0], mmap(NULL, BIG, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), BIG, 0),
              EMSGSIZE);
        close_pair(pair);
    }
}

static void test_vectors_and_sendfile(void)
{
    int pair[2];
    char a[3];
    char b[8];
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    struct iovec in[2] = {{a, 3}, {b, sizeof(b)}};
    make_pair(SOCK_STREAM, pair);
    CHECK(writev(pair[0], out, 3) == 6);
    CHECK(readv(pair[1], in, 2) == 6);
    CHECK(memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0);
    int f = open("/etc/passwd", O_RDONLY);
    struct stat st;
    CHECK(fstat(f, &st) == 0);
    CHECK(sendfile(pair[0], f, NULL, (size_t)st.st_size) == st.st_size);
    char *text = malloc((size_t)st.st_size);
    CHECK(recv(pair[1], text, (size_t)st.st_size, MSG_WAITALL) == st.st_size);
    CHECK(memcmp(text, "root:", 5) == 0);
    free(text);
    close(f);
    close_pair(pair);
}

/* ---- Names ---- */

static void echo_once(int listener)
{
    char b[32];
    int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    CHECK(s >= 0);
    ssize_t n = read(s, b, sizeof(b));
    CHECK(n > 0 && write(s, b, (size_t)n) == n);
    close(s);
}

static void talk_to(const struct sockaddr_un *a, socklen_t size, int type)
{
    char b[32];
    struct sockaddr_un name;
    socklen_t got = sizeof(name);
    int s = socket(AF_UNIX, type, 0);
    CHECK(connect(s, (const void *)a, size) == 0);
    CHECK(getpeername(s, (void *)&name, &got) == 0);
    CHECK(got == size || got == size + 1);
    CHECK(memcmp(&name, a, size) == 0);
    got = sizeof(name);
    CHECK(getsockname(s, (void *)&name, &got) == 0 && got == sizeof(sa_family_t));
    CHECK(write(s, "hello", 5) == 5);
    CHECK(read(s, b, sizeof(b)) == 5 && memcmp(b, "hello", 5) == 0);
    CHECK(read(s, b, sizeof(b)) == 0);
    FAILS(connect(s, (const void *)a, size), EISCONN);
    close(s);
}

static const char *const path_of_test = "/tmp/socket-test";

// What a listening socket's name refuses.
static void check_name_in_use(int listener, const struct sockaddr_un *a, socklen_t size, int type)
{
    int value;
    socklen_t value_size = sizeof(value);
    int other = socket(AF_UNIX, type == SOCK_STREAM ? SOCK_SEQPACKET : SOCK_STREAM, 0);
    CHECK(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &value_size) == 0 && value == 1);
    FAILS(bind(other, (const void *)a, size), EADDRINUSE);
    FAILS(bind(listener, (const void *)a, size), EINVAL);
    FAILS(connect(other, (const void *)a, size), EPROTOTYPE);
    close(other);
    if (a->sun_path[0] != '\0') {
        struct stat st;
        CHECK(stat(a->sun_path, &st) == 0 && S_ISSOCK(st.st_mode));
        FAILS(open(a->sun_path, O_RDWR), ENXIO);
    }
}

static void connect_by(const struct sockaddr_un *a, socklen_t size, int type)
{
    int status;
    int listener = listener_at(a, size, type, 5);
    check_name_in_use(listener, a, size, type);
    pid_t child = fork();
    if (child == 0) {
        check_failures = 0; // its own
        talk_to(a, size, type);
        _exit(check_end());
    }
    echo_once(listener);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(listener);
    int late = socket(AF_UNIX, type, 0);
    FAILS(connect(late, (const void *)a, size), ECONNREFUSED);
    close(late);
}

static void test_connecting_by_path_and_abstract_name(void)
{
    struct sockaddr_un by_path = path_address(path_of_test);
    struct sockaddr_un by_name = abstract_address("test");
    for (int i = 0; i < TYPES; i += 2) {
        connect_by(&by_path, (socklen_t)(sizeof(sa_family_t) + strlen(path_of_test)), types[i]);
        CHECK(unlink(path_of_test) == 0);
        connect_by(&by_name, (socklen_t)name_size("test"), types[i]);
    }
}

static void test_what_cannot_be_connected(void)
{
    struct sockaddr_un a = path_address("/tmp/no-such-socket");
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(connect(s, (void *)&a, sizeof(a)), ENOENT);
    a = path_address("/etc/motd");
    FAILS(connect(s, (void *)&a, sizeof(a)), ECONNREFUSED);
    a.sun_family = AF_INET;
    FAILS(connect(s, (void *)&a, sizeof(a)), EINVAL);
    FAILS(connect(s, (void *)&a, 1), EINVAL);
    FAILS(connect(s, (void *)&a, 4000), EINVAL);
    FAILS(listen(s, 1), EINVAL);
    FAILS(accept(s, NULL, NULL), EINVAL);
    FAILS(write(s, "x", 1), ENOTCONN);
    FAILS(read(s, &a, 1), ENOTCONN);
    FAILS(shutdown(s, SHUT_WR), ENOTCONN);
    FAILS(getpeername(s, (void *)&a, &(socklen_t){sizeof(a)}), ENOTCONN);
    CHECK(events_of(s) == (POLLOUT | POLLHUP));
    close(s);
}

static void *accept_one(void *arg)
{
    return (void *)(intptr_t)accept(*(int *)arg, NULL, NULL);
}

static void test_shutdown_ends_accept(void)
{
    struct sockaddr_un a = abstract_address("ends");
    int listener = listener_at(&a, (socklen_t)name_size("ends"), SOCK_STREAM, 5);
    pthread_t t;
    void *result;
    pthread_create(&t, NULL, accept_one, &listener);
    nap(5);
    CHECK(shutdown(listener, SHUT_RD) == 0);
    pthread_join(t, &result);
    CHECK((intptr_t)result == -1);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    FAILS(connect(s, (void *)&a, (socklen_t)name_size("ends")), ECONNREFUSED);
    close(s);
    close(listener);
}

static void test_permission_to_connect(void)
{
    const char *path = "/tmp/socket-of-nobody";
    struct sockaddr_un a = path_address(path);
    int listener = listener_at(&a, sizeof(a), SOCK_STREAM, 1);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(chmod(path, 0555) == 0);
    FAILS(connect(s, (void *)&a, sizeof(a)), EACCES);
    CHECK(chmod(path, 0222) == 0);
    CHECK(connect(s, (void *)&a, sizeof(a)) == 0);
    close(s);
    close(listener);
    unlink(path);
}

static void test_names_that_bind_chooses(void)
{
    struct sockaddr_un a[2] = {{.sun_family = AF_UNIX}, {.sun_family = AF_UNIX}};
    int s[2];
    for (int i = 0; i < 2; i++) {
        socklen_t size = sizeof(a[i]);
        s[i] = socket(AF_UNIX, SOCK_DGRAM, 0);
        CHECK(bind(s[i], (void *)&a[i], sizeof(sa_family_t)) == 0);
        CHECK(getsockname(s[i], (void *)&a[i], &size) == 0 && size == sizeof(sa_family_t) + 6);
    }
    CHECK(memcmp(&a[0], &a[1], sizeof(a[0])) != 0);
    close_pair(s);
}

/* ---- Datagrams ---- */

static void test_datagrams_by_name(void)
{
    struct sockaddr_un a = abstract_address("datagrams");
    struct sockaddr_un b = abstract_address("sender");
    struct sockaddr_un from;
    socklen_t size = sizeof(from);
    char text[16];
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK(bind(receiver, (void *)&a, (socklen_t)name_size("datagrams")) == 0);
    FAILS(send(sender, "x", 1, 0), EDESTADDRREQ);
    FAILS(listen(receiver, 1), EOPNOTSUPP);
    CHECK(sendto(sender, "one", 3, 0, (void *)&a, (socklen_t)name_size("datagrams")) == 3);
    CHECK(recvfrom(receiver, text, sizeof(text), 0, (void *)&from, &size) == 3);
    CHECK(size == 0);
    CHECK(bind(sender, (void *)&b, (socklen_t)name_size("sender")) == 0);
    CHECK(connect(sender, (void *)&a, (socklen_t)name_size("datagrams")) == 0);
    CHECK(send(sender, "two", 3, 0) == 3);
    size = sizeof(from);
    CHECK(recvfrom(receiver, text, sizeof(text), 0, (void *)&from, &size) == 3);
    CHECK(size == (socklen_t)name_size("sender") && memcmp(&from, &b, size) == 0);
    // Who is connected gets datagrams from its peer only.
    int third = socket(AF_UNIX, SOCK_DGRAM, 0);
    FAILS(sendto(third, "no", 2, 0, (void *)&b, (socklen_t)name_size("sender")), EPERM);
    FAILS(connect(third, (void *)&b, (socklen_t)name_size("sender")), EPERM);
    CHECK(sendto(receiver, "yes", 3, 0, (void *)&b, (socklen_t)name_size("sender")) == 3);
    CHECK(recv(sender, text, sizeof(text), 0) == 3);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(sender, &none, sizeof(none)) == 0);
    CHECK(sendto(third, "ok", 2, 0, (void *)&b, (socklen_t)name_size("sender")) == 2);
    CHECK(connect(sender, (void *)&a, (socklen_t)name_size("datagrams")) == 0);
    close(receiver);
    FAILS(send(sender, "x", 1, 0), ECONNREFUSED);
    close(sender);
    close(third);
}

static void test_a_full_receiver_of_datagrams(void)
{
    int pair[2];
    char b[4000] = {0};
    int count = 0;
    make_pair(SOCK_DGRAM, pair);
    while (send(pair[0], b, sizeof(b), MSG_DONTWAIT) == sizeof(b)) {
        count++;
    }
    CHECK(errno == EAGAIN && count > 10);
    CHECK(events_of(pair[0]) == 0);
    while (recv(pair[1], b, sizeof(b), MSG_DONTWAIT) == sizeof(b)) {
        count--;
    }
    CHECK(count == 0);
    CHECK(events_of(pair[0]) == POLLOUT);
    close_pair(pair);
}

/* ---- The end of connections ---- */

static void test_shutdown_of_halves(void)
{
    int pair[2];
    char b[8];
    for (int i = 0; i < TYPES; i += 2) {
        make_pair(types[i], pair);
        CHECK(write(pair[0], "last", 4) == 4);
        CHECK(shutdown(pair[0], SHUT_WR) == 0);
        CHECK(events_of(pair[1]) == (POLLIN | POLLOUT | POLLRDHUP));
        CHECK(read(pair[1], b, sizeof(b)) == 4);
        CHECK(read(pair[1], b, sizeof(b)) == 0);
        pipes_broken = 0;
        FAILS(write(pair[0], "x", 1), EPIPE);
        CHECK(pipes_broken == 1);
        FAILS(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE);
        CHECK(pipes_broken == 1);
        CHECK(write(pair[1], "back", 4) == 4);
        CHECK(read(pair[0], b, sizeof(b)) == 4);
        CHECK(shutdown(pair[0], SHUT_RD) == 0);
        CHECK(read(pair[0], b, sizeof(b)) == 0);
        FAILS(send(pair[1], "x", 1, MSG_NOSIGNAL), EPIPE);
        CHECK((events_of(pair[1]) & POLLHUP) != 0);
        FAILS(shutdown(pair[0], 7), EINVAL);
        close_pair(pair);
    }
}

static void test_a_closed_peer(void)
{
    int pair[2];
    char b[8];
    for (int i = 0; i < TYPES; i += 2) {
        make_pair(types[i], pair);
        CHECK(write(pair[0], "last", 4) == 4);
        close(pair[0]);
        CHECK(events_of(pair[1]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
        pipes_broken = 0;
        FAILS(write(pair[1], "x", 1), EPIPE);
        CHECK(pipes_broken == 1);
        CHECK(read(pair[1], b, sizeof(b)) == 4);
        CHECK(read(pair[1], b, sizeof(b)) == 0);
        close(pair[1]);

        make_pair(types[i], pair);
        CHECK(write(pair[1], "unread", 6) == 6);
        close(pair[0]);
        FAILS(read(pair[1], b, sizeof(b)), ECONNRESET);
        CHECK(read(pair[1], b, sizeof(b)) == 0);
        close(pair[1]);
    }
}

static void *read_one(void *arg)
{
    char b;
    return (void *)(intptr_t)read(*(int *)arg, &b, 1);
}

static void test_who_waits_learns_of_the_end(void)
{
    int pair[2];
    pthread_t t;
    void *result;
    make_pair(SOCK_STREAM, pair);
    pthread_create(&t, NULL, read_one, &pair[1]);
    nap(5);
    close(pair[0]);
    pthread_join(t, &result);
    CHECK(result == NULL);
    close(pair[1]);
}

/* ---- Waiting ---- */

static void test_time_outs(void)
{
    int pair[2];
    char b[4096] = {0};
    struct timeval t = {.tv_usec = 20000};
    struct timeval got;
    socklen_t size = sizeof(got);
    make_pair(SOCK_STREAM, pair);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == 0);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size) == 0 && got.tv_usec == 20000);
    double begin = now();
    FAILS(read(pair[0], b, 1), EAGAIN);
    CHECK(now() - begin > 0.019);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    while (write(pair[0], b, sizeof(b)) > 0) {
    }
    CHECK(errno == EAGAIN);
    CHECK(fcntl(pair[0], F_SETFL, 0) == 0);
    begin = now();
    FAILS(write(pair[0], b, sizeof(b)), EAGAIN);
    CHECK(now() - begin > 0.019);
    t.tv_usec = 1000000;
    FAILS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), EDOM);
    FAILS(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &t, 3), EINVAL);
    FAILS(setsockopt(pair[0], SOL_SOCKET, 9999, &t, sizeof(t)), ENOPROTOOPT);
    FAILS(getsockopt(pair[0], 9999, SO_TYPE, &got, &size), ENOPROTOOPT);
    close_pair(pair);
}

// A handler with SA_RESTART: a call with a time-out of its socket ends all the same.
static void test_signals_and_time_outs(void)
{
    struct sigaction a = {.sa_handler = count_broken, .sa_flags = SA_RESTART};
    struct timeval t = {.tv_sec = 5};
    int pair[2];
    char b;
    CHECK(sigaction(SIGUSR1, &a, NULL) == 0);
    make_pair(SOCK_STREAM, pair);
    for (int has_timeout = 0; has_timeout < 2; has_timeout++) {
        pid_t child = fork();
        if (child == 0) {
            nap(20);
            kill(getppid(), SIGUSR1);
            nap(20);
            _exit(write(pair[0], "x", 1) != 1);
        }
        if (has_timeout) {
            CHECK(setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
            FAILS(read(pair[1], &b, 1), EINTR);
        }
        CHECK(read(pair[1], &b, 1) == 1);
        CHECK(waitpid(child, NULL, 0) == child);
    }
    close_pair(pair);
}

static void test_epoll(void)
{
    int pair[2];
    char b[1000] = {0};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int set = epoll_create1(0);
    make_pair(SOCK_STREAM, pair);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &e) == 0);
    CHECK(epoll_wait(set, &e, 1, 0) == 1 && e.events == EPOLLOUT);
    CHECK(epoll_wait(set, &e, 1, 0) == 0);
    while (write(pair[0], b, sizeof(b)) > 0) {
    }
    CHECK(epoll_wait(set, &e, 1, 0) == 0);
    while (recv(pair[1], b, sizeof(b), MSG_DONTWAIT) > 0) {
    }
    CHECK(epoll_wait(set, &e, 1, 0) == 1 && e.events == EPOLLOUT);
    CHECK(write(pair[1], "x", 1) == 1);
    CHECK(epoll_wait(set, &e, 1, 1000) == 1 && e.events == (EPOLLIN | EPOLLOUT));
    close(pair[1]);
    CHECK(epoll_wait(set, &e, 1, 1000) == 1);
    CHECK(e.events == (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLHUP));
    close(pair[0]);
    CHECK(epoll_wait(set, &e, 1, 0) == 0);
    close(set);
}

static void *connect_late(void *arg)
{
    struct sockaddr_un a = abstract_address("full");
    int result = connect(*(int *)arg, (void *)&a, (socklen_t)name_size("full"));
    CHECK(result == 0);
    return (void *)(intptr_t)result;
}

static void test_a_full_backlog(void)
{
    struct sockaddr_un a = abstract_address("full");
    socklen_t size = (socklen_t)name_size("full");
    int listener = listener_at(&a, size, SOCK_STREAM, 1);
    int s[4];
    int value;
    socklen_t value_size = sizeof(value);
    CHECK(events_of(listener) == 0);
    for (int i = 0; i < 4; i++) {
        s[i] = socket(AF_UNIX, SOCK_STREAM | (i < 3 ? SOCK_NONBLOCK : 0), 0);
    }
    CHECK(connect(s[0], (void *)&a, size) == 0);
    CHECK(connect(s[1], (void *)&a, size) == 0);
    FAILS(connect(s[2], (void *)&a, size), EAGAIN);
    CHECK(events_of(listener) == POLLIN);
    pthread_t t;
    void *result;
    pthread_create(&t, NULL, connect_late, &s[3]);
    nap(5);
    CHECK(write(s[0], "early", 5) == 5);
    int first = accept(listener, NULL, NULL);
    char b[8];
    CHECK(read(first, b, sizeof(b)) == 5);
    pthread_join(t, &result);
    CHECK(result == NULL);
    close(listener);
    FAILS(read(s[1], b, 1), ECONNRESET);
    CHECK(getsockopt(s[3], SOL_SOCKET, SO_ERROR, &value, &value_size) == 0);
    CHECK(value == ECONNRESET);
    CHECK(read(s[3], b, 1) == 0);
    FAILS(connect(s[2], (void *)&a, size), ECONNREFUSED);
    for (int i = 0; i < 4; i++) {
        close(s[i]);
    }
    close(first);
}

enum { SENDERS = 4, RECORDS = 300 };

static int shared[2];

static void *send_records(void *arg)
{
    char b[200];
    memset(b, (int)(intptr_t)arg, sizeof(b));
    for (int i = 0; i < RECORDS; i++) {
        CHECK(send(shared[0], b, sizeof(b), 0) == sizeof(b));
    }
    return NULL;
}

static void test_concurrent_senders(void)
{
    for (int i = 1; i < TYPES; i++) {
        pthread_t t[SENDERS];
        int counts[SENDERS + 1] = {0};
        int mixed = 0;
        char b[400];
        make_pair(types[i], shared);
        for (intptr_t j = 0; j < SENDERS; j++) {
            pthread_create(&t[j], NULL, send_records, (void *)(j + 1));
        }
        for (int j = 0; j < SENDERS * RECORDS; j++) {
            CHECK(recv(shared[1], b, sizeof(b), 0) == 200);
            for (int k = 1; k < 200; k++) {
                mixed += b[k] != b[0];
            }
            counts[b[0] > 0 && b[0] <= SENDERS ? b[0] : 0]++;
        }
        CHECK(mixed == 0);
        for (int j = 0; j < SENDERS; j++) {
            pthread_join(t[j], NULL);
            CHECK(counts[j + 1] == RECORDS);
        }
        close_pair(shared);
    }
}

/* ---- Identities ---- */

static void test_identities(void)
{
    struct ucred u = {0};
    socklen_t size = sizeof(u);
    int pair[2];
    int on = 1;
    make_pair(SOCK_STREAM, pair);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &u, &size) == 0);
    CHECK(u.pid == getpid() && u.uid == getuid() && u.gid == getgid());
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(write(pair[0], "me", 2) == 2);
        _exit(check_end());
    }
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(write(pair[0], "us", 2) == 2);
    char both[8];
    CHECK(recv(pair[1], both, sizeof(both), MSG_PEEK) == 2);
    for (int i = 0; i < 2; i++) {
        char b[8];
        char control[CMSG_SPACE(sizeof(u))];
        struct iovec v = {.iov_base = b, .iov_len = sizeof(b)};
        struct msghdr m = {.msg_iov = &v,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof(control)};
        CHECK(recvmsg(pair[1], &m, 0) == 2);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        CHECK(c != NULL && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(u)));
        memcpy(&u, CMSG_DATA(c), sizeof(u));
        CHECK(u.pid == (i == 0 ? child : getpid()) && u.uid == getuid());
    }
    close_pair(pair);
}

/* ---- Handles ---- */

// Sends `count` handles with one byte.
static ssize_t send_handles(int fd, const int *handles, size_t count)
{
    char control[CMSG_SPACE(sizeof(int) * 253)] = {0};
    struct iovec v = {.iov_base = "h", .iov_len = 1};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = (socklen_t)CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = (socklen_t)CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(c), handles, sizeof(int) * count);
    return sendmsg(fd, &m, 0);
}

// Receives up to `room`; gives how many came.
static size_t receive_handles(int fd, int *handles, size_t room, int flags, int *flags_out)
{
    char control[CMSG_SPACE(sizeof(int) * 253)];
    char b[4];
    struct iovec v = {.iov_base = b, .iov_len = sizeof(b)};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = (socklen_t)CMSG_LEN(sizeof(int) * room)};
    CHECK(recvmsg(fd, &m, flags) == 1);
    *flags_out = m.msg_flags;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c == NULL) {
        return 0;
    }
    CHECK(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS);
    size_t size = c->cmsg_len - CMSG_LEN(0);
    memcpy(handles, CMSG_DATA(c), size);
    return size / sizeof(int);
}

static void test_a_pipe_end_passed_to_another_process(void)
{
    for (int i = 0; i < TYPES; i++) {
        int pair[2];
        int ends[2];
        int flags;
        char b[8];
        make_pair(types[i], pair);
        CHECK(pipe(ends) == 0);
        CHECK(send_handles(pair[0], &ends[1], 1) == 1);
        close(ends[1]); // in the message only, now
        pid_t child = fork();
        if (child == 0) {
            int h = -1;
            check_failures = 0;
            close(pair[0]);
            close(ends[0]);
            CHECK(receive_handles(pair[1], &h, 1, MSG_CMSG_CLOEXEC, &flags) == 1);
            CHECK((flags & MSG_CTRUNC) == 0);
            CHECK(fcntl(h, F_GETFD) == FD_CLOEXEC);
            CHECK(write(h, "child", 5) == 5);
            _exit(check_end());
        }
        close_pair(pair);
        CHECK(read(ends[0], b, sizeof(b)) == 5 && memcmp(b, "child", 5) == 0);
        CHECK(read(ends[0], b, sizeof(b)) == 0); // the child is gone, and with it the end
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        close(ends[0]);
    }
}

static void test_handles_that_nobody_takes(void)
{
    int pair[2];
    int ends[2];
    int flags;
    int h[4] = {-1, -1, -1, -1};
    char b[8];
    make_pair(SOCK_STREAM, pair);
    // Read away, closed with the socket, or without room.
    for (int i = 0; i < 3; i++) {
        CHECK(pipe(ends) == 0);
        CHECK(send_handles(pair[0], &ends[1], 1) == 1);
        close(ends[1]);
        if (i == 0) {
            CHECK(read(pair[1], b, sizeof(b)) == 1);
        } else if (i == 1) {
            struct iovec v = {.iov_base = b, .iov_len = sizeof(b)};
            struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
            CHECK(recvmsg(pair[1], &m, 0) == 1 && m.msg_flags == MSG_CTRUNC);
        } else {
            close_pair(pair);
        }
        CHECK(read(ends[0], b, sizeof(b)) == 0);
        close(ends[0]);
    }
    make_pair(SOCK_STREAM, pair);
    int three[3] = {0, 1, 2};
    CHECK(send_handles(pair[0], three, 3) == 1);
    CHECK(receive_handles(pair[1], h, 3, MSG_PEEK, &flags) == 3 && flags == 0);
    for (int i = 0; i < 3; i++) {
        CHECK(close(h[i]) == 0);
    }
    CHECK(receive_handles(pair[1], h, 2, 0, &flags) == 2 && (flags & MSG_CTRUNC) != 0);
    close(h[0]);
    close(h[1]);
    FAILS(send_handles(pair[0], (int[]){0, 99}, 2), EBADF);

    // No number is left for the second.
    struct rlimit old;
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    CHECK(send_handles(pair[0], three, 3) == 1);
    int next = dup(0);
    close(next);
    limit = (struct rlimit){.rlim_cur = (rlim_t)next + 1, .rlim_max = old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(receive_handles(pair[1], h, 3, 0, &flags) == 1 && (flags & MSG_CTRUNC) != 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    close(h[0]);
    close_pair(pair);
}

static void test_bytes_stop_behind_handles(void)
{
    int pair[2];
    int zero = 0;
    int h = -1;
    char control[CMSG_SPACE(sizeof(int))];
    char b[16];
    make_pair(SOCK_STREAM, pair);
    CHECK(write(pair[0], "ab", 2) == 2);
    CHECK(send_handles(pair[0], &zero, 1) == 1);
    CHECK(write(pair[0], "cd", 2) == 2);
    struct iovec v = {.iov_base = b, .iov_len = sizeof(b)};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    CHECK(recvmsg(pair[1], &m, 0) == 3 && memcmp(b, "abh", 3) == 0);
    CHECK(m.msg_controllen != 0);
    memcpy(&h, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(h));
    CHECK(close(h) == 0);
    CHECK(read(pair[1], b, sizeof(b)) == 2 && memcmp(b, "cd", 2) == 0);
    close_pair(pair);
}

// Sockets that hold each other, and the end of a pipe, in messages: when the last handle of a table
// goes, the pipe learns of it.
static void test_circles_are_collected(void)
{
    for (int shape = 0; shape < 3; shape++) {
        int ends[2];
        int a[2];
        int b[2];
        char byte;
        struct sockaddr_un name = abstract_address("circle");
        CHECK(pipe(ends) == 0);
        make_pair(SOCK_STREAM, a);
        make_pair(SOCK_DGRAM, b);
        CHECK(send_handles(a[0], &ends[1], 1) == 1);
        if (shape == 0) { // itself
            CHECK(send_handles(a[0], &a[1], 1) == 1);
        } else if (shape == 1) { // two
            CHECK(send_handles(a[0], &b[1], 1) == 1);
            CHECK(send_handles(b[0], &a[1], 1) == 1);
        } else { // through a connection that waits to be accepted
            int listener = listener_at(&name, (socklen_t)name_size("circle"), SOCK_STREAM, 1);
            int s = socket(AF_UNIX, SOCK_STREAM, 0);
            CHECK(connect(s, (void *)&name, (socklen_t)name_size("circle")) == 0);
            CHECK(send_handles(s, &listener, 1) == 1);
            CHECK(send_handles(s, &a[1], 1) == 1);
            CHECK(send_handles(s, &a[0], 1) == 1);
            close(s);
            close(listener);
        }
        close(ends[1]);
        close_pair(a);
        close_pair(b);
        struct pollfd p = {.fd = ends[0], .events = POLLIN};
        CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLHUP);
        CHECK(read(ends[0], &byte, 1) == 0);
        close(ends[0]);
    }
}

/* ---- Several messages ---- */

static void test_several_messages_in_a_call(void)
{
    enum { COUNT = 5 };
    int pair[2];
    char text[COUNT][8];
    struct iovec v[COUNT];
    struct mmsghdr m[COUNT] = {0};
    make_pair(SOCK_DGRAM, pair);
    for (int i = 0; i < COUNT; i++) {
        v[i] =
            (struct iovec){.iov_base = text[i], .iov_len = (size_t)snprintf(text[i], 8, "m%d", i)};
        m[i].msg_hdr.msg_iov = &v[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(syscall(SYS_sendmmsg, pair[0], m, COUNT, 0) == COUNT && m[4].msg_len == 2);
    memset(text, 0, sizeof(text));
    for (int i = 0; i < COUNT; i++) {
        v[i].iov_len = sizeof(text[i]);
    }
    CHECK(recvmmsg(pair[1], m, 3, 0, NULL) == 3);
    CHECK(recvmmsg(pair[1], m + 3, 3, MSG_WAITFORONE, NULL) == 2 || errno == EFAULT);
    for (int i = 0; i < COUNT; i++) {
        CHECK(text[i][1] == '0' + i);
    }
    FAILS(recvmmsg(pair[1], m, COUNT, MSG_DONTWAIT, NULL), EAGAIN);
    close_pair(pair);
}

/* ---- Hostile arguments ---- */

static int hostile[2];
static char *bad; // memory that must not be touched

static long raw_send(const void *message)
{
    return syscall(SYS_sendmsg, hostile[0], message, MSG_NOSIGNAL);
}

static long raw_receive(void *message)
{
    return syscall(SYS_recvmsg, hostile[1], message, MSG_DONTWAIT);
}

static void send_bad_vectors(void)
{
    char b[8] = "abc";
    struct iovec v = {.iov_base = b, .iov_len = 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    FAILS(raw_send(bad), EFAULT);
    FAILS(raw_receive(bad), EFAULT);
    m.msg_iovlen = 1025;
    FAILS(raw_send(&m), EMSGSIZE);
    m.msg_iovlen = -1;
    FAILS(raw_send(&m), EMSGSIZE);
    m.msg_iovlen = 1;
    m.msg_iov = (void *)bad;
    FAILS(raw_send(&m), EFAULT);
    m.msg_iov = &v;
    v.iov_base = bad;
    FAILS(raw_send(&m), EFAULT);
    v.iov_len = SIZE_MAX;
    CHECK(raw_send(&m) == -1);
    v = (struct iovec){.iov_base = b, .iov_len = 3};
    m.msg_name = bad;
    m.msg_namelen = 4;
    FAILS(raw_send(&m), EFAULT);
    m.msg_namelen = UINT32_MAX;
    FAILS(raw_send(&m), EINVAL);
}

static void send_bad_control_data(void)
{
    char b[8] = "abc";
    int junk[64];
    struct iovec v = {.iov_base = b, .iov_len = 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = bad, .msg_controllen = 64};
    FAILS(raw_send(&m), EFAULT);
    m.msg_controllen = UINT32_MAX;
    FAILS(raw_send(&m), ENOBUFS);
    m.msg_control = junk;
    m.msg_controllen = sizeof(junk);
    for (unsigned size = 0; size < 300; size++) {
        memset(junk, 0x5a, sizeof(junk));
        junk[0] = (int)size * (size % 3 == 0 ? -1 : 1);
        junk[2] = SOL_SOCKET;
        junk[3] = SCM_RIGHTS;
        CHECK(raw_send(&m) == -1);
    }
    struct ucred other = {.pid = getpid() + 1, .uid = getuid(), .gid = getgid()};
    memset(junk, 0, sizeof(junk));
    junk[0] = (int)CMSG_LEN(sizeof(other));
    junk[2] = SOL_SOCKET;
    junk[3] = SCM_CREDENTIALS;
    memcpy(&junk[4], &other, sizeof(other));
    m.msg_controllen = (socklen_t)CMSG_SPACE(sizeof(other));
    FAILS(raw_send(&m), EPERM);
}

static void receive_into_bad_memory(void)
{
    char b[8];
    struct iovec v = {.iov_base = b, .iov_len = 3};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    // Nothing of all that went out; a record whose reader has no memory stays.
    FAILS(raw_receive(&m), EAGAIN);
    CHECK(send(hostile[0], "abc", 3, 0) == 3);
    FAILS(recv(hostile[1], bad, 3, 0), EFAULT);
    CHECK(recv(hostile[1], b, 3, 0) == 3);
    // Handles for which there is no memory do not come.
    CHECK(send_handles(hostile[0], (int[]){0}, 1) == 1);
    m.msg_control = bad;
    m.msg_controllen = 64;
    CHECK(raw_receive(&m) == 1 && (m.msg_flags & MSG_CTRUNC) != 0);
}

static void test_hostile_messages(void)
{
    bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    make_pair(SOCK_SEQPACKET, hostile);
    send_bad_vectors();
    send_bad_control_data();
    receive_into_bad_memory();
    FAILS(send(hostile[0], bad, 3, 0), EFAULT);
    FAILS(send(hostile[0], "abc", 3, MSG_OOB), EOPNOTSUPP);
    FAILS(bind(hostile[0], (void *)bad, 16), EFAULT);
    FAILS(getsockname(hostile[0], (void *)bad, (void *)bad), EFAULT);
    FAILS(getsockname(hostile[0], (void *)bad, &(socklen_t){(socklen_t)-1}), EINVAL);
    FAILS(getsockopt(hostile[0], SOL_SOCKET, SO_TYPE, bad, &(socklen_t){4}), EFAULT);
    FAILS(setsockopt(hostile[0], SOL_SOCKET, SO_RCVBUF, bad, 4), EFAULT);
    FAILS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, bad), EFAULT);
    close_pair(hostile);
    munmap(bad, 4096);
}

/* ---- All at once ---- */

enum { WORKERS = 4, ROUNDS = 150 };

static int common[2]; // where the workers leave sockets, and take them

static void churn_pair(unsigned r)
{
    char b[3000] = {0};
    int pair[2];
    make_pair(types[r % TYPES], pair);
    CHECK(send(pair[0], b, r % sizeof(b), MSG_DONTWAIT) >= 0);
    CHECK(send(pair[1], b, 10, MSG_DONTWAIT) == 10);
    (void)recv(pair[1], b, r % 100, MSG_DONTWAIT);
    close(pair[r / 8 % 2]);
    close(pair[1 - r / 8 % 2]);
}

static void churn_circle(unsigned r)
{
    int a[2];
    int b[2];
    make_pair(types[r % TYPES], a);
    make_pair(types[r / 3 % TYPES], b);
    CHECK(send_handles(a[0], b, 2) == 1);
    CHECK(send_handles(b[0], a, 2) == 1);
    close_pair(a);
    close_pair(b);
}

static void churn_connection(unsigned r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(a);
    int s[3];
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(bind(listener, (void *)&a, sizeof(sa_family_t)) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&a, &size) == 0);
    for (int i = 0; i < 3; i++) {
        s[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(connect(s[i], (void *)&a, size) == 0 || errno == EAGAIN);
        (void)send(s[i], "x", 1, MSG_NOSIGNAL);
    }
    close(s[r % 3]);
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    close(accepted);
    close(listener);
    close(s[(r + 1) % 3]);
    close(s[(r + 2) % 3]);
}

// Others do the same with the same sockets.
static void churn_common(unsigned r)
{
    char b;
    char control[CMSG_SPACE(sizeof(int))];
    struct iovec v = {.iov_base = &b, .iov_len = 1};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    int pair[2];
    make_pair(types[r % TYPES], pair);
    (void)send_handles(pair[0], &pair[1], 1);
    (void)send_handles(common[0], &pair[r / 4 % 2], 1);
    if (recvmsg(common[1], &m, 0) == 1 && m.msg_controllen != 0) {
        int h;
        memcpy(&h, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(h));
        (void)send_handles(h, &h, 1);
        close(h);
    }
    close_pair(pair);
}

static void churn(unsigned seed)
{
    for (int i = 0; i < ROUNDS; i++) {
        unsigned r = seed = seed * 1103515245 + 12345;
        r >>= 8;
        switch (r % 5) {
        case 0: churn_pair(r / 5); break;
        case 1: churn_circle(r / 5); break;
        case 2: churn_connection(r / 5); break;
        default: churn_common(r / 5); break;
        }
    }
}

static void churn_with_workers(void)
{
    pid_t workers[WORKERS];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, common) == 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            check_failures = 0;
            churn(i + 1);
            _exit(check_end());
        }
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        int status;
        CHECK(waitpid(workers[i], &status, 0) == workers[i] && status == 0);
    }
    close_pair(common);
}

// What the kernel has on its heap, once it is the same twice: workers may still be at it.
static uint64_t heap_objects(void)
{
    uint64_t before = 0;
    struct sys_meminfo info = {0};
    do {
        before = info.heap_objects;
        nap(20);
        CHECK(syscall(SYS_meminfo, &info, sizeof(info), SYS_MEMINFO_RECLAIM) == 0);
    } while (before != info.heap_objects);
    return before;
}

static void test_nothing_is_left_behind(void)
{
    churn_with_workers(); // caches fill
    uint64_t before = heap_objects();
    for (int i = 0; i < 3; i++) {
        churn_with_workers();
    }
    CHECK(heap_objects() == before);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    {"pairs", test_pairs_of_every_type},
    {"flags", test_flags_at_birth},
    {"big", test_a_stream_moves_more_than_fits},
    {"peek", test_peek_trunc_waitall},
    {"records", test_records_of_every_size},
    {"vectors", test_vectors_and_sendfile},
    {"connect", test_connecting_by_path_and_abstract_name},
    {"refused", test_what_cannot_be_connected},
    {"unblock", test_shutdown_ends_accept},
    {"permission", test_permission_to_connect},
    {"autobind", test_names_that_bind_chooses},
    {"datagrams", test_datagrams_by_name},
    {"full", test_a_full_receiver_of_datagrams},
    {"shutdown", test_shutdown_of_halves},
    {"closed", test_a_closed_peer},
    {"waiting", test_who_waits_learns_of_the_end},
    {"timeouts", test_time_outs},
    {"restart", test_signals_and_time_outs},
    {"epoll", test_epoll},
    {"backlog", test_a_full_backlog},
    {"senders", test_concurrent_senders},
    {"identities", test_identities},
    {"pass", test_a_pipe_end_passed_to_another_process},
    {"untaken", test_handles_that_nobody_takes},
    {"stop", test_bytes_stop_behind_handles},
    {"circles", test_circles_are_collected},
    {"several", test_several_messages_in_a_call},
    {"hostile", test_hostile_messages},
    {"churn", test_nothing_is_left_behind},
};

// Without arguments all of them, else those that are named.
int main(int argc, char **argv)
{
    signal(SIGPIPE, count_broken);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        int is_wanted = argc == 1;
        for (int j = 1; j < argc; j++) {
            is_wanted |= strcmp(argv[j], tests[i].name) == 0;
        }
        int before = check_failures;
        if (is_wanted) {
            tests[i].run();
        }
        if (check_failures != before) {
            fprintf(stderr, "in %s\n", tests[i].name);
        }
    }
    return check_end();
}
