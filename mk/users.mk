# SPDX-License-Identifier: Apache-2.0
# Passwords: the files of libsodium that hash them, for programs with the C library and for the tool
# that makes the accounts of an image.

PASSWORD_SODIUM := $(addprefix crypto_pwhash/argon2/,argon2 argon2-core argon2-encoding \
                     argon2-fill-block-ref blake2b-long pwhash_argon2id) \
                   $(addprefix crypto_generichash/blake2b/ref/,blake2b-ref blake2b-compress-ref \
                     generichash_blake2b) \
                   crypto_hash/sha256/cp/hash_sha256_cp crypto_verify/sodium/verify sodium/codecs
PASSWORD_GLUE   := password support
PASSWORD_FLAGS  := -O2 -D_GNU_SOURCE -DHAVE_SYS_MMAN_H=1 -ffunction-sections -fdata-sections

define password # $1 object folder, $2 compiler, $3 what must be there
PASSWORD_$1 := $(PASSWORD_SODIUM:%=$B/$1/sodium/%.o) $(PASSWORD_GLUE:%=$B/$1/glue/%.o)
DEPS += $$(PASSWORD_$1:.o=.d)
$(PASSWORD_SODIUM:%=$B/$1/sodium/%.o): $B/$1/sodium/%.o: $(SODIUM_STAMP) $(MAKEFILE_LIST) $3
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$Q$2 -std=gnu23 $(PASSWORD_FLAGS) $(SODIUM_FLAGS) -MMD -MP -c $(SODIUM_SOURCES)/$$*.c -o $$@
$(PASSWORD_GLUE:%=$B/$1/glue/%.o): $B/$1/glue/%.o: $(SODIUM_GLUE)/%.c $(SODIUM_STAMP) $(MAKEFILE_LIST) $3
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$Q$2 -std=gnu23 -I. $(WARNINGS) $(PASSWORD_FLAGS) $(SODIUM_INCLUDE) -isystem $(SODIUM_SOURCES) \
	    $(SODIUM_DEFINES) -MMD -MP -c $$< -o $$@
endef
$(eval $(call password,posix/password,$(SWOS_CC),$(SYSROOT)/.headers))
$(eval $(call password,host/password,$(CC) $(REPRODUCIBLE),))

# Programs take what they use of it.
$B/posix/lib.a: $(PASSWORD_posix/password)

$B/host/accounts: tools/accounts.c $(PASSWORD_host/password)
	$(call say,HOSTLD,$@)
	$Q$(CC) $(COMMON) $(PASSWORD_FLAGS) $(SODIUM_INCLUDE) $(SODIUM_DEFINES) -fuse-ld=lld-$(LLVM) \
	    -Wl,--gc-sections $^ -o $@
host-programs: $B/host/accounts
$B/etc/swos-passwd: user/etc/accounts $B/host/accounts
	$(call say,GEN,$@)
	@mkdir -p $(@D)
	$Q$B/host/accounts $< >$@
