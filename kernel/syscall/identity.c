// SPDX-License-Identifier: Apache-2.0
/* Who a process acts for: principal and group as POSIX asks for them, identities as login sets them. */
#include "abi/gen/syscall_handlers.h"
#include "abi/records.h"
#include "kernel/arch/arch.h"
#include "kernel/proc/process.h"
#include "lib/base/bits.h"
#include "lib/handle/rights.h"

enum : uint32_t { KEEP = UINT32_MAX }; // -1 of setreuid and its like

static uint32_t principal(void)
{
    struct cred *c = process_get_cred(process_current());
    uint32_t id = c->principal;
    cred_unref(c);
    return id;
}

static uint32_t group(void)
{
    struct cred *c = process_get_cred(process_current());
    uint32_t id = c->group;
    cred_unref(c);
    return id;
}

/* ---- As POSIX asks: real, effective and saved are one ---- */

int64_t sys_getuid(void)
{
    return principal();
}

int64_t sys_geteuid(void)
{
    return principal();
}

int64_t sys_getgid(void)
{
    return group();
}

int64_t sys_getegid(void)
{
    return group();
}

static int64_t store_three(uint32_t id, vaddr_t real, vaddr_t effective, vaddr_t saved)
{
    bool is_stored = arch_copy_to_user(real, &id, sizeof(id)) == 0 &&
                     arch_copy_to_user(effective, &id, sizeof(id)) == 0 &&
                     arch_copy_to_user(saved, &id, sizeof(id)) == 0;
    return is_stored ? 0 : ERR_FAULT;
}

int64_t sys_getresuid(vaddr_t real, vaddr_t effective, vaddr_t saved)
{
    return store_three(principal(), real, effective, saved);
}

int64_t sys_getresgid(vaddr_t real, vaddr_t effective, vaddr_t saved)
{
    return store_three(group(), real, effective, saved);
}

// Nobody becomes another by asking: each is what it was, or to be kept.
static int64_t check_same(uint32_t own, uint32_t real, uint32_t effective, uint32_t saved)
{
    bool is_same = (real == own || real == KEEP) && (effective == own || effective == KEEP) &&
                   (saved == own || saved == KEEP);
    return is_same ? 0 : ERR_PERM;
}

int64_t sys_setuid(uint32_t id)
{
    return id == principal() ? 0 : ERR_PERM;
}

int64_t sys_setgid(uint32_t id)
{
    return id == group() ? 0 : ERR_PERM;
}

int64_t sys_setreuid(uint32_t real, uint32_t effective)
{
    return check_same(principal(), real, effective, KEEP);
}

int64_t sys_setregid(uint32_t real, uint32_t effective)
{
    return check_same(group(), real, effective, KEEP);
}

int64_t sys_setresuid(uint32_t real, uint32_t effective, uint32_t saved)
{
    return check_same(principal(), real, effective, saved);
}

int64_t sys_setresgid(uint32_t real, uint32_t effective, uint32_t saved)
{
    return check_same(group(), real, effective, saved);
}

int64_t sys_getgroups(int32_t count, vaddr_t list)
{
    (void)list;
    return count < 0 ? ERR_INVAL : 0;
}

int64_t sys_setgroups(uint64_t count, vaddr_t list)
{
    (void)list;
    return count == 0 ? 0 : ERR_PERM;
}

/* ---- Identities ---- */

static _Atomic uint32_t last_session; // [a] relaxed

static uint32_t new_session(void)
{
    return atomic_fetch_add_explicit(&last_session, 1, memory_order_relaxed) + 1;
}

// The capabilities of who adopts an identity are a ceiling; grants are only ever given up.
static status_t adopt(struct process *p, const struct swos_identity *i)
{
    struct cred *old = process_get_cred(p);
    bool may = cred_has(old, i->caps);
    cred_unref(old);
    if (!may) {
        return ERR_PERM;
    }
    struct cred *c;
    uint32_t session = i->session == 0 ? new_session() : i->session;
    status_t status = cred_create(i->principal, i->group, session, i->caps, &c);
    if (status != OK) {
        return status;
    }
    // No failure below.
    process_set_cred(p, c);
    grant_set_keep(&p->grants, rights_bundle(i->caps));
    return OK;
}

int64_t sys_set_identity(vaddr_t identity, uint64_t size)
{
    struct swos_identity i;
    if (size != sizeof(i)) {
        return ERR_INVAL;
    }
    if (arch_copy_from_user(&i, identity, sizeof(i)) != 0) {
        return ERR_FAULT;
    }
    bool is_valid = i.principal != KEEP && i.group != KEEP && (i.caps & ~SWOS_CAP_ALL) == 0;
    return is_valid ? adopt(process_current(), &i) : ERR_INVAL;
}

int64_t sys_get_identity(vaddr_t identity, uint64_t size)
{
    struct process *p = process_current();
    struct cred *c = process_get_cred(p);
    struct swos_identity out = {.principal = c->principal,
                                .group = c->group,
                                .session = c->session,
                                .caps = c->caps,
                                .grants = grant_set_mask(&p->grants)};
    cred_unref(c);
    return arch_copy_to_user(identity, &out, u64_min(size, sizeof(out))) == 0 ? 0 : ERR_FAULT;
}
