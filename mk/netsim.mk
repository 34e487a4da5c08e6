# SPDX-License-Identifier: Apache-2.0
# Simulated networks: connections over links that lose, delay and reorder, in virtual time.  What they
# reach is a table in the tree that the tests compare with; a change of lib/tcp that is meant to change
# it writes it anew by netsim-update.

NETSIM_C     := $(filter-out %_test.c %/main.c,$(wildcard tests/netsim/*.c))
NETSIM_TABLE := tests/netsim/table.txt

$(eval $(call host-test,netsim_test,$(LIB_C) $(NETSIM_C) $(wildcard tests/netsim/*_test.c) \
    $(HARNESS_C)))

$B/host/netsim: $(patsubst %,$B/host/obj/%.o,$(LIB_C) $(NETSIM_C) tests/netsim/main.c)
	$(call say,HOSTLD,$@)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -fsanitize=address,undefined $^ -o $@

.PHONY: netsim netsim-update
netsim: $B/host/netsim ## goodput over loss, delay, buffers and reordering, in a simulated network
	@$<
netsim-update: $B/host/netsim ## makes that the table which the tests compare with
	$Q$< >$(NETSIM_TABLE).new && mv $(NETSIM_TABLE).new $(NETSIM_TABLE)
