// SPDX-License-Identifier: Apache-2.0
/* Prints the table: `make netsim`. */
#include "tests/netsim/table.h"

int main(void)
{
    return table_print(stdout) == 0 ? 0 : 1;
}
