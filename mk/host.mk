# SPDX-License-Identifier: Apache-2.0
# What runs on the machine that builds: unit tests under sanitizers, and fuzzers.

# Coverage for the fuzzers is in every object, so that tests and fuzzers share them.
HOST_FLAGS  := $(COMMON) -O1 -D_GNU_SOURCE -fsanitize=address,undefined,fuzzer-no-link \
               -fno-sanitize-recover=all
HOST_CONFIG := -I$B/gen -Ikernel/arch/host/inc -Ikernel/variant/checked
HARNESS_C   := $(wildcard tests/harness/*.c)

# The machine-independent kernel and its tests, as kernel/host.list names them.
HOST_KERNEL_C := $(sort $(wildcard kernel/arch/host/*.c $(if $(wildcard kernel/host.list),\
                   $(shell sed 's/\#.*//' kernel/host.list))))

$B/host/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(HOST_FLAGS) $(HOST_CONFIG) $(call flags-of,$<) -MMD -MP -c $< -o $@

comma := ,
HOST_TESTS :=
define host-test # $1 name, $2 sources, $3 linker flags
HOST_TESTS += $B/host/$1
DEPS       += $(patsubst %,$B/host/obj/%.d,$2)
$B/host/$1: $(patsubst %,$B/host/obj/%.o,$2)
	$$(call say,HOSTLD,$$@)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -fsanitize=address,undefined $3 $$(filter %.o,$$^) -o $$@
endef
$(eval $(call host-test,lib_test,$(LIB_C) $(filter lib/%,$(UNIT_C)) $(HARNESS_C)))
ifneq ($(HOST_KERNEL_C),)
# The simulated machine has a main of its own.
KERNEL_TEST_HARNESS := $(filter-out %/host.c,$(HARNESS_C))
$(eval $(call host-test,kernel_test,$(LIB_C) $(HOST_KERNEL_C) \
    $(KERNEL_TEST_HARNESS),-Wl$(comma)-T$(comma)kernel/arch/host/host.lds))
$B/host/kernel_test: kernel/arch/host/host.lds
endif

# One fuzzer a file; each keeps what it found in build/fuzz/corpus and starts from tests/fuzz/corpus.
FUZZERS      := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
.PHONY: host-test host-programs fuzz
host-programs: $(HOST_TESTS) $(FUZZERS)
host-test: $(HOST_TESTS) ## unit tests of lib/ and of the machine-independent kernel, on this machine
	@for t in $(HOST_TESTS); do echo "  RUN     $$t"; $$t || exit 1; done

FUZZ_OBJECTS := $(LIB_C:%=$B/host/obj/%.o)
FUZZ_SECONDS ?= 60
DEPS         += $(FUZZERS:$B/fuzz/%=$B/host/obj/tests/fuzz/%.c.d)
$(FUZZERS): $B/fuzz/%: $B/host/obj/tests/fuzz/%.c.o $(FUZZ_OBJECTS)
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -fsanitize=fuzzer,address,undefined $^ -o $@
fuzz: $(FUZZERS:$B/fuzz/%=fuzz-%) ## each fuzzer for FUZZ_SECONDS (60)
fuzz-%: $B/fuzz/%
	@echo "  FUZZ    $*"; mkdir -p $B/fuzz/corpus/$*
	$Q$< -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=1024 -verbosity=0 \
	    -artifact_prefix=$B/fuzz/$*- $B/fuzz/corpus/$* $(wildcard tests/fuzz/corpus/$*)

# The native tools that need nothing of this system run on the host for their tests.
HOST_TOOLS := $(patsubst user/bin/%.c,$B/host/bin/%,$(shell grep -L 'user/lib/system.h\|abi/' \
                $(filter-out user/bin/swos-init.c,$(wildcard user/bin/*.c))))
HOST_USER_LIB := tool mode peer rtnl host/authority
$B/host/user.a: $(HOST_USER_LIB:%=$B/host/obj/user/lib/%.c.o) $(LIB_C:%=$B/host/obj/%.o)
	$(call say,AR,$@)
	@rm -f $@
	$Q$(AR) rcsD $@ $^
DEPS += $(HOST_USER_LIB:%=$B/host/obj/user/lib/%.c.d)

$B/host/bin/%: user/bin/%.c $B/host/user.a $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D) $B/host/obj/$(<D)
	$Q$(CC) -std=c23 -D_GNU_SOURCE -I. -I$B/gen $(WARNINGS) -g -O1 -fsanitize=address,undefined \
	    -fno-sanitize-recover=all -fuse-ld=lld-$(LLVM) -MMD -MP -MF $B/host/obj/$<.d $(filter %.c %.a,$^) -lm -o $@
DEPS += $(HOST_TOOLS:$B/host/bin/%=$B/host/obj/user/bin/%.c.d)
host-programs: $(HOST_TOOLS)

define host-folder # $1 name: a program of several files
$B/host/bin/$1: $(wildcard user/$1/*.[ch]) $B/host/user.a $(MAKEFILE_LIST) | bootstrap $(GEN)
	$$(call say,HOSTCC,$$@)
	@mkdir -p $$(@D)
	$Q$(CC) -std=c23 -D_GNU_SOURCE -I. -I$B/gen $(WARNINGS) -g -O1 -pthread -fsanitize=address,undefined \
	    -fno-sanitize-recover=all -fuse-ld=lld-$(LLVM) $$(filter %.c %.a,$$^) -o $$@
host-programs: $B/host/bin/$1
endef
$(foreach p,swos-netd swos-resolver,$(eval $(call host-folder,$p)))
