// SPDX-License-Identifier: Apache-2.0
/*
 * TCP's machine: the input is a script of segments, of what an application does and of time that
 * passes.  Numbers lie near those of the connection, so that most of the machine is reached.  Whatever
 * comes, the machine keeps its books, sends only what it was given, takes no byte twice, comes to an
 * end of what it sends, and always has a timer while something is in flight.
 */
#include "lib/base/string.h"
#include "lib/tcp/machine.h"
#include "lib/tcp/test/sane.h"
#include "tests/fuzz/fuzz.h"

enum { KEPT = 1 << 18, OUTPUTS_MAX = 20000, QUEUE_MAX = 1 << 20, LENT_WORDS = 256 };

struct script {
    const uint8_t *at;
    const uint8_t *end;
};

struct fuzz {
    struct script script;
    struct tcp t;
    struct tcp_config config;
    nsec_t now;
    uint32_t queued; // bytes to send, not acknowledged
    uint32_t unread;
    uint32_t begin; // index of the next byte in order
    uint64_t lent[2][4][LENT_WORDS];
    uint8_t kept[KEPT];
};

static struct fuzz fuzz;

static uint8_t next(struct fuzz *f)
{
    return f->script.at < f->script.end ? *f->script.at++ : 0;
}

static uint32_t next16(struct fuzz *f)
{
    return (uint32_t)next(f) << 8 | next(f);
}

static uint32_t next32(struct fuzz *f)
{
    return next16(f) << 16 | next16(f);
}

static void take(struct fuzz *f, const struct tcp_result *r, const struct tcp_segment *s)
{
    require(r->acked <= f->queued);
    f->queued -= r->acked;
    require(((r->events & TCP_EVENT_FAILED) != 0) == (r->error != OK));
    require((r->events & TCP_EVENT_CLOSED) == 0 || tcp_state(&f->t) == TCP_CLOSED);
    require(r->take == 0 || (s != NULL && (uint64_t)r->skip + r->take <= s->payload_size));
    require((uint64_t)r->offset + r->take <= KEPT);
    for (uint32_t i = 0; i < r->take; i++) {
        uint8_t *byte = &f->kept[(f->begin + r->offset + i) % KEPT];
        require(*byte == 0);
        *byte = 1;
    }
    for (uint32_t i = 0; i < r->readable; i++) {
        uint8_t *byte = &f->kept[(f->begin + i) % KEPT];
        require(*byte == 1);
        *byte = 0;
    }
    f->begin += r->readable;
    f->unread += r->readable;
}

static void flush(struct fuzz *f, uint32_t burst)
{
    struct tcp_segment s;
    struct tcp_range p;
    unsigned count = 0;
    while (tcp_output(&f->t, f->now, burst, &s, &p)) {
        require(++count < OUTPUTS_MAX);
        require(p.size == s.payload_size && (p.size == 0 || p.size + p.offset <= f->queued));
        require(p.size <= p.mss || (p.size <= burst && p.size % p.mss == 0));
        require(s.sack_count <= TCP_SACKS_MAX && tcp_header_size(&s) <= TCP_HEADER_MAX);
        require(tcp_is_sane(&f->t));
    }
}

// A number near one that means something.
static uint32_t near(struct fuzz *f, uint32_t base)
{
    uint8_t how = next(f);
    switch (how % 4) {
    case 0: return base;
    case 1: return base + next(f);
    case 2: return base - next(f);
    default: return base + next16(f) * (how / 4);
    }
}

static void choose_sacks(struct fuzz *f, struct tcp_segment *s)
{
    s->sack_count = next(f) % (TCP_SACKS_MAX + 1);
    for (unsigned i = 0; i < s->sack_count; i++) {
        s->sacks[i].left = near(f, next(f) % 2 == 0 ? f->t.send_unacked : f->t.send_next);
        s->sacks[i].right = s->sacks[i].left + next16(f);
    }
}

static void choose_segment(struct fuzz *f, struct tcp_segment *s)
{
    uint8_t how = next(f);
    *s = (struct tcp_segment){.flags = TCP_ACK};
    s->flags = how % 4 == 0 ? next(f) : TCP_ACK;
    s->seq = near(f, how % 8 < 6             ? f->t.receive_next
                     : tcp_state(&f->t) == 0 ? 0
                                             : f->t.receive_edge);
    s->ack = near(f, (how & 0x10) != 0 ? f->t.send_next : f->t.send_unacked);
    s->window = (how & 0x20) != 0 ? (uint16_t)next16(f) : 0xffff;
    s->payload_size = (how & 0x40) != 0 ? next16(f) : 0;
    s->has = f->t.has & TCP_HAS_TIMESTAMPS;
    s->has = next(f) % 16 == 0 ? next(f) & 0xf : s->has;
    s->mss = (uint16_t)next16(f);
    s->scale = next(f) % 15;
    s->ts_value = near(f, f->t.ts_recent);
    s->ts_echo = near(f, f->t.ts_offset + (uint32_t)(f->now >> 20));
    if ((how & 0x80) != 0) {
        choose_sacks(f, s);
    }
}

