// SPDX-License-Identifier: Apache-2.0
#include "kernel/dev/pty.h"

#include "kernel/dev/tty_priv.h"
#include "kernel/mm/heap.h"
#include "lib/fmt/fmt.h"

enum {
    INPUT_SIZE = 4096,
    OUTPUT_SIZE = 16384, // programs may fill half
    CHUNK_SIZE = 256,
};

// The terminal is the pair: name, master and files of the terminal keep it.
struct pty {
    struct tty tty;
    struct chardev node;       // its reference on the terminal goes with its last
    struct list link;          // [ptys.lock] by number
    uint32_t number;           // [I]
    _Atomic bool is_locked;    // [a] cannot be opened yet
    bool was_opened;           // [tty.lock] and all files are closed again when open_files is 0
    struct wait_queue readers; // of the master
    struct wait_queue writers;
    struct event_source events; // of the master
    uint64_t marks[INPUT_SIZE / 32];
    uint8_t input[INPUT_SIZE];
    uint8_t output[OUTPUT_SIZE];
};

struct master_file {
    struct file file;
    struct pty *pty;     // [I] holds a reference on its terminal
    _Atomic bool is_cut; // [a] the terminal was hung up and its name taken away
};

static struct {
    struct spinlock lock;
    struct list by_number; // [l] struct pty
} ptys = {
    .lock = SPINLOCK_INIT("pseudo-terminals", RANK_NAMES),
    .by_number = LIST_INIT(ptys.by_number),
};

static struct chardev ptmx_node;

static struct pty *pty_of(struct tty *t)
{
    return container_of(t, struct pty, tty);
}

static struct master_file *master_of(struct file *f)
{
    return container_of(f, struct master_file, file);
}

// ---- The terminal's device ----

static void transmit(struct tty *t)
{
    struct pty *p = pty_of(t);
    (void)wait_wake_all(&p->readers);
    event_notify(&p->events, EVENT_IN);
}

static void resume_input(struct tty *t)
{
    struct pty *p = pty_of(t);
    (void)wait_wake_all(&p->writers);
    event_notify(&p->events, EVENT_OUT);
}

static void files_changed(struct tty *t, bool is_open)
{
    struct pty *p = pty_of(t);
    irqflags_t flags = spin_lock_irqsave(&t->lock);
    p->was_opened = p->was_opened || is_open;
    spin_unlock_irqrestore(&t->lock, flags);
    if (!is_open) {
        (void)wait_wake_all(&p->readers);
        event_notify(&p->events, EVENT_IN | EVENT_HUP);
    }
}

static void release_pty(struct tty *t)
{
    heap_free(pty_of(t));
}

static status_t pty_ioctl(struct tty *t, uint32_t request, vaddr_t argument,
                          [[maybe_unused]] int64_t *result)
{
    struct pty *p = pty_of(t);
    int32_t value;
    switch (request) {
    case ABI_TIOCGPTN: value = (int32_t)p->number; break;
    case ABI_TIOCGPTLCK: value = atomic_load(&p->is_locked); break;
    case ABI_TIOCSPTLCK:
        if (arch_copy_from_user(&value, argument, sizeof(value)) != 0) {
            return ERR_FAULT;
        }
        atomic_store(&p->is_locked, value != 0);
        return OK;
    default: return ERR_NOTTY;
    }
    return arch_copy_to_user(argument, &value, sizeof(value)) == 0 ? OK : ERR_FAULT;
}

static const struct tty_device_ops pty_device_ops = {
    .kind = "pseudo-terminal",
    .transmit = transmit,
    .resume_input = resume_input,
    .files_changed = files_changed,
    .release = release_pty,
    .ioctl = pty_ioctl,
};

// ---- The master's file ----

enum output_state { OUTPUT_THERE, OUTPUT_NOT_YET, OUTPUT_OVER };

static enum output_state output_state_locked(struct pty *p) REQUIRES(p -> tty.lock)
{
    uint32_t len;
    (void)tty_line_output(&p->tty.line, &len);
    if (len > 0) {
        return OUTPUT_THERE;
    }
    return p->was_opened && p->tty.open_files == 0 ? OUTPUT_OVER : OUTPUT_NOT_YET;
}

static enum output_state output_state(struct pty *p)
{
    irqflags_t flags = spin_lock_irqsave(&p->tty.lock);
    enum output_state state = output_state_locked(p);
    spin_unlock_irqrestore(&p->tty.lock, flags);
    return state;
}

