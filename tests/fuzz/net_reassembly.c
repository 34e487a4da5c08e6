// SPDX-License-Identifier: Apache-2.0
/* Any sequence of fragments, against a map of the bytes that have come. */
#include "lib/net/reassembly.h"

#include "lib/base/span.h"
#include "lib/base/string.h"
#include "tests/fuzz/fuzz.h"

enum { PIECES = 16, STEP = 6 };

static bool came[REASSEMBLY_SIZE_MAX + 1];

static bool any_came(const struct reassembly_fragment *f)
{
    return memchr(came + f->offset, true, f->size) != NULL;
}

static void check_whole(const struct reassembly *r)
{
    uint32_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        require(r->pieces[i].offset == at && r->pieces[i].what == r->pieces);
        at += r->pieces[i].size;
    }
    require(at == r->total && memchr(came, false, at) == NULL);
    require(r->total + r->header_size <= REASSEMBLY_SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reassembly_piece pieces[PIECES];
    struct reassembly r;
    memset(came, false, sizeof(came));
    reassembly_init(&r, pieces, PIECES);
    for (; size >= STEP; size -= STEP, data += STEP) {
        struct reassembly_fragment f = {
            .offset = read_be16(data) & 0xfff8,
            .size = read_be16(data + 2),
            .has_more = (data[1] & 1) != 0,
            .protocol = data[4],
            .ecn = data[5] & 3,
            .header_size = (data[5] >> 4) * 4u,
        };
        bool was_dead = r.is_dead;
        enum reassembly_end end = reassembly_add(&r, &f, pieces);
        require(r.count <= PIECES && (!was_dead || end == REASSEMBLY_IGNORED));
        if (end == REASSEMBLY_KEPT || end == REASSEMBLY_WHOLE) {
            require(f.size != 0 && f.offset + f.size <= REASSEMBLY_SIZE_MAX && !any_came(&f));
            memset(came + f.offset, true, f.size);
        }
        if (end == REASSEMBLY_WHOLE) {
            check_whole(&r);
            break;
        }
    }
    return 0;
}
