// SPDX-License-Identifier: Apache-2.0
/*
 * The memory and string functions that C code (and the compiler itself) expects, with their
 * standard meaning.  Host programs get them from libc; the kernel and the loader link
 * lib/base/freestanding/, where memory.c may be left out by whoever has faster ones.
 */
#pragma once

#include "lib/base/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *memory, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
void *memchr(const void *memory, int byte, size_t size);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *s, int c);
