# SPDX-License-Identifier: Apache-2.0
# What surrounds the kernel in an image: user programs, the base image, the UEFI loader, the disk.

# --- user programs: each folder of user/ is one, each file of user/tests is one ------------------
# All are linked with user/libswos, and with what they use of lib/.
USER_FLAGS   := --target=aarch64-none-elf -march=armv8-a $(COMMON) -O2 -ffreestanding \
                -nostdlibinc -fPIE -fvisibility=hidden -mbranch-protection=bti -ffunction-sections \
                -fdata-sections -I$B/gen
USER_LDFLAGS := -pie --no-dynamic-linker -z max-page-size=4096 -z noexecstack -z text \
                --gc-sections --build-id=none -e _start
USER_FOLDERS := $(filter-out libswos tests bin lib $(POSIX_FOLDERS),$(sort $(foreach f,$(wildcard user/*/*.c),\
                  $(word 2,$(subst /, ,$f)))))
USER_TESTS   := $(patsubst user/tests/%.c,%,$(filter-out user/tests/libc_% user/tests/posix_%,\
                  $(sort $(wildcard user/tests/*.c))))
USER_LIB     := $(patsubst %,$B/user/obj/%.o,$(sort $(wildcard user/libswos/*.[cS])) $(LIB_C) $(LIBC_C))
DEPS         += $(USER_LIB:.o=.d)

$B/user/obj/%.c.o: %.c $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(USER_FLAGS) $(call flags-of,$<) -MMD -MP -c $< -o $@
$B/user/obj/%.S.o: %.S $(MAKEFILE_LIST) | bootstrap $(GEN)
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(USER_FLAGS) -MMD -MP -c $< -o $@

define user-program # $1 name, $2 sources
OBJECTS_user_$1 := $(patsubst %,$B/user/obj/%.o,$2)
DEPS += $$(OBJECTS_user_$1:.o=.d)
$B/user/obj/$1.elf: $$(OBJECTS_user_$1) $(USER_LIB)
	$$(call say,LD,$$@)
	$Q$(LD) $(USER_LDFLAGS) $$^ -o $$@
$B/user/$1: $B/user/obj/$1.elf
	$Q$(OBJCOPY) --strip-all $$< $$@
endef
$(foreach p,$(USER_FOLDERS),$(eval $(call user-program,$p,$(sort $(wildcard user/$p/*.[cS])))))
$(foreach p,$(USER_TESTS),$(eval $(call user-program,$p,user/tests/$p.c)))

# --- base images: what ships, and the same with the test programs ------------------------------
BASE_LIST  := user/base.list user/tools.list
#: NET_IPV6_CONFIG_FILE=FILE  becomes /etc/swos/net-ipv6: address=.../64 and gateway=fe80::...
ifneq ($(NET_IPV6_CONFIG_FILE),)
BASE_LIST  += $B/etc/net-ipv6.list
$(shell mkdir -p $B/etc && echo 'file /etc/swos/net-ipv6 @etc/net-ipv6' >$B/etc/net-ipv6.list)
$B/etc/net-ipv6: $(NET_IPV6_CONFIG_FILE) FORCE
	$Qcmp -s $< $@ || cp $< $@
endif
# Which lists there are may change without any of them.
$B/etc/base.lists: FORCE
	@mkdir -p $(@D); echo '$(BASE_LIST)' | cmp -s - $@ || echo '$(BASE_LIST)' >$@
$B/base.img $B/test/base.img: $B/etc/base.lists
TEST_LIST  := user/tests/base.list
list-files  = $(patsubst @%,$B/%,$(shell sed -n 's/^file  *[^ ]*  *\([^ \#]*\).*/\1/p' $1))
$B/base.img: $(BASE_LIST) tools/basepack $B/host/sign $B/boot/key.c $(call list-files,$(BASE_LIST))
	$(call say,BASE,$@)
	$Qtools/basepack --build $B $@ $(BASE_LIST)
$B/test/base.img: $(BASE_LIST) $(TEST_LIST) tools/basepack $B/host/sign $B/boot/key.c $(call list-files,$(BASE_LIST) $(TEST_LIST))
	$(call say,BASE,$@)
	@mkdir -p $(@D)
	$Qtools/basepack --build $B $@ $(BASE_LIST) $(TEST_LIST)

# --- UEFI loader --------------------------------------------------------------------------------
# What the loader runs before anything is checked is kept small: it names what it uses of lib/.
LOADER_LIBS  := base boot cmdline fdt fmt
LOADER_C     := $(sort $(wildcard boot/*.c boot/arch/arm64/*.c boot/arch/arm64/*.S) \
                $(wildcard $(LOADER_LIBS:%=lib/%/*.c)) \
                $(LIBC_C))
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

# --- disk: GPT, boot volume with loader and kernel, base image -------------------------------------
$B/swift-os.img: $B/boot/BOOTAA64.EFI $B/$(VARIANT)/kernel.img $B/base.img $B/host/sign \
             tools/mkdisk FORCE
	$(call say,DISK,$@)
	$Qtools/mkdisk --loader $B/boot/BOOTAA64.EFI --kernel $B/$(VARIANT)/kernel.img \
	    --base-partition $B/base.img --cmdline '$(CMDLINE)' $@

.PHONY: base-image uefi disk disk-run FORCE
base-image: $B/base.img $B/test/base.img ## the signed image that the system runs from
uefi: $B/boot/BOOTAA64.EFI $B/host/sign ## the UEFI loader, and what signs what it boots
disk: $B/swift-os.img ## a bootable GPT disk; kernel variant VARIANT, options CMDLINE
disk-run: disk ## boots that disk by UEFI; what the guest writes to it stays in build/swift-os.img
	@$(GUEST_TOOL) --boot-disk $B/swift-os.img
build: base-image $(if $(wildcard boot/*.c),uefi)
