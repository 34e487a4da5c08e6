// SPDX-License-Identifier: Apache-2.0
/* The modes of chmod and mkdir -m: octal or symbolic (POSIX.1-2024, chmod, EXTENDED DESCRIPTION). */
#include <stdlib.h>

#include "user/lib/tool.h"

enum { ALL_BITS = 07777 };

// The classes that a clause names, as a mask of the bits that belong to them.
static mode_t parse_who(const char **at)
{
    mode_t who = 0;
    for (;; (*at)++) {
        switch (**at) {
        case 'u': who |= S_ISUID | S_IRWXU; break;
        case 'g': who |= S_ISGID | S_IRWXG; break;
        case 'o': who |= S_ISVTX | S_IRWXO; break;
        case 'a': who |= ALL_BITS; break;
        default: return who;
        }
    }
}

static mode_t copied_bits(mode_t three)
{
    return three << 6 | three << 3 | three;
}

// The permissions that a clause lists, for all classes at once.
static mode_t parse_permissions(const char **at, mode_t old, bool is_directory)
{
    mode_t bits = 0;
    for (;; (*at)++) {
        switch (**at) {
        case 'r': bits |= 0444; break;
        case 'w': bits |= 0222; break;
        case 'x': bits |= 0111; break;
        case 'X': bits |= is_directory || (old & 0111) != 0 ? 0111 : 0; break;
        case 's': bits |= S_ISUID | S_ISGID; break;
        case 't': bits |= S_ISVTX; break;
        case 'u': bits |= copied_bits(old >> 6 & 7); break;
        case 'g': bits |= copied_bits(old >> 3 & 7); break;
        case 'o': bits |= copied_bits(old & 7); break;
        default: return bits;
        }
    }
}

// Without a class all are meant, but for what the file creation mask holds back.
static mode_t default_who(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return ALL_BITS & ~mask;
}

bool tool_parse_mode(const char *text, mode_t old, bool is_directory, mode_t *out)
{
    char *end;
    unsigned long octal = strtoul(text, &end, 8);
    if (*text >= '0' && *text <= '7' && *end == '\0' && octal <= ALL_BITS) {
        *out = (mode_t)octal;
        return true;
    }
    mode_t mode = old & ALL_BITS;
    for (const char *at = text;; at++) {
        mode_t who = parse_who(&at);
        if (who == 0) {
            who = default_who();
        }
        if (*at != '+' && *at != '-' && *at != '=') {
            return false;
        }
        while (*at == '+' || *at == '-' || *at == '=') {
            char operation = *at++;
            mode_t bits = parse_permissions(&at, mode, is_directory) & who;
            if (operation == '=') {
                mode = (mode & ~(who & ~(mode_t)(is_directory ? S_ISUID | S_ISGID : 0))) | bits;
            } else {
                mode = operation == '+' ? mode | bits : mode & ~bits;
            }
        }
        if (*at != ',') {
            *out = mode;
            return *at == '\0';
        }
    }
}
