// SPDX-License-Identifier: Apache-2.0
#include "lib/net/icmp6.h"

#include "lib/base/bits.h"

enum { CODE = 1, REST = 4 };

status_t icmp6_parse(struct span front, struct icmp6_message *out)
{
    const uint8_t *p = front.data;
    if (front.size < ICMP6_HEADER_SIZE) {
        return ERR_INVAL;
    }
    *out = (struct icmp6_message){.type = p[0], .code = p[CODE]};
    switch (out->type) {
    case ICMP6_ECHO:
    case ICMP6_ECHO_REPLY:
        out->id = read_be16(p + REST);
        out->sequence = read_be16(p + REST + 2);
        break;
    case ICMP6_TOO_BIG: out->mtu = read_be32(p + REST); break;
    case ICMP6_PARAMETER_PROBLEM: out->pointer = read_be32(p + REST); break;
    default: break;
    }
    return OK;
}

void icmp6_emit(const struct icmp6_message *m, uint8_t *to)
{
    to[0] = m->type;
    to[CODE] = m->code;
    write_be16(to + ICMP6_CHECKSUM_OFFSET, 0);
    write_be32(to + REST, 0);
    switch (m->type) {
    case ICMP6_ECHO:
    case ICMP6_ECHO_REPLY:
        write_be16(to + REST, m->id);
        write_be16(to + REST + 2, m->sequence);
        break;
    case ICMP6_TOO_BIG: write_be32(to + REST, m->mtu); break;
    case ICMP6_PARAMETER_PROBLEM: write_be32(to + REST, m->pointer); break;
    default: break;
    }
}

static bool code_error(uint8_t code, struct quote_error *out)
{
    static const struct quote_error errors[] = {
        [ICMP6_NO_ROUTE] = {.error = ERR_NETUNREACH},
        [ICMP6_PROHIBITED] = {.error = ERR_ACCES, .is_hard = true},
        [ICMP6_SCOPE] = {.error = ERR_HOSTUNREACH},
        [ICMP6_ADDRESS] = {.error = ERR_HOSTUNREACH},
        [ICMP6_PORT] = {.error = ERR_CONNREFUSED, .is_hard = true},
        [ICMP6_POLICY] = {.error = ERR_ACCES, .is_hard = true},
        [ICMP6_REJECT] = {.error = ERR_ACCES, .is_hard = true},
    };
    if (code >= ARRAY_SIZE(errors)) {
        return false;
    }
    *out = errors[code];
    return true;
}

bool icmp6_error(const struct icmp6_message *m, struct quote_error *out)
{
    switch (m->type) {
    case ICMP6_UNREACHABLE: return code_error(m->code, out);
    case ICMP6_TOO_BIG:
        *out = (struct quote_error){.error = ERR_MSGSIZE, .is_hard = true, .mtu = m->mtu};
        return m->mtu >= IP6_MTU_MIN; // RFC 8201, 4: else it is forged
    case ICMP6_TIME_EXCEEDED: *out = (struct quote_error){.error = ERR_HOSTUNREACH}; return true;
    case ICMP6_PARAMETER_PROBLEM:
        *out = (struct quote_error){.error = ERR_PROTO, .is_hard = m->code == IP6_PROBLEM_NEXT};
        return true;
    default: return false;
    }
}
