/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-hbd: heartbeats to the peer over every path. It says whether the peer is alive, carries electd's
 * state record and small reliable messages, and knows nothing of roles.
 */
#include "services/hbd/daemon.h"

int main(void)
{
        Daemon d = {};
        int r;

        r = daemon_start(&d);
        if (r >= 0)
                r = service_run(d.service);
        daemon_stop(&d);
        return service_exit_status(r);
}
