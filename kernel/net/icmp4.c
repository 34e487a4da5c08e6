// SPDX-License-Identifier: Apache-2.0
/* ICMP of IPv4: echo is answered, errors are told, and sent. */
#include "lib/net/icmp4.h"

#include "kernel/net/ip_priv.h"
#include "lib/net/checksum.h"
#include "lib/net/quote.h"

static void answer_echo(struct packet *p, const struct ip_meta *m)
{
    ip_count(echo_requests_in);
    // Nobody pings a whole network through us.
    if (!icmp_may_answer(m) || !icmp_has_headroom(p)) {
        packet_free(p);
        return;
    }
    p->data[0] = ICMP4_ECHO_REPLY;
    icmp_finish(p, 0);
    icmp_reply(p, m);
}

static void hear_error(struct packet *p, const struct icmp4_message *message,
                       const struct ip_meta *m)
{
    struct quote quote;
    struct quote_error error;
    struct span rest = span_of(p->data + ICMP4_HEADER_SIZE, p->size - ICMP4_HEADER_SIZE);
    if (quote_parse4(rest, &quote) != OK || !icmp4_error(message, &quote, &error)) {
        ip_count(errors_ignored);
        return;
    }
    struct icmp_report r = {&quote, &error, message->type, message->code};
    icmp_report(&r, m);
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    struct icmp4_message message;
    ip_count(icmp_in);
    bool is_good =
        packet_need(p, ICMP4_HEADER_SIZE) == OK &&
        icmp4_parse(span_of(p->data, p->size), &message) == OK &&
        (p->checksum != PACKET_SUM_NONE || checksum_is_right(packet_sum(p, 0, p->total, 0)));
    if (!is_good || !ip_is_v4(&m->source)) {
        ip_count(icmp_in_errors);
        packet_free(p);
        return;
    }
    if (message.type == ICMP4_ECHO) {
        answer_echo(p, m);
        return;
    }
    if (message.type == ICMP4_ECHO_REPLY) {
        ip_hand_on(p, m);
        return;
    }
    if (icmp4_is_error(message.type) && ip_make_linear(&p) == OK) {
        hear_error(p, &message, m);
    }
    packet_free(p);
}

// Errors are not told about errors, or two machines would never stop (RFC 1122, 3.2.2).
static bool is_about_error(const struct packet *p)
{
    struct quote q;
    return quote_parse4(icmp_original(p), &q) == OK && q.protocol == IP_PROTOCOL_ICMP &&
           icmp4_is_error(q.transport.data[0]);
}

void icmp4_send_error(const struct packet *p, const struct ip_meta *m, uint8_t type, uint8_t code)
{
    struct packet *error;
    if (!icmp_may_answer(m) || is_about_error(p) || !icmp_may_send(&m->source) ||
        icmp_quote(p, ICMP4_HEADER_SIZE, ICMP4_QUOTE_MAX, &error) != OK) {
        return;
    }
    struct icmp4_message message = {.type = type, .code = code};
    icmp4_emit(&message, error->data);
    icmp_finish(error, 0);
    struct ip_meta as_icmp = *m;
    as_icmp.protocol = IP_PROTOCOL_ICMP;
    icmp_reply(error, &as_icmp);
}

void icmp4_init(void)
{
    ip_register_own(IP_PROTOCOL_ICMP, receive);
}
