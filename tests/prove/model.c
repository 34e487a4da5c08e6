// SPDX-License-Identifier: Apache-2.0
#include "tests/prove/model.h"

static const struct model_entry nothing;

bool model_allows(const struct model *m, const struct op *op)
{
    const struct model_table *t = &m->tables[op->table];
    switch (op->code) {
    case OP_ADD: return model_handles(m, op->a) == 0;
    case OP_CANCEL: return t->slots[op->a].state == SLOT_RESERVED;
    case OP_PUBLISH: return t->slots[op->a].state == SLOT_RESERVED && model_handles(m, op->b) == 0;
    case OP_TAKE:
    case OP_SHARE: return m->moving.state == SLOT_FREE;
    case OP_ATTENUATE:
    case OP_PUT:
    case OP_DROP: return m->moving.state == SLOT_LIVE;
    case OP_PUT_AT: return m->moving.state == SLOT_LIVE && t->slots[op->a].state != SLOT_RESERVED;
    default: return true;
    }
}

static status_t lowest_free(const struct model_table *t, unsigned from, unsigned *out)
{
    for (unsigned i = from; i < t->limit; i++) {
        if (t->slots[i].state == SLOT_FREE) {
            *out = i;
            return OK;
        }
    }
    return ERR_MFILE;
}

static struct model_entry fresh(unsigned object)
{
    return (struct model_entry){.state = SLOT_LIVE, .object = object, .rights = RIGHTS_NEW};
}

static status_t find(const struct model_table *t, unsigned slot, rights_t need,
                     struct model_entry *out)
{
    if (t->slots[slot].state != SLOT_LIVE) {
        return ERR_BADF;
    }
    if ((t->slots[slot].rights & need) != need) {
        return ERR_ACCES;
    }
    *out = t->slots[slot];
    return OK;
}

static status_t add(struct model_table *t, const struct model_entry *e, unsigned from, bool no_room)
{
    unsigned slot;
    status_t status = lowest_free(t, from, &slot);
    if (status != OK || no_room) {
        return no_room ? ERR_NOMEM : status;
    }
    t->slots[slot] = *e;
    t->slots[slot].flags = 0;
    return OK;
}

static status_t put_at(struct model_table *t, const struct model_entry *e, unsigned slot,
                       bool no_room)
{
    if (slot >= t->limit || no_room) {
        return no_room ? ERR_NOMEM : ERR_BADF;
    }
    if (t->slots[slot].state == SLOT_RESERVED) {
        return ERR_BUSY;
    }
    t->slots[slot] = *e;
    t->slots[slot].flags = 0;
    return OK;
}

static status_t duplicate(struct model_table *t, const struct op *op, bool no_room)
{
    struct model_entry e;
    status_t status = find(t, op->a, SWIFTOS_RIGHT_DUPLICATE, &e);
    if (status != OK) {
        return status;
    }
    e.rights &= op->wanted;
    return op->code == OP_DUPLICATE ? add(t, &e, op->b, no_room) : put_at(t, &e, op->b, no_room);
}

static status_t move_out(struct model *m, const struct op *op)
{
    struct model_table *t = &m->tables[op->table];
    status_t status = find(t, op->a, SWIFTOS_RIGHT_TRANSFER, &m->moving);
    if (status == OK && op->code == OP_TAKE) {
        t->slots[op->a] = nothing;
    }
    return status;
}

static status_t move_in(struct model *m, const struct op *op, bool no_room)
{
    struct model_table *t = &m->tables[op->table];
    struct model_entry e = m->moving;
    m->moving = nothing; // gone also if it fails
    return op->code == OP_PUT ? add(t, &e, 0, no_room) : put_at(t, &e, op->a, no_room);
}

static status_t change_slot(struct model_table *t, const struct op *op)
{
    struct model_entry *e = &t->slots[op->a];
    if (e->state != SLOT_LIVE) {
        return ERR_BADF;
    }
    if (op->code == OP_CLOSE) {
        *e = nothing;
    } else {
        e->flags = HANDLE_CLOEXEC;
    }
    return OK;
}

static void close_some(struct model_table *t, const struct op *op)
{
    for (unsigned i = 0; i < WINDOW; i++) {
        bool is_meant = op->code == OP_EXEC ? (t->slots[i].flags & HANDLE_CLOEXEC) != 0
                                            : i >= op->a && i <= op->b;
        if (t->slots[i].state == SLOT_LIVE && is_meant) {
            t->slots[i] = nothing;
        }
    }
}

static status_t fork_table(struct model *m, const struct op *op, bool no_room)
{
    struct model_table *child = &m->tables[1 - op->table];
    if (no_room) {
        return ERR_NOMEM;
    }
    *child = m->tables[op->table];
    for (unsigned i = 0; i < WINDOW; i++) {
        if (child->slots[i].state == SLOT_RESERVED) {
            child->slots[i] = nothing;
        }
    }
    return OK;
}

static status_t reserve(struct model_table *t, unsigned from, bool no_room)
{
    unsigned slot;
    status_t status = lowest_free(t, from, &slot);
    if (status != OK || no_room) {
        return no_room ? ERR_NOMEM : status;
    }
    t->slots[slot].state = SLOT_RESERVED;
    return OK;
}

status_t model_apply(struct model *m, const struct op *op, bool out_of_memory)
{
    struct model_table *t = &m->tables[op->table];
    struct model_entry e = fresh(op->a);
    switch (op->code) {
    case OP_ADD: return add(t, &e, 0, out_of_memory);
    case OP_RESERVE: return reserve(t, op->a, out_of_memory);
    case OP_CANCEL: t->slots[op->a] = nothing; return OK;
    case OP_PUBLISH: t->slots[op->a] = fresh(op->b); return OK;
    case OP_DUPLICATE:
    case OP_DUPLICATE_AT: return duplicate(t, op, out_of_memory);
    case OP_CLOSE:
    case OP_MARK: return change_slot(t, op);
    case OP_EXEC:
    case OP_CLOSE_RANGE: close_some(t, op); return OK;
    case OP_TAKE:
    case OP_SHARE: return move_out(m, op);
    case OP_ATTENUATE: m->moving.rights &= op->wanted; return OK;
    case OP_PUT:
    case OP_PUT_AT: return move_in(m, op, out_of_memory);
    case OP_DROP: m->moving = nothing; return OK;
    case OP_FORK: return fork_table(m, op, out_of_memory);
    case OP_LIMIT: t->limit = op->a; return OK;
    default: return ERR_NOSYS;
    }
}

static rights_t rights_on(const struct model_entry *e, unsigned object)
{
    return e->state == SLOT_LIVE && e->object == object ? e->rights : 0;
}

rights_t model_authority(const struct model *m, unsigned object, unsigned t)
{
    rights_t rights = t == TABLES ? rights_on(&m->moving, object) : 0;
    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned k = 0; (t == TABLES || t == i) && k < WINDOW; k++) {
            rights |= rights_on(&m->tables[i].slots[k], object);
        }
    }
    return rights;
}

unsigned model_handles(const struct model *m, unsigned object)
{
    unsigned count = m->moving.state == SLOT_LIVE && m->moving.object == object;
    for (unsigned i = 0; i < TABLES; i++) {
        for (unsigned k = 0; k < WINDOW; k++) {
            const struct model_entry *e = &m->tables[i].slots[k];
            count += e->state == SLOT_LIVE && e->object == object;
        }
    }
    return count;
}
