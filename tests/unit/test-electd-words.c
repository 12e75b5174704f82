/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What electd says to people: the list of errors, the history of decisions, the names.
 */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "common/base/macros.h"
#include "services/electd/errors.h"
#include "services/electd/history.h"

static ElectCore healthy(void)
{
        ElectCore core = { .configured = true, .hbd = true, .vipd = true, .usable = true };

        core.settings.active = true;
        core.settings.configured = ELECT_ROLE_MASTER;
        core.peer = ELECT_PEER_ONLINE;
        core.record_known = true;
        core.record.configured = ELECT_ROLE_SLAVE;
        core.n_paths = 2;
        core.path[0] = (ElectPath){ .name = "lan", .state = ELECT_PATH_UP };
        core.path[1] = (ElectPath){ .name = "serial", .serial = true, .state = ELECT_PATH_UP };
        return core;
}

static const ErrorItem *find(const ErrorItem *items, size_t n, const char *code)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(items[i].code, code) == 0)
                        return &items[i];
        return NULL;
}

static void test_healthy_pair_has_none(void)
{
        ErrorItem items[ERRORS_MAX];
        ErrorFacts facts = {};
        ElectCore core = healthy();

        g_assert_cmpuint(errors_list(&core, &facts, items), ==, 0);
}

static void test_each_tells_what_since_when_and_what_to_do(void)
{
        ErrorItem items[ERRORS_MAX];
        ErrorFacts facts = { .n_problems = 1,
                             .problem = { { .warning = true, .text = "hapair.conf [General] X" } } };
        ElectCore core = healthy();
        size_t n;

        core.path[1].state = ELECT_PATH_DOWN;
        core.path_since_usec[1] = 42;
        core.link = ELECT_BAD;
        core.link_since_usec = 43;
        core.conflict = true;
        core.conflict_since_usec = 44;
        core.conflict_mac[5] = 0xab;
        core.failed_order = ELECT_ORDER_ACQUIRE;
        core.failed_error = -ETIMEDOUT;
        core.failed_usec = 45;
        n = errors_list(&core, &facts, items);

        g_assert_cmpstr(find(items, n, "path-lost")->message, ==, "Heartbeat path serial is silent");
        g_assert_cmpuint(find(items, n, "path-lost")->since_usec, ==, 42);
        g_assert_true(find(items, n, "path-lost")->warning);
        g_assert_cmpuint(find(items, n, "link-down")->since_usec, ==, 43);
        g_assert_nonnull(strstr(find(items, n, "vip-conflict")->message, "00:00:00:00:00:ab"));
        g_assert_cmpstr(find(items, n, "step-failed")->message, ==,
                        "Could not acquire the virtual IPs: Connection timed out");
        g_assert_nonnull(find(items, n, "no-redundant-path"));
        g_assert_nonnull(strstr(find(items, n, "configuration")->message, "[General] X"));
        for (size_t i = 0; i < n; i++)
                g_assert_cmpuint(strlen(items[i].remedy), >, 0);
        for (size_t i = 1; i < n; i++)
                g_assert_true(items[i].warning >= items[i - 1].warning); /* errors first */
}

static void test_lost_peer_is_one_error_and_its_last_word_none(void)
{
        ErrorItem items[ERRORS_MAX];
        ErrorFacts facts = {};
        ElectCore core = healthy();
        size_t n;

        core.peer = ELECT_PEER_LOST;
        core.record.carrier_down = core.record.maintenance = true;
        n = errors_list(&core, &facts, items);
        g_assert_nonnull(find(items, n, "peer-lost"));
        g_assert_null(find(items, n, "peer-link-down"));
        g_assert_null(find(items, n, "peer-maintenance"));
}

static void test_digest_changes_with_the_list(void)
{
        ErrorItem items[ERRORS_MAX];
        ErrorFacts facts = {};
        ElectCore core = healthy();
        uint64_t before = errors_digest(items, errors_list(&core, &facts, items));

        core.memory.maintenance = true;
        g_assert_cmpuint(errors_digest(items, errors_list(&core, &facts, items)), !=, before);
        core.memory.maintenance = false;
        g_assert_cmpuint(errors_digest(items, errors_list(&core, &facts, items)), ==, before);
}

