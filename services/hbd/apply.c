/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What changes when confd has told new settings: the difference alone, so that no reload silences a path. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "services/hbd/daemon.h"

#define WATCHDOG_MIN_USEC USEC_PER_SEC

int daemon_apply_settings(sd_bus_message *message, void *userdata)
{
        Daemon *d = userdata;
        _cleanup_(hbd_settings_clear) HbdSettings s;
        HeartConfig config = {};
        const char *bad;
        int r;

        r = hbd_settings_read(message, &s, &bad);
        if (r < 0) {
                log_error(service_log(d->service), "config", "The setting %s is wrong or missing.",
                          bad ? bad : "Paths");
                return r;
        }
        if (!s.configured || !s.active) {
                paths_apply(d, NULL, 0, s.port);
                service_set_status(d->service, s.configured ? "Not active" : "Not configured");
                daemon_turn(d);
                return 0;
        }
        /* A node that holds neither address just now is neither of the pair; the paths it has go on telling.
         */
        if (s.n_paths == 0) {
                service_set_status(d->service, "This node has neither the master's nor the slave's address");
                return 0;
        }

        config.node = strcmp(s.role, "master") == 0 ? 1 : 2;
        config.dead_usec = s.dead_usec;
        snprintf(config.cluster, sizeof(config.cluster), "%s", s.cluster);
        heart_configure(d->heart, &config, now_usec());
        paths_apply(d, s.paths, s.n_paths, s.port);
        service_set_watchdog(d->service, MAX_OF(s.dead_usec / 2, WATCHDOG_MIN_USEC));
        service_set_status(d->service, "Sending heartbeats");
        bus_tell_limits(d);
        daemon_turn(d);
        return 0;
}
