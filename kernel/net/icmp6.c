// SPDX-License-Identifier: Apache-2.0
/* ICMP of IPv6: echo is answered, errors are told, and sent; what discovery and groups say goes on. */
#include "lib/net/icmp6.h"

#include "kernel/net/ip_priv.h"
#include "lib/net/quote.h"

static void answer_echo(struct packet *p, const struct ip_meta *m)
{
    ip_count(echo_requests_in);
    if (ip_is_unspecified(&m->source) || !icmp_has_headroom(p)) {
        packet_free(p);
        return;
    }
    p->data[0] = ICMP6_ECHO_REPLY;
    icmp_reply(p, m);
}

static void hear_error(struct packet *p, const struct icmp6_message *message,
                       const struct ip_meta *m)
{
    struct quote quote;
    struct quote_error error;
    struct span rest = span_of(p->data + ICMP6_HEADER_SIZE, p->size - ICMP6_HEADER_SIZE);
    if (quote_parse6(rest, &quote) != OK || !icmp6_error(message, &error)) {
        ip_count(errors_ignored);
        return;
    }
    struct icmp_report r = {&quote, &error, message->type, message->code};
    icmp_report(&r, m);
}

// What is for the link only, or an error.  True: the packet was taken.
static bool hear(struct packet *p, const struct icmp6_message *message, const struct ip_meta *m)
{
    switch (message->type) {
    case ICMP6_ROUTER_SOLICITATION:
    case ICMP6_ROUTER_ADVERTISEMENT:
    case ICMP6_NEIGHBOUR_SOLICITATION:
    case ICMP6_NEIGHBOUR_ADVERTISEMENT:
    case ICMP6_REDIRECT: return ndp_receive(p, m);
    case ICMP6_MLD_QUERY: mld_receive(p, m); break;
    case ICMP6_UNREACHABLE:
    case ICMP6_TOO_BIG:
    case ICMP6_TIME_EXCEEDED:
    case ICMP6_PARAMETER_PROBLEM: hear_error(p, message, m); break;
    default: break;
    }
    return false;
}

static void receive(struct packet *p, const struct ip_meta *m)
{
    struct icmp6_message message;
    ip_count(icmp_in);
    bool is_good = packet_need(p, ICMP6_HEADER_SIZE) == OK &&
                   icmp6_parse(span_of(p->data, p->size), &message) == OK &&
                   ip_checksum_is_right(p, m);
    if (!is_good || ip_is_v4(&m->source)) {
        ip_count(icmp_in_errors);
        packet_free(p);
        return;
    }
    if (message.type == ICMP6_ECHO) {
        answer_echo(p, m);
        return;
    }
    if (message.type == ICMP6_ECHO_REPLY) {
        ip_hand_on(p, m);
        return;
    }
    if (ip_make_linear(&p) != OK || !hear(p, &message, m)) {
        packet_free(p);
    }
}

void icmp6_send_error(const struct packet *p, const struct ip_meta *m, uint8_t type, uint8_t code,
                      uint32_t value)
{
    struct packet *error;
    if (!icmp_may_answer(m) || quote_is_error6(icmp_original(p)) || !icmp_may_send(&m->source) ||
        icmp_quote(p, ICMP6_HEADER_SIZE, ICMP6_QUOTE_MAX, &error) != OK) {
        return;
    }
    struct icmp6_message message = {.type = type, .code = code, .pointer = value};
    icmp6_emit(&message, error->data);
    struct ip_meta as_icmp = *m;
    as_icmp.protocol = IP_PROTOCOL_ICMP6;
    icmp_reply(error, &as_icmp);
}

void icmp6_init(void)
{
    ip_register_own(IP_PROTOCOL_ICMP6, receive);
}
