# SPDX-License-Identifier: Apache-2.0
# What surrounds the kernel in an image: user programs, the base image, the UEFI loader, the disk.

# --- user programs: each folder of user/ is one, and sees abi/ and lib/ only -------------------
USER_FLAGS    := --target=aarch64-none-elf -march=armv8-a $(COMMON) -O2 -ffreestanding \
                 -nostdlibinc -fPIE -fvisibility=hidden -ffunction-sections -fdata-sections \
                 -I$B/gen
USER_LDFLAGS  := -pie --no-dynamic-linker -z max-page-size=4096 -z noexecstack -z text \
                 --gc-sections --build-id=none -e _start
USER_PROGRAMS := $(sort $(foreach f,$(wildcard user/*/*.c user/*/*.S),$(word 2,$(subst /, ,$f))))

$B/user/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(USER_FLAGS) $(call flags-of,$<) -MMD -MP -c $< -o $@
$B/user/obj/%.S.o: %.S $(MAKEFILE_LIST) | bootstrap
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(USER_FLAGS) -MMD -MP -c $< -o $@

define user-program
OBJECTS_user_$1 := $(patsubst %,$B/user/obj/%.o,$(sort $(wildcard user/$1/*.c user/$1/*.S)) \
                     $(LIB_C) $(LIBC_C))
DEPS += $$(OBJECTS_user_$1:.o=.d)
$B/user/obj/$1.elf: $$(OBJECTS_user_$1)
	$$(call say,LD,$$@)
	$Q$(LD) $(USER_LDFLAGS) $$^ -o $$@
$B/user/$1: $B/user/obj/$1.elf
	$Q$(OBJCOPY) --strip-all $$< $$@
endef
$(foreach p,$(USER_PROGRAMS),$(eval $(call user-program,$p)))

# --- base image ---------------------------------------------------------------------------------
BASE_LIST  := user/base.list
BASE_FILES := $(if $(wildcard $(BASE_LIST)),$(patsubst @%,$B/%,$(shell \
                sed -n 's/^file  *[^ ]*  *\([^ \#]*\).*/\1/p' $(BASE_LIST))))
$B/base.img: $(BASE_LIST) tools/mkbase $(BASE_FILES)
	$(call say,BASE,$@)
	$Qtools/mkbase --build $B $< $@

# --- UEFI loader --------------------------------------------------------------------------------
LOADER_C     := $(sort $(wildcard boot/*.c boot/arch/arm64/*.c boot/arch/arm64/*.S)) $(LIB_C) \
                $(LIBC_C)
LOADER_FLAGS := --target=aarch64-unknown-windows -march=armv8-a -mgeneral-regs-only -std=c23 -I. \
                $(WARNINGS) $(REPRODUCIBLE) -Os -ffreestanding -nostdlibinc -fshort-wchar \
                -mno-stack-arg-probe -ffunction-sections -fdata-sections
LOADER_OBJECTS := $(LOADER_C:%=$B/boot/obj/%.o)
DEPS += $(LOADER_OBJECTS:.o=.d)

$B/boot/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(LOADER_FLAGS) $(call flags-of,$<) -MMD -MP -c $< -o $@
$B/boot/obj/%.S.o: %.S $(MAKEFILE_LIST) | bootstrap
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(LOADER_FLAGS) -MMD -MP -c $< -o $@
$B/boot/BOOTAA64.EFI: $(LOADER_OBJECTS)
	$(call say,LD,$@)
	$Qlld-link-$(LLVM) /subsystem:efi_application /entry:efi_main /nodefaultlib /opt:ref /opt:icf \
	    /Brepro /out:$@ $^

# --- disk: GPT, boot volume with loader, kernel, base image -------------------------------------
$B/disk.img: $B/boot/BOOTAA64.EFI $B/$(VARIANT)/kernel.img $B/base.img tools/mkdisk FORCE
	$(call say,DISK,$@)
	$Qtools/mkdisk --loader $B/boot/BOOTAA64.EFI --kernel $B/$(VARIANT)/kernel.img \
	    --base $B/base.img --cmdline '$(CMDLINE)' $@

.PHONY: base-image uefi disk disk-run FORCE
base-image: $B/base.img ## the archive with the user programs
uefi: $B/boot/BOOTAA64.EFI ## the UEFI loader
disk: $B/disk.img ## a bootable GPT disk; kernel variant VARIANT, options CMDLINE
disk-run: disk ## boots that disk by UEFI; what the guest writes to it stays in build/disk.img
	@$(GUEST_TOOL) --boot-disk $B/disk.img
build: base-image $(if $(wildcard boot/*.c),uefi)
