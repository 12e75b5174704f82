/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan decides rightly from every state: each test tells it what is wanted and what the kernel has, and
 * looks at the actions. A small executor plays a kernel that does what it is told.
 */
#include "services/vipd/plan.h"

#include <errno.h>
#include <glib.h>
#include <linux/if_addr.h>

enum { ETH0 = 2, ETH1 = 3 };

static const IpAddress own = { AF_INET, 24, { 192, 0, 2, 11 } }, vip = { AF_INET, 24, { 192, 0, 2, 10 } };
static const IpAddress alias = { AF_INET, 24, { 192, 0, 2, 20 } };
static const IpAddress own6 = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x11 } };
static const IpAddress vip6 = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 } };
static const IpAddress none = { 0 };
static const uint8_t third_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 3 };
static const uint8_t our_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 1 }, their_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 2 };

typedef struct Fixture {
        Plan plan;
        uint64_t now;
        size_t count[_PLAN_ACTION_MAX]; /* actions of the last run() */
        PlanActionType order[64];       /* their batches */
        size_t n_order;
        PlanAction last[_PLAN_ACTION_MAX];
        int refuse; /* what the kernel answers to additions */
} Fixture;

static void link_is(Fixture *f, int ifindex, bool carrier)
{
        PlanLink link = { .ifindex = ifindex, .ethernet = true, .carrier = carrier };

        g_snprintf(link.name, sizeof(link.name), "eth%d", ifindex - ETH0);
        memcpy(link.mac, our_mac, MAC_SIZE);
        link.mac[0] = (uint8_t) (2 + 2 * ifindex);
        plan_link(&f->plan, &link, f->now);
}

static IpAddress host(const IpAddress *address)
{
        IpAddress a = *address;

        a.prefix_len = ip_address_bits(&a);
        return a;
}

/* Carries out everything that is due. */
static void run(Fixture *f)
{
        PlanAction actions[PLAN_BATCH];
        size_t n;

        memset(f->count, 0, sizeof(f->count));
        f->n_order = 0;
        while ((n = plan_step(&f->plan, f->now, actions)) > 0) {
                g_assert_cmpuint(f->n_order, <, G_N_ELEMENTS(f->order));
                f->order[f->n_order++] = actions[0].type;
                for (size_t i = 0; i < n; i++) {
                        PlanAction *a = &actions[i];

                        g_assert_cmpint(a->type, ==, actions[0].type);
                        f->count[a->type]++;
                        f->last[a->type] = *a;
                        if (a->type == PLAN_ADD)
                                plan_result(&f->plan, a, f->refuse, f->now);
                        if (a->type == PLAN_REMOVE)
                                plan_result(&f->plan, a, 0, f->now);
                }
        }
        g_assert_cmpuint(plan_next_usec(&f->plan), >, f->now);
}

/* Lets time pass as the daemon does: from one due moment to the next. */
static void pass(Fixture *f, uint64_t usec)
{
        uint64_t end = f->now + usec;
        size_t count[_PLAN_ACTION_MAX] = { 0 };

        while (plan_next_usec(&f->plan) <= end) {
                f->now = MAX_OF(f->now, plan_next_usec(&f->plan));
                run(f);
                for (size_t i = 0; i < _PLAN_ACTION_MAX; i++)
                        count[i] += f->count[i];
        }
        f->now = end;
        memcpy(f->count, count, sizeof(count));
}

static void load(Fixture *f, bool enabled, const IpAddress *addresses, size_t n)
{
        int v;

        plan_load_begin(&f->plan, 300 * USEC_PER_MSEC, "eth0", &own);
        v = plan_load_vip(&f->plan, "lan", enabled, &own);
        g_assert_cmpint(v, >=, 0);
        for (size_t i = 0; i < n; i++)
                g_assert_cmpint(plan_load_address(&f->plan, v, &addresses[i]), ==, 0);
        plan_load_end(&f->plan);
        f->plan.resync = false;
}

/* eth0 up with the own address, one virtual IP with an alias. */
static void set_up(Fixture *f, gconstpointer data)
{
        IpAddress addresses[] = { vip, alias };

        memset(&f->plan, 0, sizeof(f->plan));
        plan_init(&f->plan);
        f->now = 1000 * USEC_PER_SEC;
        f->refuse = 0;
        load(f, true, addresses, 2);
        link_is(f, ETH0, true);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &own, 0), ==, PLAN_OWN);
}

static PlanState state(const Fixture *f)
{
        PlanStatus status[PLAN_VIPS_MAX];

        plan_status(&f->plan, status);
        return status[0].state;
}

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

static void test_announcements_repeat_then_refresh(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
        g_assert_false(f->last[PLAN_ANNOUNCE].ask); /* nothing but the announcement counts now */
        pass(f, 3 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 8); /* after 0.1, 0.5, 1 and 2 seconds */
        g_assert_true(f->last[PLAN_ANNOUNCE].ask);
        pass(f, 120 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 4);
}

static void test_carrier_back_announces_again(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        link_is(f, ETH0, false);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 2);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE] + f->count[PLAN_QUESTION], ==, 0);
        link_is(f, ETH0, true);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 2);
}

