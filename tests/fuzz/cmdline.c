// SPDX-License-Identifier: Apache-2.0
/* Command lines: values lie inside the line, words inside the buffer. */
#include "lib/cmdline/cmdline.h"

#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

static void check_values(const char *line, size_t size)
{
    static const char *const keys[] = {"a", "log", "quiet", "init", ""};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct span value;
        int64_t number;
        status_t status = cmdline_get(line, size, keys[i], &value);
        if (status == OK) {
            size_t start = (size_t)((const char *)value.data - line);
            require(start <= size && value.size <= size - start);
        }
        status_t number_status = cmdline_get_int(line, size, keys[i], &number);
        require((status == ERR_NOENT) == (number_status == ERR_NOENT));
        require(!cmdline_has(line, size, keys[i]) || status == OK);
    }
}

static void check_words(struct span command)
{
    char out[64];
    size_t used;
    size_t count;
    if (cmdline_split(command, out, sizeof(out), &used, &count) == OK) {
        require(used <= sizeof(out) && (used == 0 || out[used - 1] == '\0'));
        size_t ends = 0;
        for (size_t i = 0; i < used; i++) {
            ends += out[i] == '\0';
        }
        require(ends == count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_values((const char *)data, size);
    check_words(span_of(data, size));
    return 0;
}
