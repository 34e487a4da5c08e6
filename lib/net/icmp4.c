// SPDX-License-Identifier: Apache-2.0
#include "lib/net/icmp4.h"

#include "lib/base/bits.h"
#include "lib/net/ip4.h"

enum { CODE = 1, REST = 4, MTU = 6 };

status_t icmp4_parse(struct span front, struct icmp4_message *out)
{
    const uint8_t *p = front.data;
    if (front.size < ICMP4_HEADER_SIZE) {
        return ERR_INVAL;
    }
    *out = (struct icmp4_message){.type = p[0], .code = p[CODE]};
    switch (out->type) {
    case ICMP4_ECHO:
    case ICMP4_ECHO_REPLY:
        out->id = read_be16(p + REST);
        out->sequence = read_be16(p + REST + 2);
        break;
    case ICMP4_UNREACHABLE: out->mtu = out->code == ICMP4_TOO_BIG ? read_be16(p + MTU) : 0; break;
    case ICMP4_REDIRECT: out->gateway = ip4_read(p + REST); break;
    case ICMP4_PARAMETER_PROBLEM: out->pointer = p[REST]; break;
    default: break;
    }
    return OK;
}

void icmp4_emit(const struct icmp4_message *m, uint8_t *to)
{
    to[0] = m->type;
    to[CODE] = m->code;
    write_be16(to + ICMP4_CHECKSUM_OFFSET, 0);
    write_be32(to + REST, 0);
    switch (m->type) {
    case ICMP4_ECHO:
    case ICMP4_ECHO_REPLY:
        write_be16(to + REST, m->id);
        write_be16(to + REST + 2, m->sequence);
        break;
    case ICMP4_UNREACHABLE: write_be16(to + MTU, m->code == ICMP4_TOO_BIG ? m->mtu : 0); break;
    case ICMP4_REDIRECT: write_be32(to + REST, ip4_value(&m->gateway)); break;
    case ICMP4_PARAMETER_PROBLEM: to[REST] = m->pointer; break;
    default: break;
    }
}

// The next lower of the sizes that links have, for routers that do not say theirs (RFC 1191, 7.1).
static uint32_t lower_mtu(uint32_t size)
{
    static const uint16_t sizes[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        if (sizes[i] < size) {
            return sizes[i];
        }
    }
    return IP4_MTU_MIN;
}

static bool too_big(const struct icmp4_message *m, const struct quote *q, struct quote_error *out)
{
    uint32_t mtu = m->mtu != 0 ? m->mtu : lower_mtu(q->total_size);
    *out = (struct quote_error){
        .error = ERR_MSGSIZE, .is_hard = true, .mtu = (uint32_t)u64_max(mtu, IP4_MTU_MIN)};
    return out->mtu < q->total_size; // else it would have fitted
}

static bool code_error(uint8_t code, struct quote_error *out)
{
    static const struct quote_error errors[] = {
        [ICMP4_NET] = {.error = ERR_NETUNREACH},
        [ICMP4_HOST] = {.error = ERR_HOSTUNREACH},
        [ICMP4_PROTOCOL] = {.error = ERR_NOPROTOOPT, .is_hard = true},
        [ICMP4_PORT] = {.error = ERR_CONNREFUSED, .is_hard = true},
        [ICMP4_SOURCE_ROUTE] = {.error = ERR_NOTSUP},
        [6] = {.error = ERR_NETUNREACH, .is_hard = true}, // unknown
        [7] = {.error = ERR_HOSTUNREACH, .is_hard = true},
        [8] = {.error = ERR_HOSTUNREACH, .is_hard = true}, // isolated
        [ICMP4_NET_PROHIBITED] = {.error = ERR_NETUNREACH, .is_hard = true},
        [ICMP4_HOST_PROHIBITED] = {.error = ERR_HOSTUNREACH, .is_hard = true},
        [11] = {.error = ERR_NETUNREACH}, // not with this type of service
        [12] = {.error = ERR_HOSTUNREACH},
        [ICMP4_PROHIBITED] = {.error = ERR_HOSTUNREACH, .is_hard = true},
        [14] = {.error = ERR_HOSTUNREACH, .is_hard = true}, // precedence
        [15] = {.error = ERR_HOSTUNREACH, .is_hard = true},
    };
    if (code >= ARRAY_SIZE(errors)) {
        return false;
    }
    *out = errors[code];
    return true;
}

bool icmp4_error(const struct icmp4_message *m, const struct quote *q, struct quote_error *out)
{
    switch (m->type) {
    case ICMP4_UNREACHABLE:
        return m->code == ICMP4_TOO_BIG ? too_big(m, q, out) : code_error(m->code, out);
    case ICMP4_TIME_EXCEEDED: *out = (struct quote_error){.error = ERR_HOSTUNREACH}; return true;
    case ICMP4_PARAMETER_PROBLEM:
        *out = (struct quote_error){.error = ERR_PROTO, .is_hard = true};
        return true;
    default: return false;
    }
}
