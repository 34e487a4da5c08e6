// SPDX-License-Identifier: Apache-2.0
/*
 * Portable copying and filling, a word at a time where both sides allow it; a kernel with faster
 * ones of its own leaves this file out.  Compiled with
 * -fno-builtin, or the compiler would turn these loops into calls of themselves.
 */
#include "lib/base/string.h"

// May alias anything: these functions copy objects of every type.
typedef uint64_t __attribute__((may_alias)) word_t;

enum { WORD = sizeof(word_t) };

static bool is_word_aligned(const void *a, const void *b)
{
    return (((uintptr_t)a | (uintptr_t)b) & (WORD - 1)) == 0;
}

static void copy_forward(void *to, const void *from, size_t size)
{
    word_t *to_words = to;
    const word_t *from_words = from;
    size_t words = is_word_aligned(to, from) ? size / WORD : 0;
    for (size_t i = 0; i < words; i++) {
        to_words[i] = from_words[i];
    }
    uint8_t *to_bytes = to;
    const uint8_t *from_bytes = from;
    for (size_t i = words * WORD; i < size; i++) {
        to_bytes[i] = from_bytes[i];
    }
}

static void copy_backward(void *to, const void *from, size_t size)
{
    uint8_t *to_bytes = to;
    const uint8_t *from_bytes = from;
    // Bytes beyond the last whole word first; all of them when the two are not aligned.
    size_t words = is_word_aligned(to, from) ? size / WORD : 0;
    for (size_t i = size; i > words * WORD; i--) {
        to_bytes[i - 1] = from_bytes[i - 1];
    }
    word_t *to_words = to;
    const word_t *from_words = from;
    for (size_t i = words; i > 0; i--) {
        to_words[i - 1] = from_words[i - 1];
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    copy_forward(to, from, size);
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    // When they are apart or the target is lower, each byte is read before it is overwritten.
    if ((uintptr_t)to - (uintptr_t)from >= size) {
        copy_forward(to, from, size);
    } else {
        copy_backward(to, from, size);
    }
    return to;
}

void *memset(void *memory, int byte, size_t size)
{
    uint8_t *bytes = memory;
    uint8_t value = (uint8_t)byte;
    size_t head = -(uintptr_t)memory & (WORD - 1);
    size_t i = 0;
    for (; i < size && i < head; i++) {
        bytes[i] = value;
    }
    word_t *word = (void *)(bytes + i);
    for (; size - i >= WORD; i += WORD) {
        *word++ = value * 0x0101010101010101ull;
    }
    for (; i < size; i++) {
        bytes[i] = value;
    }
    return memory;
}
