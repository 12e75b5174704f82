/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A volume's properties follow from what the kernel said; what it did not say is never taken for good. */
#include "services/replicd/volume.h"

#include <glib.h>

static const VolumeTime t0 = { .usec = 100 * USEC_PER_SEC, .realtime_usec = 1000 * USEC_PER_SEC };

static VolumeTime after(uint64_t usec)
{
        return (VolumeTime){ t0.usec + usec, t0.realtime_usec + usec };
}

static unsigned tell_at(Volume *v, VolumeTime now, const char *line)
{
        DrbdEvent e;

        g_assert_cmpint(drbd_event_parse(line, strlen(line), &e), ==, 0);
        return volume_event(v, &e, now);
}

static unsigned tell(Volume *v, const char *line)
{
        return tell_at(v, t0, line);
}

static VolumeView view(const Volume *v)
{
        VolumeView now;

        volume_view(v, &now);
        return now;
}

#define RESOURCE   "resource name:r0 "
#define DEVICE     "device name:r0 volume:0 minor:0 "
#define CONNECTION "connection name:r0 peer-node-id:0 conn-name:peer "
#define PEER       "peer-device name:r0 peer-node-id:0 conn-name:peer volume:0 "
#define HELPER     "helper name:r0 peer-node-id:0 conn-name:peer "

static void dump(Volume *v, const char *role, const char *connection, const char *replication)
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

static void connected(Volume *v, const char *role)
{
        volume_init(v, "r0", NULL);
        dump(v, role, "Connected", "Established");
}

static void lose_connection(Volume *v)
{
        (void) tell(v, "change " CONNECTION "connection:NetworkFailure role:Unknown");
        (void) tell(v, "change " PEER "replication:Off peer-disk:DUnknown");
        (void) tell(v, "change " CONNECTION "connection:Unconnected");
        (void) tell(v, "change " CONNECTION "connection:Connecting");
}

static void test_nothing_is_known_before_the_dump_is_whole(void)
{
        Volume v;
        VolumeView now;

        volume_init(&v, "r0", NULL);
        g_assert_false(view(&v).known);
        (void) tell(&v, "exists " RESOURCE "role:Primary suspended:no");
        (void) tell(&v, "exists " DEVICE "disk:UpToDate size:262100");
        now = view(&v);
        g_assert_false(now.known);
        g_assert_cmpint(now.role, ==, DRBD_ROLE_UNKNOWN);
        g_assert_cmpint(now.disk, ==, DRBD_DISK_UNKNOWN);
}

static void test_dump_tells_all(void)
{
        Volume v;
        VolumeView now;

        connected(&v, "Primary");
        now = view(&v);
        g_assert_true(now.known);
        g_assert_cmpint(now.connection, ==, DRBD_CONNECTION_CONNECTED);
        g_assert_cmpuint(now.connections, ==, 1);
        g_assert_cmpint(now.role, ==, DRBD_ROLE_PRIMARY);
        g_assert_cmpint(now.peer_role, ==, DRBD_ROLE_SECONDARY);
        g_assert_cmpint(now.disk, ==, DRBD_DISK_UP_TO_DATE);
        g_assert_cmpint(now.peer_disk, ==, DRBD_DISK_UP_TO_DATE);
        g_assert_cmpuint(now.size_kib, ==, 262100);
        g_assert_cmpuint(now.sync_done_permille, ==, 1000);
        g_assert_cmpuint(now.alone_since_usec, ==, 0);
}

static void test_other_resources_do_not_matter(void)
{
        Volume v;

        connected(&v, "Primary");
        (void) tell(&v, "change resource name:r1 role:Secondary suspended:user");
        (void) tell(&v, "destroy resource name:r00");
        g_assert_true(view(&v).known);
        g_assert_cmpint(view(&v).role, ==, DRBD_ROLE_PRIMARY);
}

static void test_kernel_without_our_resource_is_not_known(void)
{
        Volume v;

        volume_init(&v, "r0", NULL);
        (void) tell(&v, "exists -");
        g_assert_false(view(&v).known);
        connected(&v, "Secondary");
        (void) tell(&v, "destroy " PEER);
        (void) tell(&v, "destroy " CONNECTION);
        (void) tell(&v, "destroy " DEVICE);
        (void) tell(&v, "destroy " RESOURCE);
        g_assert_false(view(&v).known);
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_UNKNOWN);
}

