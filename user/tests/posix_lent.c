// SPDX-License-Identifier: Apache-2.0
/*
 * Handles that go while a call uses them, and threads that come and go around a call: what is read and
 * written is that of the file the call began with.
 */
#include "user/tests/check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 100 };

static int ends[2];
static char got;
static ssize_t count;

static void *read_one(void *)
{
    count = read(ends[0], &got, 1);
    return NULL;
}

// The handle that the reader waits at becomes another file's.
static void replaced_while_read(void)
{
    int waited = 0;
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t reader;
        char byte = (char)i;
        CHECK(pipe(ends) == 0);
        int keeps = dup(ends[0]);
        CHECK(pthread_create(&reader, NULL, read_one, NULL) == 0);
        usleep(2000); // it waits now, or has not begun, and will find the end of the other file
        CHECK(dup2(null, ends[0]) == ends[0]);
        CHECK(write(ends[1], &byte, 1) == 1);
        CHECK(pthread_join(reader, NULL) == 0);
        CHECK(count == 0 || (count == 1 && got == byte));
        waited += count == 1;
        CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(keeps) == 0);
    }
    close(null);
    CHECK(waited > 0);
}

static void alone(void)
{
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(write(ends[1], &(char){(char)i}, 1) == 1);
        CHECK(read(ends[0], &got, 1) == 1 && got == (char)i);
    }
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void *write_one(void *byte)
{
    CHECK(write(ends[1], byte, 1) == 1);
    return NULL;
}

// The process has two threads when the read begins and one when it ends.
static void alone_at_the_end(void)
{
    CHECK(pipe(ends) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t writer;
        char byte = (char)i;
        CHECK(pthread_create(&writer, NULL, write_one, &byte) == 0);
        CHECK(read(ends[0], &got, 1) == 1 && got == byte);
        pthread_join(writer, NULL);
        CHECK(write(ends[1], &byte, 1) == 1 && read(ends[0], &got, 1) == 1 && got == byte);
    }
    CHECK(close(ends[1]) == 0 && read(ends[0], &got, 1) == 0 && close(ends[0]) == 0);
    CHECK(read(ends[0], &got, 1) == -1 && errno == EBADF);
    CHECK(lseek(-1, 0, SEEK_CUR) == -1 && errno == EBADF);
    int file = open("/dev/null", O_WRONLY);
    CHECK(read(file, &got, 1) == -1 && errno == EBADF);
    close(file);
}

int main(void)
{
    alone();
    replaced_while_read();
    alone_at_the_end();
    return check_end();
}
