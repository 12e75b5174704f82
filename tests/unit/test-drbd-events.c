/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines of drbdsetup events2 are read for what they say, and for nothing that they do not say. */
#include "services/replicd/events.h"

#include <errno.h>
#include <glib.h>

static DrbdEvent parse(const char *line)
{
        DrbdEvent e;

        g_assert_cmpint(drbd_event_parse(line, strlen(line), &e), ==, 0);
        return e;
}

static void test_resource(void)
{
        DrbdEvent e = parse("2026-11-23T21:20:00.123456+00:00 exists resource name:hapair role:Primary "
                            "suspended:fencing write-ordering:flush\n");

        g_assert_cmpint(e.kind, ==, DRBD_EXISTS);
        g_assert_cmpint(e.object, ==, DRBD_RESOURCE);
        g_assert_cmpstr(e.resource, ==, "hapair");
        g_assert_cmpint(e.role, ==, DRBD_ROLE_PRIMARY);
        g_assert_true(e.suspended);
        g_assert_cmphex(e.has, ==, DRBD_HAS_ROLE | DRBD_HAS_SUSPENDED);
}

static void test_device(void)
{
        DrbdEvent e = parse(
                        "exists device name:r0 volume:0 minor:7 disk:Inconsistent size:262100 read:0 "
                        "written:8 al-writes:0 bm-writes:0 upper-pending:0 lower-pending:0 al-suspended:no "
                        "blocked:no");

        g_assert_cmpint(e.object, ==, DRBD_DEVICE);
        g_assert_cmpuint(e.minor, ==, 7);
        g_assert_cmpint(e.disk, ==, DRBD_DISK_INCONSISTENT);
        g_assert_cmpuint(e.size_kib, ==, 262100);
        g_assert_cmphex(e.has, ==, DRBD_HAS_MINOR | DRBD_HAS_DISK | DRBD_HAS_SIZE);
}

static void test_connection(void)
{
        DrbdEvent e = parse("change connection name:r0 peer-node-id:0 conn-name:peer "
                            "connection:NetworkFailure role:Unknown");

        g_assert_cmpint(e.kind, ==, DRBD_CHANGE);
        g_assert_cmpint(e.object, ==, DRBD_CONNECTION);
        g_assert_cmpint(e.connection, ==, DRBD_CONNECTION_NETWORK_FAILURE);
        g_assert_cmpint(e.role, ==, DRBD_ROLE_UNKNOWN);
        g_assert_cmphex(e.has, ==, DRBD_HAS_CONNECTION | DRBD_HAS_ROLE);
}

static void test_peer_device(void)
{
        DrbdEvent e = parse("change peer-device name:r0 peer-node-id:0 conn-name:peer volume:0 "
                            "replication:SyncSource peer-disk:Inconsistent resync-suspended:user,peer "
                            "received:0 sent:12 out-of-sync:524236 pending:0 unacked:0");

        g_assert_cmpint(e.object, ==, DRBD_PEER_DEVICE);
        g_assert_cmpint(e.replication, ==, DRBD_REPLICATION_SYNC_SOURCE);
        g_assert_cmpint(e.peer_disk, ==, DRBD_DISK_INCONSISTENT);
        g_assert_true(e.resync_suspended);
        g_assert_cmpuint(e.out_of_sync_kib, ==, 524236);
}

static void test_helper(void)
{
        DrbdEvent call = parse("call helper name:r0 peer-node-id:0 conn-name:peer helper:fence-peer");
        DrbdEvent answer = parse("response helper name:r0 peer-node-id:0 helper:fence-peer status:1024");

        g_assert_cmpint(call.kind, ==, DRBD_CALL);
        g_assert_cmpstr(call.helper, ==, "fence-peer");
        g_assert_cmphex(call.has, ==, 0);
        g_assert_cmpint(answer.kind, ==, DRBD_RESPONSE);
        g_assert_cmpuint(answer.status, ==, 4 << 8);
}

