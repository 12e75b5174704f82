/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kernel receive stamps become boot time; impossible ones become the time of reading. */
#include <glib.h>

#include "services/hbd/stamp.h"

#define SEC    UINT64_C(1000000000)
#define OFFSET (UINT64_C(1700000000) * SEC)

static Stamper drained_at(uint64_t before_nsec, uint64_t now_nsec)
{
        Stamper s = {};

        stamper_drain(&s, true, before_nsec, before_nsec + OFFSET);
        stamper_drain(&s, true, now_nsec, now_nsec + OFFSET);
        return s;
}

static void stamp_since_the_last_time_is_believed(void)
{
        Stamper s = drained_at(100 * SEC, 101 * SEC);

        g_assert_cmpuint(stamper_received(&s, OFFSET + 100 * SEC + 250000), ==, 100000250);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 101 * SEC), ==, 101000000);
}

static void stamp_of_the_future_or_too_old_gives_the_time_of_reading(void)
{
        Stamper s = drained_at(100 * SEC, 101 * SEC);

        g_assert_cmpuint(stamper_received(&s, OFFSET + 102 * SEC), ==, 101000000);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 100 * SEC), ==, 101000000);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 3 * SEC), ==, 101000000);
        g_assert_cmpuint(stamper_received(&s, 0), ==, 101000000);
        g_assert_cmpuint(stamper_received(&s, UINT64_MAX), ==, 101000000);
}

static void what_was_left_in_the_socket_keeps_its_time(void)
{
        Stamper s = drained_at(100 * SEC, 101 * SEC);

        stamper_drain(&s, false, 101 * SEC + 1000, OFFSET + 101 * SEC + 1000);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 100 * SEC + 250000), ==, 100000250);
        stamper_drain(&s, true, 102 * SEC, OFFSET + 102 * SEC);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 100 * SEC + 250000), ==, 102000000);
}

static void clock_set_in_between_gives_the_time_of_reading(void)
{
        const int64_t steps[] = { 365LL * 86400 * (int64_t) SEC, -365LL * 86400 * (int64_t) SEC, 10000000,
                                  -10000000 };

        for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
                Stamper s = {};

                stamper_drain(&s, true, 100 * SEC, 100 * SEC + OFFSET);
                stamper_drain(&s, true, 101 * SEC, 101 * SEC + OFFSET + (uint64_t) steps[i]);
                g_assert_cmpuint(stamper_received(&s, OFFSET + 100 * SEC + SEC / 2), ==, 101000000);

                /* Next time the offset is steady again. */
                stamper_drain(&s, true, 102 * SEC, 102 * SEC + OFFSET + (uint64_t) steps[i]);
                g_assert_cmpuint(stamper_received(&s, OFFSET + (uint64_t) steps[i] + 101 * SEC + SEC / 2),
                                 ==, 101500000);
        }
}

static void slewing_is_no_jump(void)
{
        Stamper s = {};

        stamper_drain(&s, true, 100 * SEC, 100 * SEC + OFFSET);
        stamper_drain(&s, true, 120 * SEC, 120 * SEC + OFFSET + 10000000);
        g_assert_cmpuint(stamper_received(&s, OFFSET + 10000000 + 110 * SEC), ==, 110000000);
}

static void clock_before_the_start_of_the_machine_is_no_special_case(void)
{
        Stamper s = {};

        stamper_drain(&s, true, 500 * SEC, 20 * SEC);
        stamper_drain(&s, true, 501 * SEC, 21 * SEC);
        g_assert_cmpuint(stamper_received(&s, 20 * SEC + SEC / 2), ==, 500500000);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/stamp/since-the-last-time-is-believed", stamp_since_the_last_time_is_believed);
        g_test_add_func("/stamp/of-the-future-or-too-old-gives-the-time-of-reading",
                        stamp_of_the_future_or_too_old_gives_the_time_of_reading);
        g_test_add_func("/stamp/what-was-left-in-the-socket-keeps-its-time",
                        what_was_left_in_the_socket_keeps_its_time);
        g_test_add_func("/stamp/clock-set-in-between-gives-the-time-of-reading",
                        clock_set_in_between_gives_the_time_of_reading);
        g_test_add_func("/stamp/slewing-is-no-jump", slewing_is_no_jump);
        g_test_add_func("/stamp/clock-before-the-start-of-the-machine-is-no-special-case",
                        clock_before_the_start_of_the_machine_is_no_special_case);
        return g_test_run();
}
