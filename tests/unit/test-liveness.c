/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Online, late, lost, unknown: per path and as a whole. */
#include <glib.h>

#include "services/hbd/liveness.h"

#define DEAD UINT64_C(300000)
#define LATE (DEAD / 2)
#define T0   UINT64_C(1000000000)

static void with_paths(Liveness *l, unsigned n)
{
        *l = (Liveness){};
        for (unsigned i = 0; i < n; i++)
                liveness_set_path(l, i, LATE, DEAD, T0);
}

static void unknown_until_heard_or_the_dead_time_is_over(void)
{
        Liveness l;

        with_paths(&l, 2);
        liveness_step(&l, T0);
        g_assert_cmpint(l.state, ==, PEER_UNKNOWN);
        liveness_step(&l, T0 + DEAD - 1);
        g_assert_cmpint(l.state, ==, PEER_UNKNOWN);
        g_assert_cmpuint(liveness_next(&l), ==, T0 + DEAD);
        g_assert_true(liveness_step(&l, T0 + DEAD).peer);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        g_assert_cmpuint(liveness_last_heard(&l), ==, 0);
}

static void silence_makes_late_then_lost_at_the_exact_times(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_heard(&l, 0, T0);
        g_assert_true(liveness_step(&l, T0).peer);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
        g_assert_cmpuint(liveness_next(&l), ==, T0 + LATE);
        g_assert_false(liveness_step(&l, T0 + LATE - 1).peer);
        g_assert_false(liveness_would_accuse(&l, T0 + LATE - 1));
        g_assert_true(liveness_would_accuse(&l, T0 + LATE));
        g_assert_true(liveness_step(&l, T0 + LATE).peer);
        g_assert_cmpint(l.state, ==, PEER_LATE);
        g_assert_cmpuint(liveness_next(&l), ==, T0 + DEAD);
        g_assert_false(liveness_step(&l, T0 + DEAD - 1).peer);
        g_assert_true(liveness_step(&l, T0 + DEAD).peer);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        g_assert_cmpuint(liveness_next(&l), ==, UINT64_MAX);
        liveness_heard(&l, 0, T0 + 2 * DEAD);
        g_assert_true(liveness_step(&l, T0 + 2 * DEAD).peer);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
}

static void lost_only_when_every_path_is_silent(void)
{
        Liveness l;
        LivenessChange c;

        with_paths(&l, 3);
        for (unsigned i = 0; i < 3; i++)
                liveness_heard(&l, i, T0);
        liveness_step(&l, T0);
        for (uint64_t t = T0; t < T0 + 10 * DEAD; t += 30000) {
                liveness_heard(&l, 2, t);
                g_assert_false(liveness_step(&l, t).peer);
        }
        g_assert_cmpint(l.paths[0].state, ==, PEER_LOST);
        g_assert_cmpint(l.paths[2].state, ==, PEER_ONLINE);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
        c = liveness_step(&l, T0 + 20 * DEAD);
        g_assert_true(c.peer);
        g_assert_cmpuint(c.paths, ==, 4);
        g_assert_cmpint(l.state, ==, PEER_LOST);
}

static void slower_path_has_limits_of_its_own(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_set_path(&l, 1, DEAD, 2 * DEAD, T0);
        liveness_heard(&l, 0, T0);
        liveness_heard(&l, 1, T0);
        liveness_step(&l, T0);
        liveness_step(&l, T0 + DEAD - 1);
        g_assert_cmpint(l.paths[0].state, ==, PEER_LATE);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
        liveness_step(&l, T0 + DEAD);
        g_assert_cmpint(l.state, ==, PEER_LATE);
}

static void own_lateness_forgives_silence(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_heard(&l, 0, T0);
        liveness_step(&l, T0);

        /* We slept for three dead times; the kernel's stamps say that the peer was silent as long. */
        liveness_restart(&l, T0 + 3 * DEAD);
        g_assert_false(liveness_step(&l, T0 + 3 * DEAD).peer);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
        liveness_step(&l, T0 + 4 * DEAD - 1);
        g_assert_cmpint(l.state, ==, PEER_LATE);
        liveness_step(&l, T0 + 4 * DEAD);
        g_assert_cmpint(l.state, ==, PEER_LOST);
}

static void own_lateness_does_not_raise_the_dead(void)
{
        Liveness l;

        with_paths(&l, 2);
        liveness_heard(&l, 0, T0);
        liveness_step(&l, T0);
        liveness_step(&l, T0 + DEAD);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        liveness_restart(&l, T0 + 5 * DEAD);
        g_assert_false(liveness_step(&l, T0 + 5 * DEAD).peer);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        g_assert_cmpint(l.paths[1].state, ==, PEER_LOST);
}

