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

# Functions with a contract (ACSL, docs/decisions/043).
PROVED := lib/handle/rights.c lib/handle/slots.c

.PHONY: prove prove-sequences prove-contracts
host-programs: $B/prove/handles
prove: prove-sequences prove-contracts ## handle tables: tries every sequence of DEPTH operations, proves contracts
prove-sequences: $B/prove/handles
	$Q$< $(DEPTH)
# Not in the suite: a loaded machine makes provers give up.
prove-contracts: | bootstrap $(GEN)
	$QCC=$(CC) tools/contracts $B/prove $(PROVED) -- -I. -I$B/gen -include tests/prove/assumed.h
