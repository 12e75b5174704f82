/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What systemd says of a unit, out of its answers. */
#pragma once

#include <systemd/sd-bus.h>

#include "common/base/macros.h"
#include "plan.h"

/* Reads all properties of org.freedesktop.systemd1.Unit of the unit that we know as `name`. */
_must_check_ int unit_report_read(sd_bus_message *message, const char *name, PlanReport *ret_report);

/* Reads the answer to GetUnitProcesses: whether there is one. An error has none. */
bool unit_report_processes(sd_bus_message *message);