static size_t take_output(struct pty *p, uint8_t *to, size_t size)
{
    uint32_t len;
    irqflags_t flags = spin_lock_irqsave(&p->tty.lock);
    const uint8_t *run = tty_line_output(&p->tty.line, &len);
    len = (uint32_t)u64_min(len, size);
    memcpy(to, run, len);
    tty_line_output_done(&p->tty.line, len);
    uint32_t changes = tty_settle_locked(&p->tty);
    spin_unlock_irqrestore(&p->tty.lock, flags);
    tty_announce(&p->tty, changes);
    return len;
}

static status_t await_output(struct file *file, struct pty *p)
{
    status_t status = OK;
    if (output_state(p) == OUTPUT_OVER) {
        return ERR_IO;
    }
    if (file_is_nonblocking(file)) {
        return ERR_AGAIN;
    }
    WAIT_UNTIL(&p->readers, output_state(p) != OUTPUT_NOT_YET, NSEC_NEVER, WAIT_INTERRUPTIBLE,
               &status);
    return status;
}

static status_t master_read(struct file *file, struct uio *to, [[maybe_unused]] uint64_t *position)
{
    struct pty *p = master_of(file)->pty;
    uint8_t chunk[CHUNK_SIZE];
    size_t before = to->left;
    status_t status = OK;
    while (status == OK && to->left > 0) {
        size_t n = take_output(p, chunk, u64_min(to->left, sizeof(chunk)));
        if (n > 0) {
            status = uio_put(to, chunk, n);
        } else if (to->left != before) {
            break;
        } else {
            status = await_output(file, p);
        }
    }
    return status == ERR_INTR ? ERR_RESTART : status;
}

static bool give_input(struct pty *p, const uint8_t *bytes, size_t size, size_t *done)
{
    uint32_t changes;
    irqflags_t flags = spin_lock_irqsave(&p->tty.lock);
    *done += tty_input_locked(&p->tty, bytes + *done, size - *done, &changes);
    spin_unlock_irqrestore(&p->tty.lock, flags);
    tty_announce(&p->tty, changes);
    return *done == size;
}

// A wait asks before it sleeps and when it was woken, and gives what it can each time.
static status_t give_all(struct file *file, struct pty *p, const uint8_t *bytes, size_t size,
                         size_t *done)
{
    status_t status = OK;
    if (!file_is_nonblocking(file)) {
        WAIT_UNTIL(&p->writers, give_input(p, bytes, size, done), NSEC_NEVER, WAIT_INTERRUPTIBLE,
                   &status);
    } else if (!give_input(p, bytes, size, done)) {
        status = ERR_AGAIN;
    }
    tty_send_signals(&p->tty);
    return status == ERR_INTR ? ERR_RESTART : status;
}

static status_t master_write(struct file *file, struct uio *from,
                             [[maybe_unused]] uint64_t *position)
{
    struct pty *p = master_of(file)->pty;
    uint8_t chunk[CHUNK_SIZE];
    status_t status = OK;
    while (status == OK && from->left > 0) {
        struct uio before = *from;
        size_t done = 0;
        status_t copied = uio_get(from, chunk, sizeof(chunk));
        size_t n = before.left - from->left;
        status = give_all(file, p, chunk, n, &done);
        if (done < n) {
            *from = before;
            (void)uio_get(from, chunk, done);
        }
        status = status == OK ? copied : status;
    }
    return status;
}

static uint32_t master_poll(struct file *file, struct event_watch *w)
{
    struct pty *p = master_of(file)->pty;
    if (w != NULL) {
        event_watch(&p->events, w);
    }
    irqflags_t flags = spin_lock_irqsave(&p->tty.lock);
    enum output_state state = output_state_locked(p);
    bool has_room = !p->tty.line.has_refused;
    spin_unlock_irqrestore(&p->tty.lock, flags);
    uint32_t events = has_room ? EVENT_OUT : 0;
    events |= state == OUTPUT_THERE ? EVENT_IN : 0;
    return events | (state == OUTPUT_OVER ? EVENT_HUP : 0);
}

static uint32_t master_readable_bytes(struct pty *p)
{
    irqflags_t flags = spin_lock_irqsave(&p->tty.lock);
    uint32_t n = ring_used(&p->tty.line.output) - tty_line_unsent_bytes(&p->tty.line);
    spin_unlock_irqrestore(&p->tty.lock, flags);
    return n;
}

static status_t master_ioctl(struct file *file, uint32_t request, vaddr_t argument, int64_t *result)
{
    struct pty *p = master_of(file)->pty;
    if (request == ABI_FIONREAD) {
        int32_t n = (int32_t)master_readable_bytes(p);
        return arch_copy_to_user(argument, &n, sizeof(n)) == 0 ? OK : ERR_FAULT;
    }
    return tty_ioctl(&p->tty, TTY_SIDE_MASTER, request, argument, result);
}

