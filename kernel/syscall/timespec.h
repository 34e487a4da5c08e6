// SPDX-License-Identifier: Apache-2.0
/* Points in time and spans of it, as programs give them. */
#pragma once

#include "abi/resource.h"
#include "abi/stat.h"
#include "kernel/arch/arch.h"
#include "kernel/core/interval.h"

// In nanoseconds, at most NSEC_NEVER - 1.  ERR_FAULT, ERR_INVAL.
status_t timespec_from_user(vaddr_t at, nsec_t *out);
status_t timespec_to_user(vaddr_t at, nsec_t ns);
status_t timeval_from_user(vaddr_t at, nsec_t *out);
struct abi_timeval timeval_of(nsec_t ns);

// A struct itimerspec, and a struct itimerval.
status_t setting_from_user(vaddr_t at, struct interval_setting *out);
status_t setting_to_user(vaddr_t at, const struct interval_setting *s);
status_t setting_from_user_usec(vaddr_t at, struct interval_setting *out);
status_t setting_to_user_usec(vaddr_t at, const struct interval_setting *s);

// The monotonic deadline of the current call: each call that can have a time-out asks one of these once.
// After a relative time-out: from now, or, if a signal made the call start again, from its first start.
nsec_t deadline_after(nsec_t ns);
nsec_t deadline_none(void);
nsec_t deadline_at(nsec_t ns);

// That at which the wall clock shows `ns` as it is set now.
nsec_t deadline_at_wall(nsec_t ns);

// The monotonic deadline after the time-out at `at`; none there (0): NSEC_NEVER.  Errors as
// timespec_from_user.
status_t deadline_from_user(vaddr_t at, nsec_t *out);
