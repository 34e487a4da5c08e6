// SPDX-License-Identifier: Apache-2.0
#include "lib/bpf/filter.h"

#include "lib/base/string.h"

// The fields of a code.
enum {
    CLASS_MASK = 0x07,
    LD = 0x00,
    LDX = 0x01,
    ST = 0x02,
    STX = 0x03,
    ALU = 0x04,
    JMP = 0x05,
    RET = 0x06,
    SIZE_MASK = 0x18,
    SIZE_W = 0x00,
    SIZE_H = 0x08,
    SIZE_B = 0x10,
    MODE_MASK = 0xe0,
    IMM = 0x00,
    ABS = 0x20,
    IND = 0x40,
    MEM = 0x60,
    LEN = 0x80,
    MSH = 0xa0,
    OP_MASK = 0xf0,
    SOURCE_X = 0x08,
    RET_A = 0x10,
    TXA = 0x80,
    WORDS = 16, // of memory
};

enum { ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, OPERATIONS }; // OP >> 4
enum { JA, JEQ, JGT, JGE, JSET, JUMPS };

/* ---- Checking ---- */

static bool is_load(const struct bpf_instruction *i)
{
    unsigned mode = i->code & MODE_MASK;
    unsigned size = i->code & SIZE_MASK;
    bool is_byte_or_more = size == SIZE_W || size == SIZE_H || size == SIZE_B;
    switch (mode) {
    case ABS:
    case IND: return is_byte_or_more;
    case IMM:
    case LEN: return size == SIZE_W;
    case MEM: return size == SIZE_W && i->k < WORDS;
    default: return false;
    }
}

static bool is_load_x(const struct bpf_instruction *i)
{
    unsigned mode = i->code & MODE_MASK;
    unsigned size = i->code & SIZE_MASK;
    bool is_word = size == SIZE_W && (mode == IMM || mode == LEN || (mode == MEM && i->k < WORDS));
    return is_word || (mode == MSH && size == SIZE_B);
}

static bool is_operation(const struct bpf_instruction *i)
{
    enum { SHIFT_MAX = 31 };
    unsigned op = (i->code & OP_MASK) >> 4;
    bool is_constant = (i->code & SOURCE_X) == 0;
    if (is_constant && (op == DIV || op == MOD) && i->k == 0) {
        return false;
    }
    return op < OPERATIONS && !(is_constant && (op == LSH || op == RSH) && i->k > SHIFT_MAX);
}

// `left`: instructions behind this one.
static bool is_jump(const struct bpf_instruction *i, size_t left)
{
    unsigned op = (i->code & OP_MASK) >> 4;
    if (op == JA) {
        return i->k < left;
    }
    return op < JUMPS && i->jump_true < left && i->jump_false < left;
}

static bool is_known(const struct bpf_instruction *i, size_t left)
{
    if (i->code > UINT8_MAX) {
        return false;
    }
    switch (i->code & CLASS_MASK) {
    case LD: return is_load(i);
    case LDX: return is_load_x(i);
    case ST:
    case STX: return i->k < WORDS;
    case ALU: return is_operation(i);
    case JMP: return is_jump(i, left);
    default: return true; // the end, or to X, or from it
    }
}

status_t bpf_check(const struct bpf_instruction *program, size_t count)
{
    if (count == 0 || count > BPF_INSTRUCTIONS_MAX) {
        return ERR_INVAL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_known(&program[i], count - 1 - i)) {
            return ERR_INVAL;
        }
    }
    return (program[count - 1].code & CLASS_MASK) == RET ? OK : ERR_INVAL;
}

/* ---- Running ---- */

struct machine {
    const struct bpf_packet *packet;
    uint32_t a;
    uint32_t x;
    uint32_t memory[WORDS];
    bool has_failed; // it asked for bytes that are not there
};

static uint32_t fetch(struct machine *m, uint64_t offset, size_t size)
{
    uint8_t bytes[sizeof(uint32_t)] = {};
    const struct bpf_packet *p = m->packet;
    if (offset > p->size || size > p->size - offset) {
        m->has_failed = true;
        return 0;
    }
    p->copy(p->context, offset, bytes + sizeof(bytes) - size, size);
    return read_be32(bytes);
}

static size_t size_of(const struct bpf_instruction *i)
{
    switch (i->code & SIZE_MASK) {
    case SIZE_H: return 2;
    case SIZE_B: return 1;
    default: return 4;
    }
}

static uint32_t load(struct machine *m, const struct bpf_instruction *i)
{
    switch (i->code & MODE_MASK) {
    case ABS: return fetch(m, i->k, size_of(i));
    case IND: return fetch(m, (uint64_t)m->x + i->k, size_of(i));
    case MEM: return m->memory[i->k];
    case LEN: return (uint32_t)m->packet->size;
    case MSH: return (fetch(m, i->k, 1) & 0xf) * 4; // the size of an IPv4 header
    default: return i->k;
    }
}

static void operate(struct machine *m, const struct bpf_instruction *i)
{
    enum { SHIFT_MASK = 31 };
    uint32_t k = (i->code & SOURCE_X) != 0 ? m->x : i->k;
    unsigned op = (i->code & OP_MASK) >> 4;
    if ((op == DIV || op == MOD) && k == 0) {
        m->has_failed = true;
        return;
    }
    switch (op) {
    case ADD: m->a += k; break;
    case SUB: m->a -= k; break;
    case MUL: m->a *= k; break;
    case DIV: m->a /= k; break;
    case OR: m->a |= k; break;
    case AND: m->a &= k; break;
    case LSH: m->a <<= k & SHIFT_MASK; break;
    case RSH: m->a >>= k & SHIFT_MASK; break;
    case NEG: m->a = -m->a; break;
    case MOD: m->a %= k; break;
    default: m->a ^= k; break;
    }
}

// Instructions to pass over.
static uint32_t jump(const struct machine *m, const struct bpf_instruction *i)
{
    uint32_t k = (i->code & SOURCE_X) != 0 ? m->x : i->k;
    bool holds = false;
    switch ((i->code & OP_MASK) >> 4) {
    case JA: return i->k;
    case JEQ: holds = m->a == k; break;
    case JGT: holds = m->a > k; break;
    case JGE: holds = m->a >= k; break;
    default: holds = (m->a & k) != 0; break;
    }
    return holds ? i->jump_true : i->jump_false;
}

// All but jumps and the end.
static void step(struct machine *m, const struct bpf_instruction *i)
{
    switch (i->code & CLASS_MASK) {
    case LD: m->a = load(m, i); break;
    case LDX: m->x = load(m, i); break;
    case ST: m->memory[i->k] = m->a; break;
    case STX: m->memory[i->k] = m->x; break;
    case ALU: operate(m, i); break;
    default:
        if ((i->code & TXA) != 0) {
            m->a = m->x;
        } else {
            m->x = m->a;
        }
    }
}

uint32_t bpf_run(const struct bpf_instruction *program, const struct bpf_packet *p)
{
    struct machine m = {.packet = p};
    for (const struct bpf_instruction *i = program; !m.has_failed; i++) {
        unsigned class = i->code & CLASS_MASK;
        if (class == RET) {
            return (i->code & RET_A) != 0 ? m.a : i->k;
        }
        if (class == JMP) {
            i += jump(&m, i);
        } else {
            step(&m, i);
        }
    }
    return 0;
}
