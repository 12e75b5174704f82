/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings become a plan: what is right is in force, what is wrong is left out and told, one by one. */
#include "services/vipd/wanted.h"

#include <errno.h>
#include <glib.h>

typedef struct Refusal {
        const char *vip, *address;
        int error;
} Refusal;

typedef struct Refusals {
        Refusal refusal[8];
        size_t n;
} Refusals;

static void on_refused(void *userdata, const char *vip, const char *address, int error)
{
        Refusals *refusals = userdata;

        g_assert_cmpuint(refusals->n, <, G_N_ELEMENTS(refusals->refusal));
        refusals->refusal[refusals->n++] = (Refusal){ vip, address, error };
}

static void check_refusal(const Refusal *refusal, const char *vip, const char *address, int error)
{
        g_assert_cmpstr(refusal->vip, ==, vip);
        g_assert_cmpstr(refusal->address, ==, address);
        g_assert_cmpint(refusal->error, ==, error);
}

static void test_wrong_ones_are_left_out_and_told(void)
{
        char *aliases[] = { (char *) "192.0.2.20", (char *) "192.0.2.300", (char *) "192.0.2.10",
                            (char *) "192.0.2.12", NULL };
        WantedVip vips[] = {
                { (char *) "lan", true, (char *) "192.0.2.10/24", aliases, (char *) "192.0.2.11" },
                { (char *) "dmz", true, (char *) "192.0.2.99", NULL, (char *) "192.0.2.12" },
                { (char *) "lan", true, (char *) "192.0.2.98", NULL, (char *) "192.0.2.11" },
        };
        Wanted wanted = { .dead_usec = 1, .vips = vips, .n_vips = G_N_ELEMENTS(vips) };
        g_autofree Plan *plan = g_new0(Plan, 1);
        Refusals refusals = { 0 };

        plan_init(plan);
        wanted_load(&wanted, plan, on_refused, &refusals);
        g_assert_cmpuint(refusals.n, ==, 4);
        check_refusal(&refusals.refusal[0], "lan", NULL, -EEXIST); /* the second of that name */
        check_refusal(&refusals.refusal[1], "lan", "192.0.2.300", -EINVAL);
        check_refusal(&refusals.refusal[2], "lan", "192.0.2.10", -EEXIST);
        check_refusal(&refusals.refusal[3], "lan", "192.0.2.12", -EEXIST); /* own address of a later one */
        g_assert_cmpuint(plan->n_slots, ==, 3);
        g_assert_true(plan->loaded);
}

static void test_missing_values_are_none(void)
{
        WantedVip vips[] = { { (char *) "lan", true, NULL, NULL, NULL }, { NULL, true, NULL, NULL, NULL } };
        Wanted wanted = { .dead_usec = 1, .vips = vips, .n_vips = G_N_ELEMENTS(vips) };
        g_autofree Plan *plan = g_new0(Plan, 1);
        Refusals refusals = { 0 };

        plan_init(plan);
        wanted_load(&wanted, plan, on_refused, &refusals);
        g_assert_cmpuint(refusals.n, ==, 2);
        check_refusal(&refusals.refusal[0], NULL, NULL, -ENAMETOOLONG);
        check_refusal(&refusals.refusal[1], "lan", NULL, -EINVAL);
        g_assert_cmpuint(plan->n_slots, ==, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/wanted/wrong-ones-are-left-out-and-told", test_wrong_ones_are_left_out_and_told);
        g_test_add_func("/wanted/missing-values-are-none", test_missing_values_are_none);
        return g_test_run();
}