static status_t master_stat(struct file *file, struct abi_stat *out)
{
    (void)file;
    chardev_stat(&ptmx_node, out);
    return OK;
}

static void cut(struct master_file *m)
{
    struct pty *p = m->pty;
    if (atomic_exchange(&m->is_cut, true)) {
        return;
    }
    irqflags_t flags = spin_lock_irqsave(&ptys.lock);
    list_del_init(&p->link);
    spin_unlock_irqrestore(&ptys.lock, flags);
    tty_hang_up(&p->tty, TTY_HANG_UP_FOR_GOOD);
    chardev_remove(&p->node);
}

static void master_last_handle(struct file *file)
{
    cut(master_of(file));
}

static void master_release(struct file *file)
{
    struct master_file *m = master_of(file);
    cut(m);
    tty_unref(&m->pty->tty);
    heap_free(m);
}

static const struct file_ops master_ops = {
    .kind = "pseudo-terminal master",
    .release = master_release,
    .last_handle = master_last_handle,
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .ioctl = master_ioctl,
    .stat = master_stat,
};

// ---- Names ----

static status_t open_terminal(struct chardev *d, uint32_t flags, struct file **out)
{
    struct pty *p = container_of(d, struct pty, node);
    return atomic_load(&p->is_locked) ? ERR_IO : tty_open(&p->tty, flags, out);
}

static void release_node(struct chardev *d)
{
    tty_unref(&container_of(d, struct pty, node)->tty);
}

static const struct chardev_ops terminal_node_ops = {.open = open_terminal,
                                                     .release = release_node};

// Gives the pair the lowest free number.
static void take_number_locked(struct pty *p) REQUIRES(ptys.lock)
{
    struct list *before = &ptys.by_number;
    p->number = 0;
    list_for_each (node, &ptys.by_number) {
        if (container_of(node, struct pty, link)->number != p->number) {
            break;
        }
        p->number++;
        before = node;
    }
    list_add_head(before, &p->link);
}

static uint32_t caller_principal(void)
{
    struct tty_caller caller = {0};
    if (tty_job_ops() != NULL) {
        tty_job_ops()->caller(&caller);
    }
    return caller.principal;
}

static void init_pty(struct pty *p)
{
    struct tty_line_storage storage = {
        .input = p->input,
        .input_size = INPUT_SIZE,
        .marks = p->marks,
        .output = p->output,
        .output_size = OUTPUT_SIZE,
    };
    char name[CHARDEV_NAME_SIZE];
    tty_init(&p->tty, &pty_device_ops, &p->node, &storage);
    p->tty.line.is_wire = true;
    wait_init(&p->readers, "pty readers");
    wait_init(&p->writers, "pty writers");
    event_source_init(&p->events);
    atomic_init(&p->is_locked, true);
    p->was_opened = false;
    irqflags_t flags = spin_lock_irqsave(&ptys.lock);
    take_number_locked(p);
    spin_unlock_irqrestore(&ptys.lock, flags);
    fmt_print(name, sizeof(name), "%u", p->number);
    chardev_init(&p->node, &terminal_node_ops, CHARDEV_PTS, name, 0620);
    p->node.number = chardev_number(136 + p->number / 256, p->number % 256);
    atomic_init(&p->node.owner, caller_principal());
    atomic_init(&p->node.group, atomic_load(&p->node.owner));
    tty_ref(&p->tty); // the name's; the first is the master's
    chardev_add(&p->node);
}

status_t pty_create(uint32_t flags, struct file **out, struct tty **terminal)
{
    void *memory;
    void *master;
    status_t status = heap_alloc(sizeof(struct pty), &memory);
    if (status != OK) {
        return status;
    }
    status = heap_zalloc(sizeof(struct master_file), &master);
    if (status != OK) {
        heap_free(memory);
        return status;
    }
    // No failure below.
    struct master_file *m = master;
    m->pty = memory;
    init_pty(m->pty);
    file_init(&m->file, &master_ops, flags & (FILE_READ | FILE_WRITE | FILE_STATUS_MASK));
    *out = &m->file;
    *terminal = &m->pty->tty;
    return OK;
}

static status_t open_ptmx(struct chardev *d, uint32_t flags, struct file **out)
{
    (void)d;
    struct tty *terminal;
    return pty_create(flags, out, &terminal);
}

static const struct chardev_ops ptmx_ops = {.open = open_ptmx};

void pty_init(void)
{
    chardev_init(&ptmx_node, &ptmx_ops, CHARDEV_ROOT, "ptmx", 0666);
    ptmx_node.number = chardev_number(5, 2);
    chardev_add(&ptmx_node);
}