static void test_history_keeps_the_newest_in_order(void)
{
        History history = {};

        for (uint64_t i = 0; i < HISTORY_MAX + 10; i++)
                history_add(&history, i, &(ElectDecision){ .epoch = i });
        g_assert_cmpuint(history.n, ==, HISTORY_MAX);
        for (uint64_t i = 0; i < HISTORY_MAX; i++)
                g_assert_cmpuint(history_get(&history, i)->decision.epoch, ==, i + 10);
}

static void test_inputs_tell_what_the_decision_rested_on(void)
{
        ElectDecision decision = { .when_usec = 5 * USEC_PER_SEC,
                                   .peer = ELECT_PEER_LOST,
                                   .peer_since_usec = 4 * USEC_PER_SEC,
                                   .record_known = true,
                                   .record_aged = true,
                                   .peer_state = ELECT_MASTER,
                                   .peer_role = ELECT_ROLE_MASTER,
                                   .peer_epoch = 7,
                                   .link = ELECT_GOOD,
                                   .probing = true };
        HistoryInput inputs[HISTORY_INPUTS_MAX];
        size_t n = history_inputs(&decision, inputs);

        g_assert_cmpuint(n, ==, 6);
        g_assert_cmpstr(inputs[0].value, ==, "lost for 1000 ms");
        g_assert_cmpstr(inputs[1].value, ==, "master, running role master, epoch 7, aged");
        g_assert_cmpstr(inputs[4].name, ==, "own-carrier");
        g_assert_cmpstr(inputs[4].value, ==, "up");
        g_assert_cmpstr(inputs[5].value, ==, "no");

        decision.disk = ELECT_DISK_OUTDATED;
        decision.sole = true;
        n = history_inputs(&decision, inputs);
        g_assert_cmpuint(n, ==, 9);
        g_assert_cmpstr(inputs[6].value, ==, "sole yes, eligible no");
        g_assert_cmpstr(inputs[7].value, ==, "not connected, secondary");
        g_assert_cmpstr(inputs[8].value, ==, "own outdated, peer's unknown");
}

static void test_every_value_has_a_name(void)
{
        for (int i = 0; i < ELECT_STATE_MAX; i++)
                g_assert_nonnull(elect_state_to_string((ElectState) i));
        for (int i = 0; i < ELECT_ROLE_MAX; i++)
                g_assert_nonnull(elect_role_to_string((ElectRole) i));
        for (int i = 0; i < ELECT_REASON_MAX; i++)
                g_assert_nonnull(elect_reason_to_string((ElectReason) i));
        for (int i = 0; i < ELECT_RESULT_MAX; i++)
                g_assert_nonnull(elect_result_to_string((ElectResult) i));
        for (int i = 0; i < ELECT_ORDER_MAX; i++)
                g_assert_nonnull(elect_order_to_string((ElectOrder) i));
        for (int i = 0; i < ELECT_DISK_MAX; i++)
                g_assert_nonnull(elect_disk_to_string((ElectDisk) i));
        for (int i = 0; i < ELECT_MSG_MAX; i++)
                g_assert_nonnull(elect_message_to_string((ElectMessageType) i));
        for (int i = 0; i < ELECT_PEER_STATE_MAX; i++)
                g_assert_nonnull(elect_peer_state_to_string((ElectPeerState) i));
        g_assert_null(elect_state_to_string(ELECT_STATE_MAX));
}

#define TEST(name) g_test_add_func("/electd-words/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(healthy_pair_has_none);
        TEST(each_tells_what_since_when_and_what_to_do);
        TEST(lost_peer_is_one_error_and_its_last_word_none);
        TEST(digest_changes_with_the_list);
        TEST(history_keeps_the_newest_in_order);
        TEST(inputs_tell_what_the_decision_rested_on);
        TEST(every_value_has_a_name);
        return g_test_run();
}
