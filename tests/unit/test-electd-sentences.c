/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sentences about the pair's data: what a node waits for, why not to reboot it, what an operator types.
 */
#include <glib.h>
#include <string.h>

#include "common/base/macros.h"
#include "services/electd/words.h"

#define DATE_USEC (UINT64_C(1795464000) * USEC_PER_SEC)
#define DATE_TEXT "2026-11-23 20:00:00 UTC"

static const ErrorFacts facts = { .own_name = "gw-slave",
                                  .peer_name = "gw-master",
                                  .now_usec = USEC_PER_HOUR };

/* The configured slave, connected, in sync, its peer the master. */
static ElectCore whole_slave(void)
{
        ElectCore core = { .configured = true, .state = ELECT_SLAVE, .role = ELECT_ROLE_SLAVE };

        core.settings.active = core.settings.volume = true;
        core.settings.configured = ELECT_ROLE_SLAVE;
        core.settings.dead_usec = USEC_PER_SEC;
        core.peer = ELECT_PEER_ONLINE;
        core.record_known = true;
        core.record = (ElectRecord){ .state = ELECT_MASTER, .role = ELECT_ROLE_MASTER };
        core.volume = (ElectVolume){ .known = true,
                                     .connected = true,
                                     .disk = ELECT_DISK_UP_TO_DATE,
                                     .peer_disk = ELECT_DISK_UP_TO_DATE };
        return core;
}

static ElectCore whole_master(void)
{
        ElectCore core = whole_slave();

        core.state = ELECT_MASTER;
        core.role = ELECT_ROLE_MASTER;
        core.volume.primary = true;
        core.record = (ElectRecord){ .state = ELECT_SLAVE,
                                     .role = ELECT_ROLE_SLAVE,
                                     .able = true,
                                     .volume = true,
                                     .up_to_date = true };
        return core;
}

static ElectCore waiting(void)
{
        ElectCore core = whole_slave();

        core.state = ELECT_WAIT_PEER;
        core.reason = ELECT_REASON_BOOT;
        core.role = ELECT_ROLE_NONE;
        core.peer = ELECT_PEER_LOST;
        core.record_known = false;
        core.volume = (ElectVolume){ .known = true, .disk = ELECT_DISK_OUTDATED };
        core.memory.apart_usec = DATE_USEC;
        return core;
}

static void assert_reason(const ElectCore *core, const char *expected)
{
        char text[WORDS_MAX];

        words_reason(core, &facts, text);
        g_assert_cmpstr(text, ==, expected);
}

static void assert_danger(const ElectCore *core, const char *expected)
{
        char text[WORDS_MAX];

        words_reboot_danger(core, &facts, text);
        if (expected[0] == 0)
                g_assert_cmpstr(text, ==, "");
        else
                g_assert_nonnull(strstr(text, expected));
}

static void test_waiting_node_says_for_whom_and_since_when(void)
{
        ElectCore core = waiting();

        assert_reason(&core, "gw-master may have newer data since " DATE_TEXT ": this node waits for it");
        core.peer = ELECT_PEER_ONLINE;
        core.record_known = true;
        core.record = (ElectRecord){ .sole = true, .state = ELECT_WAIT_PEER };
        assert_reason(&core, "gw-master has the newer data since " DATE_TEXT ": this node waits for it");
        core.memory.apart_usec = 0;
        assert_reason(&core, "gw-master has the newer data: this node waits for it");
        core.memory.sole = true;
        assert_reason(&core, "this node has started");
}

static void test_eligible_node_waits_for_a_person_where_the_arbiter_is_one(void)
{
        ElectCore core = waiting();

        core.memory.elig = true;
        core.settings.arbiter = ELECT_ARBITER_OPERATOR;
        assert_reason(&core,
                      "gw-master is gone, and with Arbiter=operator only a person may make this node the "
                      "master");
}

