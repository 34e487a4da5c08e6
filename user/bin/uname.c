// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/lib/tool.h"

int main(int argc, char **argv)
{
    tool_begin(argc, argv, "[-amnrsv]",
               "Prints the name of the system (-s), of the machine in the "
               "network (-n), release, version, and kind of CPU (-m).");
    static const char order[] = "snrvm";
    bool shows[sizeof(order) - 1] = {};
    bool is_any = false;
    struct utsname name;
    for (int c; (c = getopt(argc, argv, "amnrsv")) != -1;) {
        if (c == '?') {
            tool_usage();
        }
        is_any = true;
        for (size_t i = 0; i < sizeof(shows); i++) {
            shows[i] |= c == 'a' || c == order[i];
        }
    }
    if (optind < argc) {
        tool_usage();
    }
    if (uname(&name) != 0) {
        tool_fail("uname");
        return tool_end();
    }
    shows[0] |= !is_any;
    const char *const fields[] = {name.sysname, name.nodename, name.release, name.version,
                                  name.machine};
    const char *blank = "";
    for (size_t i = 0; i < sizeof(shows); i++) {
        if (shows[i]) {
            printf("%s%s", blank, fields[i]);
            blank = " ";
        }
    }
    (void)putchar('\n');
    return tool_end();
}
