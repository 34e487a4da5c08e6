// SPDX-License-Identifier: Apache-2.0
/*
 * A walk along a path, which open() goes on with when the last name turns out to be a link.
 *
 *   walk_begin --walk_to_last--> at the directory of the last name --walk_into_link--> again
 *     ...always --walk_end
 */
#pragma once

#include "kernel/vfs/path.h"

struct walk {
    const struct path_base *base;
    struct vnode *root;     // holds a reference; NULL: nobody asked for it yet
    struct vnode *at;       // holds a reference: where the walk is
    struct span rest;       // of the path
    char *text;             // memory that `rest` lies in after a link was followed, or NULL
    unsigned links;         // followed so far
    struct span last;       // the last name; empty: the path is the root
    bool must_be_directory; // slashes follow the last name
};

// ERR_NOENT: the path is empty.  ERR_NAMETOOLONG.  ERR_ACCES, see path_find.  On failure there is nothing to end.
status_t walk_begin(struct walk *w, const struct path_base *base, struct span path);

// Up to the directory of the last name, links on the way followed.
status_t walk_to_last(struct walk *w);

// The vnode of the last name, mounts entered, with a reference.  "." and ".." too.
status_t walk_last(struct walk *w, struct vnode **out);

// The last name was `link`: the walk goes on where that leads.
status_t walk_into_link(struct walk *w, struct vnode *link);
void walk_end(struct walk *w);
