// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Opens what `path`, as http_target_decode gives it, names below the folder `root`, to read.  Symbolic links
 * are followed as long as they stay below; EACCES: one leads out.  Gives the handle; -1 with errno.
 */
int root_open(int root, const char *path);