static void test_lost_connection(void)
{
        Volume v;
        VolumeView now;

        connected(&v, "Primary");
        g_assert_cmphex(tell_at(&v, after(5), "change " CONNECTION "connection:NetworkFailure role:Unknown"),
                        ==, VOLUME_NEWS_DISCONNECTED);
        (void) tell(&v, "change " PEER "replication:Off peer-disk:DUnknown");
        now = view(&v);
        g_assert_cmpint(now.connection, ==, DRBD_CONNECTION_NETWORK_FAILURE);
        g_assert_cmpint(now.peer_role, ==, DRBD_ROLE_UNKNOWN);
        g_assert_cmpint(now.peer_disk, ==, DRBD_DISK_DUNKNOWN);
        g_assert_cmpuint(now.alone_since_usec, ==, after(5).realtime_usec);
        g_assert_cmpuint(now.connections, ==, 1);
}

/* The nodes talk, but may yet find a split-brain: electd would thaw an isolated master on "Connected". */
static void test_handshake_is_no_connection(void)
{
        Volume v;

        connected(&v, "Primary");
        lose_connection(&v);
        g_assert_cmphex(tell(&v, "change " CONNECTION "connection:Connected"), ==, 0);
        g_assert_cmpint(view(&v).connection, ==, DRBD_CONNECTION_HANDSHAKE);
        g_assert_cmpuint(view(&v).connections, ==, 1);
        g_assert_cmphex(tell(&v, "change " PEER "replication:WFBitMapS peer-disk:Consistent"), ==,
                        VOLUME_NEWS_CONNECTED | VOLUME_NEWS_SYNC_BEGUN);
        g_assert_cmpint(view(&v).connection, ==, DRBD_CONNECTION_CONNECTED);
        g_assert_cmpuint(view(&v).connections, ==, 2);
        g_assert_cmpuint(view(&v).alone_since_usec, ==, 0);
}

static void test_frozen_whatever_the_reason(void)
{
        Volume v;

        connected(&v, "Primary");
        g_assert_cmphex(tell(&v, "change " RESOURCE "suspended:fencing"), ==, VOLUME_NEWS_FROZEN);
        g_assert_true(view(&v).frozen);
        g_assert_cmphex(tell(&v, "change " RESOURCE "suspended:no"), ==, VOLUME_NEWS_THAWED);
        (void) tell(&v, "change " RESOURCE "suspended:no-data");
        g_assert_true(view(&v).frozen);
}

static void test_split_brain_lasts_until_connected(void)
{
        Volume v, again;

        connected(&v, "Primary");
        lose_connection(&v);
        (void) tell(&v, "change " CONNECTION "connection:Connected");
        g_assert_cmphex(tell(&v, "call " HELPER "helper:initial-split-brain"), ==, 0);
        g_assert_false(view(&v).split_brain);
        g_assert_cmphex(tell(&v, "call " HELPER "helper:split-brain"), ==, VOLUME_NEWS_SPLIT_BRAIN);
        (void) tell(&v, "response " HELPER "helper:split-brain status:0");
        (void) tell(&v, "change " CONNECTION "connection:Disconnecting");
        (void) tell(&v, "change " CONNECTION "connection:StandAlone");
        (void) tell(&v, "destroy " PEER);
        (void) tell(&v, "destroy " CONNECTION);
        g_assert_true(view(&v).split_brain);
        g_assert_cmpint(view(&v).connection, ==, DRBD_CONNECTION_STANDALONE);
        g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);

        /* The daemon starts again: still one, though the kernel does not tell. */
        volume_init(&again, "r0", &v.memory);
        (void) tell(&again, "exists " RESOURCE "role:Primary suspended:no");
        (void) tell(&again, "exists " DEVICE "disk:UpToDate size:262100");
        (void) tell(&again, "exists -");
        g_assert_true(view(&again).split_brain);
        g_assert_cmpuint(volume_connect_usec(&again), ==, USEC_INFINITY);

        dump(&again, "Primary", "Connected", "SyncSource");
        g_assert_false(view(&again).split_brain);
}

static void test_restarted_daemon_counts_a_new_connection(void)
{
        Volume v, again;

        connected(&v, "Primary");
        volume_init(&again, "r0", &v.memory);
        dump(&again, "Primary", "Connected", "Established");
        g_assert_cmpuint(view(&again).connections, ==, 2);

        volume_forget(&again);
        g_assert_false(view(&again).known);
        dump(&again, "Primary", "Connected", "Established");
        g_assert_cmpuint(view(&again).connections, ==, 3);
}

