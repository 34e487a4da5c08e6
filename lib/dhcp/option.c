// SPDX-License-Identifier: Apache-2.0
#include "lib/dhcp/option.h"

#include "lib/base/string.h"

enum {
    SERVER_NAME = 44,
    SERVER_NAME_SIZE = 64,
    FILE_NAME = 108,
    FILE_NAME_SIZE = 128,
    OPTIONS = 240
};
enum { OVERLOAD_FILE = 1, OVERLOAD_SERVER_NAME = 2 };

// The option at *at, which moves behind it.  False: the area is at its end, and *fits says how.
static bool next(struct span area, size_t *at, struct span *option, bool *fits)
{
    while (*at < area.size && area.data[*at] == DHCP_OPTION_PAD) {
        ++*at;
    }
    *fits = true;
    if (*at == area.size || area.data[*at] == DHCP_OPTION_END) {
        return false;
    }
    *fits = area.size - *at >= 2 && area.data[*at + 1] <= area.size - *at - 2;
    if (!*fits) {
        return false;
    }
    *option = span_of(area.data + *at, area.data[*at + 1] + (size_t)2);
    *at += option->size;
    return true;
}

static bool area_fits(struct span area)
{
    size_t at = 0;
    bool fits;
    struct span option;
    while (next(area, &at, &option, &fits)) {
    }
    return fits;
}

// Adds an area, in which the options fit.
static status_t add_area(struct dhcp_options *o, struct span area)
{
    if (!area_fits(area)) {
        return ERR_INVAL;
    }
    o->areas[o->count++] = area;
    return OK;
}

status_t dhcp_options_init(struct dhcp_options *o, struct span message)
{
    struct dhcp_option overload;
    *o = (struct dhcp_options){};
    if (message.size < OPTIONS) {
        return ERR_INVAL;
    }
    status_t status = add_area(o, span_of(message.data + OPTIONS, message.size - OPTIONS));
    if (status != OK || !dhcp_options_get(o, DHCP_OPTION_OVERLOAD, &overload)) {
        return status;
    }
    if ((overload.bytes[0] & OVERLOAD_FILE) != 0) {
        status = add_area(o, span_of(message.data + FILE_NAME, FILE_NAME_SIZE));
    }
    if (status == OK && (overload.bytes[0] & OVERLOAD_SERVER_NAME) != 0) {
        status = add_area(o, span_of(message.data + SERVER_NAME, SERVER_NAME_SIZE));
    }
    return status;
}

bool dhcp_options_get(const struct dhcp_options *o, enum dhcp_option_code code,
                      struct dhcp_option *out)
{
    out->size = 0;
    for (unsigned i = 0; i < o->count; i++) {
        size_t at = 0;
        bool fits;
        struct span option;
        while (next(o->areas[i], &at, &option, &fits)) {
            size_t size = option.size - 2;
            if (option.data[0] != code) {
                continue;
            }
            if (size > DHCP_OPTION_SIZE_MAX - out->size) {
                return false;
            }
            memcpy(out->bytes + out->size, option.data + 2, size);
            out->size += size;
        }
    }
    return out->size != 0;
}

void dhcp_write(struct dhcp_writer *w, enum dhcp_option_code code, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    size_t parts = (size + UINT8_MAX - 1) / UINT8_MAX;
    // One byte more, for the end.
    if (size + 2 * parts + 1 > (size_t)(w->end - w->at)) {
        return;
    }
    while (size != 0) {
        size_t part = size < UINT8_MAX ? size : UINT8_MAX;
        w->at[0] = code;
        w->at[1] = (uint8_t)part;
        memcpy(w->at + 2, from, part);
        w->at += part + 2;
        from += part;
        size -= part;
    }
}

void dhcp_write_end(struct dhcp_writer *w)
{
    *w->at++ = DHCP_OPTION_END;
}
