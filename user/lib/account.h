// SPDX-License-Identifier: Apache-2.0
/*
 * The accounts of the system, a line each:
 *
 *     NAME:PRINCIPAL:SESSION:CAPS:PASSWORD:SHELL      # begins a comment
 *
 * They lie on the signed image; where there is a place for durable state, a file there that the system
 * owns and nobody else can write comes first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ACCOUNT_FILE       "/etc/swos/passwd"
#define ACCOUNT_STATE_FILE "/data/swos/passwd"

enum { ACCOUNT_NAME_SIZE = 32, ACCOUNT_LINE_SIZE = 512 };

struct account {
    char name[ACCOUNT_NAME_SIZE];
    uint32_t principal;
    uint32_t session;
    uint32_t caps;
    char password[128]; // see password.h
    char shell[128];
};

// The file that counts.
const char *account_file(void);

// One line without its end.  False: no account.
bool account_parse(const char *line, struct account *out);

// False: no such account, or with errno not 0 the file cannot be read.
bool account_find(const char *name, struct account *out);
bool account_find_principal(uint32_t principal, struct account *out);

// Where the account is at home: of the line NAME:x:UID:GID:TEXT:HOME:SHELL in /etc/passwd, or "/".
void account_home(const char *name, char *out, unsigned long size);