static void test_alone_since_survives_restart_and_boot(void)
{
        Volume v, again;

        connected(&v, "Primary");
        lose_connection(&v);
        volume_init(&again, "r0", &v.memory);
        (void) tell_at(&again, after(7), "exists " RESOURCE "role:Primary suspended:no");
        (void) tell_at(&again, after(7), "exists -");
        g_assert_cmpuint(view(&again).alone_since_usec, ==, t0.realtime_usec);

        /* It went down connected: alone at the latest since it is back. */
        connected(&v, "Secondary");
        volume_init(&again, "r0", &v.memory);
        (void) tell_at(&again, after(7), "exists " RESOURCE "role:Secondary suspended:no");
        (void) tell_at(&again, after(7), "exists -");
        g_assert_cmpuint(view(&again).alone_since_usec, ==, after(7).realtime_usec);
}

static void test_disk_errors_are_counted(void)
{
        Volume v;

        connected(&v, "Primary");
        g_assert_cmphex(tell(&v, "change " DEVICE "disk:Failed"), ==, VOLUME_NEWS_DISK_FAILED);
        (void) tell(&v, "change " DEVICE "disk:Diskless");
        g_assert_cmpuint(view(&v).disk_errors, ==, 1);
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_DISKLESS);

        /* A secondary that is taken down says the same. */
        connected(&v, "Secondary");
        (void) tell(&v, "change " CONNECTION "connection:StandAlone role:Unknown");
        (void) tell(&v, "destroy " PEER);
        (void) tell(&v, "destroy " CONNECTION);
        g_assert_cmphex(tell(&v, "change " DEVICE "disk:Failed"), ==, 0);
        g_assert_cmpuint(view(&v).disk_errors, ==, 0);
}

/* electd takes a Diskless for a disk that was lost, which ends in a failover or a fault. */
static void test_disk_that_was_never_attached_is_not_lost(void)
{
        Volume v;

        volume_init(&v, "r0", NULL);
        (void) tell(&v, "exists -");
        (void) tell(&v, "create " RESOURCE "role:Secondary suspended:no");
        (void) tell(&v, "create " DEVICE "disk:Diskless size:0");
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_ATTACHING);
        (void) tell(&v, "change " DEVICE "disk:Attaching");
        (void) tell(&v, "change " DEVICE "disk:Diskless");
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_ATTACHING);
        (void) tell(&v, "change " DEVICE "disk:UpToDate size:262100");
        (void) tell(&v, "change " DEVICE "disk:Diskless");
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_DISKLESS);

        /* What is found without a disk had one: nobody leaves a resource half made. */
        volume_init(&v, "r0", NULL);
        (void) tell(&v, "exists " RESOURCE "role:Secondary suspended:no");
        (void) tell(&v, "exists " DEVICE "disk:Diskless size:0");
        (void) tell(&v, "exists -");
        g_assert_cmpint(view(&v).disk, ==, DRBD_DISK_DISKLESS);
}

static void test_volume_that_is_taken_down_has_nothing_more_to_tell(void)
{
        Volume v;

        connected(&v, "Secondary");
        volume_left(&v, true);
        g_assert_true(view(&v).known);
        (void) tell(&v, "change " DEVICE "disk:Failed");
        g_assert_false(view(&v).known);
}

static void test_volume_whose_metadata_are_made_is_not_known_though_attached(void)
{
        Volume v;

        connected(&v, "Secondary");
        volume_making(&v, true);
        g_assert_false(view(&v).known);
        (void) tell(&v, "change " DEVICE "disk:Failed");
        g_assert_cmpuint(view(&v).disk_errors, ==, 0);
        (void) tell(&v, "change " DEVICE "disk:Inconsistent");
        g_assert_false(view(&v).known);
        volume_making(&v, false);
        g_assert_true(view(&v).known);
}

static void test_lost_events_ask_for_a_new_dump(void)
{
        Volume v;

        connected(&v, "Primary");
        g_assert_cmphex(tell(&v, "- skipped 2"), ==, VOLUME_NEWS_LOST);
}

