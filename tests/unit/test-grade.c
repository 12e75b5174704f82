/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Round trip and jitter of a path. */
#include <glib.h>

#include "services/hbd/grade.h"

static void holding_time_does_not_count(void)
{
        Grade g;

        grade_reset(&g);
        grade_sent(&g, 1, 1000);
        g_assert_true(grade_echo(&g, 1, 30000, 31250));
        g_assert_cmpuint(g.round_trip_usec, ==, 250);
        g_assert_cmpuint(g.jitter_usec, ==, 0);
}

static void echo_without_a_holding_time_measures_nothing_but_confirms(void)
{
        Grade g;

        grade_reset(&g);
        grade_sent(&g, 1, 1000);
        g_assert_true(grade_echo(&g, 1, UINT64_MAX, 31250));
        g_assert_cmpuint(g.round_trip_usec, ==, 0);
        g_assert_cmpuint(g.echoed_usec, ==, 31250);
}

static void old_unknown_and_repeated_echoes_are_ignored(void)
{
        Grade g;

        grade_reset(&g);
        g_assert_false(grade_echo(&g, 0, 0, 10));
        g_assert_false(grade_echo(&g, 7, 0, 10));
        for (uint64_t s = 1; s <= 200; s++)
                grade_sent(&g, s, s * 1000);
        g_assert_false(grade_echo(&g, 100, 0, 300000)); /* no longer remembered */
        g_assert_true(grade_echo(&g, 190, 0, 300000));
        g_assert_false(grade_echo(&g, 190, 0, 300000));
        g_assert_false(grade_echo(&g, 189, 0, 300000)); /* overtaken */
        g_assert_true(grade_echo(&g, 191, 0, 300000));
}

static void echo_is_matched_across_the_wrap_of_its_bits(void)
{
        Grade g;

        grade_reset(&g);
        for (uint64_t s = 0x3ff0; s <= 0x4010; s++) {
                grade_sent(&g, s, s * 100);
                g_assert_cmpint(grade_echo(&g, s & GRADE_ECHO_MASK, 0, s * 100 + 50), ==, true);
        }
        g_assert_cmpuint(g.round_trip_usec, ==, 50);
}

static void average_follows_and_jitter_is_the_mean_difference(void)
{
        Grade g;

        grade_reset(&g);
        for (uint64_t s = 1; s <= 200; s++) {
                grade_sent(&g, s, s * 10000);
                grade_echo(&g, s, 0, s * 10000 + (s % 2 ? 400 : 600));
        }
        g_assert_cmpuint(g.round_trip_usec, >=, 480);
        g_assert_cmpuint(g.round_trip_usec, <=, 520);
        g_assert_cmpuint(g.jitter_usec, >=, 195);
        g_assert_cmpuint(g.jitter_usec, <=, 200);
}

static void clock_oddities_never_go_below_one(void)
{
        Grade g;

        grade_reset(&g);
        grade_sent(&g, 1, 5000);
        g_assert_true(grade_echo(&g, 1, 900, 4000));
        g_assert_cmpuint(g.round_trip_usec, ==, 1);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/grade/holding-time-does-not-count", holding_time_does_not_count);
        g_test_add_func("/grade/echo-without-a-holding-time-measures-nothing-but-confirms",
                        echo_without_a_holding_time_measures_nothing_but_confirms);
        g_test_add_func("/grade/old-unknown-and-repeated-echoes-are-ignored",
                        old_unknown_and_repeated_echoes_are_ignored);
        g_test_add_func("/grade/echo-is-matched-across-the-wrap-of-its-bits",
                        echo_is_matched_across_the_wrap_of_its_bits);
        g_test_add_func("/grade/average-follows-and-jitter-is-the-mean-difference",
                        average_follows_and_jitter_is_the_mean_difference);
        g_test_add_func("/grade/clock-oddities-never-go-below-one", clock_oddities_never_go_below_one);
        return g_test_run();
}
