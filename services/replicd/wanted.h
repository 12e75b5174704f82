/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The settings that confd hands to replicd. confd has checked them, but it is not root: what ends up in the
 * files of DRBD and systemd, which root's programs obey, is checked again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "common/base/macros.h"

typedef struct Wanted {
        bool configured;
        bool enabled;
        char *role; /* "none": neither address of the pair is on this node now */
        char *cluster;
        char *resource, *device, *mount_point, *file_system;
        char *own, *peer; /* addresses without prefix */
        char *disk, *peer_disk;
        uint16_t port;
        uint64_t dead_usec;
        uint64_t sync_rate_kib;
        unsigned minor; /* of device */
} Wanted;

void wanted_done(Wanted *wanted);

/* Reads the a{sv} of Config1.GetSettings. Errors as settings_read(). */
_must_check_ int wanted_read(sd_bus_message *message, Wanted *ret_wanted, const char **ret_bad);

/* Looks at all of an enabled volume and fills in `minor`. -EINVAL, with the name of what is wrong. */
_must_check_ int wanted_check(Wanted *wanted, const char **ret_bad);

/* Whether this node is the configured master. */
bool wanted_is_master(const Wanted *wanted);