static void test_whole_pair_may_be_rebooted(void)
{
        ElectCore slave = whole_slave(), master = whole_master();

        assert_danger(&slave, "");
        assert_danger(&master, "");
        master.stopping = true;
        master.volume.connected = false;
        assert_danger(&master, ""); /* it goes down already */
}

static void test_danger_names_the_only_copy_the_resync_and_the_split(void)
{
        ElectCore core = whole_master();

        core.volume.connected = false;
        core.memory.apart_usec = DATE_USEC;
        assert_danger(&core,
                      "only up-to-date copy of the data since " DATE_TEXT ": gw-master is not connected");

        core = whole_master();
        core.volume.peer_disk = ELECT_DISK_INCONSISTENT;
        assert_danger(&core, "gw-master is being resynced from this node");

        core = whole_slave();
        core.volume.disk = ELECT_DISK_INCONSISTENT;
        assert_danger(&core, "this node is being resynced from gw-master");

        core = whole_slave();
        core.volume.peer_disk = ELECT_DISK_DISKLESS; /* the master serves from this disk */
        assert_danger(&core, "only whole copy");

        core = whole_slave();
        core.volume.connected = false;
        core.volume.split_brain = true;
        assert_danger(&core, "end the split brain first");
}

static void test_master_whose_peer_cannot_take_over_is_in_danger_without_a_volume_too(void)
{
        ElectCore core = whole_master();

        core.settings.volume = core.record.volume = false;
        core.volume = (ElectVolume){};
        assert_danger(&core, "");
        core.peer = ELECT_PEER_LOST;
        assert_danger(&core, "this node is the running master and gw-master cannot take over");
        core.role = ELECT_ROLE_SLAVE;
        assert_danger(&core, "");
}

static void test_risk_names_what_works_and_would_have_to_fail_together(void)
{
        ElectCore core = whole_master();
        char text[WORDS_MAX];

        core.n_paths = 3;
        core.path[0] = (ElectPath){ .name = "lan", .state = ELECT_PATH_UP };
        core.path[1] = (ElectPath){ .name = "replication", .state = ELECT_PATH_UP };
        core.path[2] = (ElectPath){ .name = "serial", .state = ELECT_PATH_DEGRADED };
        words_split_risk(&core, text);
        g_assert_cmpstr(text, ==,
                        "both nodes would serve if lan, replication and serial failed at the same moment");
        core.path[1].state = core.path[2].state = ELECT_PATH_DOWN;
        words_split_risk(&core, text);
        g_assert_cmpstr(text, ==,
                        "both nodes would serve if lan and the volume's connection failed at the same moment");
        core.settings.arbiter = ELECT_ARBITER_OPERATOR;
        words_split_risk(&core, text);
        g_assert_cmpstr(text, ==, "");
        core.settings.arbiter = ELECT_ARBITER_PATHS;
        core.settings.volume = false;
        words_split_risk(&core, text);
        g_assert_cmpstr(text, ==, "");
}

static void test_sentences_spell_the_loss_out(void)
{
        ElectCore core = waiting();
        char text[WORDS_MAX];

        words_force(&core, &facts, text);
        g_assert_cmpstr(text, ==, "I accept the loss of what gw-master wrote since " DATE_TEXT);
        core.volume.disk = ELECT_DISK_INCONSISTENT;
        core.memory.apart_usec = 0;
        words_force(&core, &facts, text);
        g_assert_cmpstr(text, ==,
                        "I accept the loss of all data that only gw-master has and that the copy here is "
                        "half-made");
        core.settings.volume = false;
        words_force(&core, &facts, text);
        g_assert_cmpstr(text, ==, "I accept the loss of data that only the peer has");

        core = waiting();
        core.volume = (ElectVolume){ .known = true, .out_of_sync_kib = 12, .generation = 7 };
        words_resolve(&core, &facts, ELECT_ROLE_MASTER, text);
        g_assert_cmpstr(text, ==, "I discard what gw-slave wrote since " DATE_TEXT " (12 KiB)");
        words_resolve(&core, &facts, ELECT_ROLE_SLAVE, text);
        g_assert_cmpstr(text, ==, "I discard everything that gw-master wrote alone");
        core.peer_history = (ElectHistory){ .since_usec = DATE_USEC, .written_kib = 99, .generation = 8 };
        words_resolve(&core, &facts, ELECT_ROLE_SLAVE, text);
        g_assert_cmpstr(text, ==, "I discard what gw-master wrote since " DATE_TEXT " (99 KiB)");
}

