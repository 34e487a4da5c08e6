// SPDX-License-Identifier: Apache-2.0
/*
 * Makes /etc/swos/passwd of the list of accounts that an image starts with (user/etc/accounts).
 *
 *     accounts LIST >OUT
 *     accounts --verify STORED PASSWORD       status 0 if that is the password
 *
 * The same list gives the same bytes: a salt is the hash of the account's name.  That hides nothing of
 * passwords that everybody can read in the list anyway; what `passwd` sets later has random salts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sodium/crypto_hash_sha256.h"
#include "user/lib/password.h"

struct seeded {
    char name[32];
    unsigned principal;
    unsigned session;
    unsigned caps;
    char password[64];
    char shell[64];
};

static bool parse(const char *line, struct seeded *out)
{
    char more;
    return sscanf(line, "%31s %u %u %u %63s %63s %c", out->name, &out->principal, &out->session,
                  &out->caps, out->password, out->shell, &more) == 6;
}

static bool print(const struct seeded *account)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char salted[64];
    char stored[PASSWORD_STORED_SIZE];
    int size = snprintf(salted, sizeof(salted), "swift-os account %s", account->name);
    crypto_hash_sha256(hash, (const unsigned char *)salted, (unsigned long long)size);
    if (!password_store(account->password, hash, stored)) {
        return false;
    }
    return printf("%s:%u:%u:%u:%s:%s\n", account->name, account->principal, account->session,
                  account->caps, stored, account->shell) > 0;
}

int main(int argc, char **argv)
{
    char line[256];
    unsigned number = 0;
    if (argc == 4 && strcmp(argv[1], "--verify") == 0) {
        return password_matches(argv[2], argv[3]) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    FILE *list = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (list == NULL) {
        fprintf(stderr, "usage: accounts LIST >OUT\n");
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof(line), list) != NULL) {
        struct seeded account;
        number++;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        if (!parse(line, &account) || !print(&account)) {
            fprintf(stderr, "accounts: %s:%u: not NAME PRINCIPAL SESSION CAPS PASSWORD SHELL\n",
                    argv[1], number);
            return EXIT_FAILURE;
        }
    }
    return fclose(list) == 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
