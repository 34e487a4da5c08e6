// SPDX-License-Identifier: Apache-2.0
/* Prints the kernel's log: sequence number, time, level and CPU of each record, then its text. */
#include "abi/gen/syscall_stubs.h"
#include "abi/sys.h"
#include "lib/base/types.h"
#include "user/libswos/print.h"

int main(void)
{
    static struct {
        struct sys_log_record record;
        char text[1024];
    } r;
    uint64_t next = 1;
    while (sys_log_read(next, &r, sizeof(r)) > 0) {
        int source = (int)r.record.source_len;
        int text = (int)r.record.text_len - source;
        print("%llu %llu %u %u %.*s: %.*s\n", (unsigned long long)r.record.sequence,
              (unsigned long long)r.record.time_ns, r.record.level, r.record.cpu, source, r.text,
              text, r.text + source);
        next = r.record.sequence + 1;
    }
    return sys_log_read(next, &r, sizeof(r)) == ERR_AGAIN ? 0 : 1;
}
