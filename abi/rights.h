// SPDX-License-Identifier: Apache-2.0
/*
 * Rights of a handle, and the grants that a process holds.
 *
 * A right says what its holder may do with the one object that the handle names; it only ever
 * shrinks.  A grant is the authority for a class of acts that no handle names: a process holds it or
 * not, and passes it on only when it lists it.
 */
#pragma once

#include <stdint.h>

typedef uint32_t rights_t;

#define SWIFTOS_RIGHT_READ      (1u << 0)
#define SWIFTOS_RIGHT_WRITE     (1u << 1)
#define SWIFTOS_RIGHT_EXECUTE   (1u << 2)
#define SWIFTOS_RIGHT_MAP       (1u << 3) // map into an address space
#define SWIFTOS_RIGHT_DUPLICATE (1u << 4)
#define SWIFTOS_RIGHT_TRANSFER  (1u << 5) // pass on by message or spawn
#define SWIFTOS_RIGHT_GETATTR   (1u << 6)
#define SWIFTOS_RIGHT_SETATTR   (1u << 7)
#define SWIFTOS_RIGHT_LISTEN    (1u << 8)
#define SWIFTOS_RIGHT_CONNECT   (1u << 9)
#define SWIFTOS_RIGHT_WAIT      (1u << 10)
#define SWIFTOS_RIGHT_KILL      (1u << 11)
#define SWIFTOS_RIGHT_LOOKUP    (1u << 12) // name what lies below a directory
#define SWIFTOS_RIGHT_MASK      ((1u << 13) - 1)
#define SWIFTOS_RIGHT_ALL       0xffffffffu // what the giver holds, whatever that is

// Grants, as numbers; sets of them are masks of 1 << number.
enum swos_grant : uint32_t {
    SWOS_GRANT_NAMESPACE, // its root directory: the whole namespace of paths
    SWOS_GRANT_NETWORK,
    SWOS_GRANT_PROCESS, // see, signal and adopt identities of processes beyond its own session
    SWOS_GRANT_POWER,
    SWOS_GRANT_UPDATE,
    SWOS_GRANT_MOUNT,
    SWOS_GRANT_DEVICE,
    SWOS_GRANT_LOG,
    SWOS_GRANT_TIME,
    SWOS_GRANT_CELL,
    SWOS_GRANT_IDENTITY, // adopt a principal: what logs people in
    SWOS_GRANT_COUNT,
};

// The coarse capability mask of an account (/etc/swos/passwd), a floor under handles and grants.
#define SWOS_CAP_CONSOLE         (1u << 0)
#define SWOS_CAP_SPAWN           (1u << 1)
#define SWOS_CAP_FS_READ         (1u << 2)
#define SWOS_CAP_TMP_WRITE       (1u << 3)
#define SWOS_CAP_PROCESS_INSPECT (1u << 4)
#define SWOS_CAP_NET             (1u << 5)
#define SWOS_CAP_LOG_EXPORT      (1u << 6)
#define SWOS_CAP_ALL             ((1u << 7) - 1)
