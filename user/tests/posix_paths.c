// SPDX-License-Identifier: Apache-2.0
/*
 * Paths whose names are known already: what was looked up before must not hide a change of mode, name
 * or mount, and threads that walk while others change the tree see one state or the other.
 */
#include "user/tests/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WALKERS = 3, ROUNDS = 30 };

static ino_t inode_of(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? s.st_ino : 0;
}

static void make(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(file >= 0 && close(file) == 0);
}

static void modes(void)
{
    ino_t inode = inode_of("/tmp/p/q/f");
    CHECK(inode != 0 && inode_of("/tmp/p/q/f") == inode);
    CHECK(chmod("/tmp/p", 0600) == 0);
    CHECK(inode_of("/tmp/p/q/f") == 0 && errno == EACCES);
    CHECK(open("/tmp/p/q/f", O_RDONLY) == -1 && errno == EACCES);
    CHECK(chmod("/tmp/p", 0100) == 0);
    CHECK(inode_of("/tmp/p/q/f") == inode);
    CHECK(chmod("/tmp/p", 0700) == 0);
    CHECK(inode_of("/tmp/p/q/f/") == 0 && errno == ENOTDIR);
    CHECK(inode_of("/tmp/p/q/f/g") == 0 && errno == ENOTDIR);
    CHECK(inode_of("/tmp/p//q/../q/./f") == inode);
}

static void names(void)
{
    ino_t inode = inode_of("/tmp/p/q/f");
    CHECK(rename("/tmp/p/q", "/tmp/p/r") == 0);
    CHECK(inode_of("/tmp/p/q/f") == 0 && errno == ENOENT);
    CHECK(inode_of("/tmp/p/r/f") == inode && inode_of("/tmp/p/r/f") == inode);
    CHECK(symlink("r", "/tmp/p/q") == 0);
    CHECK(inode_of("/tmp/p/q/f") == inode && inode_of("/tmp/p/q/f") == inode);
    CHECK(unlink("/tmp/p/q") == 0 && rename("/tmp/p/r", "/tmp/p/q") == 0);
    CHECK(inode_of("/tmp/p/q/f") == inode);
    CHECK(chdir("/tmp/p") == 0 && inode_of("q/f") == inode && inode_of("q/f") == inode);
    CHECK(chdir("/") == 0 && inode_of("q/f") == 0 && errno == ENOENT);
}

static void mounts(void)
{
    ino_t file = inode_of("/tmp/p/q/f");
    ino_t directory = inode_of("/tmp/p/q");
    CHECK(mount("test", "/tmp/p/q", "tmpfs", 0, "") == 0);
    struct stat here;
    struct stat above;
    CHECK(stat("/tmp/p/q", &here) == 0 && stat("/tmp/p/q", &here) == 0);
    CHECK(stat("/tmp/p", &above) == 0 && above.st_dev != here.st_dev);
    CHECK(inode_of("/tmp/p/q/f") == 0 && errno == ENOENT);
    make("/tmp/p/q/g");
    CHECK(inode_of("/tmp/p/q/g") != 0 && inode_of("/tmp/p/q/g") != 0);
    CHECK(mount("test", "/tmp/p/q", "tmpfs", 0, "") == 0); // over the other
    CHECK(inode_of("/tmp/p/q/g") == 0 && errno == ENOENT);
    CHECK(umount("/tmp/p/q") == 0 && inode_of("/tmp/p/q/g") != 0);
    CHECK(umount("/tmp/p/q") == 0);
    CHECK(inode_of("/tmp/p/q/g") == 0 && inode_of("/tmp/p/q/f") == file);
    CHECK(inode_of("/tmp/p/q") == directory);
}

static ino_t right;
static _Atomic int is_over;

// The one file or none: never another, and never an error that no state has.
static void *walk(void *argument)
{
    const char *path = argument;
    struct stat s;
    while (!atomic_load(&is_over)) {
        if (stat(path, &s) == 0) {
            CHECK(s.st_ino == right && s.st_size == 3);
        } else {
            CHECK(errno == ENOENT || errno == EACCES);
        }
        int file = open(path, O_RDONLY);
        if (file >= 0) {
            char bytes[4];
            CHECK(read(file, bytes, 4) == 3 && memcmp(bytes, "abc", 3) == 0);
            close(file);
        }
        usleep(50); // so that fair locks come round on fewer cores than CPUs
    }
    return NULL;
}

// Walkers may keep a mount busy for a moment.
static void leave(const char *path)
{
    while (umount(path) != 0) {
        if (!CHECK(errno == EBUSY)) {
            return;
        }
    }
}

static void changing(void)
{
    int file = open("/tmp/p/q/f", O_WRONLY);
    CHECK(write(file, "abc", 3) == 3 && close(file) == 0);
    right = inode_of("/tmp/p/q/f");
    pthread_t walkers[WALKERS];
    for (int i = 0; i < WALKERS; i++) {
        CHECK(pthread_create(&walkers[i], NULL, walk, "/tmp/p/q/f") == 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(rename("/tmp/p/q", "/tmp/p/r") == 0);
        CHECK(mkdir("/tmp/p/q", 0700) == 0 && rmdir("/tmp/p/q") == 0);
        CHECK(rename("/tmp/p/r", "/tmp/p/q") == 0);
        CHECK(chmod("/tmp/p/q", 0600) == 0 && chmod("/tmp/p/q", 0700) == 0);
        CHECK(mount("test", "/tmp/p", "tmpfs", 0, "") == 0);
        CHECK(mkdir("/tmp/p/q", 0700) == 0);
        leave("/tmp/p");
    }
    atomic_store(&is_over, 1);
    for (int i = 0; i < WALKERS; i++) {
        CHECK(pthread_join(walkers[i], NULL) == 0);
    }
    CHECK(inode_of("/tmp/p/q/f") == right);
}

int main(void)
{
    CHECK(mkdir("/tmp/p", 0700) == 0 && mkdir("/tmp/p/q", 0700) == 0);
    make("/tmp/p/q/f");
    modes();
    names();
    mounts();
    changing();
    CHECK(unlink("/tmp/p/q/f") == 0 && rmdir("/tmp/p/q") == 0 && rmdir("/tmp/p") == 0);
    return check_end();
}
