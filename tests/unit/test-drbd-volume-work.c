/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be done about a volume, and how far what is under way is: resync, identifiers, disk, keeper. */
#include "volume-fixture.h"

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
        g_test_add_func("/drbd-volume-work/resync-with-rate-and-time-left",
                        test_resync_with_rate_and_time_left);
        g_test_add_func("/drbd-volume-work/resync-that-was-interrupted-has-not-ended",
                        test_resync_that_was_interrupted_has_not_ended);
        g_test_add_func("/drbd-volume-work/paused-resync-says-how-much-is-equal",
                        test_paused_resync_says_how_much_is_equal);
        g_test_add_func("/drbd-volume-work/generation-and-what-was-written-alone",
                        test_generation_and_what_was_written_alone);
        g_test_add_func("/drbd-volume-work/answer-older-than-a-change-is-dropped",
                        test_answer_older_than_a_change_is_dropped);
        g_test_add_func("/drbd-volume-work/disk-without-an-answer-is-stalled",
                        test_disk_without_an_answer_is_stalled);
        g_test_add_func("/drbd-volume-work/keeper-rests-longer-each-time",
                        test_keeper_rests_longer_each_time);
        g_test_add_func("/drbd-volume-work/generation-is-not-asked-for-between-orders",
                        test_generation_is_not_asked_for_between_orders);
        g_test_add_func("/drbd-volume-work/keeper-waits-for-orders-and-for-good-when-left",
                        test_keeper_waits_for_orders_and_for_good_when_left);
        g_test_add_func("/drbd-volume-work/exchange-of-bitmaps-that-never-ends-hangs",
                        test_exchange_of_bitmaps_that_never_ends_hangs);
        g_test_add_func("/drbd-volume-work/changes-name-what-differs", test_changes_name_what_differs);
        return g_test_run();
}
