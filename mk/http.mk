# SPDX-License-Identifier: Apache-2.0
# The parser of HTTP that /bin/httpd uses, and httpd itself for the tests on this machine.

PICOHTTP         := $B/third_party/picohttpparser
PICOHTTP_INCLUDE := -isystem $(PICOHTTP)

# Upstream's tarball and the part of the distribution's have its files at different depths.
$(PICOHTTP)/.unpacked: $B/lock/picohttpparser | bootstrap
	$(call say,FETCH,picohttpparser)
	$Qtools/fetch --unpack $(PICOHTTP) picohttpparser >/dev/null
	$Qmv $$(find $(PICOHTTP) -name 'picohttpparser.[ch]') $(PICOHTTP)
	@touch $@
$(PICOHTTP)/picohttpparser.c: $(PICOHTTP)/.unpacked ;

$B/posix/picohttpparser.o: $(PICOHTTP)/picohttpparser.c tools/swos-cc | $B/sysroot/.headers
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(SWOS_CC) -O2 -w -ffunction-sections $(REPRODUCIBLE) -c $< -o $@
# Programs take what they use of it.
$B/posix/lib.a: $B/posix/picohttpparser.o
$(patsubst %,$B/posix/%.o,$(wildcard user/httpd/*.c)): | $(PICOHTTP)/.unpacked
$(patsubst %,$B/check/tidy/%.ok,$(wildcard user/httpd/*.c)): | $(PICOHTTP)/.unpacked

$B/host/bin/httpd: $(wildcard user/httpd/*.c) user/lib/tool.c user/lib/host/authority.c \
    $(wildcard lib/http/*.c) $(PICOHTTP)/picohttpparser.c \
    $(wildcard user/httpd/*.h lib/http/*.h) user/lib/tool.h $(MAKEFILE_LIST) | bootstrap
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$Q$(CC) -std=c23 -D_GNU_SOURCE -I. $(PICOHTTP_INCLUDE) $(WARNINGS) -g -O1 -pthread \
	    -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld-$(LLVM) $(filter %.c,$^) -o $@
host-programs: $B/host/bin/httpd
