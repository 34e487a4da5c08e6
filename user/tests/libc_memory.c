// SPDX-License-Identifier: Apache-2.0
/* malloc, jumps, sorting, and the arithmetic that the compiler leaves to its own library. */
#include "user/tests/check.h"

#include <complex.h>
#include <fenv.h>
#include <float.h>
#include <malloc.h>
#include <math.h>
#include <search.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCKS = 500 };

static void allocating(void)
{
    static unsigned char *blocks[BLOCKS];
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < BLOCKS; i++) {
            size_t size = (size_t)(i * 37 % 5000 + 1);
            CHECK((blocks[i] = realloc(blocks[i], size)) != NULL && (uintptr_t)blocks[i] % 16 == 0);
            memset(blocks[i], i, size);
        }
        for (int i = 0; i < BLOCKS; i += 2) {
            CHECK(blocks[i][0] == (i & 0xff) && blocks[i][i * 37 % 5000] == (i & 0xff));
            free(blocks[i]);
            blocks[i] = NULL;
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
    char *large = malloc(8 << 20);
    CHECK(large != NULL && (large = realloc(large, 16 << 20)) != NULL);
    large[(16 << 20) - 1] = 1;
    free(large);
    volatile size_t huge = SIZE_MAX / 2;
    void *volatile none = malloc(huge); // or the compiler would not even try
    CHECK(none == NULL);
    none = calloc(huge, 4);
    CHECK(none == NULL);
    void *aligned = NULL;
    CHECK(posix_memalign(&aligned, 65536, 100) == 0 && (uintptr_t)aligned % 65536 == 0);
    free(aligned);
}

static jmp_buf back;

static void jump(int depth)
{
    if (depth == 0) {
        longjmp(back, 5);
    }
    jump(depth - 1);
}

static void jumping(void)
{
    volatile int tries = 0;
    int value = setjmp(back);
    if (value == 0) {
        tries++;
        jump(10);
    }
    CHECK(value == 5 && tries == 1);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void sorting(void)
{
    int numbers[1000];
    for (int i = 0; i < 1000; i++) {
        numbers[i] = i * 7919 % 1000;
    }
    qsort(numbers, 1000, sizeof numbers[0], compare);
    int is_sorted = 1;
    for (int i = 0; i < 1000; i++) {
        is_sorted &= numbers[i] == i;
    }
    CHECK(is_sorted);
    int key = 500;
    CHECK(bsearch(&key, numbers, 1000, sizeof numbers[0], compare) == &numbers[500]);
}

static void arithmetic(void)
{
    volatile long double third = 1.0L / 3;
    CHECK(LDBL_MANT_DIG == 113 && third * 3 == 1.0L && (double)third == 1.0 / 3);
    CHECK((long long)(third * 3000) == 1000 && third < 0.34L && fabsl(third - (double)third) > 0);
    volatile unsigned __int128 wide = (unsigned __int128)1 << 100;
    CHECK((uint64_t)(wide / 1000000007 >> 20) ==
          (uint64_t)(((unsigned __int128)1 << 100) / 1000000007 >> 20));
    CHECK(wide % 1000000007 == 976371285);
    volatile double complex i = I;
    CHECK(creal(i * i) == -1 && cimag(i * i) == 0 && creal(csqrt(-4)) == 0);
    CHECK(fabs(sin(1) - 0.8414709848078965) < 1e-15 && fabs(pow(2, 0.5) - sqrt(2)) < 1e-15);
    CHECK(isnan(sqrt(-1.0)) && isinf(1 / (double)FLT_MIN * DBL_MAX));
    volatile double tenth = 0.1;
    CHECK(fesetround(FE_UPWARD) == 0 && rint(tenth) == 1 && fesetround(FE_TONEAREST) == 0);
}

// Every size around the seams of memcpy, at every place within 16 bytes, and nothing beside it.
static void copies(void)
{
    enum { MOST = 1100, ROOM = MOST + 64 };
    static unsigned char from[ROOM];
    static unsigned char to[ROOM];
    for (size_t i = 0; i < ROOM; i++) {
        from[i] = (unsigned char)(i * 7 + i / 251);
    }
    for (size_t size = 0; size < MOST; size += size < 40 ? 1 : 13) {
        for (size_t place = 0; place < 16; place++) {
            size_t source = (place * 5 + size) % 16;
            memset(to, 0xee, sizeof to);
            if (!CHECK(memcpy(to + 16 + place, from + source, size) == to + 16 + place &&
                       memcmp(to + 16 + place, from + source, size) == 0 &&
                       to[15 + place] == 0xee && to[16 + place + size] == 0xee)) {
                return;
            }
        }
    }
    for (size_t distance = 1; distance < 600; distance += 37) { // overlapping, both ways
        memcpy(to, from, ROOM);
        memmove(to + distance, to, 500);
        CHECK(memcmp(to + distance, from, 500) == 0);
        memcpy(to, from, ROOM);
        memmove(to, to + distance, 500);
        CHECK(memcmp(to, from + distance, 500) == 0);
    }
}

int main(void)
{
    copies();
    allocating();
    jumping();
    sorting();
    arithmetic();
    return check_end();
}
