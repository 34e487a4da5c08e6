// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/decode.h"

#include "abi/fcntl.h"
#include "kernel/arch/arch.h"
#include "kernel/proc/process.h"

status_t decode_grants(uint32_t mask)
{
    return grant_set_has(&process_current()->grants, mask) ? OK : ERR_PERM;
}

// The first byte of the path, which tells whether it needs the directory it comes with.
static char first_byte(vaddr_t path)
{
    char first = '\0';
    return arch_copy_from_user(&first, path, 1) == 0 ? first : '.';
}

// The handle is no directory that may be looked up in: it may do for an empty path, and else POSIX
// tells what is no directory from what is none of the caller's.
static status_t decode_other(int32_t handle, char first, struct file **out)
{
    status_t status = decode_file(handle, 0, out);
    if (status != OK || first == '\0') {
        return status;
    }
    bool is_directory = (*out)->ops->read_entries != NULL;
    file_unref(*out);
    *out = NULL;
    return is_directory ? ERR_BADF : ERR_NOTDIR;
}

status_t decode_at(int32_t handle, vaddr_t path, struct file **out)
{
    *out = NULL;
    if (LIKELY(handle == ABI_AT_FDCWD)) {
        return OK;
    }
    status_t status = decode_file(handle, SWIFTOS_RIGHT_LOOKUP, out);
    if (status != OK) {
        *out = NULL;
        char first = first_byte(path);
        return first == '/' ? OK : decode_other(handle, first, out);
    }
    return OK;
}
