// SPDX-License-Identifier: Apache-2.0
#include "tests/netsim/table.h"

#include "lib/base/bits.h"
#include "tests/netsim/scenario.h"

enum { SEEDS = 5, SMALL = 64 * 1024, LARGE = 4 * 1024 * 1024, BYTES = 2 * 1024 * 1024 };

static const uint32_t losses[] = {0, 1000, 10000, 20000, 50000, 100000}; // of a million
static const unsigned round_trips[] = {1, 20, 100};                      // ms
static const uint32_t buffers[] = {SMALL, LARGE};
static const uint32_t reorders[] = {0, 20000};

struct row {
    uint32_t loss;
    unsigned round_trip;
    uint32_t buffer;
    uint32_t reorder;
};

static struct scenario scenario_of(const struct row *row, uint64_t seed)
{
    nsec_t round_trip = row->round_trip * NSEC_PER_MSEC;
    struct scenario s = scenario_bulk(BYTES, round_trip, row->buffer);
    s.seed = seed;
    s.there.loss = row->loss;
    s.there.reorder = row->reorder;
    s.there.reorder_delay = round_trip / 10 + NSEC_PER_MSEC / 2;
    s.back.loss = s.there.loss;
    s.back.reorder = s.there.reorder;
    s.back.reorder_delay = s.there.reorder_delay;
    return s;
}

static bool print_row(FILE *to, const struct row *row)
{
    struct outcome sum = {};
    nsec_t longest = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct outcome out;
        struct scenario s = scenario_of(row, seed);
        scenario_run(&s, &out);
        if (out.failure[0] != '\0') {
            (void)fprintf(to, "FAILED loss %u rtt %u buffer %u reorder %u seed %u: %s\n", row->loss,
                          row->round_trip, row->buffer, row->reorder, (unsigned)seed, out.failure);
            return false;
        }
        sum.time += out.time;
        sum.retransmits += out.retransmits;
        sum.needless += out.needless;
        longest = u64_max(longest, out.time);
    }
    uint64_t kbit = (uint64_t)BYTES * 8 * SEEDS * NSEC_PER_SEC / 1000 / sum.time;
    (void)fprintf(to, "%4u.%u %6u %8u %7u %10u %10u %9u %9u.%03u\n", row->loss / 10000,
                  row->loss / 1000 % 10, row->round_trip, row->buffer / 1024, row->reorder / 10000,
                  (unsigned)kbit, sum.retransmits, sum.needless, (unsigned)(longest / NSEC_PER_SEC),
                  (unsigned)(longest / NSEC_PER_MSEC % 1000));
    return true;
}

unsigned table_print(FILE *to)
{
    unsigned failed = 0;
    (void)fprintf(to,
                  "# %u transfers of %u KiB a row at 100 Mbit/s; loss and reordering both ways.\n",
                  SEEDS, BYTES / 1024);
    (void)fputs("# loss    rtt   buffer reorder    goodput      again  needless      slowest\n"
                "#    %     ms      KiB       %     kbit/s   segments  segments            s\n",
                to);
    for (unsigned i = 0; i < ARRAY_SIZE(losses); i++) {
        for (unsigned j = 0; j < ARRAY_SIZE(round_trips); j++) {
            for (unsigned k = 0; k < ARRAY_SIZE(buffers) * ARRAY_SIZE(reorders); k++) {
                struct row row = {losses[i], round_trips[j], buffers[k / ARRAY_SIZE(reorders)],
                                  reorders[k % ARRAY_SIZE(reorders)]};
                failed += print_row(to, &row) ? 0 : 1;
            }
        }
    }
    return failed;
}
