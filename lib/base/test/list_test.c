// SPDX-License-Identifier: Apache-2.0
#include "lib/base/list.h"

#include "tests/harness/test.h"

struct item {
    int value;
    struct list link;
};

// The values on the list as one decimal number: 1, 2, 3 gives 123.
static int digits(const struct list *head)
{
    int number = 0;
    list_for_each (node, head) {
        number = number * 10 + container_of(node, struct item, link)->value;
    }
    return number;
}

TEST(nodes_are_added_at_both_ends)
{
    struct list head = LIST_INIT(head);
    struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
    EXPECT(list_is_empty(&head));
    list_add_tail(&head, &items[1].link);
    list_add_tail(&head, &items[2].link);
    list_add_head(&head, &items[0].link);
    EXPECT_EQ(digits(&head), 123);
    EXPECT(!list_is_empty(&head));
}

TEST(popping_gives_nodes_in_order_and_then_nothing)
{
    struct list head = LIST_INIT(head);
    struct item items[] = {{.value = 1}, {.value = 2}};
    list_add_tail(&head, &items[0].link);
    list_add_tail(&head, &items[1].link);
    EXPECT(list_first(&head) == &items[0].link);
    EXPECT(list_pop(&head) == &items[0].link);
    EXPECT(list_pop(&head) == &items[1].link);
    EXPECT(list_pop(&head) == NULL);
    EXPECT(list_first(&head) == NULL);
}

TEST(a_node_deletes_itself_during_a_safe_walk)
{
    struct list head = LIST_INIT(head);
    struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        list_add_tail(&head, &items[i].link);
    }
    list_for_each_safe (node, &head) {
        if (container_of(node, struct item, link)->value % 2 == 0) {
            list_del_init(node);
        }
    }
    EXPECT_EQ(digits(&head), 13);
    EXPECT(list_is_empty(&items[1].link));
}

TEST(moving_all_nodes_keeps_their_order_behind_those_that_are_there)
{
    struct list from = LIST_INIT(from);
    struct list to = LIST_INIT(to);
    struct item items[] = {{.value = 1}, {.value = 2}, {.value = 3}};
    list_move_all(&from, &to);
    EXPECT(list_is_empty(&to));
    list_add_tail(&to, &items[0].link);
    list_add_tail(&from, &items[1].link);
    list_add_tail(&from, &items[2].link);
    list_move_all(&from, &to);
    EXPECT(list_is_empty(&from));
    EXPECT_EQ(digits(&to), 123);
    list_move_all(&to, &from);
    EXPECT_EQ(digits(&from), 123);
}