static void test_end_of_dump_and_lost_events(void)
{
        g_assert_cmpint(parse("2026-11-23T21:20:00.1+00:00 exists -").object, ==, DRBD_DUMPED);
        g_assert_cmpint(parse("- skipped 3\n").object, ==, DRBD_LOST);
}

static void test_unknown_word_is_no_good_state(void)
{
        DrbdEvent e = parse("change device name:r0 volume:0 minor:0 disk:Splendid shiny:yes");

        g_assert_cmphex(e.has, ==, DRBD_HAS_MINOR | DRBD_HAS_DISK);
        g_assert_cmpint(e.disk, ==, DRBD_DISK_UNKNOWN);
        e = parse("change resource name:r0 suspended:quorum");
        g_assert_true(e.suspended);
}

static void test_each_word_is_read_back(void)
{
        for (int i = 1; i < _DRBD_CONNECTION_MAX; i++) {
                g_autofree char *line = g_strdup_printf("change connection name:a connection:%s",
                                                        drbd_connection_to_string((DrbdConnection) i));

                g_assert_cmpint(parse(line).connection, ==, i);
        }
        for (int i = 1; i < _DRBD_DISK_MAX; i++) {
                g_autofree char *line = g_strdup_printf("change device name:a disk:%s",
                                                        drbd_disk_to_string((DrbdDisk) i));

                g_assert_cmpint(parse(line).disk, ==, i);
        }
        for (int i = 1; i < _DRBD_ROLE_MAX; i++) {
                g_autofree char *line = g_strdup_printf("change resource name:a role:%s",
                                                        drbd_role_to_string((DrbdRole) i));

                g_assert_cmpint(parse(line).role, ==, i);
        }
}

static void test_what_is_no_event_is_refused(void)
{
        static const char *const bad[] = {
                "",
                "\n",
                "2026-11-23T21:20:00.1+00:00",
                "exists",
                "exists ",
                "exists nothing name:r0",
                "happens resource name:r0",
                "change -",
                "- forgotten 3",
                "change resource role:Primary",
                "change resource name: role:Primary",
                "call helper name:r0",
                "exists device name:r0 size:many",
                "exists device name:r0 size:18446744073709551616",
                "exists device name:r0 minor:4294967296",
                "exists device name:r0 size:12kb",
                "response helper name:r0 helper:fence-peer status:",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                DrbdEvent e = { .status = 42 };

                g_test_message("%s", bad[i]);
                g_assert_cmpint(drbd_event_parse(bad[i], strlen(bad[i]), &e), ==, -EBADMSG);
                g_assert_cmpuint(e.status, ==, 42);
        }
}

static void test_name_that_does_not_fit_is_refused_not_cut(void)
{
        g_autofree char *name = g_strnfill(DRBD_NAME_MAX, 'x');
        g_autofree char *line = g_strdup_printf("change resource name:%s", name);
        DrbdEvent e;

        g_assert_cmpint(drbd_event_parse(line, strlen(line), &e), ==, -EBADMSG);
        g_assert_cmpint(drbd_event_parse(line, strlen(line) - 1, &e), ==, 0);
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drbd-events/resource", test_resource);
        g_test_add_func("/drbd-events/device", test_device);
        g_test_add_func("/drbd-events/connection", test_connection);
        g_test_add_func("/drbd-events/peer-device", test_peer_device);
        g_test_add_func("/drbd-events/helper", test_helper);
        g_test_add_func("/drbd-events/end-of-dump-and-lost-events", test_end_of_dump_and_lost_events);
        g_test_add_func("/drbd-events/unknown-word-is-no-good-state", test_unknown_word_is_no_good_state);
        g_test_add_func("/drbd-events/each-word-is-read-back", test_each_word_is_read_back);
        g_test_add_func("/drbd-events/what-is-no-event-is-refused", test_what_is_no_event_is_refused);
        g_test_add_func("/drbd-events/name-that-does-not-fit-is-refused-not-cut",
                        test_name_that_does_not_fit_is_refused_not_cut);
        return g_test_run();
}
