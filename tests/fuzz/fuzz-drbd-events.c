/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What DRBD's tools print, taken for anything at all: each line as an event that a volume believes, the
 * whole as /proc/drbd, as identifiers, as a disk's counters and as a volume of LVM. Whatever is believed
 * keeps the volume's promises.
 */
#include <string.h>

#include "services/replicd/lvm.h"
#include "services/replicd/scan.h"
#include "services/replicd/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const Volume *v)
{
        VolumeView view;

        volume_view(v, &view);
        if (view.sync_done_permille > 1000 || volume_changes(&view, &view) != 0)
                abort();
        if (!drbd_role_to_string(view.role) || !drbd_role_to_string(view.peer_role) ||
            !drbd_connection_to_string(view.connection) || !drbd_disk_to_string(view.disk) ||
            !drbd_disk_to_string(view.peer_disk) || !volume_sync_to_string(view.sync))
                abort();
        if (!view.known && (view.role != DRBD_ROLE_UNKNOWN || view.disk != DRBD_DISK_UNKNOWN))
                abort();
        if (view.split_brain && volume_connect_usec(v) != USEC_INFINITY)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Scan rest = { (const char *) data, size };
        VolumeTime now = { 1, 1 };
        LvmVolume lvm;
        Progress progress;
        DiskStat stat;
        Volume v;
        Gi gi;

        volume_init(&v, "r0", NULL);
        while (rest.size > 0) {
                Scan line = scan_until(&rest, '\n');
                DrbdEvent e;

                now.usec++;
                if (drbd_event_parse(line.text, line.size, &e) == 0)
                        (void) volume_event(&v, &e, now);
                if (gi_parse(line.text, line.size, &gi) == 0)
                        volume_gi(&v, volume_gi_asked(&v), &gi);
                if (disk_stat_parse(line.text, line.size, &stat) == 0)
                        volume_disk_stat(&v, &stat, now.usec);
                if (lvm_volume_parse(line.text, line.size, &lvm) == 0 && strlen(lvm.name) == 0)
                        abort();
                check(&v);
        }
        for (unsigned minor = 0; minor < 2; minor++)
                if (progress_parse((const char *) data, size, minor, &progress) == 0)
                        volume_progress(&v, &progress);
        check(&v);
        return 0;
}
