// SPDX-License-Identifier: Apache-2.0
/* Streams: formats, buffers, positions, files that go away. */
#include "user/tests/check.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>

static const char *format(const char *how, ...)
{
    static char text[256];
    va_list arguments;
    va_start(arguments, how);
    vsnprintf(text, sizeof text, how, arguments);
    va_end(arguments);
    return text;
}

static void formats(void)
{
    CHECK_STR(format("%d %5d|%-5d|%05d %+d", -1, 42, 42, 42, 42), "-1    42|42   |00042 +42");
    CHECK_STR(format("%x %#o %X %llu", 255u, 8u, 0xabcu, ULLONG_MAX),
              "ff 010 ABC 18446744073709551615");
    CHECK_STR(format("%s|%.2s|%6s|%c", "abc", "abc", "abc", 'x'), "abc|ab|   abc|x");
    CHECK_STR(format("%.3f %e %g %g", 3.14159, 12345.678, 1e10, 0.0001),
              "3.142 1.234568e+04 1e+10 0.0001");
    CHECK_STR(format("%.30Lf", 0.1L), "0.100000000000000000000000000000");
    CHECK_STR(format("%a", 1.0), "0x1p+0");
    CHECK_STR(format("%2$s %1$s", "b", "a"), "a b");
    CHECK(snprintf(NULL, 0, "%d", 12345) == 5);
}

static void scanning(void)
{
    int number = 0;
    char word[8] = "";
    double real = 0;
    CHECK(sscanf("17 word 2.5", "%d %7s %lf", &number, word, &real) == 3);
    CHECK(number == 17 && real == 2.5);
    CHECK_STR(word, "word");
    CHECK(sscanf("xyz", "%d", &number) == 0);
    CHECK(sscanf("", "%d", &number) == EOF);
    CHECK(strtod("0x1.8p1", NULL) == 3.0);
    errno = 0;
    CHECK(strtol("99999999999999999999", NULL, 10) == LONG_MAX && errno == ERANGE);
}

static void files(void)
{
    char path[] = "/tmp/libc_stdio.XXXXXX";
    int handle = mkstemp(path);
    if (!CHECK(handle >= 0)) {
        return;
    }
    FILE *file = fdopen(handle, "w+");
    CHECK(fputs("first\nsecond\n", file) >= 0);
    CHECK(ftell(file) == 13);
    rewind(file);
    char line[16];
    CHECK(fgets(line, sizeof line, file) != NULL);
    CHECK_STR(line, "first\n");
    CHECK(ungetc('X', file) == 'X' && getc(file) == 'X' && getc(file) == 's');
    CHECK(fseek(file, -2, SEEK_END) == 0 && getc(file) == 'd');
    CHECK(getc(file) == '\n' && getc(file) == EOF && feof(file));
    CHECK(fclose(file) == 0);

    file = fopen(path, "a");
    CHECK(file != NULL && fprintf(file, "third\n") == 6 && fclose(file) == 0);
    file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    CHECK(file != NULL && getdelim(&text, &room, 0, file) == 19);
    free(text);
    CHECK(fputc('x', file) == EOF && ferror(file));
    CHECK(fclose(file) == 0);
    CHECK(unlink(path) == 0);
    CHECK(fopen(path, "r") == NULL && errno == ENOENT);
    CHECK((file = tmpfile()) != NULL && fclose(file) == 0);
}

static void buffers_in_memory(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    CHECK(file != NULL && fprintf(file, "%s %d", "memory", 1) == 8 && fclose(file) == 0);
    CHECK(size == 8);
    CHECK_STR(text, "memory 1");
    free(text);

    char room[] = "one two";
    CHECK((file = fmemopen(room, strlen(room), "r")) != NULL);
    char word[8];
    CHECK(fscanf(file, "%*s %7s", word) == 1);
    CHECK_STR(word, "two");
    fclose(file);
}

static void errors_of_writing(void)
{
    FILE *file = fopen("/dev/full", "w");
    if (CHECK(file != NULL)) {
        CHECK(fputs("x", file) >= 0 && fflush(file) == EOF && errno == ENOSPC && ferror(file));
        fclose(file);
    }
    int ends[2];
    CHECK(pipe(ends) == 0);
    FILE *out = fdopen(ends[1], "w");
    FILE *in = fdopen(ends[0], "r");
    CHECK(fwprintf(out, L"wide %ls\n", L"\u00e4") > 0 || errno == EILSEQ); // in the C locale
    fclose(out);
    fclose(in);
}

int main(void)
{
    formats();
    scanning();
    files();
    buffers_in_memory();
    errors_of_writing();
    return check_end();
}