static void configure(struct fuzz *f)
{
    f->config.is_nodelay = next(f) % 2 == 0;
    f->config.is_corked = next(f) % 4 == 0;
    f->config.keeps_alive = next(f) % 2 == 0;
    f->config.user_timeout = next(f) * NSEC_PER_SEC;
    f->config.keep_idle = next(f) * NSEC_PER_SEC;
    f->config.receive_buffer = next16(f);
    tcp_configure(&f->t, &f->config);
}

static void let_time_pass(struct fuzz *f)
{
    uint8_t how = next(f);
    nsec_t deadline = tcp_deadline(&f->t);
    if (how % 2 == 0 && deadline != NSEC_NEVER) {
        f->now = deadline > f->now ? deadline : f->now;
    } else {
        f->now += (nsec_t)next16(f) << (how % 24);
    }
    for (unsigned i = 0; tcp_deadline(&f->t) <= f->now; i++) {
        struct tcp_result r;
        require(i < 4);
        tcp_timeout(&f->t, f->now, &r);
        take(f, &r, NULL);
    }
}

static void lend(struct fuzz *f)
{
    enum tcp_list list = next(f) % 2 == 0 ? TCP_LIST_FLIGHT : TCP_LIST_RECEIVED;
    unsigned place = next(f) % 4;
    void *there = list == TCP_LIST_FLIGHT ? (void *)f->t.runs_lent : (void *)f->t.ranges_lent;
    void *memory = f->lent[list][place];
    size_t wants = tcp_list_wants(&f->t, list);
    if (place == 3) {
        void *back = tcp_list_lend(&f->t, list, NULL, 0);
        require(back == NULL || back == there);
    } else if (wants > 0 && memory != there) {
        void *back = tcp_list_lend(&f->t, list, memory,
                                   wants < sizeof(f->lent[0][0]) ? wants : sizeof(f->lent[0][0]));
        require(back == there || back == memory);
    }
}

static void use(struct fuzz *f)
{
    uint32_t n;
    struct tcp_result r;
    switch (next(f) % 9) {
    case 0: configure(f); break;
    case 1: tcp_shutdown_send(&f->t, f->now); break;
    case 2: next(f) % 4 == 0 ? tcp_close(&f->t, f->now) : (void)0; break;
    case 3: next(f) % 8 == 0 ? tcp_abort(&f->t) : (void)0; break;
    case 4: tcp_path_mss(&f->t, (uint16_t)next16(f), f->now); break;
    case 5:
        tcp_unreachable(&f->t, near(f, f->t.send_unacked), ERR_HOSTUNREACH, &r);
        take(f, &r, NULL);
        break;
    case 6: lend(f); break;
    default:
        n = next16(f);
        n = n < f->unread ? n : f->unread;
        tcp_consume(&f->t, n);
        f->unread -= n;
        break;
    }
}

static void send_some(struct fuzz *f)
{
    uint32_t n = next16(f);
    bool is_taken = tcp_state(&f->t) != TCP_CLOSED && (f->t.mode & TCP_IS_CLOSING) == 0;
    if (is_taken && f->queued + n < QUEUE_MAX) {
        tcp_send(&f->t, n, f->now);
        f->queued += n;
    }
}

static void step(struct fuzz *f)
{
    struct tcp_segment s;
    struct tcp_result r;
    switch (next(f) % 8) {
    case 0: let_time_pass(f); break;
    case 1: use(f); break;
    case 2: send_some(f); break;
    case 3: flush(f, next16(f)); break;
    default:
        choose_segment(f, &s);
        tcp_input(&f->t, &s, f->now, &r);
        take(f, &r, &s);
        break;
    }
    require(tcp_is_sane(&f->t));
}

static void begin(struct fuzz *f)
{
    struct tcp_open o = {.local_port = 1, .peer_port = 2, .isn = next32(f), .ts_offset = next32(f)};
    struct tcp_segment syn = {.seq = next32(f), .flags = TCP_SYN, .window = (uint16_t)next16(f)};
    syn.has = next(f) & 0xf;
    syn.mss = (uint16_t)next16(f);
    syn.scale = next(f) % 15;
    f->config = (struct tcp_config){.receive_buffer = next16(f), .mss_max = 1460};
    tcp_init(&f->t, &f->config);
    switch (next(f) % 3) {
    case 0: tcp_connect(&f->t, &o, f->now); break;
    case 1: tcp_accept(&f->t, &o, &syn, f->now); break;
    default: tcp_accept_cookie(&f->t, &o, &syn, f->now); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz *f = &fuzz;
    memset(f, 0, sizeof(*f));
    f->script = (struct script){data, data + size};
    f->now = NSEC_PER_SEC;
    begin(f);
    flush(f, 0);
    while (f->script.at < f->script.end) {
        step(f);
    }
    flush(f, 65536);
    return 0;
}
