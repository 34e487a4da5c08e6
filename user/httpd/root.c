// SPDX-License-Identifier: Apache-2.0
/*
 * The walk is ours, component by component and without following links, so that no way out is left to
 * what somebody may rename meanwhile.  A link is replaced by what it says, as text, and the walk begins
 * again; what was walked before it holds no links, so that `..` in a link means the component before.
 */
#include "user/httpd/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { LINKS_MAX = 8, FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC };

// What is to be walked.
struct route {
    char text[PATH_MAX];
    size_t at; // of the component that is next
};

// Puts the link's text in the place of the component [at, end).  False: EACCES, ENAMETOOLONG.
static bool follow(struct route *r, size_t end, const char *link, size_t size)
{
    char rest[PATH_MAX];
    size_t used = r->at;
    memcpy(rest, r->text + end, strlen(r->text + end) + 1);
    if (link[0] == '/') {
        errno = EACCES;
        return false;
    }
    for (size_t at = 0; at < size;) {
        size_t stop = at;
        while (stop < size && link[stop] != '/') {
            stop++;
        }
        size_t length = stop - at;
        if (length == 2 && memcmp(link + at, "..", 2) == 0) {
            if (used == 0) {
                errno = EACCES; // above the root
                return false;
            }
            for (used--; used > 0 && r->text[used - 1] != '/';) {
                used--;
            }
        } else if (length > 0 && !(length == 1 && link[at] == '.')) {
            if (used + length + 2 > sizeof(r->text)) {
                errno = ENAMETOOLONG;
                return false;
            }
            memcpy(r->text + used, link + at, length);
            used += length;
            r->text[used++] = '/';
        }
        at = stop + 1;
    }
    if (rest[0] == '\0' && used > 0) {
        used--; // the slash behind the last component was ours
    }
    const char *tail = rest[0] == '/' ? rest + 1 : rest;
    if (used + strlen(tail) + 1 > sizeof(r->text)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(r->text + used, tail, strlen(tail) + 1);
    r->at = 0;
    return true;
}

enum step { STEP_OPENED, STEP_LINK, STEP_FAILED };

// One component of the route, from `folder`; it ends at `end`.
static enum step step(struct route *r, size_t end, int folder, int *out)
{
    char name[NAME_MAX + 1];
    char link[PATH_MAX];
    size_t length = end - r->at;
    bool is_last = r->text[end] == '\0';
    if (length > NAME_MAX) {
        errno = ENAMETOOLONG;
        return STEP_FAILED;
    }
    memcpy(name, r->text + r->at, length);
    name[length] = '\0';
    *out = openat(folder, name, FLAGS | (is_last ? 0 : O_DIRECTORY));
    if (*out >= 0) {
        return STEP_OPENED;
    }
    int why = errno;
    if (why == ELOOP || why == EMLINK || why == ENOTDIR) {
        ssize_t size = readlinkat(folder, name, link, sizeof(link));
        if (size > 0 && (size_t)size < sizeof(link)) {
            return follow(r, end, link, (size_t)size) ? STEP_LINK : STEP_FAILED;
        }
    }
    errno = why;
    return STEP_FAILED;
}

static void close_quietly(int handle)
{
    int why = errno;
    (void)close(handle);
    errno = why;
}

// Walks until the end or a link.
static enum step walk(struct route *r, int root, int *out)
{
    int folder = root;
    enum step result = STEP_OPENED;
    for (r->at = 0; r->text[r->at] != '\0';) {
        size_t end = r->at + strcspn(r->text + r->at, "/");
        int next;
        result = step(r, end, folder, &next);
        if (folder != root) {
            close_quietly(folder);
        }
        if (result != STEP_OPENED) {
            return result;
        }
        folder = next;
        r->at = end + (r->text[end] == '/');
    }
    if (folder == root) {
        folder = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    *out = folder;
    return folder < 0 ? STEP_FAILED : STEP_OPENED;
}

int root_open(int root, const char *path)
{
    struct route r;
    size_t size = strlen(path); // with the NUL, without the slash in front
    if (size > sizeof(r.text)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(r.text, path + 1, size);
    for (unsigned links = 0; links <= LINKS_MAX; links++) {
        int handle;
        switch (walk(&r, root, &handle)) {
        case STEP_OPENED: return handle;
        case STEP_FAILED: return -1;
        default: break;
        }
    }
    errno = ELOOP;
    return -1;
}