static void goodbye_is_known_at_once_on_every_path(void)
{
        Liveness l;

        with_paths(&l, 2);
        liveness_heard(&l, 0, T0);
        liveness_heard(&l, 1, T0);
        liveness_step(&l, T0);
        liveness_goodbye(&l, true);
        g_assert_true(liveness_step(&l, T0 + 1).peer);
        g_assert_cmpint(l.state, ==, PEER_LOST);

        /* What was on its way over the slower path proves nothing. */
        liveness_heard(&l, 1, T0 + 2);
        g_assert_false(liveness_step(&l, T0 + 2).peer);

        liveness_new_instance(&l);
        liveness_heard(&l, 0, T0 + 10);
        liveness_step(&l, T0 + 10);
        g_assert_cmpint(l.paths[0].state, ==, PEER_ONLINE);
        g_assert_cmpint(l.paths[1].state, ==, PEER_LOST);
}

static void goodbye_can_be_taken_back(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_heard(&l, 0, T0);
        liveness_goodbye(&l, true);
        liveness_step(&l, T0);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        liveness_goodbye(&l, false);
        liveness_step(&l, T0 + 1);
        g_assert_cmpint(l.state, ==, PEER_ONLINE);
}

static void older_frame_changes_nothing(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_heard(&l, 0, T0 + 100);
        liveness_heard(&l, 0, T0);
        g_assert_cmpuint(liveness_last_heard(&l), ==, T0 + 100);
}

static void new_path_neither_revives_nor_hides_the_peer(void)
{
        Liveness l;

        with_paths(&l, 1);
        liveness_heard(&l, 0, T0);
        liveness_step(&l, T0);
        liveness_set_path(&l, 1, LATE, DEAD, T0);
        g_assert_false(liveness_step(&l, T0 + 1).peer);
        liveness_step(&l, T0 + DEAD);
        g_assert_cmpint(l.state, ==, PEER_LOST);
        liveness_set_path(&l, 2, LATE, DEAD, T0 + DEAD);
        g_assert_false(liveness_step(&l, T0 + DEAD + 1).peer);
        g_assert_cmpint(l.state, ==, PEER_LOST);
}

/* Whatever is heard when: the peer is lost exactly if the youngest frame is older than the dead time. */
static void random_hearing_agrees_with_the_definition(void)
{
        GRand *rand = g_rand_new_with_seed(3);
        uint64_t now = T0, last = T0;
        Liveness l;

        with_paths(&l, 3);
        for (unsigned i = 0; i < 3; i++)
                liveness_heard(&l, i, T0);
        for (unsigned i = 0; i < 100000; i++) {
                now += (uint64_t) g_rand_int_range(rand, 0, 60000);
                if (g_rand_int_range(rand, 0, 5) == 0) {
                        uint64_t at = now - (uint64_t) g_rand_int_range(rand, 0, 20000);

                        liveness_heard(&l, (unsigned) g_rand_int_range(rand, 0, 3), at);
                        last = MAX(last, at);
                }
                liveness_step(&l, now);
                g_assert_cmpint(l.state, ==,
                                now - last >= DEAD   ? PEER_LOST
                                : now - last >= LATE ? PEER_LATE
                                                     : PEER_ONLINE);
                g_assert_cmpuint(liveness_next(&l), >, now);
        }
        g_rand_free(rand);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/liveness/unknown-until-heard-or-the-dead-time-is-over",
                        unknown_until_heard_or_the_dead_time_is_over);
        g_test_add_func("/liveness/silence-makes-late-then-lost-at-the-exact-times",
                        silence_makes_late_then_lost_at_the_exact_times);
        g_test_add_func("/liveness/lost-only-when-every-path-is-silent",
                        lost_only_when_every_path_is_silent);
        g_test_add_func("/liveness/slower-path-has-limits-of-its-own", slower_path_has_limits_of_its_own);
        g_test_add_func("/liveness/own-lateness-forgives-silence", own_lateness_forgives_silence);
        g_test_add_func("/liveness/own-lateness-does-not-raise-the-dead",
                        own_lateness_does_not_raise_the_dead);
        g_test_add_func("/liveness/goodbye-is-known-at-once-on-every-path",
                        goodbye_is_known_at_once_on_every_path);
        g_test_add_func("/liveness/goodbye-can-be-taken-back", goodbye_can_be_taken_back);
        g_test_add_func("/liveness/older-frame-changes-nothing", older_frame_changes_nothing);
        g_test_add_func("/liveness/new-path-neither-revives-nor-hides-the-peer",
                        new_path_neither_revives_nor_hides_the_peer);
        g_test_add_func("/liveness/random-hearing-agrees-with-the-definition",
                        random_hearing_agrees_with_the_definition);
        return g_test_run();
}
