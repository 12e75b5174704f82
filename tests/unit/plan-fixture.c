/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan-fixture.h"

const IpAddress own = { AF_INET, 24, { 192, 0, 2, 11 } }, vip = { AF_INET, 24, { 192, 0, 2, 10 } };
const IpAddress alias = { AF_INET, 24, { 192, 0, 2, 20 } };
const IpAddress own6 = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x11 } };
const IpAddress vip6 = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 } };
const IpAddress none = { 0 };
const uint8_t third_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 3 };
const uint8_t our_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 1 }, their_mac[MAC_SIZE] = { 2, 0, 0, 0, 0, 2 };

void link_is(Fixture *f, int ifindex, bool carrier)
{
        PlanLink link = { .ifindex = ifindex, .ethernet = true, .carrier = carrier };

        g_snprintf(link.name, sizeof(link.name), "eth%d", ifindex - ETH0);
        memcpy(link.mac, our_mac, MAC_SIZE);
        link.mac[0] = (uint8_t) (2 + 2 * ifindex);
        plan_link(&f->plan, &link, f->now);
}

IpAddress host(const IpAddress *address)
{
        IpAddress a = *address;

        a.prefix_len = ip_address_bits(&a);
        return a;
}

void run(Fixture *f)
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

void pass(Fixture *f, uint64_t usec)
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

void load(Fixture *f, bool enabled, const IpAddress *addresses, size_t n)
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

PlanState state(const Fixture *f)
{
        PlanStatus status[PLAN_VIPS_MAX];

        plan_status(&f->plan, status);
        return status[0].state;
}

void plan_tests_add(const char *group, const PlanTest *tests, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                g_autofree char *path = g_strdup_printf("/%s/%s", group, tests[i].name);

                g_test_add(path, Fixture, NULL, set_up, tests[i].run, NULL);
        }
}
