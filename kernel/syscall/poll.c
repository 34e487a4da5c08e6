// SPDX-License-Identifier: Apache-2.0
/* ppoll, pselect6, epoll. */
#include "kernel/ipc/poll.h"

#include "abi/fcntl.h"
#include "abi/gen/syscall_handlers.h"
#include "abi/wait.h"
#include "kernel/arch/arch.h"
#include "kernel/core/time.h"
#include "kernel/ipc/caller.h"
#include "kernel/ipc/epoll.h"
#include "kernel/mm/heap.h"
#include "kernel/object/handle.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/publish.h"
#include "kernel/syscall/timespec.h"
#include "lib/base/bits.h"
#include "lib/base/string.h"

enum { SMALL = 8 }; // entries on the stack

/* ---- What these calls share ---- */

// A relative timeout as a deadline; 0 for one of nothing.  No timeout: NSEC_NEVER.
static status_t read_timeout(vaddr_t timeout, nsec_t *deadline)
{
    status_t status = deadline_from_user(timeout, deadline);
    if (status == OK && *deadline <= time_now()) {
        *deadline = 0;
    }
    return status;
}

// The signal mask of a wait, if it has one.
struct mask {
    bool is_set;
    uint64_t signals;
};

static status_t read_mask(vaddr_t set, uint64_t size, struct mask *out)
{
    *out = (struct mask){.is_set = set != 0};
    if (set == 0) {
        return OK;
    }
    if (size != sizeof(out->signals)) {
        return ERR_INVAL;
    }
    return arch_copy_from_user(&out->signals, set, sizeof(out->signals)) == 0 ? OK : ERR_FAULT;
}

static void swap_mask(const struct mask *m)
{
    if (m->is_set) {
        caller_mask_swap(m->signals);
    }
}

static void restore_mask(const struct mask *m, status_t status)
{
    if (m->is_set) {
        caller_mask_restore(status == ERR_INTR);
    }
}

static status_t wait_masked(struct poll_entry *entries, size_t size, nsec_t deadline,
                            const struct mask *m, size_t *count)
{
    swap_mask(m);
    status_t status = poll_wait(entries, size, deadline, count);
    restore_mask(m, status);
    return status;
}

static void drop_files(struct poll_entry *entries, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (entries[i].file != NULL) {
            file_unref(entries[i].file);
        }
    }
}

/* ---- poll ---- */

// Room for both arrays: in `small` if that is enough.
struct poll_call {
    struct poll_entry *entries;
    struct abi_pollfd *handles;
    struct poll_entry small_entries[SMALL];
    struct abi_pollfd small_handles[SMALL];
};

static status_t make_room(struct poll_call *c, size_t size)
{
    if (size <= SMALL) {
        c->entries = c->small_entries;
        c->handles = c->small_handles;
        memset(c->small_entries, 0, size * sizeof(c->small_entries[0]));
        return OK;
    }
    void *entries;
    void *handles;
    status_t status = heap_alloc_array(size, sizeof(struct poll_entry), &entries);
    if (status != OK) {
        return status;
    }
    status = heap_alloc_array(size, sizeof(struct abi_pollfd), &handles);
    if (status != OK) {
        heap_free(entries);
        return status;
    }
    c->entries = entries;
    c->handles = handles;
    return OK;
}

static void free_room(struct poll_call *c)
{
    if (c->entries != c->small_entries) {
        heap_free(c->entries);
        heap_free(c->handles);
    }
}

static void find_file(struct poll_entry *e, const struct abi_pollfd *h)
{
    if (h->handle < 0) {
        return;
    }
    e->wanted = (uint16_t)h->events;
    if (handle_get_file(process_current()->handles, h->handle, 0, &e->file) != OK) {
        e->file = NULL;
        e->found = EVENT_NVAL;
    }
}

// Handles that are bad are found already, so nothing is waited for then.
static size_t find_files(struct poll_call *c, size_t size)
{
    size_t bad = 0;
    for (size_t i = 0; i < size; i++) {
        find_file(&c->entries[i], &c->handles[i]);
        bad += c->entries[i].found != 0;
    }
    return bad;
}

static int64_t poll_handles(struct poll_call *c, vaddr_t handles, size_t size, nsec_t deadline,
                            const struct mask *m)
{
    size_t count;
    if (arch_copy_from_user(c->handles, handles, size * sizeof(c->handles[0])) != 0) {
        return ERR_FAULT;
    }
    size_t bad = find_files(c, size);
    status_t status = wait_masked(c->entries, size, bad > 0 ? 0 : deadline, m, &count);
    count = 0;
    for (size_t i = 0; i < size; i++) {
        c->handles[i].revents = (int16_t)c->entries[i].found;
        count += c->entries[i].found != 0;
    }
    drop_files(c->entries, size);
    if (status != OK) {
        return status;
    }
    return arch_copy_to_user(handles, c->handles, size * sizeof(c->handles[0])) == 0
               ? (int64_t)count
               : ERR_FAULT;
}

