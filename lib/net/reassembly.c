// SPDX-License-Identifier: Apache-2.0
#include "lib/net/reassembly.h"

#include "lib/base/string.h"
#include "lib/net/address.h"

enum { ECN_NONE = 0, ECN_CONGESTED = 3, ECN_MASK = 3 };

void reassembly_init(struct reassembly *r, struct reassembly_piece *pieces, uint16_t capacity)
{
    *r = (struct reassembly){.pieces = pieces, .capacity = capacity};
}

static enum reassembly_end die(struct reassembly *r)
{
    r->is_dead = true;
    return REASSEMBLY_DEAD;
}

static uint32_t end_of(const struct reassembly_piece *p)
{
    return (uint32_t)p->offset + p->size;
}

// Where the fragment belongs.  Most come in order, so the search begins at the end.
static size_t place_of(const struct reassembly *r, uint16_t offset)
{
    size_t i = r->count;
    while (i > 0 && r->pieces[i - 1].offset > offset) {
        i--;
    }
    return i;
}

// What is wrong with the fragment whatever else has come.
static enum reassembly_end check(const struct reassembly_fragment *f)
{
    if (f->offset + f->size + f->header_size > REASSEMBLY_SIZE_MAX) {
        return REASSEMBLY_TOO_LONG;
    }
    if (f->has_more && f->size % 8 != 0) {
        return REASSEMBLY_BAD_SIZE;
    }
    return f->size == 0 ? REASSEMBLY_IGNORED : REASSEMBLY_KEPT;
}

// Whether the datagram can still be one with this fragment in it.
static bool fits(const struct reassembly *r, const struct reassembly_fragment *f)
{
    size_t first_min =
        f->protocol == IP_PROTOCOL_TCP ? REASSEMBLY_FIRST_MIN_TCP : REASSEMBLY_FIRST_MIN;
    uint32_t end = f->offset + f->size;
    bool is_past = r->count != 0 && end_of(&r->pieces[r->count - 1]) > end;
    if (f->offset == 0 && f->has_more && f->size < first_min) {
        return false;
    }
    if (!f->has_more && (is_past || (r->total != 0 && r->total != end))) {
        return false;
    }
    return r->total == 0 || (f->has_more ? end < r->total : end == r->total);
}

static void insert(struct reassembly *r, size_t at, const struct reassembly_fragment *f, void *what)
{
    memmove(&r->pieces[at + 1], &r->pieces[at], (r->count - at) * sizeof(r->pieces[0]));
    r->pieces[at] =
        (struct reassembly_piece){.what = what, .offset = f->offset, .size = (uint16_t)f->size};
    r->count++;
    r->kept += f->size;
    r->ecn_seen |= (uint8_t)(1u << (f->ecn & ECN_MASK));
    r->total = f->has_more ? r->total : f->offset + f->size;
    r->header_size = f->offset == 0 ? f->header_size : r->header_size;
}

enum reassembly_end reassembly_add(struct reassembly *r, const struct reassembly_fragment *f,
                                   void *what)
{
    if (r->is_dead) {
        return REASSEMBLY_IGNORED;
    }
    enum reassembly_end end = check(f);
    if (end != REASSEMBLY_KEPT) {
        return end;
    }
    size_t at = place_of(r, f->offset);
    struct reassembly_piece before = at > 0 ? r->pieces[at - 1] : (struct reassembly_piece){};
    if (before.offset == f->offset && before.size == f->size) {
        return REASSEMBLY_IGNORED;
    }
    bool overlaps = end_of(&before) > f->offset ||
                    (at < r->count && f->offset + f->size > r->pieces[at].offset);
    if (overlaps || r->count == r->capacity || !fits(r, f)) {
        return die(r);
    }
    insert(r, at, f, what);
    if (r->total == 0 || r->kept != r->total) {
        return REASSEMBLY_KEPT;
    }
    // The first fragment may have more headers than those that were checked with the last.
    bool is_short = r->total + r->header_size <= REASSEMBLY_SIZE_MAX;
    bool is_marked = (r->ecn_seen & 1u << ECN_CONGESTED) != 0;
    bool is_unmarkable = (r->ecn_seen & 1u << ECN_NONE) != 0;
    return is_short && !(is_marked && is_unmarkable) ? REASSEMBLY_WHOLE : die(r);
}

uint8_t reassembly_ecn(const struct reassembly *r, uint8_t first)
{
    return (r->ecn_seen & 1u << ECN_CONGESTED) != 0 ? ECN_CONGESTED : first & ECN_MASK;
}
