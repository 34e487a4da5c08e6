// SPDX-License-Identifier: Apache-2.0
#include "kernel/syscall/decode.h"

#include "kernel/proc/process.h"

status_t decode_grants(uint32_t mask)
{
    (void)mask;
    return OK;
}

status_t decode_file(int32_t handle, rights_t need, struct file **out)
{
    (void)handle;
    (void)need;
    *out = NULL;
    return ERR_BADF;
}

status_t decode_any(int32_t handle, rights_t need, struct object **out)
{
    (void)handle;
    (void)need;
    *out = NULL;
    return ERR_BADF;
}

status_t decode_at(int32_t handle, struct file **out)
{
    *out = NULL;
    return handle == AT_WORKING_DIRECTORY ? OK : decode_file(handle, SWIFTOS_RIGHT_LOOKUP, out);
}
