// SPDX-License-Identifier: Apache-2.0
/* The table in the tree is what the simulator gives; `make netsim-update` writes it anew. */
#include "tests/netsim/table.h"

#include "tests/harness/test.h"

enum { LINE_MAX = 160, TABLE_MAX = 65536 };

static const char table_path[] = "tests/netsim/table.txt"; // from the root, where tests are run

static size_t read_table(char text[TABLE_MAX])
{
    FILE *from = fopen(table_path, "r");
    if (from == NULL) {
        return 0;
    }
    size_t size = fread(text, 1, TABLE_MAX - 1, from);
    (void)fclose(from);
    text[size] = '\0';
    return size;
}

// Takes a line off the text; empty: it is at its end.
static void take_line(const char **text, char line[LINE_MAX])
{
    const char *end = strchr(*text, '\n');
    size_t length = end != NULL ? (size_t)(end - *text) : strlen(*text);
    size_t kept = length < LINE_MAX - 1 ? length : LINE_MAX - 1;
    memcpy(line, *text, kept);
    line[kept] = '\0';
    *text += length + (end != NULL ? 1 : 0);
}

TEST(goodput_is_what_the_table_in_the_tree_says)
{
    static char made[TABLE_MAX];
    static char in_tree[TABLE_MAX];
    EXPECT(read_table(in_tree) > 0);
    FILE *to = fmemopen(made, sizeof(made), "w");
    EXPECT(to != NULL);
    unsigned failed = table_print(to);
    EXPECT_EQ(fclose(to), 0);
    EXPECT_EQ(failed, 0);
    const char *want = in_tree;
    const char *got = made;
    while (*want != '\0' || *got != '\0') {
        char got_line[LINE_MAX];
        char want_line[LINE_MAX];
        take_line(&got, got_line);
        take_line(&want, want_line);
        EXPECT_STR(got_line, want_line); // or, if that is meant to be: make netsim-update
    }
}
