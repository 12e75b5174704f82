/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which addresses the plan puts into the kernel and takes out of it: by order, ledger, settings and events.
 */
#include <errno.h>

#include "tests/unit/plan-fixture.h"

static void test_nothing_before_the_order(Fixture *f, gconstpointer data)
{
        run(f);
        g_assert_cmpuint(f->n_order, ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_ABSENT);
}

static void test_acquire_records_then_adds_then_announces(Fixture *f, gconstpointer data)
{
        static const PlanActionType expected[] = { PLAN_RECORD, PLAN_ADD, PLAN_ANNOUNCE, PLAN_QUESTION };

        g_assert_cmpint(plan_acquire(&f->plan, 7), ==, 0);
        run(f);
        g_assert_cmpmem(f->order, f->n_order * sizeof(f->order[0]), expected, sizeof(expected));
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);

        /* Again is harmless. */
        g_assert_cmpint(plan_acquire(&f->plan, 7), ==, 0);
        run(f);
        g_assert_cmpuint(f->n_order, ==, 0);
}

static void test_lower_and_wild_epochs_are_refused(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 7), ==, 0);
        g_assert_cmpint(plan_acquire(&f->plan, 6), ==, -ESTALE);
        g_assert_cmpint(plan_acquire(&f->plan, 8 + (UINT64_C(1) << 32)), ==, -ERANGE);
        plan_withdraw(&f->plan);
        g_assert_cmpint(plan_acquire(&f->plan, 6), ==, -ESTALE);
        g_assert_cmpint(f->plan.holding, ==, PLAN_RELEASED);
        g_assert_cmpint(plan_acquire(&f->plan, 7), ==, 0);
}

static void test_withdraw_removes_all_and_clears_the_ledger(Fixture *f, gconstpointer data)
{
        PlanEntry *entries = g_new(PlanEntry, PLAN_SLOTS_MAX);

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(plan_entries(&f->plan, entries), ==, 2);
        g_assert_cmpint(entries[0].ifindex, ==, ETH0);
        plan_withdraw(&f->plan);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 0);
        g_assert_cmpuint(plan_entries(&f->plan, entries), ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_ABSENT);
        g_free(entries);
}

static void test_address_is_a_host_address(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->plan.slots[0].address.prefix_len, ==, 24);
        g_assert_cmpuint(f->plan.slots[0].present.prefix, ==, 32);
        g_assert_cmpuint(f->last[PLAN_ADD].address.prefix_len, ==, 32);
}

static void test_removed_address_is_put_back(Fixture *f, gconstpointer data)
{
        IpAddress gone = host(&vip);

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        f->now += USEC_PER_SEC;
        run(f);
        g_assert_cmpint(plan_address_gone(&f->plan, ETH0, &gone), ==, PLAN_TAKEN);
        g_assert_cmpint(state(f), ==, PLAN_STATE_PARTIAL);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        g_assert_true(f->last[PLAN_ADD].restore);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 1);
        g_assert_cmpuint(f->plan.vips[0].restored, ==, 1);

        /* Something that removes it all the time is answered well within 100 ms, but not in a busy loop. */
        for (size_t i = 0; i < 20; i++) {
                uint64_t before = f->now;

                g_assert_cmpint(plan_address_gone(&f->plan, ETH0, &gone), ==, PLAN_TAKEN);
                run(f);
                g_assert_cmpuint(f->count[PLAN_ADD], ==, 0);
                pass(f, 20 * USEC_PER_MSEC);
                g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
                f->now = before + 10 * USEC_PER_MSEC;
        }
}

static void test_unheld_address_is_removed_at_once(Fixture *f, gconstpointer data)
{
        IpAddress there = vip;

        g_assert_cmpint(plan_address(&f->plan, ETH1, &there, 0), ==, PLAN_FOREIGN);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_cmpint(f->last[PLAN_REMOVE].ifindex, ==, ETH1);
        g_assert_cmpuint(f->last[PLAN_REMOVE].address.prefix_len, ==, 24);
}

static void test_copy_elsewhere_is_removed_while_held(Fixture *f, gconstpointer data)
{
        IpAddress there = vip;

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, 0), ==, PLAN_FOREIGN); /* 24 instead of 32 */
        g_assert_cmpint(plan_address(&f->plan, ETH1, &there, 0), ==, PLAN_FOREIGN);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_foreign_address_is_never_touched(Fixture *f, gconstpointer data)
{
        IpAddress foreign = { AF_INET, 24, { 192, 0, 2, 99 } };

        g_assert_cmpint(plan_address(&f->plan, ETH0, &foreign, 0), ==, PLAN_NOTHING);
        g_assert_cmpint(plan_address_gone(&f->plan, ETH0, &foreign), ==, PLAN_NOTHING);
        run(f);
        g_assert_cmpuint(f->n_order, ==, 0);
}

