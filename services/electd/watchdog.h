/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hardware watchdog (Linux kernel, Documentation/watchdog/watchdog-api.rst): it resets this machine when
 * the loop stops turning and nobody starts this daemon again in time. Closing it without the magic letter
 * leaves it running, so a daemon that was killed has its whole time to come back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"

typedef struct Watchdog Watchdog;

/*
 * Takes the device, sets its time to about `timeout_usec`, and feeds it after full turns of the loop.
 * `ret_timeout_usec` is the time that the hardware really has.
 * Errors: those of open(2); -ENOTTY when the device is no watchdog; those of turn_new().
 */
_must_check_ int watchdog_open(const char *device, uint64_t timeout_usec, sd_event *event,
                               Watchdog **ret_watchdog, uint64_t *ret_timeout_usec);

/* Feeds no more: the machine is to be reset. */
void watchdog_starve(Watchdog *watchdog);

/*
 * Takes NULL, returns NULL. With `stop` the hardware is switched off, where it lets itself be; without, and
 * when it is starved, it goes on counting.
 */
Watchdog *watchdog_close(Watchdog *watchdog, bool stop);

/*
 * The time for the hardware: half the dead time, so that this machine is gone before its peer takes over,
 * but no shorter than a restart of this daemon on a busy machine takes.
 */
uint64_t watchdog_timeout_usec(uint64_t dead_usec);
