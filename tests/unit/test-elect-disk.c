/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * This node's own disk of the replicated volume.
 */
#include <glib.h>

#include "elect-node.h"

#define WAIT_USEC (3 * USEC_PER_SEC)

static void disk(Node *node, ElectDisk state)
{
        node->volume.disk = state;
        node_volume(node);
}

/* 43 */
static void test_slave_whose_disk_fails_is_no_candidate_until_it_is_back(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        disk(&node, ELECT_DISK_DISKLESS);
        g_assert_false(node.core.memory.elig);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE); /* for a moment */
        node_wait(&node, WAIT_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        g_assert_cmpint(node.core.reason, ==, ELECT_REASON_DISK_LOST);
        g_assert_false(node.core.published.able);

        disk(&node, ELECT_DISK_INCONSISTENT);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);
        g_assert_false(node.core.published.able);
}

static void test_disk_fault_still_consents(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        disk(&node, ELECT_DISK_DISKLESS);
        node_wait(&node, WAIT_USEC);
        node_dropped(&node);
        node_message(&node, ELECT_MSG_OUTDATE, 5, 0);
        g_assert_cmpuint(node.counts[ELECT_MSG_OUTDATED], ==, 1);
}

/* 41, 42 */
static void hands_over(bool stalled, bool peer_able, uint64_t asked)
{
        Node node;

        node_whole_master(&node);
        node.peer.able = peer_able;
        node.peer.up_to_date = true;
        node.peer.state = ELECT_SLAVE;
        node_record(&node);
        g_assert_cmpuint(node.counts[ELECT_MSG_TAKEOVER], ==, 0);
        if (stalled)
                node.volume.stalled_usec = USEC_PER_MINUTE;
        disk(&node, stalled ? ELECT_DISK_UP_TO_DATE : ELECT_DISK_DISKLESS);
        g_assert_cmpuint(node.counts[ELECT_MSG_TAKEOVER], ==, asked);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        if (asked == 0)
                return;

        ElectEvent preq = { .type = ELECT_EV_MESSAGE };
        preq.message = (ElectMessage){ .type = ELECT_MSG_PREQ,
                                       .reason = ELECT_REASON_SERVICE_FAILED,
                                       .nonce = 6,
                                       .session = node_session(&node),
                                       .instance = NODE_PEER,
                                       .to_instance = NODE_INSTANCE,
                                       .up_to_date = true };
        node_give(&node, &preq);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 1);
        g_assert_cmpuint(node.counts[ELECT_MSG_HANDOVER], ==, 1);
        g_assert_true(node.sent[ELECT_MSG_HANDOVER].up_to_date); /* who takes over is */
}

static void test_ailing_master_hands_over_only_to_a_healthier_peer(void)
{
        hands_over(false, true, 1);
        hands_over(true, true, 1);
        hands_over(false, false, 0);
        hands_over(true, false, 0);
}

static void stops_with_unmount_failing(Node *node, int error)
{
        node_started(node, ELECT_ROLE_MASTER, true);
        node->volume.primary = true;
        node_volume(node);
        node->failing[ELECT_ORDER_UNMOUNT] = error;
        node_give(node, &(ElectEvent){ .type = ELECT_EV_STOP });
}

/* 35, with a volume */
static void test_busy_volume_is_tried_again_before_this_machine_is_reset(void)
{
        Node node;

        stops_with_unmount_failing(&node, -EBUSY);
        node_wait(&node, 3 * USEC_PER_SEC);
        g_assert_cmpuint(node.orders[ELECT_ORDER_UNMOUNT], >, 1);
        g_assert_false(node.rebooted);
        node.failing[ELECT_ORDER_UNMOUNT] = 0; /* the shell has left it */
        node_wait(&node, 2 * USEC_PER_SEC);
        g_assert_true(node.stopped);

        stops_with_unmount_failing(&node, -EBUSY);
        node_wait(&node, 15 * USEC_PER_SEC);
        g_assert_true(node.rebooted);

        stops_with_unmount_failing(&node, -ETIMEDOUT);
        g_assert_true(node.rebooted);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 0);
}