static void test_own_address_can_never_be_a_virtual_ip(Fixture *f, gconstpointer data)
{
        int v;

        plan_load_begin(&f->plan, 1, "", &own);
        v = plan_load_vip(&f->plan, "lan", true, &own);
        g_assert_cmpint(plan_load_address(&f->plan, v, &own), ==, -EEXIST);
        g_assert_cmpint(plan_load_address(&f->plan, v, &vip), ==, 0);
        g_assert_cmpint(plan_load_address(&f->plan, v, &vip), ==, -EEXIST);
        g_assert_cmpint(plan_load_vip(&f->plan, "lan", true, &own), ==, -EEXIST);
        plan_load_end(&f->plan);
}

static void test_ledger_is_kept_until_the_order(Fixture *f, gconstpointer data)
{
        PlanEntry entry = { .ifindex = ETH0, .address = host(&vip) };
        IpAddress addresses[] = { vip, alias }, there = host(&alias);

        memset(&f->plan, 0, sizeof(f->plan));
        plan_init(&f->plan);
        plan_restore(&f->plan, &entry, 1, 41, f->now + 2 * USEC_PER_SEC);
        g_assert_cmpuint(f->plan.epoch, ==, 41);
        link_is(f, ETH0, true);
        run(f); /* before the settings come */
        g_assert_cmpuint(f->n_order, ==, 0);
        load(f, true, addresses, 2);
        plan_address(&f->plan, ETH0, &own, 0);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &entry.address, 0), ==, PLAN_NOTHING);
        /* What the ledger does not list is not kept. */
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, 0), ==, PLAN_FOREIGN);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_true(ip_address_equal(&f->last[PLAN_REMOVE].address, &alias));

        g_assert_cmpint(plan_acquire(&f->plan, 41), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 0);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_ledger_is_dropped_without_an_order(Fixture *f, gconstpointer data)
{
        PlanEntry entry = { .ifindex = ETH0, .address = host(&vip) };

        memset(&f->plan, 0, sizeof(f->plan));
        plan_init(&f->plan);
        plan_restore(&f->plan, &entry, 1, 41, f->now + 2 * USEC_PER_SEC);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 0);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_cmpuint(f->count[PLAN_RECORD], ==, 1);
}

/* vipd and confd restarted together: electd's order comes before the settings do. */
static void test_order_before_settings_drops_nothing(Fixture *f, gconstpointer data)
{
        PlanEntry entry = { .ifindex = ETH0, .address = host(&vip) };
        IpAddress addresses[] = { vip };

        memset(&f->plan, 0, sizeof(f->plan));
        plan_init(&f->plan);
        plan_restore(&f->plan, &entry, 1, 41, f->now + 2 * USEC_PER_SEC);
        g_assert_cmpint(plan_acquire(&f->plan, 41), ==, 0);
        link_is(f, ETH0, true);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 0);
        load(f, true, addresses, 1);
        plan_address(&f->plan, ETH0, &own, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE] + f->count[PLAN_ADD], ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_settings_move_only_the_difference(Fixture *f, gconstpointer data)
{
        IpAddress addresses[] = { vip, { AF_INET, 24, { 192, 0, 2, 21 } } };

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        load(f, true, addresses, 2);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_true(ip_address_equal(&f->last[PLAN_REMOVE].address, &alias));
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        load(f, false, addresses, 2);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 2);
        g_assert_cmpint(state(f), ==, PLAN_STATE_DISABLED);
}

static void test_no_device_is_told_and_healed(Fixture *f, gconstpointer data)
{
        plan_address_gone(&f->plan, ETH0, &own);
        f->plan.resync = false;
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_NO_DEVICE);
        plan_address(&f->plan, ETH1, &own, 0);
        link_is(f, ETH1, true);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpint(f->last[PLAN_ADD].ifindex, ==, ETH1);
}

static void test_own_address_away_for_a_moment_moves_nothing(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpint(plan_address_gone(&f->plan, ETH0, &own), ==, PLAN_OWN);
        g_assert_true(f->plan.resync);
        run(f);
        g_assert_cmpuint(f->n_order, ==, 0);
        g_assert_false(plan_link_has_own(&f->plan, plan_find_link(&f->plan, ETH0)));
        g_assert_cmpint(plan_address(&f->plan, ETH0, &own, 0), ==, PLAN_OWN);
        run(f);
        g_assert_cmpuint(f->n_order, ==, 0);
}

static void test_addresses_follow_the_own_address(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        link_is(f, ETH1, true);
        plan_address_gone(&f->plan, ETH0, &own);
        plan_address(&f->plan, ETH1, &own, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 2);
        g_assert_cmpint(f->last[PLAN_REMOVE].ifindex, ==, ETH0);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpint(f->last[PLAN_ADD].ifindex, ==, ETH1);
}

