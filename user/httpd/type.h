// SPDX-License-Identifier: Apache-2.0
#pragma once

// The media type of a file, by the suffix of its name.
const char *type_of(const char *path);
