/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair-svcmand: has systemd run the services of this node where they are placed, and nowhere else. */
#include <string.h>

#include "manager.h"

static int run(void)
{
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        r = manager_new(&m);
        if (r < 0)
                return r; /* told by the service */
        r = manager_start(m);
        if (r < 0) {
                log_error(service_log(m->service), "failover", "Cannot start: %s", strerror(-r));
                return r;
        }
        return service_run(m->service);
}

int main(void)
{
        return service_exit_status(run());
}
