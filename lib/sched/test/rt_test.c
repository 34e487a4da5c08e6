// SPDX-License-Identifier: Apache-2.0
#include "lib/sched/rt.h"

#include "lib/base/types.h"
#include "tests/harness/test.h"

static struct rt_queue queue;
static struct rt_entity who[4];

static void start(void)
{
    rt_queue_init(&queue);
    for (unsigned i = 0; i < 4; i++) {
        who[i] = (struct rt_entity){.priority = 5};
        list_init(&who[i].link);
    }
}

static struct rt_entity *pop(void)
{
    struct rt_entity *e = rt_first(&queue);
    if (e != NULL) {
        rt_dequeue(&queue, e);
    }
    return e;
}

TEST(an_empty_real_time_queue_has_nobody)
{
    start();
    EXPECT(rt_first(&queue) == NULL);
}

TEST(equals_go_first_in_first_out)
{
    start();
    rt_enqueue(&queue, &who[0], RT_TAIL);
    rt_enqueue(&queue, &who[1], RT_TAIL);
    rt_enqueue(&queue, &who[2], RT_HEAD); // was interrupted
    EXPECT(pop() == &who[2]);
    EXPECT(pop() == &who[0]);
    EXPECT(pop() == &who[1]);
    EXPECT(pop() == NULL);
}

TEST(higher_priorities_go_first)
{
    start();
    who[1].priority = RT_PRIORITIES - 1;
    who[2].priority = 0;
    for (unsigned i = 0; i < 3; i++) {
        rt_enqueue(&queue, &who[i], RT_TAIL);
    }
    EXPECT_EQ(queue.waiting, 3);
    EXPECT(pop() == &who[1]);
    EXPECT(pop() == &who[0]);
    EXPECT(pop() == &who[2]);
    EXPECT_EQ(queue.waiting, 0);
}

TEST(one_taken_out_of_the_middle_leaves_the_others)
{
    start();
    for (unsigned i = 0; i < 3; i++) {
        rt_enqueue(&queue, &who[i], RT_TAIL);
    }
    rt_dequeue(&queue, &who[1]);
    EXPECT(pop() == &who[0]);
    EXPECT(pop() == &who[2]);
    EXPECT(pop() == NULL);
}
