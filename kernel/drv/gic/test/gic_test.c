// SPDX-License-Identifier: Apache-2.0
#include "kernel/drv/gic/gic_priv.h"
#include "kernel/drv/gic/gicr.h"

#include "lib/base/bits.h"
#include "tests/harness/test.h"

// Register frames in plain memory: what is written stays to be looked at.
static constexpr uint64_t FRAMES = 0x20000; // of one redistributor
static constexpr uint64_t REGION = 4 * FRAMES;
static uint64_t memory[REGION / sizeof(uint64_t)];

static vaddr_t make_frame(void)
{
    memset(memory, 0, sizeof(memory));
    return (vaddr_t)memory;
}

static uint32_t *reg32(unsigned offset)
{
    return (uint32_t *)((uintptr_t)memory + offset);
}

static void set_typer(uint64_t offset, uint64_t affinity, uint64_t flags)
{
    memory[(offset + GICR_TYPER) / sizeof(uint64_t)] = affinity << 32 | flags;
}

enum {
    VLPIS = 1u << 1,
    LAST = 1u << 4,
};

TEST(a_shared_interrupt_specifier_counts_from_32)
{
    irq_t irq;
    enum irq_trigger trigger;
    EXPECT_OK(gic_translate((const uint32_t[]){0, 1, 4}, 3, &irq, &trigger));
    EXPECT_EQ(irq, 33);
    EXPECT_EQ(trigger, IRQ_LEVEL);
    EXPECT_OK(gic_translate((const uint32_t[]){0, 16, 1}, 3, &irq, &trigger));
    EXPECT_EQ(irq, 48);
    EXPECT_EQ(trigger, IRQ_EDGE);
}

TEST(a_private_interrupt_specifier_counts_from_16_and_its_cpu_mask_is_no_trigger)
{
    irq_t irq;
    enum irq_trigger trigger;
    EXPECT_OK(gic_translate((const uint32_t[]){1, 11, 0xf04}, 3, &irq, &trigger));
    EXPECT_EQ(irq, 27);
    EXPECT_EQ(trigger, IRQ_LEVEL);
}

TEST(an_interrupt_specifier_out_of_range_is_refused)
{
    irq_t irq;
    enum irq_trigger trigger;
    EXPECT_STATUS(gic_translate((const uint32_t[]){1, 16, 4}, 3, &irq, &trigger), ERR_INVAL);
    EXPECT_STATUS(gic_translate((const uint32_t[]){0, 988, 4}, 3, &irq, &trigger), ERR_INVAL);
    EXPECT_STATUS(gic_translate((const uint32_t[]){0, UINT32_MAX, 4}, 3, &irq, &trigger),
                  ERR_INVAL);
    EXPECT_STATUS(gic_translate((const uint32_t[]){2, 1, 4}, 3, &irq, &trigger), ERR_NOTSUP);
    EXPECT_STATUS(gic_translate((const uint32_t[]){0, 1}, 2, &irq, &trigger), ERR_INVAL);
}

TEST(the_number_of_lines_leaves_out_the_special_ones)
{
    vaddr_t dist = make_frame();
    *reg32(GICD_TYPER) = 8;
    EXPECT_EQ(gic_line_count(dist), 288);
    *reg32(GICD_TYPER) = 31;
    EXPECT_EQ(gic_line_count(dist), 1020);
}

TEST(a_reset_covers_its_lines_and_no_others)
{
    vaddr_t dist = make_frame();
    gic_reset_lines(dist, 32, 32, GIC_GROUP1);
    EXPECT_EQ(*reg32(GICD_ICENABLER), 0);
    EXPECT_EQ(*reg32(GICD_ICENABLER + 4), UINT32_MAX);
    EXPECT_EQ(*reg32(GICD_ICENABLER + 8), 0);
    EXPECT_EQ(*reg32(GICD_IGROUPR + 4), UINT32_MAX);
    EXPECT_EQ(*reg32(GICD_IPRIORITYR + 28), 0);
    EXPECT_EQ(*reg32(GICD_IPRIORITYR + 32), 0xa0a0a0a0u);
    EXPECT_EQ(*reg32(GICD_IPRIORITYR + 60), 0xa0a0a0a0u);
    EXPECT_EQ(*reg32(GICD_IPRIORITYR + 64), 0);
}

