# SPDX-License-Identifier: Apache-2.0
# Ports: programs of others, built from sources of third_party.lock with tools/swos-cc.
#
# A port is a folder of ports/ with a script `build SOURCES OUT`, which builds in SOURCES (its own copy)
# and leaves its programs in OUT, and perhaps patches/, applied in the order of their names.  The script
# finds SWOS (folder of swos-cc and swos-ar), CC (swos-cc with flags that make the result
# reproducible), HOSTCC, JOBS and PORT (its own folder) in the environment.

PORTS           := less lua mksh toybox
PROGRAMS_less   := less
PROGRAMS_lua    := lua luac
PROGRAMS_mksh   := mksh
PROGRAMS_toybox := toybox toybox.names

# An entry of the lock file, with its own date.
$B/lock/%: third_party.lock
	@mkdir -p $(@D); sed -n '/^\[$*\]$$/,/^$$/p' $< >$@.new; \
	    if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

define port
$B/ports/$1/src/.unpacked: $B/lock/$1 $(wildcard ports/$1/patches/*) | bootstrap
	$$(call say,FETCH,$1)
	@mkdir -p $B/ports/$1
	$Qtools/fetch --unpack $$(@D) $1 >/dev/null
	$Qfor p in $(sort $(wildcard ports/$1/patches/*.patch)); do patch -s -f -p1 -d $$(@D) <$$$$p || exit 1; done
	@touch $$@
$B/ports/$1/.built: $B/ports/$1/src/.unpacked $(sort $(wildcard ports/$1/*)) $(SYSROOT)/.ready tools/swos-cc mk/ports.mk
	$$(call say,PORT,$1)
	$Qenv -u MAKEFLAGS -u MAKELEVEL -u MFLAGS PORT=$(CURDIR)/ports/$1 SWOS=$(CURDIR)/tools \
	    CC="$(CURDIR)/tools/swos-cc -ffile-prefix-map=$(abspath $B/ports/$1/src)=. -fdebug-compilation-dir=." \
	    SWOS_BUILD=$(abspath $B) HOSTCC=$(CC) JOBS=$(JOBS) SOURCE_DATE_EPOCH=0 LC_ALL=C TZ=UTC \
	    ports/$1/build $(abspath $B/ports/$1/src) $(abspath $B/ports/$1) >$B/ports/$1/log 2>&1 || \
	    { tail -n 30 $B/ports/$1/log >&2; exit 1; }
	@touch $$@
$(PROGRAMS_$1:%=$B/ports/$1/%): $B/ports/$1/.built
endef
$(foreach p,$(PORTS),$(eval $(call port,$p)))

.PHONY: ports
ports: $(PORTS:%=$B/ports/%/.built) ## programs of others: a shell, tools, Lua
build: ports
