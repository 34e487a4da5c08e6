# SPDX-License-Identifier: Apache-2.0
# The files of libsodium that the system is built with, for whom each is compiled, and what is
# signed with them.  third_party/libsodium holds our part of it.

SODIUM         := $B/third_party/libsodium
SODIUM_SOURCES := $(SODIUM)/src/libsodium
SODIUM_GLUE    := third_party/libsodium
SODIUM_VERIFY  := crypto_core/ed25519/ref10/ed25519_ref10 crypto_hash/sha256/cp/hash_sha256_cp \
                  crypto_hash/sha512/cp/hash_sha512_cp crypto_sign/ed25519/ref10/open \
                  crypto_sign/ed25519/ref10/sign crypto_verify/sodium/verify
SODIUM_SIGN    := $(SODIUM_VERIFY) crypto_sign/ed25519/ref10/keypair
SODIUM_KERNEL  := $(SODIUM_VERIFY) crypto_stream/chacha20/ref/chacha20_ref \
                  crypto_shorthash/siphash24/ref/shorthash_siphash24_ref
SODIUM_INCLUDE := -I$(SODIUM_SOURCES)/include -I$(SODIUM_SOURCES)/include/sodium
SODIUM_DEFINES := -DHAVE_TI_MODE=1 -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN=1 -DSODIUM_STATIC=1 \
                  -DNDEBUG=1
# Their warnings are not ours to repair.
SODIUM_FLAGS   := $(SODIUM_INCLUDE) -I$(SODIUM_SOURCES)/include/sodium/private $(SODIUM_DEFINES) -w
# Verifying runs once a boot; with -O2 two chains of squarings alone are 15 KiB.
SODIUM_SMALL   := crypto_core/ed25519/ref10/ed25519_ref10 crypto_hash/sha512/cp/hash_sha512_cp
SODIUM_STAMP   := $(SODIUM)/.unpacked

$(SODIUM_STAMP): $B/lock/libsodium $(SODIUM_GLUE)/version.sed | bootstrap
	$(call say,FETCH,libsodium)
	$Qtools/fetch --unpack $(SODIUM) libsodium >/dev/null
	$Qsed -f $(SODIUM_GLUE)/version.sed $(SODIUM_SOURCES)/include/sodium/version.h.in \
	    >$(SODIUM_SOURCES)/include/sodium/version.h
	@touch $@

define sodium # $1 object folder, $2 flags, $3 files of libsodium, $4 files of ours
SODIUM_OBJECTS_$1 := $(3:%=$B/$1/sodium/%.o) $(4:%=$B/$1/glue/%.o)
DEPS += $$(SODIUM_OBJECTS_$1:.o=.d)
$(3:%=$B/$1/sodium/%.o): $B/$1/sodium/%.o: $(SODIUM_STAMP) $(MAKEFILE_LIST)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$Q$(CC) -std=c23 -I. $2 $$(if $$(filter $$*,$(SODIUM_SMALL)),-Os) $(SODIUM_FLAGS) -MMD -MP \
	    -c $(SODIUM_SOURCES)/$$*.c -o $$@
$(4:%=$B/$1/glue/%.o): $B/$1/glue/%.o: $(SODIUM_GLUE)/%.c $(SODIUM_STAMP) $(MAKEFILE_LIST)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$Q$(CC) -std=c23 -I. $(WARNINGS) $2 $(SODIUM_INCLUDE) -isystem $(SODIUM_SOURCES) $(SODIUM_DEFINES) -MMD -MP -c $$< -o $$@
endef

# --- the loader verifies with the public half of SIGN_KEY ----------------------------------------
$(eval $(call sodium,boot,$(filter-out -std=%,$(filter-out $(WARNINGS),$(LOADER_FLAGS))) \
    -I$(SODIUM_GLUE)/include,$(SODIUM_VERIFY),crypt support))
$B/boot/BOOTAA64.EFI: $(SODIUM_OBJECTS_boot) $B/boot/obj/key.o

#: SIGN_KEY=FILE   seed of the key that signs what the loader boots (boot/development.key)
SIGN_KEY ?= boot/development.key
export SIGN_KEY := $(abspath $(SIGN_KEY))

$B/boot/key.c: $B/host/sign FORCE # SIGN_KEY may name another file than the last time
	@mkdir -p $(@D)
	$Q$< public-key $(SIGN_KEY) $@.new
	$Qif cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
$B/boot/obj/key.o: $B/boot/key.c $(MAKEFILE_LIST)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(LOADER_FLAGS) -c $< -o $@

# --- the kernel verifies the base image, and has a random generator -------------------------------
# One set of objects for all variants: the sanitizer of the checked one has no business in there.
$(eval $(call sodium,crypt,$(filter-out -std=%,$(filter-out $(WARNINGS),$(KFLAGS))) \
    -I$(SODIUM_GLUE)/include,$(SODIUM_KERNEL),crypt short stream support))
$(VARIANTS:%=$B/%/kernel.elf): $(SODIUM_OBJECTS_crypt) $B/crypt/key.o
$B/crypt/key.o: $B/boot/key.c $(MAKEFILE_LIST)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(KFLAGS) -c $< -o $@

# --- tests on this machine -------------------------------------------------------------------------
$(eval $(call sodium,host/crypt,$(HOST_FLAGS),$(SODIUM_KERNEL),crypt short stream support))
$(HOST_TESTS) $(FUZZERS) $(NETSIM_PROGRAMS): $(SODIUM_OBJECTS_host/crypt)

# --- tools/sign signs, on the machine that builds --------------------------------------------------
# keypair.c also holds what wants random numbers; it is dropped with the other unused sections.
$(eval $(call sodium,host,-O2 -D_GNU_SOURCE $(REPRODUCIBLE) -ffunction-sections,$(SODIUM_SIGN),support))
SIGN_C := tools/sign.c lib/boot/manifest.c lib/swosbase/swosbase.c
DEPS   += $(SIGN_C:%.c=$B/host/sign.obj/%.d)
$B/host/sign.obj/%.o: %.c $(SODIUM_STAMP) $(MAKEFILE_LIST)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(COMMON) -O2 -D_GNU_SOURCE $(SODIUM_INCLUDE) $(SODIUM_DEFINES) -MMD -MP -c $< -o $@
$B/host/sign: $(SIGN_C:%.c=$B/host/sign.obj/%.o) $(SODIUM_OBJECTS_host)
	$(call say,HOSTLD,$@)
	$Q$(CC) -fuse-ld=lld-$(LLVM) -Wl,--gc-sections $^ -o $@
