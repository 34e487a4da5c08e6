// SPDX-License-Identifier: Apache-2.0
/*
 * What less asks a terminal library for (X/Open Curses, issue 7, "termcap database emulation"), for the
 * one kind of terminal that there is: those that follow ECMA-48, as the console, every terminal emulator
 * and what SSH brings along do.  A terminal named "dumb" has nothing.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char PC;
char *BC;
char *UP;
short ospeed;

static bool is_dumb;

static const struct {
    char name[3];
    const char *value;
} strings[] = {
    {"ce", "\033[K"},      {"cl", "\033[H\033[2J"}, {"cm", "\033[%d;%dH"},
    {"al", "\033[L"},      {"cd", "\033[J"},        {"sr", "\033M"},
    {"ho", "\033[H"},      {"so", "\033[7m"},       {"se", "\033[27m"},
    {"us", "\033[4m"},     {"ue", "\033[24m"},      {"md", "\033[1m"},
    {"me", "\033[m"},      {"mb", "\033[5m"},       {"mr", "\033[7m"},
    {"ti", "\033[?1049h"}, {"te", "\033[?1049l"},   {"cr", "\r"},
    {"bc", "\b"},          {"ku", "\033[A"},        {"kd", "\033[B"},
    {"kr", "\033[C"},      {"kl", "\033[D"},        {"kh", "\033[H"},
    {"@7", "\033[F"},      {"kP", "\033[5~"},       {"kN", "\033[6~"},
    {"kD", "\033[3~"},     {"kI", "\033[2~"},       {"DC", "\033[3~"},
};

int tgetent(char *buffer, const char *name)
{
    (void)buffer;
    is_dumb = name == NULL || strcmp(name, "dumb") == 0;
    return 1;
}

int tgetflag(const char *name)
{
    // Moves the cursor in standout mode; the last column does not wrap until the next character.
    return !is_dumb &&
           (strcmp(name, "ms") == 0 || strcmp(name, "am") == 0 || strcmp(name, "xn") == 0);
}

int tgetnum(const char *name)
{
    return strcmp(name, "co") == 0   ? 80
           : strcmp(name, "li") == 0 ? 24
           : strcmp(name, "sg") == 0 ? 0
                                     : -1;
}

char *tgetstr(const char *name, char **area)
{
    for (size_t i = 0; !is_dumb && i < sizeof strings / sizeof strings[0]; i++) {
        if (strcmp(strings[i].name, name) == 0) {
            char *place = *area;
            *area = stpcpy(place, strings[i].value) + 1;
            return place;
        }
    }
    return NULL;
}

// Rows and columns count from 0 here and from 1 in ECMA-48.
char *tgoto(const char *motion, int column, int row)
{
    static char text[32];
    (void)motion;
    snprintf(text, sizeof text, "\033[%d;%dH", row + 1, column + 1);
    return text;
}

int tputs(const char *text, int lines, int (*put)(int))
{
    (void)lines;
    while (*text != '\0') {
        put(*text++);
    }
    return 0;
}
