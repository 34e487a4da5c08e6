// SPDX-License-Identifier: Apache-2.0
/*
 * What the native tools share: messages that name the program and the object, the exit status that
 * remembers a failure, numbers and sizes in arguments, trees of files.
 *
 *     int main(int argc, char **argv)
 *     {
 *         tool_begin(argc, argv, "[-n] [FILE...]", "Does this and that.");
 *         ... getopt; tool_usage() for what it does not know; tool_fail(path) after a failed call ...
 *         return tool_end();
 *     }
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { TOOL_FAILED = 1, TOOL_MISUSED = 2 };

// First thing: remembers the name and answers --help.  `options` completes "usage: NAME ".
void tool_begin(int argc, char **argv, const char *options, const char *meaning);

// Prints the usage to standard error and ends with TOOL_MISUSED.
[[noreturn]] void tool_usage(void);

// "NAME: OBJECT: why errno says", and the exit status becomes TOOL_FAILED.
void tool_fail(const char *object);

// "NAME: text".  tool_die ends the program.
[[gnu::format(printf, 1, 2)]] void tool_warn(const char *format, ...);
[[noreturn, gnu::format(printf, 1, 2)]] void tool_die(const char *format, ...);

// Flushes standard output, which may fail, and gives the exit status.
int tool_end(void);

// A whole decimal number within the bounds; false for anything else.
bool tool_number(const char *text, int64_t low, int64_t high, int64_t *out);

// Seconds with a fraction, or with a suffix s, m, h, d.
bool tool_duration(const char *text, double *seconds);

// `bytes` as people read it: "1.5M".
const char *tool_size(uint64_t bytes, char room[static 16]);

// "drwxr-xr-x".
const char *tool_mode(mode_t mode, char room[static 11]);

// Names of a principal or group; its number where nobody has named it.  Valid until the next call.
const char *tool_owner(uid_t owner);
const char *tool_group(gid_t group);

// Name or number of a principal or group.  False: no such.
bool tool_find_owner(const char *text, uid_t *out);
bool tool_find_group(const char *text, gid_t *out);

// Octal, or symbolic as chmod's: u+rwx,g-w,o=.  False: neither.
bool tool_parse_mode(const char *text, mode_t old, bool is_directory, mode_t *out);

// Copies all that is left of `from`; false after a message.
bool tool_copy(int from, const char *from_name, int to, const char *to_name);

// The last component of `path`, in place; slashes behind it go.
char *tool_base(char *path);

// "DIR/NAME of PATH" in memory of its own; ends the program when there is none.
char *tool_join(const char *directory, const char *path);
