// SPDX-License-Identifier: Apache-2.0
/* Local sockets by path: what kernel/ipc is told of the file system. */
#pragma once

#include "kernel/ipc/unix.h"

extern const struct unix_path_ops socket_path_ops;
