// SPDX-License-Identifier: Apache-2.0
/*
 * Copies between the kernel and memory that ends in the middle: every size and alignment moves exactly
 * the bytes that are there, and paths are read up to the end of a page and not further.
 */
#include "user/tests/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, SIZE_MAX_TRIED = 700, ROOM = 2 * PAGE };

static unsigned char *edge; // the first byte behind memory that can be used
static char source[SIZE_MAX_TRIED + 16];
static unsigned char result[SIZE_MAX_TRIED + 16];
static int pipe_ends[2];

static unsigned char *make_edge(void)
{
    unsigned char *p =
        mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED && mprotect(p + ROOM, PAGE, PROT_NONE) == 0);
    return p + ROOM;
}

// Gives `size` bytes to user memory of which `missing` are not there.
static void copy_out(size_t size, size_t missing)
{
    unsigned char *to = edge + missing - size;
    memset(edge - SIZE_MAX_TRIED - 16, 0xee, SIZE_MAX_TRIED + 16);
    CHECK(write(pipe_ends[1], source, size) == (ssize_t)size);
    ssize_t got = read(pipe_ends[0], to, size);
    ssize_t want = (ssize_t)(size - missing);
    CHECK(got == (want == 0 ? -1 : want));
    CHECK(memcmp(to, source, (size_t)want) == 0);
    CHECK(to[-1] == 0xee);
    ssize_t rest = read(pipe_ends[0], result, sizeof(result));
    CHECK(missing == 0 ||
          (rest == (ssize_t)missing && memcmp(result, source + want, missing) == 0));
}

// Takes them from there.
static void copy_in(size_t size, size_t missing)
{
    unsigned char *from = edge + missing - size;
    size_t want = size - missing;
    memcpy(from, source, want);
    ssize_t got = write(pipe_ends[1], from, size);
    CHECK(got == (want == 0 ? -1 : (ssize_t)want));
    memset(result, 0xee, sizeof(result));
    CHECK(want == 0 || read(pipe_ends[0], result, sizeof(result)) == (ssize_t)want);
    CHECK(memcmp(result, source, want) == 0 && result[want] == 0xee);
}

static void copying(void)
{
    CHECK(pipe2(pipe_ends, O_NONBLOCK) == 0);
    for (size_t size = 1; size <= SIZE_MAX_TRIED; size++) {
        size_t step = size < 300 ? 1 : 37;
        for (size_t missing = 0; missing <= size; missing += step) {
            copy_out(size, missing);
            copy_in(size, missing);
        }
    }
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

// Sizes from within one page to several, and places that are not aligned with each other.
static void copying_much(void)
{
    enum { MUCH = 5 * PAGE };
    static unsigned char there[MUCH + 64];
    static unsigned char back[MUCH + 64];
    int file = open("/tmp/copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    for (size_t i = 0; i < sizeof(there); i++) {
        there[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < 64; i++) {
        size_t size = MUCH - i * 61;
        off_t at = (off_t)(i * 5 % 23);
        memset(back, 0, sizeof(back));
        CHECK(pwrite(file, there + i, size, at) == (ssize_t)size);
        CHECK(pread(file, back + 63 - i, size, at) == (ssize_t)size);
        CHECK(memcmp(there + i, back + 63 - i, size) == 0);
        CHECK(back[63 - i + size] == 0 && (i == 63 || back[62 - i] == 0));
    }
    CHECK(ftruncate(file, 0) == 0 && ftruncate(file, MUCH) == 0); // a hole
    memset(back, 0xee, sizeof(back));
    CHECK(pread(file, back + 3, MUCH - 5, 2) == MUCH - 5);
    for (size_t i = 3; i < MUCH - 2; i++) {
        CHECK(back[i] == 0);
    }
    CHECK(back[2] == 0xee && back[MUCH - 2] == 0xee);
    CHECK(pread(file, edge - 100, 200, 0) == 100);
    close(file);
    unlink("/tmp/copy");
}

// Names of every length that end at the edge, with their NUL or without.
static void naming(void)
{
    struct stat s;
    char name[300] = "/tmp/";
    for (size_t len = 6; len < 5 + 255; len++) {
        memset(name + 5, 'x', len - 5);
        name[5 + (len - 5) / 2] = 'y';
        name[len] = '\0';
        int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        CHECK(file >= 0 && close(file) == 0);
        char *at = (char *)edge - len - 1;
        memcpy(at, name, len + 1);
        CHECK(stat(at, &s) == 0);
        at[len - 1] ^= 1;
        CHECK(stat(at, &s) == -1 && errno == ENOENT);
        memcpy(++at, name, len);
        CHECK(stat(at, &s) == -1 && errno == EFAULT);
        CHECK(unlink(name) == 0);
    }
    char *path = malloc(2 * (size_t)PAGE);
    for (size_t len = PAGE - 9; len < PAGE + 9; len++) {
        for (size_t shift = 0; shift < 8; shift++) {
            memset(path + shift, '/', len);
            path[shift + len] = '\0';
            int found = stat(path + shift, &s);
            CHECK(len < PAGE ? found == 0 : found == -1 && errno == ENAMETOOLONG);
        }
    }
    free(path);
}

int main(void)
{
    for (size_t i = 0; i < sizeof(source); i++) {
        source[i] = (char)(i * 5 + i / 251);
    }
    edge = make_edge();
    copying();
    copying_much();
    naming();
    return check_end();
}
