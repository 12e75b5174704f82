/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair-vipd: holds the virtual IPs of this node while electd says so. */
#include <stdlib.h>
#include <string.h>

#include "manager.h"

int main(void)
{
        _cleanup_(manager_freep) Manager *m = NULL;
        int r;

        r = manager_new(&m);
        if (r < 0)
                return EXIT_FAILURE; /* told by the service */
        r = manager_start(m);
        if (r < 0) {
                log_error(service_log(m->service), "failover", "Cannot start: %s", strerror(-r));
                return EXIT_FAILURE;
        }
        return service_run(m->service) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
