# SPDX-License-Identifier: Apache-2.0
# Builds swift-os.  `make help` lists targets and variables; mk/ holds what is not the image itself.
#
# A folder's *.c are its sources, so a new file needs no line here.  Three variants of one kernel:
#   release  what ships
#   test     release with the in-kernel tests linked in
#   checked  test with UBSan, lock-rank checks and fault injection

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

B        ?= build
VARIANTS := release test checked
LLVM     ?= 19
CC       := clang-$(LLVM)
LD       := ld.lld-$(LLVM)
OBJCOPY  := llvm-objcopy-$(LLVM)
PYTHON   := /usr/bin/python3
Q        := $(if $(V),,@)
say       = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2))

# --- sources ------------------------------------------------------------------------------------
# Folders in the order of their level, see kernel/LAYERS.
KERNEL_DIRS := core mm object ipc dev block net vfs fs drv proc syscall init
LIB_C    := $(sort $(wildcard lib/*/*.c))
# What C expects of a library.  The kernel has faster memory functions of its own.
LIBC_C   := $(sort $(wildcard lib/base/freestanding/*.c))
KERNEL_C := $(sort $(foreach d,$(KERNEL_DIRS),$(wildcard kernel/$d/*.c kernel/$d/*/*.c)))
KERNEL_C := $(foreach f,$(KERNEL_C),$(if $(findstring /test/,$f),,$f))
ARCH_C   := $(sort $(wildcard kernel/arch/arm64/*.c kernel/arch/arm64/*.S))
MAIN_C   := $(wildcard kernel/main.c)
UNIT_C   := $(sort $(wildcard lib/*/test/*_test.c kernel/*/test/*_test.c kernel/*/*/test/*_test.c))
# Folders of user/ that are a program each with the C library, as user/bin holds those of one file.
POSIX_FOLDERS := httpd swos-netd swos-resolver
KTEST_C  := $(sort $(wildcard kernel/test/*.c)) $(UNIT_C) \
            $(filter-out tests/harness/host.c,$(sort $(wildcard tests/harness/*.c)))
GEN      := $B/gen/syscall_table.c
IMAGE_C  := $(LIB_C) $(filter-out %/memory.c,$(LIBC_C)) $(ARCH_C) $(KERNEL_C) $(MAIN_C) $(GEN)

# --- flags --------------------------------------------------------------------------------------
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wswitch \
            -Wthread-safety -Werror
# Nothing of where the tree lies or the objects go may reach the output.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=.
COMMON   := -std=c23 -I. $(WARNINGS) $(REPRODUCIBLE) -g -fno-omit-frame-pointer -fno-common
TARGET   := --target=aarch64-none-elf -march=armv8-a -mgeneral-regs-only -mno-outline-atomics
KFLAGS   := $(TARGET) $(COMMON) -O2 -ffreestanding -nostdlibinc -fPIE -fvisibility=hidden \
            -mbranch-protection=bti -fdirect-access-external-data -ffunction-sections -fdata-sections \
            -Ikernel/arch/arm64/inc -I$B/gen
KLDS     := kernel/arch/arm64/kernel.lds
RELOCS   ?= relr# how the image stores its relocations: none or relr
KLDFLAGS := -pie --no-dynamic-linker -z text -z norelro -z max-page-size=4096 --gc-sections \
            --build-id=none --pack-dyn-relocs=$(RELOCS)
UBSAN    := -fsanitize=undefined -fno-sanitize=function -fsanitize-trap=all

CONFIG_release := release
CONFIG_test    := release
CONFIG_checked := checked
FLAGS_checked  := $(UBSAN)
# The driver to copy from is built for its tests only.
SOURCES_release := $(filter-out kernel/drv/skeleton/%,$(IMAGE_C)) $(wildcard kernel/variant/release/*.c)
SOURCES_test    := $(SOURCES_release) $(wildcard kernel/drv/skeleton/*.c) $(KTEST_C)
SOURCES_checked := $(IMAGE_C) $(wildcard kernel/variant/checked/*.c) $(KTEST_C)
# More flags for single files of the kernel: kflags-PATH := ...
# What runs before the MMU is on sees device memory.
kflags-kernel/arch/arm64/boot.c := -mstrict-align
kflags-lib/fdt/fdt.c := -mstrict-align
kflags-lib/cmdline/cmdline.c := -mstrict-align
# What runs once, when something went wrong, or at the pace of people is built for size.
SMALL := kernel/init/% kernel/dev/% kernel/fs/devfs/% kernel/fs/swosbase/% \
         $(addprefix lib/,base64/% cmdline/% crash/% fmt/% ksym/% log/% pci/% swosbase/% tty/%) \
         $(addprefix kernel/core/,panic.c log.c symbol.c random.c cpu.c) \
         $(addprefix kernel/mm/,kmap.c kthread.c memmap.c remap.c) \
         $(addprefix kernel/proc/,describe.c job.c) kernel/vfs/lock.c kernel/vfs/rename.c \
         $(addprefix kernel/syscall/,affinity.c copy.c fcntl.c host.c identity.c limit.c place.c \
           record.c system.c time.c)
small-of  = $(if $(filter $(SMALL),$1),-Os)
flags-of  = $(if $(filter lib/%,$1),$(if $(findstring /test/,$1),,-Wconversion))

# --- from tables --------------------------------------------------------------------------------
$(GEN): abi/syscalls.tbl abi/status.h abi/rights.h tools/gen_syscalls | bootstrap
	$(call say,GEN,$@)
	$Qtools/gen_syscalls $< $B/gen
	@touch $@

.PHONY: docs
docs: ## the parts of docs/ that are made from tables
	$Qtools/gen_syscalls --reference abi/syscalls.tbl >docs/system-calls.md

# --- kernel -------------------------------------------------------------------------------------
# The image holds the table of its own function names.  Text comes before it in the image, so a
# link without names gives the addresses, and the second link must agree with the first.
define variant
OBJECTS_$1 := $$(SOURCES_$1:%=$B/$1/obj/%.o)
DEPS       += $$(OBJECTS_$1:.o=.d)

$B/$1/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap $(GEN)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$Q$(CC) $(KFLAGS) -Ikernel/variant/$$(CONFIG_$1) $$(FLAGS_$1) $$(call flags-of,$$<) $$(call small-of,$$<) $$(kflags-$$<) -MMD -MP \
	    -c $$< -o $$@
$B/$1/obj/%.S.o: %.S $(MAKEFILE_LIST) | bootstrap $(GEN)
	$$(call say,AS,$$@)
	@mkdir -p $$(@D)
	$Q$(CC) $(KFLAGS) -Ikernel/variant/$$(CONFIG_$1) -MMD -MP -c $$< -o $$@
$B/$1/kernel.elf: $$(OBJECTS_$1) $(KLDS) tools/ksyms $(MAKEFILE_LIST)
	$$(call say,LD,$$@)
	$Qtools/link-kernel $$@ $(LD) $(KLDFLAGS) -T $(KLDS) $$(filter %.o,$$^)
$B/$1/kernel.img: $B/$1/kernel.elf
	$$(call say,IMAGE,$$@)
	$Q$(OBJCOPY) -O binary $$< $$@
.PHONY: kernel-$1
kernel-$1: $B/$1/kernel.img
endef
$(foreach v,$(VARIANTS),$(eval $(call variant,$v)))

# --- what an operator types ---------------------------------------------------------------------
# Lines that begin with "#:" and the text behind "##" are what `make help` prints.
#: SMP=N          CPUs of the guest (1)
#: MEM=SIZE       its memory (256M)
#: CPU=MODEL      QEMU's name of the CPU (cortex-a72)
#: MACHINE=OPTS   options of -M virt, as gic-version=3,virtualization=on
#: NET=WHAT       a network card: 1 (the default); 0, none; tcp::8080-:80, with ports of this host
#: DISK=FILE      a raw disk image as virtio-blk
#: BUS=pci        virtio devices on PCI instead of at fixed addresses
#: UEFI=1         start through the firmware and our loader
#: CMDLINE=TEXT   kernel command line
#: ICOUNT=1       count instructions: virtual time follows them exactly
#: DRYRUN=1       print the QEMU command line instead of running it
#: VARIANT=NAME   release, test or checked (release)
#: B=FOLDER       where everything is built (build)
#: V=1            print every command
SMP     ?= 1
MEM     ?= 256M
CPU     ?= cortex-a72
VARIANT ?= release
NET     ?= 1
GUEST_OPTIONS = --smp $(SMP) --mem $(MEM) --cpu $(CPU) --kernel $B/$(VARIANT)/kernel.img \
    $(if $(MACHINE),--machine $(MACHINE)) $(if $(DISK),--disk $(DISK)) $(if $(BUS),--bus $(BUS)) $(if $(UEFI),--uefi) \
    $(addprefix --net=,$(filter-out 0 1,$(NET))) $(if $(filter 1,$(NET)),--net) \
    $(if $(ICOUNT),--icount) $(if $(DRYRUN),--dry-run) $(if $(CMDLINE),--append '$(CMDLINE)')

.PHONY: help build bootstrap tools-check clean
help: ## this list
	@echo 'make TARGET [VARIABLE=VALUE]...'; echo; echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(filter-out %.d,$(MAKEFILE_LIST)) | sort | \
	    while IFS='|' read -r name text; do printf '  %-14s %s\n' "$$name" "$$text"; done
	@echo; echo 'Variables:'; sed -n 's/^#: /  /p' $(filter-out %.d,$(MAKEFILE_LIST))
build: $(VARIANTS:%=kernel-%) ## every variant of the kernel, the loader and the base image

bootstrap: # cheap enough to run at every make
	@tools/bootstrap
tools-check: ## whether every program that the build needs is there; installs nothing
	@tools/bootstrap --check && echo 'Nothing is missing.'
clean: ## removes everything that was built; the cache of source tarballs stays
	rm -rf $B

# --- testing ------------------------------------------------------------------------------------
.PHONY: test guest-test bench bench-network
test: bootstrap ## the whole suite; ends with a line `N passed, N failed`
	+@MAKE='$(MAKE)' SWOS_BUILD=$B tools/run-tests
guest-test: $(VARIANTS:%=kernel-%) uefi base-image ## the tests that boot the system in QEMU
	+@MAKE='$(MAKE)' SWOS_BUILD=$B tools/run-tests guest
bench: kernel-release kernel-test base-image ## what things cost, in instructions, beside what they may cost; then bench-network
	@SWOS_BUILD=$B tools/bench
	@SWOS_BUILD=$B tools/bench-network $(if $(LINUX),--linux $(LINUX))
#: LINUX=FOLDER    a Linux that bench-network compares with; tools/bench-network says what it has
bench-network: kernel-release base-image ## requests a second and throughput from outside
	@SWOS_BUILD=$B tools/bench-network $(if $(LINUX),--linux $(LINUX))

#: TIME=SECONDS   how long make fuzz-syscalls runs (60)
#: SEED=N         what it starts from; the first line of its output has it
TIME ?= 60
SEED ?= $(shell date +%s)
.PHONY: fuzz-syscalls
fuzz-syscalls: kernel-checked base-image ## random system calls on four CPUs, for TIME seconds of the guest
	@SWOS_BUILD=$B tools/guest --smp 4 --kernel $B/checked/kernel.img --log $B/fuzz-syscalls.log \
	    --timeout $$(($(TIME) * 10 + 60)) -- /bin/syscall_fuzz $(SEED) $(TIME)

.PHONY: measure reproducible
measure: kernel-release ## sizes of files, functions and images beside what they should be
	@tools/measure.py $B
reproducible: bootstrap ## builds twice in different folders and compares the bytes
	@tools/reproducible

# --- running ------------------------------------------------------------------------------------
GUEST_TOOL = SWOS_BUILD=$B tools/qemu.py $(GUEST_OPTIONS)
GDB_PORT ?= 1234
# Where the kernel lies without address randomisation, see kernel/mm/layout.h.
KERNEL_BASE := 0xffffa00000000000

.PHONY: run debug gdb run-gfx uefi-run
run: kernel-$(VARIANT) $(if $(UEFI),uefi) base-image ## boots at this terminal; Ctrl-A X ends it
	@$(GUEST_TOOL)
uefi-run: kernel-$(VARIANT) uefi base-image ## the same through the firmware and our loader
	@$(GUEST_TOOL) --uefi
debug: kernel-$(VARIANT) base-image ## boots, but waits for `make gdb` before the first instruction
	@$(GUEST_TOOL) --append nokaslr --gdb $(GDB_PORT)
gdb: ## debugger on the guest of `make debug`
	@command -v gdb-multiarch >/dev/null || { echo 'Install it: apt-get install gdb-multiarch'; exit 1; }
	gdb-multiarch -ex 'add-symbol-file $B/$(VARIANT)/kernel.elf -o $(KERNEL_BASE)' \
	    -ex 'target remote 127.0.0.1:$(GDB_PORT)'
run-gfx: ## a window with a framebuffer; not there yet
	@echo 'run-gfx comes with the framebuffer driver; use make run.' >&2; exit 1

-include $(wildcard mk/*.mk)
-include $(sort $(DEPS))
