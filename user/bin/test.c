// SPDX-License-Identifier: Apache-2.0
/*
 * test and [: by the number of arguments as POSIX has it for up to four, beyond that by precedence:
 * ! before -a before -o, with parentheses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

enum { TRUE_STATUS = 0, FALSE_STATUS = 1, ERROR_STATUS = 2, DEPTH_MAX = 64 };

[[noreturn]] static void misuse(const char *word, const char *why)
{
    (void)fprintf(stderr, "test: %s: %s\n", word, why);
    exit(ERROR_STATUS);
}

static long long number(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    while (*end == ' ' || *end == '\t') {
        end++;
    }
    if (end == text || *end != '\0' || errno != 0) {
        misuse(text, "not a number");
    }
    return value;
}

static bool is_type(const char *path, mode_t type)
{
    struct stat st;
    int failed = type == S_IFLNK ? lstat(path, &st) : stat(path, &st);
    return failed == 0 && (st.st_mode & S_IFMT) == type;
}

static bool has_bits(const char *path, mode_t bits)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & bits) != 0;
}

static bool is_unary(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && word[2] == '\0' &&
           strchr("bcdefghknoprstuwxzLSOG", word[1]) != NULL && word[1] != 'o';
}

static bool unary(char operator, const char * word)
{
    struct stat st;
    switch (operator) {
    case 'b': return is_type(word, S_IFBLK);
    case 'c': return is_type(word, S_IFCHR);
    case 'd': return is_type(word, S_IFDIR);
    case 'e': return stat(word, &st) == 0;
    case 'f': return is_type(word, S_IFREG);
    case 'g': return has_bits(word, S_ISGID);
    case 'h':
    case 'L': return is_type(word, S_IFLNK);
    case 'k': return has_bits(word, S_ISVTX);
    case 'n': return word[0] != '\0';
    case 'p': return is_type(word, S_IFIFO);
    case 'r': return access(word, R_OK) == 0;
    case 's': return stat(word, &st) == 0 && st.st_size > 0;
    case 'S': return is_type(word, S_IFSOCK);
    case 't': return isatty((int)number(word));
    case 'u': return has_bits(word, S_ISUID);
    case 'w': return access(word, W_OK) == 0;
    case 'x': return access(word, X_OK) == 0;
    case 'O': return stat(word, &st) == 0 && st.st_uid == geteuid();
    case 'G': return stat(word, &st) == 0 && st.st_gid == getegid();
    default: return word[0] == '\0'; // z
    }
}

static const char *const binaries[] = {"=",   "==",  "!=",  "<",   ">",   "-eq", "-ne",
                                       "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"};

static bool is_binary(const char *word)
{
    for (size_t i = 0; i < sizeof(binaries) / sizeof(binaries[0]); i++) {
        if (strcmp(word, binaries[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool compare_files(const char *left, char operator, const char * right)
{
    struct stat a;
    struct stat b;
    bool is_left = stat(left, &a) == 0;
    bool is_right = stat(right, &b) == 0;
    if (operator== 'e') {
        return is_left && is_right && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    }
    if (!is_left || !is_right) {
        return operator== 'n' ? is_left : is_right;
    }
    long long seconds = (long long)a.st_mtim.tv_sec - b.st_mtim.tv_sec;
    long long order = seconds != 0 ? seconds : (long long)a.st_mtim.tv_nsec - b.st_mtim.tv_nsec;
    return operator== 'n' ? order > 0 : order<0;
}

static bool binary(const char *left, const char *operator, const char * right)
{
    if (operator[0] != '-') {
        int order = strcmp(left, right);
        switch (operator[0]) {
        case '=': return order == 0;
        case '!': return order != 0;
        case '<': return order < 0;
        default: return order > 0;
        }
    }
    if (strcmp(operator+ 1, "nt") == 0 || strcmp(operator+ 1, "ot") == 0 ||
        strcmp(operator+ 1, "ef") == 0) {
        return compare_files(left, operator[1], right);
    }
    long long a = number(left);
    long long b = number(right);
    switch (operator[1]) {
    case 'e': return a == b;
    case 'n': return a != b;
    case 'l': return operator[2] == 't' ? a < b : a <= b;
    default: return operator[2] == 't' ? a > b : a >= b;
    }
}

// One test at *at without ! and parentheses.
static bool primary(int count, char **words, int *at)
{
    int left = count - *at;
    if (left >= 3 && is_binary(words[*at + 1])) {
        *at += 3;
        return binary(words[*at - 3], words[*at - 2], words[*at - 1]);
    }
    if (left >= 2 && is_unary(words[*at])) {
        *at += 2;
        return unary(words[*at - 2][1], words[*at - 1]);
    }
    *at += 1;
    return words[*at - 1][0] != '\0';
}

// One level of parentheses: what stands before it on the way to its value.
struct level {
    bool any;    // of the terms joined by -o so far
    bool all;    // of the factors joined by -a so far
    bool negate; // an odd number of ! before the factor
};

static void take_factor(struct level *l, bool value)
{
    l->all = l->all && (value != l->negate);
    l->negate = false;
}

static bool expression(int count, char **words)
{
    struct level levels[DEPTH_MAX] = {{.all = true}};
    int depth = 0;
    bool wants_factor = true;
    for (int at = 0; at < count;) {
        struct level *l = &levels[depth];
        const char *word = words[at];
        bool is_operator = count - at < 2 || !is_binary(words[at + 1]);
        if (wants_factor && is_operator && count - at > 1 && strcmp(word, "!") == 0) {
            l->negate = !l->negate;
            at++;
        } else if (wants_factor && is_operator && count - at > 1 && strcmp(word, "(") == 0) {
            if (++depth == DEPTH_MAX) {
                misuse(word, "too deep");
            }
            levels[depth] = (struct level){.all = true};
            at++;
        } else if (wants_factor) {
            take_factor(l, primary(count, words, &at));
            wants_factor = false;
        } else if (strcmp(word, ")") == 0 && depth > 0) {
            depth--;
            take_factor(&levels[depth], l->any || l->all);
            at++;
        } else if (strcmp(word, "-a") == 0 || strcmp(word, "-o") == 0) {
            if (word[1] == 'o') {
                l->any = l->any || l->all;
                l->all = true;
            }
            wants_factor = true;
            at++;
        } else {
            misuse(word, "not expected here");
        }
    }
    if (depth != 0 || wants_factor) {
        misuse(words[count - 1], "the expression is not complete");
    }
    return levels[0].any || levels[0].all;
}

static bool evaluate(int count, char **words)
{
    // The cases of POSIX where a word that looks like an operator is none.
    if (count == 0) {
        return false;
    }
    if (count == 1) {
        return words[0][0] != '\0';
    }
    if (count == 2 && strcmp(words[0], "!") == 0) {
        return words[1][0] == '\0';
    }
    if (count == 3 && is_binary(words[1])) {
        return binary(words[0], words[1], words[2]);
    }
    if (count == 4 && strcmp(words[0], "!") == 0 && is_binary(words[2])) {
        return !binary(words[1], words[2], words[3]);
    }
    return expression(count, words);
}

int main(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
    int count = argc - 1;
    if (strcmp(name, "[") == 0) {
        if (count < 1 || strcmp(argv[count], "]") != 0) {
            misuse("[", "the closing ] is missing");
        }
        count--;
    } else {
        tool_begin(argc, argv, "EXPRESSION",
                   "True (status 0) or false (1), as in if test -f FILE.");
    }
    return evaluate(count, argv + 1) ? TRUE_STATUS : FALSE_STATUS;
}