static void test_lone_master_without_a_disk_goes_down(void)
{
        Node node;

        node_started(&node, ELECT_ROLE_MASTER, true);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        node.volume.primary = true;
        disk(&node, ELECT_DISK_DISKLESS);
        node_wait(&node, WAIT_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        g_assert_cmpuint(node.orders[ELECT_ORDER_SECONDARY], ==, 1);
        g_assert_true(node.core.memory.sole); /* the newest data are still nowhere else */
}

static void test_consistent_disk_serves_with_the_right_alone(void)
{
        for (int sole = 0; sole < 2; sole++) {
                Node node;

                node_started(&node, ELECT_ROLE_SLAVE, false);
                node.core.memory.sole = node.core.durable.sole = sole;
                disk(&node, ELECT_DISK_CONSISTENT);
                g_assert_cmpint(node.core.state, ==, sole ? ELECT_MASTER : ELECT_WAIT_PEER);
                g_assert_false(node.forced);
        }
}

static void test_force_is_refused_without_a_disk_and_forces_an_outdated_one(void)
{
        ElectEvent force = { .type = ELECT_EV_REQUEST };
        Node node;

        force.request.request = ELECT_REQUEST_FORCE_MASTER;
        force.request.token = 1;
        node_started(&node, ELECT_ROLE_SLAVE, false);
        disk(&node, ELECT_DISK_UNKNOWN);
        node_give(&node, &force);
        g_assert_cmpint(node.result, ==, ELECT_REFUSED_UNFIT);
        disk(&node, ELECT_DISK_OUTDATED);
        node_give(&node, &force);
        g_assert_cmpint(node.result, ==, ELECT_OK);
        g_assert_true(node.forced);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
}

/* A node that remembers the disk it had, and sees none yet. */
static void remembers(Node *node, bool sole, uint64_t generation)
{
        node_started(node, ELECT_ROLE_SLAVE, false);
        node->core.memory.sole = node->core.durable.sole = sole;
        node->core.memory.generation = node->core.durable.generation = generation;
        node->volume = (ElectVolume){};
        node_volume(node);
}

static void test_founder_forces_a_disk_that_nobody_ever_wrote(void)
{
        Node node;

        remembers(&node, true, 0);
        node.volume = (ElectVolume){ .known = true, .generation = 4 };
        disk(&node, ELECT_DISK_INCONSISTENT);
        g_assert_cmpint(node.core.state, ==, ELECT_MASTER);
        g_assert_true(node.forced);
        g_assert_true(node.disk.sole);
}

/* The right says who has the newest data: they went with the disk that had them. */
static void test_replaced_disk_is_never_served_empty(void)
{
        Node node;

        remembers(&node, true, 64);
        node.volume = (ElectVolume){ .known = true };
        disk(&node, ELECT_DISK_DISKLESS); /* whose generation nobody can read */
        g_assert_true(node.disk.sole);
        g_assert_cmpuint(node.disk.generation, ==, 64);

        node.volume.generation = 4;
        disk(&node, ELECT_DISK_INCONSISTENT);
        node_silent_peer(&node);
        node_wait(&node, WAIT_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_WAIT_PEER);
        g_assert_cmpuint(node.orders[ELECT_ORDER_PRIMARY], ==, 0);
        g_assert_false(node.disk.sole);
        g_assert_false(node.disk.elig);
}

static void test_disk_that_was_gone_at_the_start_misses_what_the_peer_takes(void)
{
        static const ElectDisk gone[] = { ELECT_DISK_UNKNOWN, ELECT_DISK_DISKLESS };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(gone); i++) {
                Node node;
                bool had_one = i % 2 == 0;

                remembers(&node, false, had_one ? 64 : 4);
                node.volume = (ElectVolume){ .known = true, .disk = gone[i / 2] };
                node_volume(&node);
                g_assert_false(node.disk.stale);
                node_connected(&node);
                g_assert_cmpint(node.disk.stale, ==, had_one);
                disk(&node, ELECT_DISK_UP_TO_DATE);
                g_assert_false(node.disk.stale);
        }
}

