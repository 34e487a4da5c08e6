// SPDX-License-Identifier: Apache-2.0
/* Prints its arguments, one a line, to both streams, and exits with their number. */
#include "user/libswos/print.h"

int main(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        print("%s\n", argv[i]);
        print_error("%d\n", i);
    }
    return argc;
}
