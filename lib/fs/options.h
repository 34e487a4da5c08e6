// SPDX-License-Identifier: Apache-2.0
/* Mount options: NAME=VALUE, separated by commas. */
#pragma once

#include "lib/base/span.h"

enum mount_option_kind {
    MOUNT_OPTION_NUMBER, // decimal
    MOUNT_OPTION_OCTAL,
    MOUNT_OPTION_SIZE, // decimal bytes with k, m or g for powers of 1024, or % of `whole`
};

struct mount_option {
    const char *name;
    enum mount_option_kind kind;
    uint64_t *value; // stays what it is where the text does not name the option
};

// ERR_INVAL: an unknown option, or a value that is none.
status_t mount_options_parse(const char *text, const struct mount_option *known, size_t count,
                             uint64_t whole);