/* As while it is being attached: nothing says that it has what the peer's took. */
static void test_disk_between_two_states_is_neither_eligible_nor_back(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        disk(&node, ELECT_DISK_UNKNOWN);
        g_assert_false(node.disk.elig);
        node_wait(&node, WAIT_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_SLAVE);

        disk(&node, ELECT_DISK_DISKLESS);
        node_wait(&node, WAIT_USEC);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
        disk(&node, ELECT_DISK_UNKNOWN);
        g_assert_cmpint(node.core.state, ==, ELECT_FAULT);
}

static void test_apart_since_outlives_everything_but_both_disks_whole(void)
{
        Node node;

        node_eligible_slave(&node, ELECT_ROLE_SLAVE);
        g_assert_cmpuint(node.disk.apart_usec, ==, 0);
        node.volume.alone_since_usec = 4711;
        node_dropped(&node);
        g_assert_cmpuint(node.disk.apart_usec, ==, 4711);
        node.volume.alone_since_usec = 5000;
        node_volume(&node);
        g_assert_cmpuint(node.disk.apart_usec, ==, 4711);
        node.volume.disk = ELECT_DISK_INCONSISTENT;
        node_connected(&node);
        g_assert_cmpuint(node.disk.apart_usec, ==, 4711);
        disk(&node, ELECT_DISK_UP_TO_DATE);
        g_assert_cmpuint(node.disk.apart_usec, ==, 0);
}

static void test_memory_of_version_1_is_read(void)
{
        ElectMemory memory = { .sole = true, .epoch = 7, .apart_usec = 9 }, back;
        uint8_t bytes[ELECT_MEMORY_SIZE];

        elect_memory_encode(&memory, bytes);
        g_assert_cmpint(elect_memory_decode(bytes, sizeof(bytes), &back), ==, 0);
        g_assert_cmpuint(back.apart_usec, ==, 9);
        g_assert_cmpint(elect_memory_decode(bytes, ELECT_MEMORY_SIZE_OLD, &back), ==, -EPROTONOSUPPORT);
        bytes[0] = 1;
        g_assert_cmpint(elect_memory_decode(bytes, sizeof(bytes), &back), ==, -EPROTONOSUPPORT);
        g_assert_cmpint(elect_memory_decode(bytes, ELECT_MEMORY_SIZE_OLD, &back), ==, 0);
        g_assert_true(back.sole);
        g_assert_cmpuint(back.epoch, ==, 7);
        g_assert_cmpuint(back.apart_usec, ==, 0);
}

#define TEST(name) g_test_add_func("/elect-disk/" #name, test_##name)

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);
        TEST(slave_whose_disk_fails_is_no_candidate_until_it_is_back);
        TEST(disk_fault_still_consents);
        TEST(ailing_master_hands_over_only_to_a_healthier_peer);
        TEST(busy_volume_is_tried_again_before_this_machine_is_reset);
        TEST(lone_master_without_a_disk_goes_down);
        TEST(consistent_disk_serves_with_the_right_alone);
        TEST(force_is_refused_without_a_disk_and_forces_an_outdated_one);
        TEST(apart_since_outlives_everything_but_both_disks_whole);
        TEST(founder_forces_a_disk_that_nobody_ever_wrote);
        TEST(replaced_disk_is_never_served_empty);
        TEST(disk_that_was_gone_at_the_start_misses_what_the_peer_takes);
        TEST(disk_between_two_states_is_neither_eligible_nor_back);
        TEST(memory_of_version_1_is_read);
        return g_test_run();
}
