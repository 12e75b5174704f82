/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What confd tells hbd: see GetSettings in org.hapair.Config1. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "common/base/macros.h"
#include "services/hbd/liveness.h"

typedef struct PathSettings {
        char *name;
        char *kind; /* "udp" or "serial" */
        char *own, *peer;
        char *device;
        uint32_t baud;
} PathSettings;

typedef struct HbdSettings {
        bool configured, active;
        char *role; /* "master" or "slave", as configured */
        char *cluster;
        uint64_t dead_usec;
        uint16_t port;
        PathSettings paths[PATHS_MAX];
        unsigned n_paths;
} HbdSettings;

/*
 * Reads and checks a message that stands at the dictionary. Errors: -EBADMSG, -EINVAL, -E2BIG for more paths
 * than PATHS_MAX, with what is wrong in `ret_bad`; -ENOMEM. The caller clears it also after an error.
 */
_must_check_ int hbd_settings_read(sd_bus_message *message, HbdSettings *ret_settings, const char **ret_bad);
void hbd_settings_clear(HbdSettings *settings);

bool path_settings_equal(const PathSettings *a, const PathSettings *b);

/* The caller clears it. Errors: -ENOMEM. */
_must_check_ int path_settings_copy(const PathSettings *from, PathSettings *ret_to);
void path_settings_clear(PathSettings *settings);
