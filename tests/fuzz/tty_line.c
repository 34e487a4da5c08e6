// SPDX-License-Identifier: Apache-2.0
/*
 * The line discipline: the input is a script of what a terminal and programs do.  Whatever it says,
 * positions keep their order, no more comes out than went in, and what is due can be read.
 */
#include "lib/tty/line.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { INPUT_SIZE = 512, OUTPUT_SIZE = 1024 };

static uint8_t input[INPUT_SIZE];
static uint8_t output[OUTPUT_SIZE];
static uint64_t marks[INPUT_SIZE / 32];

struct script {
    const uint8_t *at;
    const uint8_t *end;
};

static uint8_t next(struct script *s)
{
    return s->at < s->end ? *s->at++ : 0;
}

static size_t rest(const struct script *s, size_t limit)
{
    return u64_min((size_t)(s->end - s->at), limit);
}

static void check(const struct tty_line *l)
{
    uint32_t used = l->in - l->out;
    require(used <= INPUT_SIZE && l->canon - l->out <= used);
    require((l->termios.local & ABI_ICANON) != 0 || l->canon == l->in);
    require(ring_used(&l->output) <= OUTPUT_SIZE);
    require(l->output.in - l->sent <= OUTPUT_SIZE || !l->is_wire);
    require(tty_line_readable_bytes(l) <= used);
}

static void change_settings(struct tty_line *l, struct script *s)
{
    struct abi_termios t = l->termios;
    t.input ^= (uint32_t)next(s) << 3;
    t.input ^= (uint32_t)next(s) << 8;
    t.output ^= next(s);
    t.output = next(s) % 2 == 0 ? t.output | ABI_TAB3 : t.output & ~(uint32_t)ABI_TAB3;
    t.local ^= next(s);
    t.local ^= (uint32_t)next(s) << 8;
    t.cc[next(s) % ABI_NCCS] = next(s);
    tty_line_set(l, &t);
}

static void take_input(struct tty_line *l, struct script *s, nsec_t now)
{
    size_t size = rest(s, next(s));
    size_t taken = tty_line_input(l, s->at, size, now);
    require(taken <= size);
    require(taken == size || l->has_refused);
    s->at += size;
}

static void read_some(struct tty_line *l, size_t size, nsec_t now)
{
    uint8_t text[256];
    bool is_end = false;
    uint32_t there = tty_line_readable_bytes(l);
    bool is_due = tty_line_read_due(l, size, now) == 0;
    bool is_raw = (l->termios.local & ABI_ICANON) == 0;
    size_t n = tty_line_read(l, text, size, &is_end);
    require(n <= size && n <= there);
    require(!is_due || n > 0 || is_end);
    require(!is_raw || n == u64_min(size, there));
}

static void fetch(struct tty_line *l, uint8_t limit)
{
    uint32_t len;
    (void)tty_line_output(l, &len);
    require(len <= ring_used(&l->output));
    tty_line_output_done(l, (uint32_t)u64_min(len, limit));
}

static void write_some(struct tty_line *l, struct script *s)
{
    size_t size = rest(s, next(s));
    require(tty_line_write(l, s->at, size) <= size);
    s->at += size;
}

static void step(struct tty_line *l, struct script *s, nsec_t now)
{
    switch (next(s) % 8) {
    case 0: change_settings(l, s); break;
    case 1:
    case 2: take_input(l, s, now); break;
    case 3: write_some(l, s); break;
    case 4: read_some(l, 1 + next(s) % 255, now); break;
    case 5: fetch(l, next(s)); break;
    case 6: next(s) % 2 == 0 ? tty_line_flush_input(l) : tty_line_flush_output(l); break;
    default: next(s) % 2 == 0 ? tty_line_stop(l) : tty_line_start(l); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script s = {data, data + size};
    struct tty_line l;
    struct tty_line_storage storage = {input, INPUT_SIZE, marks, output, OUTPUT_SIZE};
    tty_line_init(&l, &storage);
    l.is_wire = next(&s) % 2 == 0;
    for (nsec_t now = 0; s.at < s.end; now += NSEC_PER_MSEC) {
        step(&l, &s, now);
        (void)tty_line_take_changes(&l);
        check(&l);
    }
    return 0;
}
