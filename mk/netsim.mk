# SPDX-License-Identifier: Apache-2.0
# Simulated networks: connections over links that lose, delay and reorder, in virtual time.  What they
# reach is a table in the tree that the tests compare with; a change of lib/tcp that is meant to change
# it writes it anew by netsim-update.

NETSIM_C     := $(filter-out %_test.c %/main.c %/tun.c,$(wildcard tests/netsim/*.c))
NETSIM_TABLE := tests/netsim/table.txt

$(eval $(call host-test,netsim_test,$(LIB_C) $(NETSIM_C) $(wildcard tests/netsim/*_test.c) \
    $(HARNESS_C)))

# The table's printer, and the same links in real time between kernels.
NETSIM_PROGRAMS := $B/host/netsim $B/host/tun
$B/host/netsim: $B/host/obj/tests/netsim/main.c.o
$B/host/tun: $B/host/obj/tests/netsim/tun.c.o
DEPS += $B/host/obj/tests/netsim/main.c.d $B/host/obj/tests/netsim/tun.c.d
$(NETSIM_PROGRAMS): $(patsubst %,$B/host/obj/%.o,$(LIB_C) $(NETSIM_C))
	$(call say,HOSTLD,$@)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -fsanitize=address,undefined $^ -o $@

host-programs: $(NETSIM_PROGRAMS)

.PHONY: netsim netsim-update
netsim: $B/host/netsim ## goodput over loss, delay, buffers and reordering, in a simulated network
	@$<
netsim-update: $B/host/netsim ## makes that the table which the tests compare with
	$Q$< >$(NETSIM_TABLE).new && mv $(NETSIM_TABLE).new $(NETSIM_TABLE)
