// SPDX-License-Identifier: Apache-2.0
/* musl leaves this out because Linux changes a thread where POSIX means a process; a program that asks
 * gets what Linux does. */
#include <sched.h>

#include "syscall.h"

int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    return syscall(SYS_sched_setscheduler, pid, policy, param);
}