int64_t sys_ppoll(vaddr_t handles, uint64_t count, vaddr_t timeout, vaddr_t set, uint64_t set_size)
{
    struct poll_call c;
    nsec_t deadline;
    struct mask m;
    if (count > handle_limit(process_current()->handles)) {
        return ERR_INVAL;
    }
    status_t status = read_timeout(timeout, &deadline);
    if (status == OK) {
        status = read_mask(set, set_size, &m);
    }
    if (status == OK) {
        status = make_room(&c, count);
    }
    if (status != OK) {
        return status;
    }
    int64_t result = poll_handles(&c, handles, count, deadline, &m);
    free_room(&c);
    return result;
}

/* ---- select ---- */

enum { WORD_BITS = 64, SETS = 3 };

// What each of the three sets asks for, and what answers it.
static const uint32_t set_wanted[SETS] = {EVENT_IN, EVENT_OUT, EVENT_PRI};
static const uint32_t set_answer[SETS] = {EVENT_IN | EVENT_HUP | EVENT_ERR, EVENT_OUT | EVENT_ERR,
                                          EVENT_PRI};

struct select_call {
    size_t words;      // of one set
    uint64_t *bits;    // the three sets one behind the other
    uint32_t *handles; // of the entries
    struct poll_entry *entries;
    size_t size; // entries
};

static status_t read_sets(struct select_call *c, const vaddr_t *sets, int32_t count)
{
    void *bits;
    c->words = ((size_t)count + WORD_BITS - 1) / WORD_BITS;
    status_t status = heap_alloc_array(c->words * SETS + 1, sizeof(uint64_t), &bits);
    if (status != OK) {
        return status;
    }
    c->bits = bits;
    size_t bytes = c->words * sizeof(uint64_t);
    uint64_t last = count % WORD_BITS == 0 ? UINT64_MAX : (1ull << (count % WORD_BITS)) - 1;
    for (unsigned s = 0; s < SETS && bytes > 0; s++) {
        uint64_t *words = c->bits + s * c->words;
        if (sets[s] != 0 && arch_copy_from_user(words, sets[s], bytes) != 0) {
            return ERR_FAULT;
        }
        words[c->words - 1] &= last;
    }
    return OK;
}

static uint64_t any_bits(const struct select_call *c, size_t word)
{
    return c->bits[word] | c->bits[c->words + word] | c->bits[2 * c->words + word];
}

static bool has_bit(const struct select_call *c, unsigned set, uint32_t handle)
{
    return (c->bits[set * c->words + handle / WORD_BITS] >> handle % WORD_BITS & 1) != 0;
}

static status_t add_entry(struct select_call *c, uint32_t handle)
{
    struct poll_entry *e = &c->entries[c->size];
    status_t status = handle_get_file(process_current()->handles, (handle_t)handle, 0, &e->file);
    if (status != OK) {
        e->file = NULL;
        return status;
    }
    for (unsigned s = 0; s < SETS; s++) {
        e->wanted |= has_bit(c, s, handle) ? set_wanted[s] : 0;
    }
    c->handles[c->size++] = handle;
    return OK;
}

static status_t find_selected(struct select_call *c)
{
    size_t size = 0;
    void *entries;
    void *handles;
    for (size_t w = 0; w < c->words; w++) {
        size += (size_t)__builtin_popcountll(any_bits(c, w));
    }
    status_t status = heap_alloc_array(size + 1, sizeof(struct poll_entry), &entries);
    if (status != OK) {
        return status;
    }
    c->entries = entries;
    status = heap_alloc_array(size + 1, sizeof(uint32_t), &handles);
    if (status != OK) {
        return status;
    }
    c->handles = handles;
    for (size_t w = 0; w < c->words && status == OK; w++) {
        for (uint64_t bits = any_bits(c, w); bits != 0 && status == OK; bits &= bits - 1) {
            status = add_entry(c, (uint32_t)(w * WORD_BITS) + (uint32_t)__builtin_ctzll(bits));
        }
    }
    return status;
}

// Leaves in the sets what is ready; gives the number of bits.
static int64_t answer_sets(struct select_call *c)
{
    int64_t count = 0;
    for (size_t i = 0; i < c->size; i++) {
        uint32_t handle = c->handles[i];
        for (unsigned s = 0; s < SETS; s++) {
            if (!has_bit(c, s, handle)) {
                continue;
            }
            if ((c->entries[i].found & set_answer[s]) != 0) {
                count++;
            } else {
                c->bits[s * c->words + handle / WORD_BITS] &= ~(1ull << handle % WORD_BITS);
            }
        }
    }
    return count;
}

