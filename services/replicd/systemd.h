/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service manager, through its private socket: units start and stop, and the volume is mounted, also
 * while the system bus is dead. Nobody but root may use that socket.
 */
#pragma once

#include "common/service.h"

typedef struct Systemd Systemd;
typedef struct SystemdJob SystemdJob;

/* `result` as JobRemoved has it ("done", "failed", "timeout", …), or an error's text; `error` 0 for "done".
 */
typedef void (*systemd_done_t)(int error, const char *result, void *userdata);

_must_check_ int systemd_new(Service *service, Systemd **ret_systemd);
Systemd *systemd_free(Systemd *systemd);

/*
 * Calls `method` ("StartUnit", "StopUnit") for `unit` and `done` when its job has ended; or "Reload" (unit
 * NULL), and `done` with its answer. Errors: -EBUSY when too many are under way, those of sd_bus_start(3).
 */
_must_check_ int systemd_call(Systemd *systemd, const char *method, const char *unit, systemd_done_t done,
                              void *userdata, SystemdJob **ret_job);
/* Nobody waits for it any more; the job itself goes on. */
void systemd_forget(SystemdJob *job);
