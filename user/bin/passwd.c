// SPDX-License-Identifier: Apache-2.0
/*
 * Changes a password.  The image is read-only, so the new line goes to the accounts' durable state,
 * which is replaced whole: it is the old one or the new one at any time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "user/lib/account.h"
#include "user/lib/password.h"
#include "user/lib/system.h"
#include "user/lib/tool.h"

#define NEW_FILE ACCOUNT_STATE_FILE ".new"

enum { LEAST_BYTES = 6 };

// From the terminal, or (when it is none) a line of standard input.
static void ask(const char *prompt, char out[static PASSWORD_MAX])
{
    struct termios old;
    bool is_terminal = tcgetattr(STDIN_FILENO, &old) == 0;
    if (is_terminal) {
        struct termios silent = old;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &silent);
        (void)fputs(prompt, stderr);
    }
    bool is_given = fgets(out, PASSWORD_MAX, stdin) != NULL;
    if (is_terminal) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
        (void)fputs("\n", stderr);
    }
    if (!is_given) {
        tool_die("no password given");
    }
    out[strcspn(out, "\n")] = '\0';
}

static void ask_for_new(char out[static PASSWORD_MAX])
{
    char again[PASSWORD_MAX];
    ask("New password: ", out);
    ask("New password again: ", again);
    bool is_same = strcmp(out, again) == 0;
    password_wipe(again, sizeof(again));
    if (!is_same) {
        tool_die("the two are not the same");
    }
    if (strlen(out) < LEAST_BYTES) {
        tool_die("a password has %d bytes at least", LEAST_BYTES);
    }
}

static void find_account(const char *name, const struct swos_identity *me, struct account *out)
{
    bool is_found =
        name != NULL ? account_find(name, out) : account_find_principal(me->principal, out);
    if (!is_found && errno != 0) {
        tool_fail(account_file());
        exit(tool_end());
    }
    if (!is_found) {
        tool_die("%s: no such account", name != NULL ? name : "principal");
    }
}

// The account's line anew, all others as they are.
static bool write_accounts(FILE *from, FILE *to, const struct account *changed)
{
    char line[ACCOUNT_LINE_SIZE];
    struct account each;
    while (fgets(line, sizeof(line), from) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (account_parse(line, &each) && strcmp(each.name, changed->name) == 0) {
            (void)fprintf(to, "%s:%u:%u:%u:%s:%s\n", changed->name, changed->principal,
                          changed->session, changed->caps, changed->password, changed->shell);
        } else {
            (void)fprintf(to, "%s\n", line);
        }
    }
    return ferror(from) == 0 && fflush(to) == 0 && fsync(fileno(to)) == 0;
}

static bool replace(const struct account *changed)
{
    FILE *from = fopen(account_file(), "re");
    if (from == NULL) {
        tool_fail(account_file());
        return false;
    }
    int handle = open(NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *to = handle < 0 ? NULL : fdopen(handle, "w");
    bool is_written = to != NULL && write_accounts(from, to, changed);
    if (to != NULL && fclose(to) != 0) {
        is_written = false;
    }
    (void)fclose(from); // only read
    if (!is_written || rename(NEW_FILE, ACCOUNT_STATE_FILE) != 0) {
        tool_fail(ACCOUNT_STATE_FILE);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct swos_identity me;
    struct account account;
    char password[PASSWORD_MAX];
    tool_begin(argc, argv, "[NAME]",
               "Changes the caller's password or, for who may write the accounts, another's.");
    if (getopt(argc, argv, "") != -1 || argc - optind > 1) {
        tool_usage();
    }
    if (!system_identity(&me)) {
        tool_fail("identity");
        return tool_end();
    }
    find_account(argv[optind], &me, &account);
    if (account.principal == me.principal) {
        ask("Old password: ", password);
        if (!password_matches(account.password, password)) {
            sleep(1);
            tool_die("%s: not the password", account.name);
        }
    }
    ask_for_new(password);
    if (!password_store(password, NULL, account.password)) {
        tool_die("no memory");
    }
    password_wipe(password, sizeof(password));
    if (replace(&account)) {
        printf("passwd: %s has a new password\n", account.name);
    }
    return tool_end();
}
