// SPDX-License-Identifier: Apache-2.0
/*
 * Filters of packets: the classic BSD packet filter (McCanne and Jacobson, "The BSD Packet Filter",
 * 1993), as programs compile their expressions to.
 *
 * Jumps only go forward, so a program that bpf_check lets pass ends after as many steps as it has
 * instructions, whatever the packet is.
 */
#pragma once

#include "lib/base/span.h"

enum { BPF_INSTRUCTIONS_MAX = 4096 };

struct bpf_instruction { // the layout of Linux's struct sock_filter
    uint16_t code;
    uint8_t jump_true; // instructions to pass over
    uint8_t jump_false;
    uint32_t k;
};

// Whether it can be run.  ERR_INVAL: an instruction that is none, a jump or a word of memory beyond the
// end, a division by 0, or no end.
status_t bpf_check(const struct bpf_instruction *program, size_t count);

// A packet that may lie in pieces.
struct bpf_packet {
    size_t size;
    // Copies bytes that there are.
    void (*copy)(const void *context, size_t offset, void *to, size_t size);
    const void *context;
};

// How many bytes of the packet are wanted; 0: none of it.  The program was checked.
uint32_t bpf_run(const struct bpf_instruction *program, const struct bpf_packet *p);
