/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "volume-fixture.h"

const VolumeTime t0 = { .usec = 100 * USEC_PER_SEC, .realtime_usec = 1000 * USEC_PER_SEC };

VolumeTime after(uint64_t usec)
{
        return (VolumeTime){ t0.usec + usec, t0.realtime_usec + usec };
}

unsigned tell_at(Volume *v, VolumeTime now, const char *line)
{
        DrbdEvent e;

        g_assert_cmpint(drbd_event_parse(line, strlen(line), &e), ==, 0);
        return volume_event(v, &e, now);
}

unsigned tell(Volume *v, const char *line)
{
        return tell_at(v, t0, line);
}

VolumeView view(const Volume *v)
{
        VolumeView now;

        volume_view(v, &now);
        return now;
}

void dump(Volume *v, const char *role, const char *connection, const char *replication)
{
        g_autofree char *resource = g_strdup_printf("exists " RESOURCE "role:%s suspended:no", role);
        g_autofree char *conn =
                        g_strdup_printf("exists " CONNECTION "connection:%s role:Secondary", connection);
        g_autofree char *peer = g_strdup_printf(
                        "exists " PEER "replication:%s peer-disk:UpToDate resync-suspended:no out-of-sync:0",
                        replication);

        (void) tell(v, resource);
        (void) tell(v, "exists " DEVICE "disk:UpToDate size:262100");
        (void) tell(v, conn);
        (void) tell(v, peer);
        (void) tell(v, "exists -");
}

void connected(Volume *v, const char *role)
{
        volume_init(v, "r0", NULL);
        dump(v, role, "Connected", "Established");
}

void lose_connection(Volume *v)
{
        (void) tell(v, "change " CONNECTION "connection:NetworkFailure role:Unknown");
        (void) tell(v, "change " PEER "replication:Off peer-disk:DUnknown");
        (void) tell(v, "change " CONNECTION "connection:Unconnected");
        (void) tell(v, "change " CONNECTION "connection:Connecting");
}