static void test_recreated_device_gets_them_again(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        plan_link_gone(&f->plan, ETH0);
        run(f);
        g_assert_cmpint(state(f), ==, PLAN_STATE_NO_DEVICE);
        link_is(f, 17, true);
        plan_address(&f->plan, 17, &own, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
}

static void test_refused_address_is_retried(Fixture *f, gconstpointer data)
{
        f->refuse = -EPERM;
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpint(state(f), ==, PLAN_STATE_FAILED);
        f->refuse = 0;
        pass(f, 2 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_dump_finds_what_was_missed(Fixture *f, gconstpointer data)
{
        IpAddress kept = host(&alias);
        PlanLink eth0;

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        eth0 = *plan_find_link(&f->plan, ETH0);
        plan_resync_begin(&f->plan);
        plan_link(&f->plan, &eth0, f->now);
        plan_address(&f->plan, ETH0, &own, 0);
        plan_address(&f->plan, ETH0, &kept, 0);
        plan_resync_end(&f->plan);
        f->now += USEC_PER_SEC / 20;
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        g_assert_true(ip_address_equal(&f->last[PLAN_ADD].address, &vip));
}

static void test_tables_refuse_what_does_not_fit(Fixture *f, gconstpointer data)
{
        char name[PLAN_NAME_MAX + 1];
        int v = -1;

        plan_load_begin(&f->plan, 1, "", &none);
        for (int i = 0; i < PLAN_VIPS_MAX; i++) {
                g_snprintf(name, sizeof(name), "vip%d", i);
                v = plan_load_vip(&f->plan, name, true, &none);
                /* "lan" of before still has its entry until the end. */
                g_assert_true((v >= 0) == (i < PLAN_VIPS_MAX - 1));
        }
        g_assert_cmpint(v, ==, -E2BIG);
        memset(name, 'x', PLAN_NAME_MAX);
        name[PLAN_NAME_MAX] = 0;
        g_assert_cmpint(plan_load_vip(&f->plan, name, true, &none), ==, -ENAMETOOLONG);

        for (int i = 2; i < PLAN_SLOTS_MAX; i++) {
                IpAddress a = { AF_INET, 0, { 10, 0, (uint8_t) (i >> 8), (uint8_t) i } };

                g_assert_cmpint(plan_load_address(&f->plan, 1, &a), ==, 0);
        }
        g_assert_cmpint(plan_load_address(&f->plan, 1, &(IpAddress){ AF_INET, 0, { 11 } }), ==, -E2BIG);
        plan_load_end(&f->plan);
        g_assert_cmpuint(f->plan.n_slots, ==, PLAN_SLOTS_MAX - 2);

        g_assert_false(f->plan.links_full);
        for (int i = 0; i < PLAN_LINKS_MAX; i++)
                link_is(f, 10 + i, true); /* one too many: eth0 is there */
        g_assert_true(f->plan.links_full);
}

static void test_thousand_aliases_go_in_batches(Fixture *f, gconstpointer data)
{
        IpAddress addresses[1000];

        for (int i = 0; i < 1000; i++)
                addresses[i] = (IpAddress){ AF_INET,
                                            0,
                                            { 192, 0, (uint8_t) (4 + i / 250), (uint8_t) (i % 250) } };
        load(f, true, addresses, 1000);
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1000);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 1000);
        g_assert_cmpuint(f->count[PLAN_RECORD], ==, 1);
        g_assert_cmpuint(f->n_order, ==, 22);
}

int main(int argc, char **argv)
{
        static const PlanTest tests[] = {
                { "nothing-before-the-order", test_nothing_before_the_order },
                { "acquire-records-then-adds-then-announces",
                  test_acquire_records_then_adds_then_announces },
                { "lower-and-wild-epochs-are-refused", test_lower_and_wild_epochs_are_refused },
                { "withdraw-removes-all-and-clears-the-ledger",
                  test_withdraw_removes_all_and_clears_the_ledger },
                { "address-is-a-host-address", test_address_is_a_host_address },
                { "removed-address-is-put-back", test_removed_address_is_put_back },
                { "unheld-address-is-removed-at-once", test_unheld_address_is_removed_at_once },
                { "copy-elsewhere-is-removed-while-held", test_copy_elsewhere_is_removed_while_held },
                { "foreign-address-is-never-touched", test_foreign_address_is_never_touched },
                { "own-address-can-never-be-a-virtual-ip", test_own_address_can_never_be_a_virtual_ip },
                { "ledger-is-kept-until-the-order", test_ledger_is_kept_until_the_order },
                { "ledger-is-dropped-without-an-order", test_ledger_is_dropped_without_an_order },
                { "order-before-settings-drops-nothing", test_order_before_settings_drops_nothing },
                { "settings-move-only-the-difference", test_settings_move_only_the_difference },
                { "no-device-is-told-and-healed", test_no_device_is_told_and_healed },
                { "own-address-away-for-a-moment-moves-nothing",
                  test_own_address_away_for_a_moment_moves_nothing },
                { "addresses-follow-the-own-address", test_addresses_follow_the_own_address },
                { "recreated-device-gets-them-again", test_recreated_device_gets_them_again },
                { "refused-address-is-retried", test_refused_address_is_retried },
                { "dump-finds-what-was-missed", test_dump_finds_what_was_missed },
                { "tables-refuse-what-does-not-fit", test_tables_refuse_what_does_not_fit },
                { "thousand-aliases-go-in-batches", test_thousand_aliases_go_in_batches },
        };

        g_test_init(&argc, &argv, NULL);
        plan_tests_add("plan", tests, G_N_ELEMENTS(tests));
        return g_test_run();
}