static void test_resync_with_rate_and_time_left(void)
{
        const Progress p = { .out_of_sync_kib = 2500,
                             .running = true,
                             .done_permille = 193,
                             .left_kib = 2500,
                             .total_kib = 3000,
                             .rate_kib = 1000 };
        Progress stuck = p;
        Volume v;

        connected(&v, "Primary");
        g_assert_cmphex(tell(&v, "change " PEER "replication:SyncSource peer-disk:Inconsistent"), ==,
                        VOLUME_NEWS_SYNC_BEGUN);
        g_assert_cmpint(view(&v).sync, ==, VOLUME_SYNC_SOURCE);
        g_assert_cmpuint(view(&v).sync_left_usec, ==, USEC_INFINITY);
        volume_progress(&v, &p);
        g_assert_cmpuint(view(&v).sync_done_permille, ==, 193);
        g_assert_cmpuint(view(&v).sync_rate_kib, ==, 1000);
        g_assert_cmpuint(view(&v).sync_left_usec, ==, 2500 * USEC_PER_MSEC);
        g_assert_cmpuint(view(&v).out_of_sync_kib, ==, 2500);

        stuck.stalled = true;
        volume_progress(&v, &stuck);
        g_assert_cmpuint(view(&v).sync_left_usec, ==, USEC_INFINITY);

        g_assert_cmphex(tell(&v, "change " PEER "replication:Established peer-disk:UpToDate"), ==,
                        VOLUME_NEWS_SYNC_ENDED);
        g_assert_cmpint(view(&v).sync, ==, VOLUME_SYNC_NONE);
        g_assert_cmpuint(view(&v).sync_done_permille, ==, 1000);
        g_assert_cmpuint(view(&v).sync_rate_kib, ==, 0);
}

static void test_resync_that_was_interrupted_has_not_ended(void)
{
        Volume v;

        connected(&v, "Primary");
        (void) tell(&v, "change " PEER "replication:SyncSource peer-disk:Inconsistent");
        g_assert_cmphex(tell(&v, "change " CONNECTION "connection:NetworkFailure role:Unknown"), ==,
                        VOLUME_NEWS_DISCONNECTED);
        g_assert_cmphex(tell(&v, "change " PEER "replication:Off peer-disk:DUnknown"), ==, 0);
        g_assert_cmpint(view(&v).sync, ==, VOLUME_SYNC_NONE);
}

static void test_paused_resync_says_how_much_is_equal(void)
{
        const Progress p = { .out_of_sync_kib = 65525 };
        Volume v;

        connected(&v, "Secondary");
        (void) tell(&v, "change " PEER "replication:PausedSyncT resync-suspended:user");
        volume_progress(&v, &p);
        g_assert_cmpint(view(&v).sync, ==, VOLUME_SYNC_PAUSED);
        g_assert_cmpuint(view(&v).sync_done_permille, ==, 750);
        g_assert_cmpuint(view(&v).sync_left_usec, ==, USEC_INFINITY);
}

static void test_generation_and_what_was_written_alone(void)
{
        const Gi common = { .current = 0x11 }, own = { .current = 0x21, .bitmap = 0x10 };
        const Progress wrote = { .out_of_sync_kib = 4 };
        Volume v;

        connected(&v, "Primary");
        g_assert_true(volume_wants_gi(&v, USEC_PER_SEC));
        volume_gi(&v, volume_gi_asked(&v), &common);
        g_assert_false(volume_wants_gi(&v, USEC_PER_SEC));
        g_assert_cmphex(view(&v).generation, ==, 0x10);
        g_assert_cmphex(view(&v).peer_generation, ==, 0x10);
        g_assert_false(view(&v).wrote_alone);

        lose_connection(&v);
        g_assert_true(volume_wants_gi(&v, USEC_PER_SEC));
        volume_gi(&v, volume_gi_asked(&v), &common);
        g_assert_false(volume_wants_gi(&v, USEC_PER_SEC));

        /* The first write alone makes the new generation, without an event. */
        volume_progress(&v, &wrote);
        g_assert_true(volume_wants_gi(&v, USEC_PER_SEC));
        volume_gi(&v, volume_gi_asked(&v), &own);
        volume_progress(&v, &wrote);
        g_assert_false(volume_wants_gi(&v, USEC_PER_SEC));
        g_assert_true(view(&v).wrote_alone);
        g_assert_cmphex(view(&v).generation, ==, 0x20);
        g_assert_cmphex(view(&v).peer_generation, ==, 0x10);
}

static void test_answer_older_than_a_change_is_dropped(void)
{
        const Gi common = { .current = 0x10 };
        Volume v;
        uint64_t asked;

        connected(&v, "Primary");
        asked = volume_gi_asked(&v);
        lose_connection(&v);
        volume_gi(&v, asked, &common);
        g_assert_cmphex(view(&v).generation, ==, 0);
        g_assert_true(volume_wants_gi(&v, USEC_PER_SEC));
}

