/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who else uses a serial device: a getty or another session on it, a program that left a lock file, the
 * kernel that prints its messages there. Reads /proc, /sys and /run/lock, so only before a path comes up.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "common/base/macros.h"

/*
 * 0: nobody that we can see. -EBUSY: somebody, named in `ret_reason`. Errors: those of fstat(2).
 */
_must_check_ int tty_in_use(int fd, const char *device, char *ret_reason, size_t reason_size);
