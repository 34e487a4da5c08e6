// SPDX-License-Identifier: Apache-2.0
#include "kernel/core/random.h"

#include "kernel/core/hash.h"
#include "kernel/core/percpu.h"
#include "kernel/core/time.h"
#include "lib/base/string.h"
#include "lib/crypt/crypt.h"

enum {
    KEY_SIZE = CRYPT_STREAM_KEY_SIZE,
    STOCK_SIZE = 96, // with a key: two blocks of ChaCha20
    PIECE_SIZE = 64, // of what is added at a time
    SEED_BITS = 256,
};
static_assert(KEY_SIZE == CRYPT_SHA256_SIZE);

static struct {
    struct spinlock lock;
    uint8_t pool[KEY_SIZE];      // [l] depends on everything that was ever added
    uint8_t key[KEY_SIZE];       // [l] of `generation`
    unsigned credit;             // [l] bits in the pool that no generation has had
    _Atomic uint32_t generation; // [l, read anywhere] 0: not seeded
    struct wait_queue is_seeded;
} generator = {
    .lock = SPINLOCK_INIT("random", RANK_RANDOM),
    .is_seeded = WAIT_QUEUE_INIT(generator.is_seeded, "random"),
};

// What a CPU gives out of: its key makes the next key and a stock of bytes.
struct cpu_random {
    uint8_t key[KEY_SIZE];     // [c]
    uint8_t stock[STOCK_SIZE]; // [c] the last `left` bytes have not been given out; others are zero
    size_t left;               // [c]
    uint32_t generation;       // [c] that the key comes from
};
static PERCPU(struct cpu_random, cpu_random);

static uint32_t current_generation(void)
{
    return atomic_load_explicit(&generator.generation, memory_order_acquire);
}

bool random_is_seeded(void)
{
    return current_generation() != 0;
}

// ---- What goes in ----

// target = SHA-256(target, bytes)
static void mix(uint8_t target[KEY_SIZE], const void *bytes, size_t size)
{
    uint8_t text[KEY_SIZE + PIECE_SIZE];
    const uint8_t *from = bytes;
    while (size != 0) {
        size_t piece = size < PIECE_SIZE ? size : PIECE_SIZE;
        memcpy(text, target, KEY_SIZE);
        memcpy(text + KEY_SIZE, from, piece);
        hash_sha256(span_of(text, KEY_SIZE + piece), target);
        from += piece;
        size -= piece;
    }
    crypt_wipe(text, sizeof(text));
}

// The pool becomes part of the key, and then something that does not tell the key.
static void next_generation(void) REQUIRES(generator.lock)
{
    uint64_t extra = 0;
    if (arch_random(&extra)) {
        mix(generator.pool, &extra, sizeof(extra));
    }
    mix(generator.key, generator.pool, KEY_SIZE);
    mix(generator.pool, "next", 4);
    generator.credit = 0;
    uint32_t next = generator.generation + 1;
    atomic_store_explicit(&generator.generation, next == 0 ? 1 : next, memory_order_release);
}

void random_add(const void *bytes, size_t size, unsigned bits)
{
    irqflags_t flags = spin_lock_irqsave(&generator.lock);
    bool was_seeded = random_is_seeded();
    mix(generator.pool, bytes, size);
    generator.credit += bits < SEED_BITS ? bits : SEED_BITS;
    if (generator.credit >= SEED_BITS) {
        next_generation();
    }
    bool is_first = !was_seeded && random_is_seeded();
    spin_unlock_irqrestore(&generator.lock, flags);
    if (is_first) {
        (void)wait_wake_all(&generator.is_seeded);
    }
}

/*
 * Where nothing else gives entropy, those who wait gather it: when exactly a thread runs again after
 * a sleep depends on caches, other work and clocks that drift apart.  A bit is what one sleep is
 * surely worth.
 */
status_t random_wait(nsec_t deadline, enum wait_flags flags)
{
    status_t status = OK;
    while (!random_is_seeded()) {
        nsec_t now = time_now();
        if (now >= deadline) {
            return ERR_TIMEDOUT;
        }
        nsec_t next = now + NSEC_PER_MSEC;
        WAIT_UNTIL(&generator.is_seeded, random_is_seeded(), next < deadline ? next : deadline,
                   flags, &status);
        if (status == ERR_INTR) {
            return status;
        }
        uint64_t sample = arch_counter();
        random_add(&sample, sizeof(sample), 1);
    }
    return OK;
}

// ---- What comes out ----

// A key of the current generation for a CPU; the generator's own is replaced.
static void take_key(struct cpu_random *c)
{
    uint8_t stream[2 * KEY_SIZE];
    spin_lock(&generator.lock);
    crypt_stream(generator.key, stream, sizeof(stream));
    memcpy(generator.key, stream, KEY_SIZE);
    c->generation = current_generation();
    spin_unlock(&generator.lock);
    memcpy(c->key, stream + KEY_SIZE, KEY_SIZE);
    crypt_wipe(stream, sizeof(stream));
    c->left = 0;
}

static void refill(struct cpu_random *c)
{
    uint8_t stream[KEY_SIZE + STOCK_SIZE];
    crypt_stream(c->key, stream, sizeof(stream));
    memcpy(c->key, stream, KEY_SIZE);
    memcpy(c->stock, stream + KEY_SIZE, STOCK_SIZE);
    crypt_wipe(stream, sizeof(stream));
    c->left = STOCK_SIZE;
}

// At most STOCK_SIZE bytes, from this CPU's key.
static void take_some(uint8_t *out, size_t size)
{
    irqflags_t flags = arch_irq_save();
    struct cpu_random *c = this_cpu(cpu_random);
    if (UNLIKELY(c->generation != current_generation())) {
        take_key(c);
    }
    while (size != 0) {
        if (c->left == 0) {
            refill(c);
        }
        size_t piece = size < c->left ? size : c->left;
        uint8_t *from = c->stock + STOCK_SIZE - c->left;
        memcpy(out, from, piece);
        crypt_wipe(from, piece);
        c->left -= piece;
        out += piece;
        size -= piece;
    }
    arch_irq_restore(flags);
}

status_t random_try_bytes(void *out, size_t size)
{
    if (UNLIKELY(!random_is_seeded())) {
        return ERR_AGAIN;
    }
    if (size <= STOCK_SIZE) {
        take_some(out, size);
        return OK;
    }
    uint8_t key[KEY_SIZE]; // of this call, so that interrupts are not off for long
    take_some(key, sizeof(key));
    crypt_stream(key, out, size);
    crypt_wipe(key, sizeof(key));
    return OK;
}

void random_bytes(void *out, size_t size)
{
    while (UNLIKELY(random_try_bytes(out, size) != OK)) {
        (void)random_wait(NSEC_NEVER, WAIT_DEFAULT); // what it gives shows at the next try
    }
}

// Lemire, "Fast random integer generation in an interval" (2019): multiply, and refuse the few
// values that would make some results likelier.
uint64_t random_below(uint64_t limit)
{
    uint64_t number;
    random_bytes(&number, sizeof(number));
    unsigned __int128 product = (unsigned __int128)number * limit;
    if ((uint64_t)product < limit) {
        uint64_t refuse_below = -limit % limit;
        while ((uint64_t)product < refuse_below) {
            random_bytes(&number, sizeof(number));
            product = (unsigned __int128)number * limit;
        }
    }
    return (uint64_t)(product >> 64);
}
