// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/rights.h"
#include "user/lib/system.h"
#include "user/lib/tool.h"

static const char *const grants[SWOS_GRANT_COUNT] = {
    [SWOS_GRANT_NAMESPACE] = "namespace", [SWOS_GRANT_NETWORK] = "network",
    [SWOS_GRANT_PROCESS] = "process",     [SWOS_GRANT_POWER] = "power",
    [SWOS_GRANT_UPDATE] = "update",       [SWOS_GRANT_MOUNT] = "mount",
    [SWOS_GRANT_DEVICE] = "device",       [SWOS_GRANT_LOG] = "log",
    [SWOS_GRANT_TIME] = "time",           [SWOS_GRANT_CELL] = "cell",
    [SWOS_GRANT_IDENTITY] = "identity",
};

static void print_grants(uint32_t mask)
{
    const char *comma = "";
    printf(" grants=");
    for (unsigned i = 0; i < SWOS_GRANT_COUNT; i++) {
        if ((mask & 1u << i) != 0) {
            printf("%s%s", comma, grants[i]);
            comma = ",";
        }
    }
    printf("%s\n", comma[0] == '\0' ? "none" : "");
}

// A principal whose name nobody may read, or nobody has given, is a number only.
static void print_all(const struct swos_identity *who)
{
    char number[16];
    (void)snprintf(number, sizeof(number), "%u", who->principal);
    const char *name = tool_owner(who->principal);
    printf("principal=%u", who->principal);
    if (strcmp(name, number) != 0) {
        printf("(%s)", name);
    }
    printf(" session=%u caps=%#x", who->session, who->caps);
    print_grants(who->grants);
}

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-g | -u] [-n]",
               "Prints who the caller acts for: principal, session, capabilities, grants; -u the "
               "principal, -g the group, -n by name.");
    char what = 'a';
    bool is_name = false;
    struct swos_identity who;
    for (int c; (c = getopt(argc, argv, "gunGr")) != -1;) {
        switch (c) {
        case 'G':
        case 'g': what = 'g'; break;
        case 'u': what = 'u'; break;
        case 'n': is_name = true; break;
        case 'r': break;
        default: tool_usage();
        }
    }
    if (!system_identity(&who)) {
        tool_fail("identity");
        return tool_end();
    }
    uint32_t number = what == 'u' ? who.principal : who.group;
    if (what == 'a') {
        print_all(&who);
    } else if (is_name) {
        puts(what == 'u' ? tool_owner(number) : tool_group(number));
    } else {
        printf("%u\n", number);
    }
    return tool_end();
}
