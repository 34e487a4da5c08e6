// SPDX-License-Identifier: Apache-2.0
/* What assembly needs; <arch_inline.h> and user.c assert that it is what C has. */
#pragma once

#define FRAME_SIZE 272 // struct arch_frame: x0..x30, sp, pc, psr
#define FRAME_SP   248
#define FRAME_PC   256
#define FRAME_PSR  264

#define EMERGENCY_STACK_SIZE 8192 // per CPU, for reporting a stack overflow

#define THREAD_FLAGS         0 // struct arch_thread
#define THREAD_PERCPU        8
#define THREAD_CALLEE        16
#define THREAD_FP_REG        96
#define THREAD_SP            104
#define THREAD_PC            112
#define THREAD_CALL_ARGUMENT 144
#define THREAD_IS_CALL       152
#define THREAD_RUN_BASE      160 // and behind it `system`

#define FEATURES_HAS_PAN 0 // struct arch_features

#define USER_BITS 48 // user addresses are below 1 << USER_BITS
