// SPDX-License-Identifier: Apache-2.0
/*
 * Lock order.  A thread or CPU takes locks in rising rank only; two locks of one rank only through
 * lock_pair (by address).  The checked build keeps the ranks held and panics on a violation with
 * both names and both call sites.  Every lock names its rank when it is initialised.
 */
#pragma once

enum lock_rank {
    // Sleeping locks, outermost first.
    RANK_PROC_TREE = 10, // process tree and identifiers: held while processes are linked
    RANK_PROCESS,        // one process: its threads, state, exit status
    RANK_FILE,           // an open file's position: held across its read or write
    RANK_STREAM,         // bytes of a pipe or socket: held across copies, inside a position
    RANK_MOUNTS,         // the mount table: mounts are made and ended around their vnodes
    RANK_RENAME,         // one file system's tree of directories: held while one moves elsewhere
    RANK_VNODE,          // a vnode's content and entries: inside a file's position; parents first
    RANK_FS,             // a file system's own state: inside a vnode
    RANK_NET_CONFIG,     // addresses, routes and links of the network: changed as a whole
    RANK_NET_LINK,       // an interface's driver is told one thing after another
    RANK_ASPACE,         // an address space's region tree: a fault holds it while it looks up
    RANK_VMO,            // a memory object's pages: inside an address space
    RANK_VMO_FILE,       // a file's pages: inside a private object above it
    RANK_MODULE,         // other sleeping locks of one module that call nothing locked
    // Spinlocks.
    RANK_FIRST_SPIN = 100,
    RANK_OBJECT = RANK_FIRST_SPIN, // small per-object state
    RANK_HANDLES,                  // a handle table's slots: references are taken under it
    RANK_NAMES,                    // the cache of directory entries
    RANK_CACHE,                    // which cached pages go first: changed under a file's lock
    RANK_NET_LISTENER,             // who waits to be accepted: connections are made under it
    RANK_NET_SOCKET,               // a connection or socket: packets in and out are counted there
    RANK_NET_PORTS,                // buckets of ports and connections: sockets enter and leave
    RANK_NET_ROUTE,                // routes, addresses, groups: looked up for a socket
    RANK_NET_NEIGHBOUR,            // link addresses and what waits for them
    RANK_NET_QUEUE,                // an interface's queue: drivers are given packets
    RANK_NET_TAP,                  // queues of packet sockets: they see what an interface sends
    RANK_BLOCK,                    // a block device's queue: drivers submit under it
    RANK_DEVICE,                   // a driver's registers and rings
    RANK_TTY,                      // console rings
    RANK_EVENT,                    // a source's watches: state changes under any lock above
    RANK_EVENT_SET,                // an epoll set: its watches fire under their source's lock
    RANK_WAIT,                     // a wait queue: conditions are tested under it
    RANK_WORK,                     // a worker's list: objects are put away under any lock above
    RANK_ASID,                     // ASID generation: inside an address-space switch
    RANK_RUNQUEUE,                 // per-CPU run queue: wake-ups happen under a wait queue's lock
    RANK_TIMER,                    // per-CPU timer tree: the run queue arms its slice timer
    RANK_IRQ,                      // attaching of interrupt handlers
    RANK_TABLES,                   // page tables of a user address space: tables need pages
    RANK_HEAP,                     // the list of heap caches: reports and shrinking walk it
    RANK_SLAB,                     // a slab cache's partial lists: callers may hold anything above
    RANK_KMAP,                     // kernel address space allocator
    RANK_MEMMAP,                   // which RAM is on line: sections bring pages to the allocator
    RANK_PAGES,                    // page allocator: slabs refill under their lock
    RANK_RANDOM,                   // the random generator: anybody may want bytes
    RANK_LOG,                      // log sinks
    RANK_PANIC,                    // nothing below
};