static void test_errors_of_the_volume_name_what_is_wrong(void)
{
        static const struct {
                ElectVolume volume;
                const char *code;
        } cases[] = {
                { { .known = false }, "replication-away" },
                { { .known = true, .disk = ELECT_DISK_UP_TO_DATE }, "replication-lost" },
                { { .known = true, .split_brain = true }, "split-brain" },
                { { .known = true, .disk = ELECT_DISK_DISKLESS }, "disk-lost" },
                { { .known = true, .stalled_usec = USEC_PER_MINUTE }, "disk-stalled" },
                { { .known = true, .connected = true, .peer_disk = ELECT_DISK_DISKLESS }, "peer-disk-lost" },
                { { .known = true, .connected = true, .disk = ELECT_DISK_INCONSISTENT }, "not-in-sync" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                ErrorItem items[ERRORS_MAX];
                ElectCore core = whole_slave();
                size_t n, found = 0;

                core.volume = cases[i].volume;
                n = errors_list(&core, &facts, items);
                for (size_t j = 0; j < n; j++)
                        found += strcmp(items[j].code, cases[i].code) == 0 && items[j].remedy[0] != 0;
                g_assert_cmpuint(found, ==, 1);
        }
}

/* A sentence typed for one request must never carry out another, whose data are lost instead. */
static void test_told_sentence_counts_for_its_own_request_and_for_a_moment(void)
{
        static const struct {
                ElectRequest request;
                uint64_t later_usec;
                const char *typed;
                bool accepted;
        } cases[] = {
                { ELECT_REQUEST_KEEP_MASTER, 119 * USEC_PER_SEC, "34 KiB", true },
                { ELECT_REQUEST_KEEP_MASTER, 121 * USEC_PER_SEC, "34 KiB", false },
                { ELECT_REQUEST_KEEP_MASTER, 121 * USEC_PER_SEC, "35 KiB", true },
                { ELECT_REQUEST_KEEP_MASTER, 0, "", false },
                { ELECT_REQUEST_KEEP_SLAVE, 0, "34 KiB", false },
                { ELECT_REQUEST_FORCE_MASTER, 0, "34 KiB", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                WordsTold told = {};
                uint64_t when = USEC_PER_HOUR + cases[i].later_usec;

                g_assert_false(words_accept(&told, ELECT_REQUEST_KEEP_MASTER, "34 KiB", "", USEC_PER_HOUR));
                g_assert_cmpint(words_accept(&told, cases[i].request, "35 KiB", cases[i].typed, when), ==,
                                cases[i].accepted);
                g_assert_cmpstr(told.sentence, ==, cases[i].accepted ? "" : "35 KiB");
        }
}

#define TEST(name) g_test_add_func("/electd-sentences/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(waiting_node_says_for_whom_and_since_when);
        TEST(eligible_node_waits_for_a_person_where_the_arbiter_is_one);
        TEST(whole_pair_may_be_rebooted);
        TEST(danger_names_the_only_copy_the_resync_and_the_split);
        TEST(master_whose_peer_cannot_take_over_is_in_danger_without_a_volume_too);
        TEST(risk_names_what_works_and_would_have_to_fail_together);
        TEST(sentences_spell_the_loss_out);
        TEST(told_sentence_counts_for_its_own_request_and_for_a_moment);
        TEST(errors_of_the_volume_name_what_is_wrong);
        return g_test_run();
}