static int64_t select_handles(struct select_call *c, const vaddr_t *sets, int32_t count,
                              nsec_t deadline, const struct mask *m)
{
    size_t found;
    status_t status = read_sets(c, sets, count);
    if (status == OK) {
        status = find_selected(c);
    }
    if (status == OK) {
        status = wait_masked(c->entries, c->size, deadline, m, &found);
    }
    if (status != OK) {
        return status;
    }
    int64_t result = answer_sets(c);
    size_t bytes = c->words * sizeof(uint64_t);
    for (unsigned s = 0; s < SETS; s++) {
        if (sets[s] != 0 && arch_copy_to_user(sets[s], c->bits + s * c->words, bytes) != 0) {
            return ERR_FAULT;
        }
    }
    return result;
}

int64_t sys_pselect6(int32_t count, vaddr_t readable, vaddr_t writable, vaddr_t exceptional,
                     vaddr_t timeout, vaddr_t set)
{
    const vaddr_t sets[SETS] = {readable, writable, exceptional};
    struct select_call c = {};
    struct mask m = {};
    uint64_t mask[2] = {}; // the set's address and size
    nsec_t deadline;
    if (count < 0 || (uint32_t)count > handle_limit(process_current()->handles)) {
        return ERR_INVAL;
    }
    status_t status = read_timeout(timeout, &deadline);
    if (status == OK && set != 0 && arch_copy_from_user(mask, set, sizeof(mask)) != 0) {
        status = ERR_FAULT;
    }
    if (status == OK) {
        status = read_mask(mask[0], mask[1], &m);
    }
    if (status != OK) {
        return status;
    }
    int64_t result = select_handles(&c, sets, count, deadline, &m);
    drop_files(c.entries, c.size);
    heap_free(c.entries);
    heap_free(c.handles);
    heap_free(c.bits);
    return result;
}

/* ---- epoll ---- */

int64_t sys_epoll_create1(uint32_t flags)
{
    struct file *f;
    if ((flags & ~(uint32_t)ABI_O_CLOEXEC) != 0) {
        return ERR_INVAL;
    }
    status_t status = epoll_create(&f);
    return status == OK ? publish_file(f, file_rights(f), flags) : status;
}

static status_t change_set(struct file *set, int32_t operation, struct file *f, int32_t handle,
                           const struct epoll_event *e)
{
    switch (operation) {
    case ABI_EPOLL_CTL_ADD: return epoll_add(set, f, handle, e);
    case ABI_EPOLL_CTL_MOD: return epoll_modify(set, f, handle, e);
    case ABI_EPOLL_CTL_DEL: return epoll_remove(set, f, handle);
    default: return ERR_INVAL;
    }
}

int64_t sys_epoll_ctl(struct file *epoll, int32_t operation, int32_t handle, vaddr_t event)
{
    struct epoll_event e = {};
    struct file *f;
    static_assert(sizeof(e) == sizeof(struct abi_epoll_event));
    if (operation != ABI_EPOLL_CTL_DEL && arch_copy_from_user(&e, event, sizeof(e)) != 0) {
        return ERR_FAULT;
    }
    status_t status = handle_get_file(process_current()->handles, handle, 0, &f);
    if (status != OK) {
        return status;
    }
    status = change_set(epoll, operation, f, handle, &e);
    file_unref(f);
    return status;
}

// Memory for all that may be ready; a few on the stack when there is none.
static struct epoll_event *events_room(struct file *set, struct epoll_event *small, size_t *max)
{
    void *memory;
    size_t most = u64_max(u64_min(*max, epoll_size(set)), 1);
    if (most > SMALL && heap_alloc_array(most, sizeof(*small), &memory) == OK) {
        *max = most;
        return memory;
    }
    *max = u64_min(*max, SMALL);
    return small;
}

int64_t sys_epoll_pwait(struct file *epoll, vaddr_t events, int32_t count, int32_t timeout_ms,
                        vaddr_t set, uint64_t set_size)
{
    struct epoll_event small[SMALL];
    struct mask m;
    if (count <= 0) {
        return ERR_INVAL;
    }
    status_t status = read_mask(set, set_size, &m);
    if (status != OK) {
        return status;
    }
    nsec_t deadline = timeout_ms < 0    ? deadline_none()
                      : timeout_ms == 0 ? 0
                                        : deadline_after((nsec_t)timeout_ms * NSEC_PER_MSEC);
    size_t max = (size_t)count;
    size_t found = 0;
    struct epoll_event *room = events_room(epoll, small, &max);
    swap_mask(&m);
    status = epoll_wait(epoll, room, max, deadline, &found);
    restore_mask(&m, status);
    if (status == OK && arch_copy_to_user(events, room, found * sizeof(*room)) != 0) {
        status = ERR_FAULT;
    }
    if (room != small) {
        heap_free(room);
    }
    return status == OK ? (int64_t)found : status;
}
