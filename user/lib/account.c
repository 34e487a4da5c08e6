// SPDX-License-Identifier: Apache-2.0
#include "user/lib/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// Nobody but a principal of the system (0 or 1, as images are packed) can have written it.
const char *account_file(void)
{
    struct stat state;
    bool counts = stat(ACCOUNT_STATE_FILE, &state) == 0 && S_ISREG(state.st_mode) &&
                  state.st_uid <= 1 && (state.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    return counts ? ACCOUNT_STATE_FILE : ACCOUNT_FILE;
}

// The field that `*at` begins, ended; `*at` moves behind it.  NULL: there is none.
static char *next_field(char **at)
{
    return *at == NULL ? NULL : strsep(at, ":");
}

static bool take_text(char **at, char *out, size_t size)
{
    char *field = next_field(at);
    if (field == NULL || field[0] == '\0' || strlen(field) >= size) {
        return false;
    }
    memcpy(out, field, strlen(field) + 1);
    return true;
}

static bool take_number(char **at, uint32_t *out)
{
    char *field = next_field(at);
    char *end;
    if (field == NULL || field[0] < '0' || field[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long value = strtoul(field, &end, 10);
    *out = (uint32_t)value;
    return *end == '\0' && errno == 0 && value <= UINT32_MAX;
}

bool account_parse(const char *line, struct account *out)
{
    char copy[ACCOUNT_LINE_SIZE];
    size_t size = strlen(line);
    char *at = copy;
    if (line[0] == '#' || size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, line, size + 1);
    return take_text(&at, out->name, sizeof(out->name)) && take_number(&at, &out->principal) &&
           take_number(&at, &out->session) && take_number(&at, &out->caps) &&
           take_text(&at, out->password, sizeof(out->password)) &&
           take_text(&at, out->shell, sizeof(out->shell)) && at == NULL;
}

// The first account of that name, or (NULL) of that principal.
static bool find(const char *name, uint32_t principal, struct account *out)
{
    char line[ACCOUNT_LINE_SIZE];
    bool is_found = false;
    FILE *file = fopen(account_file(), "re");
    if (file == NULL) {
        return false;
    }
    while (!is_found && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        is_found = account_parse(line, out) &&
                   (name == NULL ? out->principal == principal : strcmp(out->name, name) == 0);
    }
    bool has_failed = ferror(file) != 0;
    (void)fclose(file); // only read
    errno = has_failed ? EIO : 0;
    return is_found;
}

bool account_find(const char *name, struct account *out)
{
    return find(name, 0, out);
}

bool account_find_principal(uint32_t principal, struct account *out)
{
    return find(NULL, principal, out);
}

void account_home(const char *name, char *out, unsigned long size)
{
    const struct passwd *entry = getpwnam(name);
    bool has_home = entry != NULL && entry->pw_dir != NULL && entry->pw_dir[0] == '/';
    (void)snprintf(out, size, "%s", has_home ? entry->pw_dir : "/");
}