static void test_disk_without_an_answer_is_stalled(void)
{
        const DiskStat busy = { .completed = 10, .in_flight = 3 };
        const DiskStat moved = { .completed = 11, .in_flight = 3 };
        Volume v;

        connected(&v, "Primary");
        volume_disk_stat(&v, &busy, USEC_PER_SEC);
        g_assert_cmpuint(view(&v).stalled_usec, ==, 0);
        volume_disk_stat(&v, &busy, 2 * USEC_PER_SEC);
        volume_disk_stat(&v, &busy, 4 * USEC_PER_SEC);
        g_assert_cmpuint(view(&v).stalled_usec, ==, 3 * USEC_PER_SEC);
        volume_disk_stat(&v, &moved, 5 * USEC_PER_SEC);
        g_assert_cmpuint(view(&v).stalled_usec, ==, 0);
        volume_disk_stat(&v, &(DiskStat){ .completed = 11 }, 6 * USEC_PER_SEC);
        volume_disk_stat(&v, &(DiskStat){ .completed = 11 }, 9 * USEC_PER_SEC);
        g_assert_cmpuint(view(&v).stalled_usec, ==, 0);
}

static void test_keeper_rests_longer_each_time(void)
{
        static const unsigned rests[] = { 1, 2, 4, 8, 10, 10 };
        VolumeTime now = t0;
        Volume v;

        connected(&v, "Secondary");
        for (size_t i = 0; i < G_N_ELEMENTS(rests); i++) {
                (void) tell_at(&v, now, "change " CONNECTION "connection:StandAlone");
                g_assert_cmpuint(volume_connect_usec(&v), ==, now.usec + rests[i] * USEC_PER_SEC);
                now.usec = volume_connect_usec(&v);
                volume_connect_tried(&v, now.usec);
                (void) tell_at(&v, now, "change " CONNECTION "connection:Unconnected");
                g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);
        }
        dump(&v, "Secondary", "Connected", "Established");
        (void) tell_at(&v, now, "change " CONNECTION "connection:StandAlone");
        g_assert_cmpuint(volume_connect_usec(&v), ==, now.usec + USEC_PER_SEC);
}

static void test_generation_is_not_asked_for_between_orders(void)
{
        Volume v;

        connected(&v, "Secondary");
        volume_order_begun(&v);
        g_assert_false(volume_wants_gi(&v, USEC_PER_SEC));
        volume_order_ended(&v, USEC_PER_SEC);
        g_assert_false(volume_wants_gi(&v, USEC_PER_SEC + 100 * USEC_PER_MSEC));
        g_assert_true(volume_wants_gi(&v, 2 * USEC_PER_SEC));
}

static void test_keeper_waits_for_orders_and_for_good_when_left(void)
{
        Volume v;

        connected(&v, "Secondary");
        volume_order_begun(&v);
        (void) tell(&v, "change " CONNECTION "connection:StandAlone");
        g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);
        volume_order_begun(&v);
        volume_order_ended(&v, after(USEC_PER_SEC).usec);
        g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);
        volume_order_ended(&v, after(3 * USEC_PER_SEC).usec);
        g_assert_cmpuint(volume_connect_usec(&v), ==, after(4 * USEC_PER_SEC).usec);
        volume_left(&v, true);
        g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);
        volume_left(&v, false);
        g_assert_cmpuint(volume_connect_usec(&v), !=, USEC_INFINITY);
        volume_forget(&v);
        g_assert_cmpuint(volume_connect_usec(&v), ==, USEC_INFINITY);
}

static void test_exchange_of_bitmaps_that_never_ends_hangs(void)
{
        Volume v;

        connected(&v, "Primary");
        (void) tell_at(&v, after(0), "change " PEER "replication:WFBitMapS peer-disk:Consistent");
        g_assert_false(volume_hangs(&v, after(VOLUME_EXCHANGE_MAX_USEC - 1).usec));
        g_assert_true(volume_hangs(&v, after(VOLUME_EXCHANGE_MAX_USEC).usec));
        volume_order_begun(&v);
        g_assert_false(volume_hangs(&v, after(VOLUME_EXCHANGE_MAX_USEC).usec));
        volume_order_ended(&v, after(VOLUME_EXCHANGE_MAX_USEC).usec);
        (void) tell_at(&v, after(VOLUME_EXCHANGE_MAX_USEC), "change " PEER "replication:SyncSource");
        g_assert_false(volume_hangs(&v, after(2 * VOLUME_EXCHANGE_MAX_USEC).usec));
        (void) tell_at(&v, after(2 * VOLUME_EXCHANGE_MAX_USEC), "change " PEER "replication:WFBitMapT");
        g_assert_false(volume_hangs(&v, after(2 * VOLUME_EXCHANGE_MAX_USEC).usec));
}

