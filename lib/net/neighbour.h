// SPDX-License-Identifier: Apache-2.0
/*
 * What is known of one neighbour's link address, and whether it is still reachable: the state machine
 * of RFC 4861, 7.3, for ARP as well.
 *
 *   nothing --start--> INCOMPLETE --hears an answer--> REACHABLE --time--> STALE --use--> DELAY
 *   DELAY --time--> PROBE --hears an answer--> REACHABLE
 *   INCOMPLETE, PROBE --nobody answers--> FAILED --use--> INCOMPLETE
 *   any --hears its solicitation, or another link address--> STALE
 *
 * neighbour_expire is called when the deadline has come; each step says what is to be sent.
 */
#pragma once

#include "lib/net/address.h"

enum neighbour_state : uint8_t {
    NEIGHBOUR_INCOMPLETE,
    NEIGHBOUR_REACHABLE,
    NEIGHBOUR_STALE,
    NEIGHBOUR_DELAY,
    NEIGHBOUR_PROBE,
    NEIGHBOUR_FAILED,
    NEIGHBOUR_PERMANENT,
};

enum neighbour_step : uint8_t {
    NEIGHBOUR_NOTHING,
    NEIGHBOUR_ASK_ALL,   // a solicitation to the group, a request to all
    NEIGHBOUR_ASK_IT,    // one to the link address that is known
    NEIGHBOUR_GIVE_UP,   // nobody answers: what waits will not go
    NEIGHBOUR_FORGET,    // and nobody has asked for it since
    NEIGHBOUR_KNOWN,     // the link address is there: what waits may go
    NEIGHBOUR_NO_ROUTER, // it is no router any more: routes over it are not good
};

enum {
    NEIGHBOUR_PROBES_MAX = 3, // RFC 4861, 10: MAX_UNICAST_SOLICIT and MAX_MULTICAST_SOLICIT
};
constexpr nsec_t NEIGHBOUR_REACHABLE_TIME = 30 * NSEC_PER_SEC;
constexpr nsec_t NEIGHBOUR_RETRANS_TIME = NSEC_PER_SEC;
constexpr nsec_t NEIGHBOUR_DELAY_TIME = 5 * NSEC_PER_SEC;
constexpr nsec_t NEIGHBOUR_FAILED_TIME = 20 * NSEC_PER_SEC; // then it may be forgotten

struct neighbour_times {
    nsec_t reachable; // drawn from 0.5 to 1.5 of what the router says
    nsec_t retrans;
};

struct neighbour_machine {
    enum neighbour_state state;
    uint8_t probes; // sent in this state
    bool is_router;
    struct mac_addr mac; // but in INCOMPLETE and FAILED
    nsec_t deadline;     // of neighbour_expire; NSEC_NEVER
};

static inline bool neighbour_has_mac(const struct neighbour_machine *m)
{
    return m->state != NEIGHBOUR_INCOMPLETE && m->state != NEIGHBOUR_FAILED;
}

// Packets may go without anybody looking at the state.
static inline bool neighbour_is_sure(const struct neighbour_machine *m)
{
    return m->state == NEIGHBOUR_REACHABLE || m->state == NEIGHBOUR_PERMANENT;
}

// Begins to ask for it: ASK_ALL.
enum neighbour_step neighbour_start(struct neighbour_machine *m, const struct neighbour_times *t,
                                    nsec_t now);

// Begins with what the administrator says, or what was heard and nobody asked for.
void neighbour_set(struct neighbour_machine *m, const struct mac_addr *mac,
                   enum neighbour_state state);

// Something is sent to it.
enum neighbour_step neighbour_use(struct neighbour_machine *m, const struct neighbour_times *t,
                                  nsec_t now);

// The deadline has come.
enum neighbour_step neighbour_expire(struct neighbour_machine *m, const struct neighbour_times *t,
                                     nsec_t now);

// It said its link address in something that answers nothing: a solicitation, an advertisement of a
// router, a redirect (RFC 4861, 7.2.3), or an ARP packet.
enum neighbour_step neighbour_hear(struct neighbour_machine *m, const struct mac_addr *mac,
                                   nsec_t now);

struct neighbour_answer {
    const struct mac_addr *mac; // NULL: it said none
    bool is_solicited;
    bool is_override;
    bool is_router;
};

// A neighbour advertisement (RFC 4861, 7.2.5), or an ARP reply, which is one that overrides.
enum neighbour_step neighbour_answer(struct neighbour_machine *m, const struct neighbour_answer *a,
                                     const struct neighbour_times *t, nsec_t now);

// Something above knows that packets reach it (RFC 4861, 7.3.1).
void neighbour_confirm(struct neighbour_machine *m, const struct neighbour_times *t, nsec_t now);

// Whether a link address is one that a single interface can have.
bool neighbour_is_mac_valid(const struct mac_addr *mac);
