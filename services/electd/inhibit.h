/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The warning to whoever is about to reboot this machine: a shutdown inhibitor of systemd-logind
 * (org.freedesktop.login1(5)) that is held as long as there is a reason against it, over the system bus, and
 * taken again when that or logind restarts. Nothing waits for it: without a bus there is only no warning.
 */
#pragma once

#include "common/service.h"

typedef struct Inhibit Inhibit;

/* The caller frees it before the service. Errors: -ENOMEM. */
_must_check_ int inhibit_new(Service *service, Inhibit **ret_inhibit);
Inhibit *inhibit_free(Inhibit *inhibit);

/* A connection to the system bus is being made. Errors: those of sd_bus_add_match_async(3). */
_must_check_ int inhibit_connected(Inhibit *inhibit, sd_bus *bus);

/* The reason that holds now, at most 255 bytes; empty: none. Called again and again: it tries again too. */
void inhibit_want(Inhibit *inhibit, const char *reason);
