// SPDX-License-Identifier: Apache-2.0
/* Fields of HTTP requests: paths stay below the root, ranges inside the representation. */
#include "lib/base/string.h"
#include "lib/http/condition.h"
#include "lib/http/date.h"
#include "lib/http/range.h"
#include "lib/http/target.h"
#include "tests/fuzz/fuzz.h"

enum { ROOM = 256, RANGES = 8 };

static void check_target(struct span input)
{
    char out[ROOM];
    size_t length;
    if (http_target_decode(input, out, sizeof(out), &length) != HTTP_TARGET_PATH) {
        return;
    }
    require(length < sizeof(out) && strlen(out) == length && out[0] == '/');
    for (const char *p = out; p != NULL && p[1] != '\0'; p = strchr(p + 1, '/')) {
        require(p[1] != '/');
        require(p[1] != '.' || (p[2] != '/' && p[2] != '\0'));
        require(p[1] != '.' || p[2] != '.' || (p[3] != '/' && p[3] != '\0'));
    }
}

static void check_ranges(struct span input, uint64_t size)
{
    struct http_range r[RANGES];
    size_t count;
    if (http_ranges_parse(input, size, r, RANGES, &count) != HTTP_RANGES_SOME) {
        return;
    }
    require(count >= 1 && count <= RANGES);
    for (size_t i = 0; i < count; i++) {
        require(r[i].first <= r[i].last && r[i].last < size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct span input = span_of(data + 1, size - 1);
    struct http_conditions c = {.if_match = input, .if_range = input};
    struct http_representation r = {.etag = span_of("\"a\"", 3)};
    int64_t seconds;
    check_target(input);
    check_ranges(input, data[0]);
    (void)http_conditions_evaluate(&c, &r);
    (void)http_if_range_holds(&c, &r);
    if (http_date_parse(input, 0, &seconds)) {
        char out[HTTP_DATE_SIZE];
        http_date_format(seconds, out);
    }
    return 0;
}
