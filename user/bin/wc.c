// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/lib/tool.h"

struct counts {
    uint64_t lines, words, characters, bytes;
};

static bool shows_lines, shows_words, shows_characters, shows_bytes;

static struct counts count(FILE *in)
{
    struct counts n = {};
    bool is_word = false;
    for (int c = getc(in); c != EOF; c = getc(in)) {
        n.bytes++;
        n.characters += (c & 0xc0) != 0x80; // UTF-8: what is no continuation begins a character
        n.lines += c == '\n';
        bool is_blank = isspace(c);
        n.words += !is_blank && !is_word;
        is_word = !is_blank;
    }
    return n;
}

static void print(const struct counts *n, const char *name)
{
    if (shows_lines) {
        printf("%7llu ", (unsigned long long)n->lines);
    }
    if (shows_words) {
        printf("%7llu ", (unsigned long long)n->words);
    }
    if (shows_characters) {
        printf("%7llu ", (unsigned long long)n->characters);
    }
    if (shows_bytes) {
        printf("%7llu ", (unsigned long long)n->bytes);
    }
    printf("%s\n", name);
}

static void count_path(const char *path, const char *shown, struct counts *total)
{
    bool is_input = strcmp(path, "-") == 0;
    FILE *in = is_input ? stdin : fopen(path, "re");
    if (in == NULL) {
        tool_fail(path);
        return;
    }
    struct counts n = count(in);
    if (ferror(in)) {
        tool_fail(path);
    }
    if (!is_input) {
        (void)fclose(in); // only read
    }
    print(&n, shown);
    total->lines += n.lines;
    total->words += n.words;
    total->characters += n.characters;
    total->bytes += n.bytes;
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-clmw] [FILE...]",
               "Counts lines, words and bytes; -m characters of UTF-8.");
    for (int c; (c = getopt(argc, argv, "clmw")) != -1;) {
        switch (c) {
        case 'c': shows_bytes = true; break;
        case 'l': shows_lines = true; break;
        case 'm': shows_characters = true; break;
        case 'w': shows_words = true; break;
        default: tool_usage();
        }
    }
    if (!shows_lines && !shows_words && !shows_bytes && !shows_characters) {
        shows_lines = shows_words = shows_bytes = true;
    }
    struct counts total = {};
    if (optind == argc) {
        count_path("-", "", &total);
    }
    for (int i = optind; i < argc; i++) {
        count_path(argv[i], argv[i], &total);
    }
    if (argc - optind > 1) {
        print(&total, "total");
    }
    return tool_end();
}
