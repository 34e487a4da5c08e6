// SPDX-License-Identifier: Apache-2.0
/* Archives: entries lie inside, the walk advances, and what it meets is found by name. */
#include "lib/cpio/cpio.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static bool is_inside(struct span archive, const void *data, size_t size)
{
    size_t start = (size_t)((const uint8_t *)data - archive.data);
    return span_has(archive, start, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span archive = span_of(data, size);
    struct cpio_entry e = {};
    uint64_t last = 0;
    status_t status;
    while ((status = cpio_next(archive, &e)) == OK) {
        require(is_inside(archive, e.name, strlen(e.name) + 1));
        require(is_inside(archive, e.data.data, e.data.size));
        require(e.next > last);
        last = e.next;
        struct span found;
        bool is_file = (e.mode & 0170000) == 0100000 && e.name[0] != '/';
        require(!is_file || cpio_find(archive, e.name, &found) == OK);
    }
    require(status == ERR_NOENT || status == ERR_INVAL);
    return 0;
}
