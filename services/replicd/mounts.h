/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the volume is mounted, as /proc/self/mountinfo tells: told at once when anything is mounted or not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

#define DRBD_MAJOR 147

typedef struct Mounts Mounts;

_must_check_ int mounts_new(sd_event *event, void (*changed)(void *userdata), void *userdata,
                            Mounts **ret_mounts);
Mounts *mounts_free(Mounts *mounts);

/* One place where the volume with this minor number is mounted; false when there is none. */
bool mounts_find(unsigned minor, char *ret_path, size_t size);