static void test_failed_duplicate_detection_is_overridden(Fixture *f, gconstpointer data)
{
        IpAddress addresses[] = { vip6 }, there = host(&vip6);
        int v;

        plan_load_begin(&f->plan, 1, "", &own);
        v = plan_load_vip(&f->plan, "six", true, &own6);
        g_assert_cmpint(plan_load_address(&f->plan, v, addresses), ==, 0);
        plan_load_end(&f->plan);
        plan_address(&f->plan, ETH0, &own6, 0);
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD), ==, PLAN_NOTHING);
        f->now += USEC_PER_SEC;
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD | IFA_F_DADFAILED), ==,
                        PLAN_FAILED_DAD);
        run(f);
        g_assert_cmpuint(f->count[PLAN_REMOVE], ==, 1);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_NODAD), ==, PLAN_NOTHING);
        /* Somebody replaced it by one that still may fail. */
        f->now += USEC_PER_SEC;
        run(f);
        g_assert_cmpint(plan_address(&f->plan, ETH0, &there, IFA_F_TENTATIVE), ==, PLAN_FAILED_DAD);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ADD], ==, 1);
}

static void test_conflict_is_told_defended_and_ended(Fixture *f, gconstpointer data)
{
        int which = -1;

        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0); /* not held */
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, PLAN_CONFLICT);
        g_assert_cmpint(which, ==, 0);
        g_assert_cmpint(state(f), ==, PLAN_STATE_CONFLICT);
        run(f);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 1);
        g_assert_true(f->last[PLAN_ANNOUNCE].ask);

        /* It goes on answering: told once, defended at least once a second. */
        for (size_t i = 0; i < 10; i++) {
                pass(f, USEC_PER_SEC);
                g_assert_cmpuint(f->count[PLAN_QUIET], ==, 0);
                g_assert_cmpuint(f->count[PLAN_ANNOUNCE], >=, 1);
                g_assert_cmpuint(f->count[PLAN_ANNOUNCE], <=, 5);
                g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0);
        }
        pass(f, 6 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUIET], ==, 1);
        /* Every address of it is announced anew: the other host's neighbours must learn. */
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], >=, 10);
        g_assert_cmpint(state(f), ==, PLAN_STATE_HELD);
}

static void test_conflict_ends_with_withdraw(Fixture *f, gconstpointer data)
{
        int which;

        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, PLAN_CONFLICT);
        plan_withdraw(&f->plan);
        run(f);
        g_assert_cmpuint(f->count[PLAN_QUIET], ==, 1);
        g_assert_cmpuint(f->count[PLAN_ANNOUNCE], ==, 0);
}

static void test_our_own_devices_are_no_conflict(Fixture *f, gconstpointer data)
{
        uint8_t mac[MAC_SIZE];
        int which;

        link_is(f, ETH1, true);
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        run(f);
        memcpy(mac, plan_find_link(&f->plan, ETH1)->mac, MAC_SIZE);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, mac, f->now, &which), ==, 0);
        /* Nor is what is said about it on another link. */
        g_assert_cmpuint(plan_claim(&f->plan, ETH1, &vip, their_mac, f->now, &which), ==, 0);
}

static void test_probe_asks_many_times_in_a_dead_time(Fixture *f, gconstpointer data)
{
        int which = -1;

        plan_probe(&f->plan, true, f->now);
        pass(f, 150 * USEC_PER_MSEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 11); /* every 15 ms; the alias goes with the address */
        g_assert_true(ip_address_equal(&f->last[PLAN_QUESTION].address, &vip));
        g_assert_true(ip_address_equal(&f->last[PLAN_QUESTION].sender, &own));
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &alias, their_mac, f->now, &which), ==, PLAN_ANSWERED);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0); /* told */
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, third_mac, f->now, &which), ==, PLAN_ANSWERED);
        g_assert_cmpint(which, ==, 0);
        plan_probe(&f->plan, false, f->now);
        pass(f, USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 0);
        g_assert_cmpuint(plan_claim(&f->plan, ETH0, &vip, their_mac, f->now, &which), ==, 0);
}

static void test_holder_asks_whether_another_answers(Fixture *f, gconstpointer data)
{
        g_assert_cmpint(plan_acquire(&f->plan, 1), ==, 0);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], >=, 5);
        g_assert_cmpuint(f->count[PLAN_QUESTION], <=, 6);
        plan_withdraw(&f->plan);
        pass(f, 10 * USEC_PER_SEC);
        g_assert_cmpuint(f->count[PLAN_QUESTION], ==, 0);
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
        static const struct {
                const char *name;
                void (*run)(Fixture *, gconstpointer);
        } tests[] = {
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
                { "announcements-repeat-then-refresh", test_announcements_repeat_then_refresh },
                { "carrier-back-announces-again", test_carrier_back_announces_again },
                { "failed-duplicate-detection-is-overridden",
                  test_failed_duplicate_detection_is_overridden },
                { "conflict-is-told-defended-and-ended", test_conflict_is_told_defended_and_ended },
                { "conflict-ends-with-withdraw", test_conflict_ends_with_withdraw },
                { "our-own-devices-are-no-conflict", test_our_own_devices_are_no_conflict },
                { "probe-asks-many-times-in-a-dead-time", test_probe_asks_many_times_in_a_dead_time },
                { "holder-asks-whether-another-answers", test_holder_asks_whether_another_answers },
                { "dump-finds-what-was-missed", test_dump_finds_what_was_missed },
                { "tables-refuse-what-does-not-fit", test_tables_refuse_what_does_not_fit },
                { "thousand-aliases-go-in-batches", test_thousand_aliases_go_in_batches },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *path = g_strconcat("/plan/", tests[i].name, NULL);

                g_test_add(path, Fixture, NULL, set_up, tests[i].run, NULL);
        }
        return g_test_run();
}