TEST(setting_a_trigger_changes_one_line)
{
    vaddr_t dist = make_frame();
    *reg32(GICD_ICFGR + 8) = 0x55555555;
    gic_line_set_trigger(dist, 33, IRQ_EDGE);
    EXPECT_EQ(*reg32(GICD_ICFGR + 8), 0x5555555d);
    gic_line_set_trigger(dist, 33, IRQ_LEVEL);
    EXPECT_EQ(*reg32(GICD_ICFGR + 8), 0x55555555);
}

TEST(enabling_a_line_writes_its_bit)
{
    vaddr_t dist = make_frame();
    gic_line_enable(dist, 79);
    EXPECT_EQ(*reg32(GICD_ISENABLER + 8), 1u << 15);
    gic_line_disable(dist, 79);
    EXPECT_EQ(*reg32(GICD_ICENABLER + 8), 1u << 15);
}

static constexpr uint64_t NONE = UINT64_MAX;

// The offset of the CPU's redistributor in a region of the fake memory, or NONE.
static uint64_t find(uint64_t size, uint64_t stride, uint64_t affinity)
{
    for (struct gicr_walk w = {.size = size, .stride = stride}; gicr_walk_has(&w);) {
        uint64_t typer = memory[(w.offset + GICR_TYPER) / sizeof(uint64_t)];
        if (gicr_is_of(typer, affinity)) {
            return w.offset;
        }
        gicr_walk_next(&w, typer);
    }
    return NONE;
}

TEST(a_redistributor_is_found_by_affinity)
{
    (void)make_frame();
    set_typer(0, 0x000000, 0);
    set_typer(FRAMES, 0x000001, 0);
    set_typer(2 * FRAMES, 0x01020304, LAST);
    EXPECT_EQ(find(REGION, 0, 1), FRAMES);
    EXPECT_EQ(find(REGION, 0, 0x0100020304), 2 * FRAMES);
}

TEST(redistributors_with_virtual_lpis_are_twice_as_far_apart)
{
    (void)make_frame();
    set_typer(0, 0, VLPIS);
    set_typer(FRAMES, 1, 0); // not a redistributor: the first one's virtual frames
    set_typer(2 * FRAMES, 1, VLPIS | LAST);
    EXPECT_EQ(find(REGION, 0, 1), 2 * FRAMES);
}

TEST(the_search_stops_at_the_last_redistributor_or_at_the_end_of_the_region)
{
    (void)make_frame();
    set_typer(0, 0, LAST);
    set_typer(FRAMES, 5, 0); // behind the last one
    EXPECT_EQ(find(REGION, 0, 5), NONE);
    set_typer(0, 0, 0); // none says that it is the last
    EXPECT_EQ(find(REGION, 0, 5), FRAMES);
    EXPECT_EQ(find(REGION, 0, 6), NONE);
    EXPECT_EQ(find(2 * FRAMES - 1, 0, 5), NONE); // only half of it is inside
}

TEST(a_stride_from_the_firmware_wins)
{
    (void)make_frame();
    set_typer(0, 0, 0);
    set_typer(FRAMES, 1, LAST); // in the gap
    set_typer(3 * FRAMES, 1, LAST);
    EXPECT_EQ(find(REGION, 3 * FRAMES, 1), 3 * FRAMES);
}

TEST(a_window_too_small_for_a_redistributor_is_not_read)
{
    (void)make_frame();
    EXPECT_EQ(find(FRAMES - 1, 0, 0), NONE);
    EXPECT_EQ(find(0, 0, 0), NONE);
    EXPECT_EQ(find(FRAMES, 0, 0), 0);
}

TEST(a_software_interrupt_names_one_cpu_of_any_affinity)
{
    EXPECT_EQ(gicv3_sgi_value(0, 0), 1);
    EXPECT_EQ(gicv3_sgi_value(3, 2), 2u << 24 | 1u << 3);
    EXPECT_EQ(gicv3_sgi_value(0x0100, 1), 1u << 24 | 1u << 16 | 1);
    // Aff0 17: position 1 of the second list of sixteen.
    EXPECT_EQ(gicv3_sgi_value(17, 0), 1ull << 44 | 2);
    EXPECT_EQ(gicv3_sgi_value(0x0400030205, 0), 4ull << 48 | 3ull << 32 | 2ull << 16 | 1ull << 5);
}

TEST(a_route_is_the_affinity_without_the_other_bits_of_mpidr)
{
    EXPECT_EQ(gicv3_route_value(0x04c1030201), 0x0400030201);
}
