# SPDX-License-Identifier: Apache-2.0
# Machine checking of the code that authority rests on: every sequence of operations on small handle
# tables, and contracts of functions where Frama-C is installed.

PROVE_C     := $(sort $(wildcard tests/prove/*.c)) $(wildcard lib/handle/*.c) \
               kernel/object/handle.c kernel/object/object.c
PROVE_FLAGS := $(COMMON) -O2 -D_GNU_SOURCE -I$B/gen -Ikernel/arch/host/inc -Ikernel/variant/release \
               -fsanitize=undefined -fno-sanitize-recover=all
DEPS        += $(PROVE_C:%=$B/prove/obj/%.d)
#: DEPTH=N        longest sequence of operations that make prove tries (6)
DEPTH       ?= 6

$B/prove/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(PROVE_FLAGS) -MMD -MP -c $< -o $@
$B/prove/handles: $(PROVE_C:%=$B/prove/obj/%.o)
	$(call say,HOSTLD,$@)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -fsanitize=undefined $^ -o $@

.PHONY: prove
host-programs: $B/prove/handles
prove: $B/prove/handles ## checks handle tables by trying every sequence of DEPTH operations
	$Q$< $(DEPTH)