static void test_changes_name_what_differs(void)
{
        Volume v;
        VolumeView before, now;

        connected(&v, "Secondary");
        before = view(&v);
        g_assert_cmphex(volume_changes(&before, &before), ==, 0);
        volume_mounted(&v, true);
        g_assert_cmpint(volume_snapshot(&v, "/dev/vg/hapair-snapshot"), ==, 0);
        (void) tell(&v, "change " RESOURCE "role:Primary");
        now = view(&v);
        g_assert_cmphex(volume_changes(&before, &now), ==,
                        VOLUME_CHANGED_MOUNTED | VOLUME_CHANGED_SNAPSHOT | VOLUME_CHANGED_ROLE);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drbd-volume/nothing-is-known-before-the-dump-is-whole",
                        test_nothing_is_known_before_the_dump_is_whole);
        g_test_add_func("/drbd-volume/dump-tells-all", test_dump_tells_all);
        g_test_add_func("/drbd-volume/other-resources-do-not-matter", test_other_resources_do_not_matter);
        g_test_add_func("/drbd-volume/kernel-without-our-resource-is-not-known",
                        test_kernel_without_our_resource_is_not_known);
        g_test_add_func("/drbd-volume/lost-connection", test_lost_connection);
        g_test_add_func("/drbd-volume/handshake-is-no-connection", test_handshake_is_no_connection);
        g_test_add_func("/drbd-volume/frozen-whatever-the-reason", test_frozen_whatever_the_reason);
        g_test_add_func("/drbd-volume/split-brain-lasts-until-connected",
                        test_split_brain_lasts_until_connected);
        g_test_add_func("/drbd-volume/restarted-daemon-counts-a-new-connection",
                        test_restarted_daemon_counts_a_new_connection);
        g_test_add_func("/drbd-volume/alone-since-survives-restart-and-boot",
                        test_alone_since_survives_restart_and_boot);
        g_test_add_func("/drbd-volume/disk-errors-are-counted", test_disk_errors_are_counted);
        g_test_add_func("/drbd-volume/disk-that-was-never-attached-is-not-lost",
                        test_disk_that_was_never_attached_is_not_lost);
        g_test_add_func("/drbd-volume/volume-that-is-taken-down-has-nothing-more-to-tell",
                        test_volume_that_is_taken_down_has_nothing_more_to_tell);
        g_test_add_func("/drbd-volume/whose-metadata-are-made-is-not-known-though-attached",
                        test_volume_whose_metadata_are_made_is_not_known_though_attached);
        g_test_add_func("/drbd-volume/lost-events-ask-for-a-new-dump", test_lost_events_ask_for_a_new_dump);
        g_test_add_func("/drbd-volume/resync-with-rate-and-time-left", test_resync_with_rate_and_time_left);
        g_test_add_func("/drbd-volume/resync-that-was-interrupted-has-not-ended",
                        test_resync_that_was_interrupted_has_not_ended);
        g_test_add_func("/drbd-volume/paused-resync-says-how-much-is-equal",
                        test_paused_resync_says_how_much_is_equal);
        g_test_add_func("/drbd-volume/generation-and-what-was-written-alone",
                        test_generation_and_what_was_written_alone);
        g_test_add_func("/drbd-volume/answer-older-than-a-change-is-dropped",
                        test_answer_older_than_a_change_is_dropped);
        g_test_add_func("/drbd-volume/disk-without-an-answer-is-stalled",
                        test_disk_without_an_answer_is_stalled);
        g_test_add_func("/drbd-volume/keeper-rests-longer-each-time", test_keeper_rests_longer_each_time);
        g_test_add_func("/drbd-volume/generation-is-not-asked-for-between-orders",
                        test_generation_is_not_asked_for_between_orders);
        g_test_add_func("/drbd-volume/keeper-waits-for-orders-and-for-good-when-left",
                        test_keeper_waits_for_orders_and_for_good_when_left);
        g_test_add_func("/drbd-volume/exchange-of-bitmaps-that-never-ends-hangs",
                        test_exchange_of_bitmaps_that_never_ends_hangs);
        g_test_add_func("/drbd-volume/changes-name-what-differs", test_changes_name_what_differs);
        return g_test_run();
}
