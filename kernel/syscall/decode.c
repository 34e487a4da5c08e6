// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/decode.h"

#include "kernel/arch/arch.h"
#include "kernel/proc/process.h"

status_t decode_grants(uint32_t mask)
{
    return grant_set_has(&process_current()->grants, mask) ? OK : ERR_PERM;
}

// A path that does not need the directory it comes with.
static bool is_absolute(vaddr_t path)
{
    char first;
    return arch_copy_from_user(&first, path, 1) == 0 && first == '/';
}

status_t decode_at(int32_t handle, vaddr_t path, struct file **out)
{
    *out = NULL;
    if (LIKELY(handle == AT_WORKING_DIRECTORY)) {
        return OK;
    }
    status_t status = decode_file(handle, SWIFTOS_RIGHT_LOOKUP, out);
    if (status != OK) {
        *out = NULL;
        return is_absolute(path) ? OK : status;
    }
    return OK;
}
