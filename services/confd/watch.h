/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tells when the addresses, links or routes of this machine changed: a netlink socket, which needs no
 * privilege.
 */
#pragma once

#include <systemd/sd-event.h>

#include "common/base/macros.h"

typedef struct Watch Watch;

typedef void (*watch_changed_t)(void *userdata);

/*
 * Calls `changed` a fifth of a second after a change, once for all that happened meanwhile: a takeover of a
 * thousand addresses is one call. Errors: those of socket(2), bind(2), sd_event_add_io(3).
 */
_must_check_ int watch_new(sd_event *event, watch_changed_t changed, void *userdata, Watch **ret_watch);
Watch *watch_free(Watch *watch);
