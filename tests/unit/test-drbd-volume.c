/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A volume's properties follow from what the kernel said; what it did not say is never taken for good. */
#include "volume-fixture.h"

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
        return g_test_run();
}
