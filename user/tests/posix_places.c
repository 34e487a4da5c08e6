// SPDX-License-Identifier: Apache-2.0
/* Places that programs expect: shared memory and semaphores by name, handles and streams as paths,
 * scratch folders, the tables of names. */
#include "user/tests/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/rights.h"

static void memory_by_name(void)
{
    int fd = shm_open("/shared", O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    char *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(mine != MAP_FAILED && close(fd) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        int again = shm_open("/shared", O_RDWR, 0);
        char *its = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
        its[7] = 'x';
        _exit(again < 0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0 && mine[7] == 'x');
    CHECK(shm_unlink("/shared") == 0 && shm_open("/shared", O_RDWR, 0) == -1 && errno == ENOENT);
    munmap(mine, 4096);
}

// POSIX, mmap(): the times of a file change when it is written through a mapping.
static void writes_by_mapping_change_times(void)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct stat st;
    int fd = open("/tmp/mapped", O_CREAT | O_RDWR, 0600);
    CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
    char *view = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(view != MAP_FAILED && futimens(fd, old) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_mtime == 1000);
    view[0] = 'x';
    CHECK(fstat(fd, &st) == 0 && st.st_mtime > 1000 && st.st_ctime > 1000);
    CHECK(futimens(fd, old) == 0 && fstat(fd, &st) == 0 && st.st_mtime == 1000);
    CHECK(munmap(view, 4096) == 0 && close(fd) == 0 && unlink("/tmp/mapped") == 0);
}

static void semaphores_by_name(void)
{
    sem_t *s = sem_open("/count", O_CREAT | O_EXCL, 0600, 0);
    CHECK(s != SEM_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        sem_t *same = sem_open("/count", 0);
        _exit(same == SEM_FAILED || sem_post(same) != 0);
    }
    int status = -1;
    CHECK(sem_wait(s) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(sem_close(s) == 0 && sem_unlink("/count") == 0);
}

static void handles_by_path(void)
{
    char path[32];
    char byte = 0;
    int ends[2] = {-1, -1};
    CHECK(pipe(ends) == 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    int again = open(path, O_WRONLY);
    CHECK(again >= 0 && write(again, "q", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == 'q');
    CHECK(open(path, O_RDONLY) == -1); // its writing end is no reading end
    CHECK(close(again) == 0);
    snprintf(path, sizeof path, "%d", ends[1]);
    DIR *folder = opendir("/dev/fd");
    int seen = 0;
    for (struct dirent *e; CHECK(folder != NULL) && (e = readdir(folder)) != NULL;) {
        seen += strcmp(e->d_name, path) == 0;
    }
    CHECK(seen == 1 && closedir(folder) == 0);
    // Nothing that a handle does not allow: neither its end nor, of a weaker duplicate, its rights.
    int weak = (int)syscall(SYS_handle_duplicate, ends[1],
                            SWIFTOS_RIGHT_WRITE | SWIFTOS_RIGHT_DUPLICATE | SWIFTOS_RIGHT_GETATTR);
    snprintf(path, sizeof path, "/dev/fd/%d", weak);
    CHECK(weak >= 0 && open(path, O_WRONLY) == -1 && errno == EACCES);
    close(weak);
    close(ends[0]);
    close(ends[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    CHECK(open(path, O_WRONLY) == -1 && errno == ENOENT);
    CHECK(open("/dev/fd/00", O_RDONLY) == -1 && errno == ENOENT);
    CHECK(open("/dev/fd/99999999999999999999", O_RDONLY) == -1 && errno == ENOENT);
    CHECK(open("/dev/fd/-1", O_RDONLY) == -1 && errno == ENOENT);
    again = open("/dev/stderr", O_WRONLY);
    CHECK(again >= 0 && close(again) == 0);
}

// A duplicate by path shares its position, and truncates nothing.
static void positions_are_shared(void)
{
    char path[32];
    char byte = 0;
    int fd = open("/tmp/positions", O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, "abc", 3) == 3 && lseek(fd, 1, SEEK_SET) == 1);
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    int again = open(path, O_RDWR);
    CHECK(again >= 0 && read(again, &byte, 1) == 1 && byte == 'b');
    CHECK(lseek(fd, 0, SEEK_CUR) == 2);
    close(again);
    close(fd);
    CHECK(unlink("/tmp/positions") == 0);
}

static void folders(void)
{
    struct stat at;
    struct stat there;
    CHECK(stat("/dev/shm", &at) == 0 && S_ISDIR(at.st_mode) && (at.st_mode & 07777) == 01777);
    CHECK(stat("/var/tmp", &at) == 0 && stat("/tmp", &there) == 0 && at.st_ino == there.st_ino &&
          at.st_dev == there.st_dev);
    CHECK(stat("/run", &at) == 0 && (at.st_mode & 07777) == 0755);
    CHECK(access("/usr/bin/env", X_OK) == 0);
}

static void names(void)
{
    struct servent *s = getservbyname("http", "tcp");
    CHECK(s != NULL && s->s_port == htons(80));
    struct protoent *p = getprotobyname("udp");
    CHECK(p != NULL && p->p_proto == 17);
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    CHECK(getaddrinfo("localhost", "http", &hints, &found) == 0);
    if (found != NULL) {
        const struct sockaddr_in *in = (const void *)found->ai_addr;
        CHECK(in->sin_addr.s_addr == htonl(INADDR_LOOPBACK) && in->sin_port == htons(80));
        freeaddrinfo(found);
    }
}

int main(void)
{
    memory_by_name();
    writes_by_mapping_change_times();
    semaphores_by_name();
    handles_by_path();
    positions_are_shared();
    folders();
    names();
    return check_end();
}
