/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hardware watchdog as configured: taken as soon as it lets itself be taken, and said when not.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "director.h"

#define RETRY_USEC (10 * USEC_PER_SEC)

static void take(Director *director)
{
        const char *device = director->wanted.watchdog;
        ErrorFacts *facts = &director->facts;
        uint64_t usec;
        int r = watchdog_open(device, watchdog_timeout_usec(director->core.settings.dead_usec),
                              service_event(director->service), &director->watchdog, &usec);

        director->watchdog_due_usec = r < 0 ? now_usec() + RETRY_USEC : USEC_INFINITY;
        if (r >= 0) {
                facts->watchdog_error = 0;
                log_info(service_log(director->service), "failover",
                         "%s resets this machine when this daemon stops for %" PRIu64 " s", device,
                         usec / USEC_PER_SEC);
                return;
        }
        if (facts->watchdog_error == r)
                return;
        facts->watchdog_error = r;
        facts->watchdog_usec = now_usec();
        log_event(service_log(director->service),
                  &(LogEntry){ .priority = LOG_WARNING,
                               .id = MESSAGE_WATCHDOG_AWAY,
                               .category = "failover" },
                  "The watchdog %s cannot be used: %s", device, strerror(-r));
}

/* Settings came: another device is another watchdog, another dead time another time to live. */
void director_watchdog_apply(Director *director)
{
        const char *device = director->wanted.watchdog ?: "";
        uint64_t usec = watchdog_timeout_usec(director->core.settings.dead_usec);

        if (director->reset ||
            (strcmp(director->watchdog_device, device) == 0 && director->watchdog_usec == usec))
                return;
        director->watchdog = watchdog_close(director->watchdog, true);
        director->facts.watchdog_error = 0;
        snprintf(director->watchdog_device, sizeof(director->watchdog_device), "%s", device);
        director->watchdog_usec = usec;
        director->watchdog_due_usec = USEC_INFINITY;
        if (device[0] != 0)
                take(director);
}

/* What holds it may let it go, and its driver may come later. */
void director_watchdog_look(Director *director)
{
        if (director->watchdog_device[0] != 0 && now_usec() >= director->watchdog_due_usec &&
            !director->reset)
                take(director);
}
