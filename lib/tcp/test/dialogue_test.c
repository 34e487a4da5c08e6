// SPDX-License-Identifier: Apache-2.0
#include "lib/tcp/test/dialogue.h"

#include "lib/base/string.h"
#include "lib/tcp/test/sane.h"

// What of a segment the text names.
enum given : uint32_t {
    GIVEN_ACK = 1 << 0,
    GIVEN_WINDOW = 1 << 1,
    GIVEN_MSS = 1 << 2,
    GIVEN_SCALE = 1 << 3,
    GIVEN_SACK_PERMITTED = 1 << 4,
    GIVEN_TIMESTAMPS = 1 << 5,
    GIVEN_SACKS = 1 << 6,
    GIVEN_PSH = 1 << 7,
};

struct script {
    const char *at;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_spaces(struct script *s)
{
    while (*s->at == ' ') {
        s->at++;
    }
}

// Whether that word comes next; then it is passed.
static bool is_word(struct script *s, const char *word)
{
    skip_spaces(s);
    size_t n = strlen(word);
    if (strncmp(s->at, word, n) != 0 || (s->at[n] != ' ' && s->at[n] != '\0')) {
        return false;
    }
    s->at += n;
    return true;
}

static uint32_t number(struct script *s)
{
    skip_spaces(s);
    bool is_negative = *s->at == '-';
    s->at += is_negative ? 1 : 0;
    uint32_t value = 0;
    while (is_digit(*s->at)) {
        value = value * 10 + (uint32_t)(*s->at++ - '0');
    }
    return is_negative ? -value : value;
}

static uint8_t flags(struct script *s)
{
    static constexpr char LETTERS[] = "FSRPAUEC";
    uint8_t set = 0;
    skip_spaces(s);
    for (const char *found = strchr(LETTERS, *s->at); found != NULL && *s->at != '\0';
         found = strchr(LETTERS, *s->at)) {
        set |= (uint8_t)(1u << (found - LETTERS));
        s->at++;
    }
    if (*s->at == '-') {
        s->at++;
    }
    return set;
}

static bool read_syn_option(struct script *s, struct tcp_segment *out, uint32_t *given)
{
    if (is_word(s, "mss")) {
        out->mss = (uint16_t)number(s);
        out->has |= TCP_HAS_MSS;
        *given |= GIVEN_MSS;
    } else if (is_word(s, "scale")) {
        out->scale = (uint8_t)number(s);
        out->has |= TCP_HAS_SCALE;
        *given |= GIVEN_SCALE;
    } else if (is_word(s, "sackok")) {
        out->has |= TCP_HAS_SACK_PERMITTED;
        *given |= GIVEN_SACK_PERMITTED;
    } else {
        return false;
    }
    return true;
}

// `base` is of the numbers that it acknowledges.
static bool read_option(struct script *s, uint32_t base, struct tcp_segment *out, uint32_t *given)
{
    if (is_word(s, "ack")) {
        out->ack = base + number(s);
        *given |= GIVEN_ACK;
    } else if (is_word(s, "win")) {
        out->window = (uint16_t)number(s);
        *given |= GIVEN_WINDOW;
    } else if (is_word(s, "ts")) {
        out->ts_value = number(s);
        out->ts_echo = number(s);
        out->has |= TCP_HAS_TIMESTAMPS;
        *given |= GIVEN_TIMESTAMPS;
    } else if (is_word(s, "nosack")) {
        *given |= GIVEN_SACKS;
    } else if (is_word(s, "sack")) {
        struct tcp_sack *block = &out->sacks[out->sack_count++];
        block->left = base + number(s);
        s->at++;
        block->right = base + number(s);
        *given |= GIVEN_SACKS;
    } else {
        return read_syn_option(s, out, given);
    }
    return true;
}

static uint32_t read_segment(const char *text, uint32_t seq_base, uint32_t ack_base,
                             struct tcp_segment *out)
{
    struct script s = {text};
    uint32_t given = 0;
    *out = (struct tcp_segment){};
    out->flags = flags(&s);
    out->seq = seq_base + number(&s);
    if (*s.at == '+') {
        s.at++;
        out->payload_size = number(&s);
    }
    given |= (out->flags & TCP_PSH) != 0 ? GIVEN_PSH : 0;
    while (read_option(&s, ack_base, out, &given)) {
    }
    skip_spaces(&s);
    if (*s.at != '\0') {
        test_fail(__FILE__, __LINE__, "no segment: %s", text);
    }
    return given;
}

static bool are_sacks_equal(const struct tcp_segment *a, const struct tcp_segment *b)
{
    return a->sack_count == b->sack_count &&
           memcmp(a->sacks, b->sacks, a->sack_count * sizeof(a->sacks[0])) == 0;
}

static bool is_flags_equal(const struct tcp_segment *got, const struct tcp_segment *want,
                           uint32_t given)
{
    uint8_t looked_at = (given & GIVEN_PSH) != 0 ? 0xff : 0xff & ~TCP_PSH;
    return ((got->flags ^ want->flags) & looked_at) == 0;
}

static bool is_equal(const struct tcp_segment *got, const struct tcp_segment *want, uint32_t given)
{
    static constexpr uint32_t PRESENT[] = {GIVEN_MSS, GIVEN_SCALE, GIVEN_TIMESTAMPS,
                                           GIVEN_SACK_PERMITTED};
    for (unsigned i = 0; i < 4; i++) {
        if ((given & PRESENT[i]) != 0 && (got->has & want->has & 1u << i) == 0) {
            return false;
        }
    }
    return is_flags_equal(got, want, given) && got->seq == want->seq &&
           got->payload_size == want->payload_size &&
           ((given & GIVEN_ACK) == 0 || got->ack == want->ack) &&
           ((given & GIVEN_WINDOW) == 0 || got->window == want->window) &&
           ((given & GIVEN_MSS) == 0 || got->mss == want->mss) &&
           ((given & GIVEN_SCALE) == 0 || got->scale == want->scale) &&
           ((given & GIVEN_TIMESTAMPS) == 0 ||
            (got->ts_value == want->ts_value && got->ts_echo == want->ts_echo)) &&
           ((given & GIVEN_SACKS) == 0 || are_sacks_equal(got, want));
}

// The machine's segment as a dialogue would write it.
static void print_output(struct dialogue *d, char *text, size_t size)
{
    struct tcp_segment s = d->output;
    s.seq -= d->our_isn;
    s.ack -= PEER_ISN;
    for (unsigned i = 0; i < s.sack_count; i++) {
        s.sacks[i].left -= PEER_ISN;
        s.sacks[i].right -= PEER_ISN;
    }
    tcp_print(&s, text, size);
}

static void check_sane(struct dialogue *d)
{
    EXPECT(tcp_is_sane(&d->t));
}

static void take_result(struct dialogue *d)
{
    d->events |= d->result.events;
    d->acked += d->result.acked;
    d->readable += d->result.readable;
    if ((d->result.events & TCP_EVENT_FAILED) != 0) {
        d->error = d->result.error;
    }
}

static bool output(struct dialogue *d)
{
    bool is_there = tcp_output(&d->t, d->now, d->burst, &d->output, &d->payload);
    if (is_there && (d->output.has & TCP_HAS_TIMESTAMPS) != 0) {
        d->output.ts_value -= OUR_TIMESTAMPS + (uint32_t)(DIALOGUE_BEGIN >> 20);
    }
    return is_there;
}

void dialogue_begin(struct dialogue *d)
{
    *d = (struct dialogue){
        .now = DIALOGUE_BEGIN,
        .our_isn = OUR_ISN,
        .burst = 0,
        .config =
            {
                .receive_buffer = 40000,
                .send_buffer = 100000,
                .mss_max = 1000,
            },
    };
    tcp_init(&d->t, &d->config);
}

static struct tcp_open names(void)
{
    return (struct tcp_open){
        .local_port = OUR_PORT,
        .peer_port = PEER_PORT,
        .isn = OUR_ISN,
        .ts_offset = OUR_TIMESTAMPS,
    };
}

void dialogue_connect(struct dialogue *d, const char *options)
{
    struct tcp_open open = names();
    tcp_connect(&d->t, &open, d->now);
    if (options == NULL) {
        return;
    }
    char text[200];
    expect(d, "S 0");
    pass(d, 100 * MS);
    fmt_print(text, sizeof(text), "SA 0 ack 1 win 50000 %s", options);
    peer(d, text);
    expect(d, "A 1 ack 1");
    expect_events(d, TCP_EVENT_CONNECTED);
}

struct dialogue *dialogue_open_with(struct dialogue *d, const char *options)
{
    dialogue_begin(d);
    dialogue_connect(d, options);
    return d;
}

struct dialogue *dialogue_open(struct dialogue *d)
{
    return dialogue_open_with(d, "mss 1000 sackok");
}

struct dialogue *dialogue_listen(struct dialogue *d, const char *options)
{
    struct tcp_open open = names();
    struct tcp_segment syn;
    char text[200];
    fmt_print(text, sizeof(text), "S 0 win 50000 %s", options);
    (void)read_segment(text, PEER_ISN, d->our_isn, &syn);
    dialogue_begin(d);
    tcp_accept(&d->t, &open, &syn, d->now);
    return d;
}

void peer(struct dialogue *d, const char *text)
{
    struct tcp_segment s;
    uint32_t given = read_segment(text, PEER_ISN, d->our_isn, &s);
    if ((given & GIVEN_WINDOW) == 0) {
        s.window = 50000;
    }
    s.source_port = PEER_PORT;
    s.destination_port = OUR_PORT;
    s.ts_echo += s.ts_echo != 0 ? OUR_TIMESTAMPS + (uint32_t)(DIALOGUE_BEGIN >> 20) : 0;
    tcp_input(&d->t, &s, d->now, &d->result);
    take_result(d);
    check_sane(d);
}

void expect_at(struct dialogue *d, const char *text, const char *file, int line)
{
    struct tcp_segment want;
    uint32_t given = read_segment(text, d->our_isn, PEER_ISN, &want);
    if (!output(d)) {
        test_fail(file, line, "expected %s, got nothing", text);
        return;
    }
    check_sane(d);
    if (!is_equal(&d->output, &want, given)) {
        char got[300];
        print_output(d, got, sizeof(got));
        test_fail(file, line, "expected %s, got %s", text, got);
    }
}

void expect_silence_at(struct dialogue *d, const char *file, int line)
{
    if (output(d)) {
        char got[300];
        print_output(d, got, sizeof(got));
        test_fail(file, line, "expected nothing, got %s", got);
    }
    check_sane(d);
}

static void time_out(struct dialogue *d)
{
    tcp_timeout(&d->t, d->now, &d->result);
    take_result(d);
    check_sane(d);
}

void pass(struct dialogue *d, nsec_t time)
{
    nsec_t end = d->now + time;
    for (int i = 0; i < 1000 && tcp_deadline(&d->t) <= end; i++) {
        d->now = tcp_deadline(&d->t) > d->now ? tcp_deadline(&d->t) : d->now;
        time_out(d);
    }
    d->now = end;
}

void expect_due_at(struct dialogue *d, nsec_t time, const char *file, int line)
{
    nsec_t due = tcp_deadline(&d->t);
    nsec_t want = d->now + time;
    nsec_t slack = 1 << 21;
    if (due == NSEC_NEVER || due + slack < want || due > want + slack) {
        test_fail(file, line, "due in %lld us, not in %lld us",
                  due == NSEC_NEVER ? -1 : (long long)(due - d->now) / 1000,
                  (long long)time / 1000);
        return;
    }
    d->now = due;
    time_out(d);
}

void expect_events_at(struct dialogue *d, uint32_t events, const char *file, int line)
{
    (void)test_check_eq(file, line, "events", d->events, events);
    d->events = 0;
}

void expect_failed_at(struct dialogue *d, status_t error, const char *file, int line)
{
    expect_events_at(d, TCP_EVENT_FAILED | TCP_EVENT_CLOSED, file, line);
    (void)test_check_status(file, line, "error", d->error, error);
    expect_state_at(d, TCP_CLOSED, file, line);
}

void expect_state_at(struct dialogue *d, enum tcp_state state, const char *file, int line)
{
    (void)test_check_eq(file, line, "state", tcp_state(&d->t), state);
}

void app_write(struct dialogue *d, uint32_t bytes)
{
    tcp_send(&d->t, bytes, d->now);
    check_sane(d);
}

void app_read(struct dialogue *d, uint32_t bytes)
{
    tcp_consume(&d->t, bytes);
    check_sane(d);
}

void app_shutdown(struct dialogue *d)
{
    tcp_shutdown_send(&d->t, d->now);
    check_sane(d);
}

void app_close(struct dialogue *d)
{
    tcp_close(&d->t, d->now);
    check_sane(d);
}

void app_write_segments(struct dialogue *d, uint32_t from, unsigned n)
{
    app_write(d, n * 1000);
    for (unsigned i = 0; i < n; i++) {
        char text[60];
        fmt_print(text, sizeof(text), "A %u+1000", from + i * 1000);
        expect(d, text);
    }
}

struct tcp_info dialogue_info(struct dialogue *d)
{
    struct tcp_info info;
    tcp_info(&d->t, d->now, &info);
    return info;
}

static struct dialogue dialogue;

TEST(a_dialogue_counts_numbers_from_the_syn_of_each_side)
{
    struct dialogue *d = dialogue_open(&dialogue);
    app_write(d, 10);
    expect(d, "PA 1+10 ack 1");
    EXPECT_EQ(d->output.seq, OUR_ISN + 1);
    EXPECT_EQ(d->output.ack, PEER_ISN + 1);
}
