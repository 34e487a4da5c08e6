# SPDX-License-Identifier: Apache-2.0
# The sysroot: musl as the C library, what the compiler calls (compiler-rt), our headers.  Programs are
# compiled against it with tools/swos-cc.  third_party/musl holds our part of musl.

SYSROOT   := $B/sysroot
SWOS_CC   := SWOS_BUILD=$(abspath $B) tools/swos-cc
JOBS      := $(shell nproc)
AR        := llvm-ar-$(LLVM)

# --- sources: musl's tree with our architecture in it ---------------------------------------------
# Files keep the times that musl gave them, so that only what differs is compiled anew.
MUSL         := $B/third_party/musl
MUSL_PATCHES := $(sort $(wildcard third_party/musl/patches/*.patch))
MUSL_OURS    := $(sort $(shell find third_party/musl/src -name '*.c'))
NATIVE_H     := user/libswos/swiftos.h
MUSL_NUMBERS := $B/gen/abi/gen/syscall_numbers.h

$(MUSL)/.unpacked: $B/lock/musl $(MUSL_PATCHES) | bootstrap
	$(call say,FETCH,musl)
	$Qtools/fetch --unpack $(MUSL) musl >/dev/null
	$Qfor p in $(MUSL_PATCHES); do patch -s -f -p1 -d $(MUSL) <$$p || exit 1; done
	@touch $@
$(MUSL)/.ready: $(MUSL)/.unpacked $(MUSL_OURS) third_party/musl/prepare $(wildcard third_party/musl/*.awk) \
                $(NATIVE_H) abi/network.h abi/rights.h abi/spawn.h abi/clock_page.h $(GEN)
	$Qthird_party/musl/prepare $(MUSL) $(MUSL_NUMBERS)
	@touch $@

# --- headers ---------------------------------------------------------------------------------------
# Those of the kernel's interface lie in include/swos and name each other there; <swiftos.h> is what the C
# library has beyond POSIX.
ABI_H := $(sort $(filter-out abi/bootinfo.h,$(wildcard abi/*.h)))
$(SYSROOT)/.headers: $(MUSL)/.ready $(ABI_H) $(NATIVE_H) $(GEN) mk/libc.mk
	$(call say,HEADERS,$(@D)/include)
	@rm -rf $(@D)/include.new && mkdir -p $(@D)/include.new/swos/gen $(@D)/lib $B/libc/obj/include/bits
	$Qenv -u MAKEFLAGS -u MAKELEVEL $(MAKE) -s -C $B/libc -f $(abspath $(MUSL))/Makefile $(MUSL_MAKE) \
	    obj/include/bits/alltypes.h obj/include/bits/syscall.h
	$Qcp -r $(MUSL)/include/. $(@D)/include.new
	$Qcp -r $(MUSL)/arch/generic/bits $(MUSL)/arch/swos/bits $B/libc/obj/include/bits $(@D)/include.new
	@rm -f $(@D)/include.new/*.in $(@D)/include.new/bits/*.in $(@D)/include.new/bits/*.made
	$Qfor h in $(ABI_H:abi/%=%) gen/syscall_numbers.h gen/syscall_stubs.h; do \
	    f=abi/$$h; [ -e $$f ] || f=$B/gen/abi/$$h; \
	    sed 's|#include "abi/\(.*\)"|#include <swos/\1>|' $$f >$(@D)/include.new/swos/$$h || exit 1; done
	$Qsed 's|#include "abi/\(.*\)"|#include <swos/\1>|' $(NATIVE_H) >$(@D)/include.new/$(notdir $(NATIVE_H))
	@rm -rf $(@D)/include && mv $(@D)/include.new $(@D)/include && touch $@

# --- libraries -------------------------------------------------------------------------------------
# What musl's configure would find out, and flags as swos-cc has them.
MUSL_CFLAGS := --target=aarch64-none-elf -O2 -fomit-frame-pointer -fno-unwind-tables \
    -fno-asynchronous-unwind-tables -fPIE -fstack-protector-strong -mbranch-protection=bti \
    -mno-outline-atomics -ffunction-sections -fdata-sections -w -Werror=implicit-function-declaration \
    -Werror=int-conversion -Werror=incompatible-pointer-types -Qunused-arguments \
    -ffile-prefix-map=$(abspath $(MUSL))=musl -idirafter $(CURDIR)
MUSL_MAKE   := srcdir=$(abspath $(MUSL)) ARCH=swos CC='$(CC)' AR=$(AR) RANLIB=true SHARED_LIBS= ALL_TOOLS= \
    TOOL_LIBS= CFLAGS_AUTO='$(MUSL_CFLAGS)' CFLAGS_NOSSP=-fno-stack-protector \
    CFLAGS_C99FSE='-std=c99 -nostdinc -ffreestanding -frounding-math -fno-strict-aliasing' \
    OPTIMIZE_GLOBS='internal/*.c malloc/*.c string/*.c'
MUSL_LIBS   := libc libm librt libpthread libcrypt libutil libxnet libresolv libdl
MUSL_CRT    := crt1 rcrt1 Scrt1 crti crtn

$B/libc/.built: $(SYSROOT)/.headers $(MUSL)/.ready mk/libc.mk
	$(call say,MUSL,$B/libc)
	$Qenv -u MAKEFLAGS -u MAKELEVEL $(MAKE) -s -j$(JOBS) -C $(@D) -f $(abspath $(MUSL))/Makefile $(MUSL_MAKE) all
	@touch $@

# Of compiler-rt what is neither for other machines nor for other systems.
BUILTINS     := $B/third_party/compiler-rt
BUILTINS_NOT := apple_versioning atomic_% crtbegin crtend emutls enable_execute_stack eprintf fp_mode \
    gcc_personality_v0 os_version_check trampoline_setup %bf2 divxc3 mulxc3 powixf2 extendxftf2 \
    trunctfxf2 fixxf% fixunsxf% floatdixf floattixf floatundixf floatuntixf
builtins-c    = $(filter-out $(BUILTINS_NOT:%=$(BUILTINS)/lib/builtins/%.c), \
    $(wildcard $(BUILTINS)/lib/builtins/*.c)) $(BUILTINS)/lib/builtins/aarch64/fp_mode.c
BUILTINS_CC  := $(SWOS_CC) -O2 -w -fvisibility=hidden -fomit-frame-pointer $(REPRODUCIBLE) \
    -DCRT_HAS_128BIT -DCRT_HAS_TF_MODE

$(BUILTINS)/.unpacked: $B/lock/compiler-rt | bootstrap
	$(call say,FETCH,compiler-rt)
	$Qtools/fetch --unpack $(BUILTINS) compiler-rt >/dev/null
	@touch $@
$B/libc/.builtins: $(BUILTINS)/.unpacked $(MUSL)/.unpacked tools/swos-cc mk/libc.mk | $(SYSROOT)/.headers
	$(call say,CRT,$B/libc/builtins)
	@rm -rf $B/libc/builtins && mkdir -p $B/libc/builtins
	$Qprintf '%s\n' $(builtins-c) | xargs -P $(JOBS) -I FILE sh -c \
	    'f=$${1##*/}; $(BUILTINS_CC) -c $$1 -o $B/libc/builtins/$${f%.c}.o' - FILE
	@touch $@

$(SYSROOT)/.ready: $B/libc/.built $B/libc/.builtins
	@mkdir -p $(@D)/lib
	$Qcp $(MUSL_LIBS:%=$B/libc/lib/%.a) $(MUSL_CRT:%=$B/libc/lib/%.o) $(@D)/lib
	@rm -f $(@D)/lib/libcompiler_rt.a
	$Q$(AR) rcsD $(@D)/lib/libcompiler_rt.a $B/libc/builtins/*.o
	@touch $@

.PHONY: sysroot
sysroot: $(SYSROOT)/.ready ## C library, headers and start files for programs: what tools/swos-cc needs

# --- programs with the C library -------------------------------------------------------------------
# user/bin holds the tools, one a file, and user/lib what they share; of user/tests those with names that
# begin with libc_ or posix_ are such programs.  All may use what lib/ has.
POSIX_CFLAGS := -std=gnu23 -O2 -I. -I$B/gen $(PICOHTTP_INCLUDE) $(WARNINGS) $(REPRODUCIBLE) -g
POSIX_TESTS  := $(patsubst user/tests/%.c,%,$(sort $(wildcard user/tests/libc_*.c user/tests/posix_*.c)))
POSIX_BIN    := $(patsubst user/bin/%.c,%,$(sort $(wildcard user/bin/*.c)))
POSIX_C      := $(POSIX_BIN:%=user/bin/%.c) $(POSIX_TESTS:%=user/tests/%.c) \
                $(sort $(wildcard $(POSIX_FOLDERS:%=user/%/*.c)))
DEPS         += $(POSIX_C:%.c=$B/posix/%.c.d)

POSIX_LIB    := $(sort $(wildcard user/lib/*.c))
DEPS         += $(POSIX_LIB:%.c=$B/posix/%.c.d)
$B/posix/lib.a: $(POSIX_LIB:%=$B/posix/%.o) $(LIB_C:%=$B/user/obj/%.o)
	$(call say,AR,$@)
	@mkdir -p $(@D) && rm -f $@
	$Q$(AR) rcsD $@ $^
$B/posix/%.c.o: %.c $(MUSL)/.unpacked tools/swos-cc $(MAKEFILE_LIST) | bootstrap $(GEN) $(SYSROOT)/.headers
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(SWOS_CC) $(POSIX_CFLAGS) -MMD -MP -c $< -o $@

define posix-program # $1 where it goes below the build folder, $2 sources
$B/posix/$1.elf: $(patsubst %,$B/posix/%.o,$2) $B/posix/lib.a $(SYSROOT)/.ready
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$Q$(SWOS_CC) $$(filter %.o %.a,$$^) -o $$@
$B/$1: $B/posix/$1.elf
	@mkdir -p $$(@D)
	$Q$(OBJCOPY) --strip-all $$< $$@
endef
$(foreach p,$(POSIX_BIN),$(eval $(call posix-program,user/bin/$p,user/bin/$p.c)))
$(foreach p,$(POSIX_TESTS),$(eval $(call posix-program,user/$p,user/tests/$p.c)))
$(foreach p,$(POSIX_FOLDERS),$(eval $(call posix-program,user/bin/$p,$(sort $(wildcard user/$p/*.c)))))

.PHONY: user-tools
user-tools: $(POSIX_BIN:%=$B/user/bin/%) $(POSIX_FOLDERS:%=$B/user/bin/%) ## the native tools of user/bin

# How the checks compile them, once the headers are there.
POSIX_CHECK_FLAGS = --target=aarch64-none-elf -nostdlibinc -isystem $(SYSROOT)/include -D__swos__=1 \
    $(POSIX_CFLAGS)
POSIX_TEST_C      = $(filter user/tests/%,$(POSIX_C)) user/tests/check.h
POSIX_CHECKED     = $(POSIX_TEST_C) $(NATIVE_H) \
    $(filter user/bin/% user/lib/% $(POSIX_FOLDERS:%=user/%/%),$(ALL_C) $(ALL_H))
$(POSIX_CHECKED:%=$B/check/tidy/%.ok) $(POSIX_CHECKED:%=$B/check/header/%.ok): | $(SYSROOT)/.headers

# --- a program of somebody else: the benchmark that all systems are compared with -------------------
#: POSIXBENCH=FILE  source of the benchmark that `make posixbench` compiles
POSIXBENCH ?= ../shared/peers/bench/posixbench.c
.PHONY: posixbench
posixbench: $(SYSROOT)/.ready ## the POSIX benchmark POSIXBENCH, unmodified, as build/user/posixbench
	@mkdir -p $B/user
	$Q$(SWOS_CC) -O2 -o $B/user/posixbench $(POSIXBENCH)

build: user-tools
