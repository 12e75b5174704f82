/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What drbdsetup events2 of drbd-utils 9.22 really said on two nodes with DRBD 8.4.11 (drbd/NODE.events, of
 * two virtual machines; lines with === were put in between): each line is an event, and after each step the
 * volume is what it was.
 */
#include "services/replicd/volume.h"

#include <glib.h>

typedef struct Step {
        const char *name;
        const char *expected; /* as described by describe() */
} Step;

static const Step master[] = {
        { "start", "Connecting Secondary/Unknown Inconsistent/DUnknown oos=262100 #0" },
        { "connect, both disks blank",
          "Connected Secondary/Secondary Inconsistent/Inconsistent oos=262100 #1 +connected" },
        { "first sync skipped", "Connected Secondary/Secondary UpToDate/UpToDate #1" },
        { "primary", "Connected Primary/Secondary UpToDate/UpToDate #1" },
        { "link cut", "Connecting Primary/Unknown UpToDate/DUnknown frozen #1 +disconnected +frozen" },
        { "the handler does not know", "Connecting Primary/Unknown UpToDate/DUnknown frozen #1" },
        { "link back", "Connected Primary/Secondary UpToDate/UpToDate #2 +connected +thawed" },
        { "link cut again", "Connecting Primary/Unknown UpToDate/DUnknown frozen #2 +disconnected +frozen" },
        { "the handler says go on", "Connecting Primary/Unknown UpToDate/Outdated #2 +thawed" },
        { "resync",
          "Connected Primary/Secondary UpToDate/Inconsistent sync=source oos=40960 #3 +connected +begun" },
        { "synced", "Connected Primary/Secondary UpToDate/UpToDate #3 +ended" },
        { "events2 started again", "Connected Primary/Secondary UpToDate/UpToDate #4 +connected" },
        { "link cut once more",
          "Connecting Primary/Unknown UpToDate/DUnknown frozen #4 +disconnected +frozen" },
        { "resume-io", "Connecting Primary/Unknown UpToDate/DUnknown #4 +thawed" },
        { "link back: split-brain",
          "StandAlone Primary/Unknown UpToDate/DUnknown split-brain #4 +split-brain" },
        { "discard on the slave",
          "Connected Primary/Secondary UpToDate/UpToDate #5 +connected +begun +ended" },
        { "I/O error on the master", "Connected Primary/Secondary Diskless/UpToDate #5 +disk-failed" },
        { "attach on the master",
          "Connected Primary/Secondary Inconsistent/UpToDate sync=target oos=45056 #5 +begun" },
        { "synced after attach", "Connected Primary/Secondary UpToDate/UpToDate #5 +ended" },
};

static const Step slave[] = {
        { "start", "Connecting Secondary/Unknown Inconsistent/DUnknown oos=262100 #0" },
        { "connect, both disks blank",
          "Connected Secondary/Secondary Inconsistent/Inconsistent oos=262100 #1 +connected" },
        { "first sync skipped", "Connected Secondary/Secondary UpToDate/UpToDate #1" },
        { "peer primary", "Connected Secondary/Primary UpToDate/UpToDate #1" },
        { "link cut", "Connecting Secondary/Unknown UpToDate/DUnknown #1 +disconnected" },
        { "link back", "Connected Secondary/Primary UpToDate/UpToDate #2 +connected" },
        { "link cut again", "Connecting Secondary/Unknown UpToDate/DUnknown #2 +disconnected" },
        { "resync",
          "Connected Secondary/Primary Inconsistent/UpToDate sync=target oos=40960 #3 +connected +begun" },
        { "synced", "Connected Secondary/Primary UpToDate/UpToDate #3 +ended" },
        { "events2 started again", "Connected Secondary/Primary UpToDate/UpToDate #4 +connected" },
        { "link cut once more", "Connecting Secondary/Unknown UpToDate/DUnknown #4 +disconnected" },
        { "promotion of the slave refused", "Connecting Secondary/Unknown UpToDate/DUnknown #4" },
        { "the slave promoted", "Connecting Primary/Unknown UpToDate/Outdated #4" },
        { "link back: split-brain",
          "StandAlone Primary/Unknown UpToDate/DUnknown split-brain #4 +split-brain" },
        { "discard on the slave",
          "Connected Secondary/Primary UpToDate/UpToDate #5 +connected +begun +ended" },
        { "I/O error on the master", "Connected Secondary/Primary UpToDate/Diskless #5" },
        { "attach on the master",
          "Connected Secondary/Primary UpToDate/Inconsistent sync=source oos=45056 #5 +begun" },
        { "synced after attach", "Connected Secondary/Primary UpToDate/UpToDate #5 +ended" },
        { "events2 started once more", "Connected Secondary/Primary UpToDate/UpToDate #6 +connected" },
        { "the slave goes down", "unknown #6 +disconnected" },
        { "the slave comes up",
          "Connected Secondary/Primary UpToDate/UpToDate #7 +connected +begun +ended" },
        { "verify", "Connected Secondary/Primary UpToDate/UpToDate sync=verify #7" },
        { "verify paused, resumed, done", "Connected Secondary/Primary UpToDate/UpToDate #7" },
        { "the slave hung, and goes on",
          "Connected Secondary/Primary UpToDate/UpToDate #8 +connected +disconnected" },
        { "the master dies", "Connecting Secondary/Unknown UpToDate/DUnknown #8 +disconnected" },
        { "forced disconnect, promotion, connect", "Connecting Primary/Unknown UpToDate/Outdated #8" },
};

