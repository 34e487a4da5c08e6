# SPDX-License-Identifier: Apache-2.0
# Rules that a tool can check.  Each result is a file in build/check that depends on what was read,
# so that a second run looks only at what has changed.

CHECKED_DIRS := abi lib kernel boot user tests
ALL_C        := $(sort $(shell find $(wildcard $(CHECKED_DIRS)) -name '*.c'))
ALL_H        := $(sort $(shell find $(wildcard $(CHECKED_DIRS)) -name '*.h'))

# How a file is compiled, by where it lies.
HOST_PATHS  := kernel/arch/host/% kernel/test/host/% tests/%
check-flags  = $(if $(filter $(HOST_PATHS),$1),$(COMMON) -D_GNU_SOURCE $(HOST_CONFIG),\
               $(if $(filter boot/%,$1),$(LOADER_FLAGS),$(if $(filter $(POSIX_CHECKED),$1),$(POSIX_CHECK_FLAGS),\
               $(if $(filter user/%,$1),$(USER_FLAGS),$(KFLAGS) -Ikernel/variant/checked))))

# The analyzer takes nearly all the time of the lint; this is how far it follows one function
# (clang's own default is 225000), where a few files would take ten seconds each.
TIDY_NODES ?= 30000
TIDY_DEPTH := -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)

# Tests of the C library do on purpose what programs should not.
space     := $() $()
tidy-flags = $(if $(filter $(POSIX_TEST_C),$1),--checks=$(subst $(space),$(comma),$(addprefix -,cert-err33-c \
    clang-analyzer-unix.* clang-analyzer-security.insecureAPI.vfork clang-analyzer-core.StackAddressEscape \
    bugprone-unsafe-functions bugprone-suspicious-realloc-usage misc-redundant-expression misc-no-recursion)))

TIDY_OK   := $(ALL_C:%=$B/check/tidy/%.ok)
HEADER_OK := $(ALL_H:%=$B/check/header/%.ok)
DEPS      += $(TIDY_OK:.ok=.d) $(HEADER_OK:.ok=.d)

$B/check/tidy/%.ok: % .clang-tidy $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(call check-flags,$<) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	$Qclang-tidy-$(LLVM) --quiet $(call tidy-flags,$<) $< -- $(call check-flags,$<) $(TIDY_DEPTH) 2>$(@:.ok=.log) || \
	    { cat $(@:.ok=.log) >&2; exit 1; }
	@touch $@
$B/check/header/%.ok: % $(MAKEFILE_LIST) | bootstrap $(GEN)
	@mkdir -p $(@D)
	$Q$(CC) $(call check-flags,$<) -fsyntax-only -x c -include $< /dev/null -MD -MP -MT $@ \
	    -MF $(@:.ok=.d)
	@touch $@
$B/check/format.ok: $(ALL_C) $(ALL_H) .clang-format | bootstrap
	$(call say,FORMAT,$@)
	@mkdir -p $(@D)
	$Qprintf '%s\n' $(ALL_C) $(ALL_H) | xargs -P 2 -n 16 clang-format-$(LLVM) --dry-run -Werror
	@touch $@

.PHONY: check check-layers check-format check-headers check-tidy format
check: check-layers check-format check-headers check-tidy ## layers, format, headers alone, lint
check-layers: | bootstrap
	$Qtools/check_layers.py
check-format: $B/check/format.ok
check-headers: $(HEADER_OK)
check-tidy: $(TIDY_OK)
format: | bootstrap ## rewrites the sources the way .clang-format says
	$Qprintf '%s\n' $(ALL_C) $(ALL_H) | xargs -P 2 -n 16 clang-format-$(LLVM) -i
