// SPDX-License-Identifier: Apache-2.0
/*
 * Handles in flight, and the circles that they can form: a socket whose only handles are in messages
 * that nobody can receive, because they wait in inboxes of such sockets.
 *
 * A pass over the sockets in flight, in four steps:
 *  1. who has as many handles as are in flight is a suspect: no table has one;
 *  2. handles of suspects that lie in inboxes of suspects are counted;
 *  3. a suspect of which a handle lies elsewhere is reached, and so is what its inbox leads to;
 *  4. the inboxes of the others are emptied; their sockets end as any others whose last handle went.
 * What waits to be accepted belongs to the socket that listens.
 *
 * While `lock` is held no socket's handle begins or ends to be in flight, so a suspect stays one: a
 * handle of it that is in no table cannot be duplicated, only received.  A handle that a reader has
 * taken out but not yet reported counts as one that lies elsewhere.
 *
 * Locking: `lock` (RANK_MODULE, sleeping), inboxes' spinlocks one at a time inside.  Inboxes are
 * emptied without it.  Passes run on a worker; one that is asked for during another follows it.
 */
#include "kernel/core/thread.h"
#include "kernel/core/worker.h"
#include "kernel/ipc/unix_priv.h"
#include "kernel/mm/heap.h"

enum { PASS_FROM = 64 }; // sockets in flight before growth alone asks for a pass

static struct {
    struct mutex lock;
    struct list sockets; // [lock] of which handles are in flight
    size_t count;        // [lock]
    size_t enough;       // [lock] sockets that ask for a pass when the next one comes
    bool is_passing;     // [lock]
    bool is_asked;       // [lock] once more
    struct work work;
} flight;

static void ask_for_pass(void)
{
    work_queue(&flight.work);
}

size_t unix_in_flight(void)
{
    mutex_lock(&flight.lock);
    size_t count = flight.count;
    mutex_unlock(&flight.lock);
    return count;
}

/* ---- Counting ---- */

static struct unix_socket *socket_at(const struct socket_cargo *c, uint32_t i)
{
    return unix_socket_from_object(handle_object(&c->entries[i]));
}

static bool has_sockets(const struct socket_cargo *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (socket_at(c, i) != NULL) {
            return true;
        }
    }
    return false;
}

static void begin_one(struct unix_socket *s) REQUIRES(flight.lock)
{
    if (atomic_fetch_add_explicit(&s->in_flight, 1, memory_order_relaxed) == 0) {
        list_add_tail(&flight.sockets, &s->flight_link);
        flight.count++;
    }
}

static void end_one(struct unix_socket *s) REQUIRES(flight.lock)
{
    if (atomic_fetch_sub_explicit(&s->in_flight, 1, memory_order_relaxed) == 1) {
        list_del_init(&s->flight_link);
        flight.count--;
    }
}

void unix_flight_begin(const struct socket_cargo *c)
{
    if (!has_sockets(c)) {
        return;
    }
    mutex_lock(&flight.lock);
    for (uint32_t i = 0; i < c->count; i++) {
        struct unix_socket *s = socket_at(c, i);
        if (s != NULL) {
            begin_one(s);
        }
    }
    bool is_much = flight.count > flight.enough;
    mutex_unlock(&flight.lock);
    if (is_much) {
        ask_for_pass();
    }
}

void unix_flight_end(const struct socket_cargo *c)
{
    if (!has_sockets(c)) {
        return;
    }
    mutex_lock(&flight.lock);
    for (uint32_t i = 0; i < c->count; i++) {
        struct unix_socket *s = socket_at(c, i);
        if (s != NULL) {
            end_one(s);
        }
    }
    mutex_unlock(&flight.lock);
}

void unix_flight_drop(struct socket_cargo *c)
{
    if (c != NULL) {
        unix_flight_end(c);
        socket_cargo_drop(c);
    }
}

status_t unix_flight_copy(const struct socket_cargo *c, struct socket_cargo **out)
{
    void *memory;
    status_t status =
        heap_alloc(sizeof(struct socket_cargo) + c->count * sizeof(c->entries[0]), &memory);
    if (status != OK) {
        return status;
    }
    *out = memory;
    (*out)->count = c->count;
    mutex_lock(&flight.lock); // a suspect gets no handle during a pass
    for (uint32_t i = 0; i < c->count; i++) {
        (*out)->entries[i] = c->entries[i];
        object_handle_add(handle_object(&c->entries[i]));
    }
    mutex_unlock(&flight.lock);
    return OK;
}

void unix_flight_handle_goes(struct unix_socket *s)
{
    // Those that are in flight may have been reached by this one only.
    if (atomic_load_explicit(&s->in_flight, memory_order_relaxed) != 0) {
        // The pass runs on this CPU's worker, so not before the handle is gone.
        ask_for_pass();
    }
}