/* connection role/peer's disk/peer's, what else is the case, and all the news of the step */
static char *describe(const Volume *v, unsigned news)
{
        static const char *const words[] = { "lost",        "connected",   "disconnected",
                                             "split-brain", "disk-failed", "begun",
                                             "ended",       "frozen",      "thawed" };
        GString *text = g_string_new(NULL);
        VolumeView view;

        volume_view(v, &view);
        if (!view.known)
                g_string_append(text, "unknown");
        else
                g_string_append_printf(text, "%s %s/%s %s/%s", drbd_connection_to_string(view.connection),
                                       drbd_role_to_string(view.role), drbd_role_to_string(view.peer_role),
                                       drbd_disk_to_string(view.disk), drbd_disk_to_string(view.peer_disk));
        if (view.sync != VOLUME_SYNC_NONE)
                g_string_append_printf(text, " sync=%s", volume_sync_to_string(view.sync));
        if (view.out_of_sync_kib > 0)
                g_string_append_printf(text, " oos=%" G_GUINT64_FORMAT, view.out_of_sync_kib);
        if (view.frozen)
                g_string_append(text, " frozen");
        if (view.split_brain)
                g_string_append(text, " split-brain");
        g_string_append_printf(text, " #%" G_GUINT64_FORMAT, view.connections);
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
                if (news & 1u << i)
                        g_string_append_printf(text, " +%s", words[i]);
        return g_string_free(text, FALSE);
}

static void check_step(const Volume *v, unsigned news, const Step *step)
{
        g_autofree char *found = describe(v, news);

        g_test_message("%s: %s", step->name, found);
        g_assert_cmpstr(found, ==, step->expected);
}

static void play(const char *file, const Step *steps, size_t n)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "drbd", file, NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;
        VolumeTime now = { .usec = USEC_PER_SEC, .realtime_usec = USEC_PER_SEC };
        unsigned news = 0;
        size_t i = 0;
        Volume v;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(g_strchomp(text), "\n", -1);
        volume_init(&v, "r0", NULL);
        for (size_t line = 1; lines[line]; line++) {
                DrbdEvent e;

                if (g_str_has_prefix(lines[line], "=== ")) {
                        g_assert_cmpuint(i, <, n);
                        check_step(&v, news, &steps[i++]);
                        g_assert_cmpuint(i, <, n);
                        g_assert_cmpstr(lines[line] + 4, ==, steps[i].name);
                        news = 0;
                        if (g_str_has_prefix(steps[i].name, "events2 started"))
                                volume_forget(&v);
                        continue;
                }
                now.usec += USEC_PER_MSEC;
                g_test_message("%s", lines[line]);
                g_assert_cmpint(drbd_event_parse(lines[line], strlen(lines[line]), &e), ==, 0);
                news |= volume_event(&v, &e, now);
        }
        check_step(&v, news, &steps[i++]);
        g_assert_cmpuint(i, ==, n);
}

static void test_master(void)
{
        play("master.events", master, G_N_ELEMENTS(master));
}

static void test_slave(void)
{
        play("slave.events", slave, G_N_ELEMENTS(slave));
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/drbd-capture/master", test_master);
        g_test_add_func("/drbd-capture/slave", test_slave);
        return g_test_run();
}