/* ---- The pass ---- */

typedef void (*visit_t)(struct unix_socket *s, struct list *found);

static void scan_inbox(struct unix_inbox *in, visit_t visit, struct list *found)
{
    thread_preempt_point(); // a pass looks at all that is in flight
    spin_lock(&in->lock);
    list_for_each (node, &in->buffers) {
        const struct unix_buffer *b = container_of(node, struct unix_buffer, link);
        for (uint32_t i = 0; b->cargo != NULL && i < b->cargo->count; i++) {
            struct unix_socket *s = socket_at(b->cargo, i);
            if (s != NULL) {
                visit(s, found);
            }
        }
    }
    spin_unlock(&in->lock);
}

// The connections that wait at a socket, with a reference each.
static void add_pending(struct unix_inbox *in, struct list *out)
{
    spin_lock(&in->lock);
    list_for_each (node, &in->pending) {
        struct unix_socket *s = container_of(node, struct unix_socket, pending_link);
        file_ref(&s->socket.file);
        list_add_tail(out, &s->mark_link);
    }
    spin_unlock(&in->lock);
}

static struct unix_socket *pop_marked(struct list *l)
{
    struct list *node = list_pop(l);
    if (node == NULL) {
        return NULL;
    }
    list_init(node);
    return container_of(node, struct unix_socket, mark_link);
}

static void scan(struct unix_socket *s, visit_t visit, struct list *found)
{
    struct list pending = LIST_INIT(pending);
    scan_inbox(s->inbox, visit, found);
    add_pending(s->inbox, &pending);
    for (struct unix_socket *p; (p = pop_marked(&pending)) != NULL;) {
        scan_inbox(p->inbox, visit, found);
        object_unref(&p->socket.file.object);
    }
}

static struct unix_socket *flying(struct list *node)
{
    return container_of(node, struct unix_socket, flight_link);
}

static void count_found(struct unix_socket *s, struct list *)
{
    s->found++;
}

static void reach(struct unix_socket *s, struct list *found)
{
    if (s->mark == MARK_SUSPECT) {
        s->mark = MARK_REACHED;
        list_add_tail(found, &s->mark_link);
    }
}

static void suspect(void) REQUIRES(flight.lock)
{
    list_for_each (node, &flight.sockets) {
        struct unix_socket *s = flying(node);
        uint32_t handles = refcount_read(&s->socket.file.object.handles);
        s->mark = handles == atomic_load_explicit(&s->in_flight, memory_order_relaxed)
                      ? MARK_SUSPECT
                      : MARK_USED;
        s->found = 0;
    }
    list_for_each (node, &flight.sockets) {
        if (flying(node)->mark == MARK_SUSPECT) {
            scan(flying(node), count_found, NULL);
        }
    }
}

static void clear_reached(void) REQUIRES(flight.lock)
{
    struct list reached = LIST_INIT(reached);
    list_for_each (node, &flight.sockets) {
        struct unix_socket *s = flying(node);
        if (s->found < atomic_load_explicit(&s->in_flight, memory_order_relaxed)) {
            reach(s, &reached);
        }
    }
    for (struct unix_socket *s; (s = pop_marked(&reached)) != NULL;) {
        scan(s, reach, &reached);
    }
}

// The suspects that are left, and what waits at them, with a reference each.
static void take_lost(struct list *lost) REQUIRES(flight.lock)
{
    list_for_each (node, &flight.sockets) {
        struct unix_socket *s = flying(node);
        if (s->mark == MARK_SUSPECT) {
            file_ref(&s->socket.file);
            list_add_tail(lost, &s->mark_link);
            add_pending(s->inbox, lost);
        }
    }
}

// Whether another pass is to follow.
static bool pass(void)
{
    struct list lost = LIST_INIT(lost);
    mutex_lock(&flight.lock);
    flight.is_asked = false;
    suspect();
    clear_reached();
    take_lost(&lost);
    flight.enough = 2 * flight.count + PASS_FROM;
    mutex_unlock(&flight.lock);
    for (struct unix_socket *s; (s = pop_marked(&lost)) != NULL;) {
        unix_inbox_purge(s->inbox);
        object_unref(&s->socket.file.object);
    }
    mutex_lock(&flight.lock);
    bool again = flight.is_asked;
    flight.is_passing = again;
    mutex_unlock(&flight.lock);
    return again;
}

static void collect(struct work *)
{
    mutex_lock(&flight.lock);
    bool is_first = !flight.is_passing;
    flight.is_passing = true;
    flight.is_asked = true;
    mutex_unlock(&flight.lock);
    while (is_first && pass()) {
    }
}

void unix_flight_init(void)
{
    mutex_init(&flight.lock, "handles in flight", RANK_MODULE);
    list_init(&flight.sockets);
    flight.enough = PASS_FROM;
    work_init(&flight.work, collect);
}
