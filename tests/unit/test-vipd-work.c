/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan carried out. Each test body runs twice: over a model of the kernel, everywhere, and over the real
 * one, in a network namespace of its own, where that is allowed. So the model that other tests rely on is
 * held to what the kernel does.
 */
#include "services/vipd/work.h"

#include <errno.h>
#include <glib.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "services/vipd/rtnl.h"

enum { MODEL_MAX = 2048 };

static const IpAddress own = { AF_INET, 16, { 10, 77, 0, 11 } }, vip = { AF_INET, 0, { 10, 77, 0, 10 } };
static const IpAddress alias6 = { AF_INET6, 0, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 } };

typedef struct Event {
        bool gone;
        int ifindex;
        IpAddress address;
} Event;

/* A kernel under test: the platform for work(), and what other programs do to it. */
typedef struct World {
        Plan *plan;
        Platform platform;
        bool (*has)(struct World *world, const IpAddress *address);
        void (*foreign)(struct World *world, bool add, const IpAddress *address);
        void (*lose_events)(struct World *world);
        int ifindex;

        /* The model. */
        Event kernel[MODEL_MAX], events[2 * MODEL_MAX];
        size_t n_kernel, n_events;
        uint32_t flags;

        /* The real one. */
        Rtnl *rtnl;
        size_t taken;

        size_t announced, recorded;
} World;

static uint64_t world_now(void *userdata)
{
        return now_usec();
}

static int count_sent(void *userdata, const PlanAction actions[], size_t n)
{
        for (size_t i = 0; i < n; i++)
                ((World *) userdata)->announced += actions[i].type == PLAN_ANNOUNCE;
        return 0;
}

static int count_recorded(void *userdata)
{
        ((World *) userdata)->recorded++;
        return 0;
}

static void ignore_done(void *userdata, const PlanAction *action, int error)
{
        g_assert_true(error == 0 || action->type == PLAN_REMOVE);
}

static void on_news(void *userdata, PlanNews news, int ifindex, const IpAddress *address)
{
        ((World *) userdata)->taken += news == PLAN_TAKEN;
}

/* The model */

static int model_find(const World *w, int ifindex, const IpAddress *address)
{
        for (size_t i = 0; i < w->n_kernel; i++)
                if (w->kernel[i].ifindex == ifindex && ip_address_equal(&w->kernel[i].address, address) &&
                    w->kernel[i].address.prefix_len == address->prefix_len)
                        return (int) i;
        return -1;
}

static int model_change(World *w, bool add, int ifindex, const IpAddress *address)
{
        int found = model_find(w, ifindex, address);

        if (!add && found < 0)
                return -EADDRNOTAVAIL;
        if (add && found < 0)
                w->kernel[w->n_kernel++] = (Event){ .ifindex = ifindex, .address = *address };
        if (!add)
                w->kernel[found] = w->kernel[--w->n_kernel];
        w->events[w->n_events++] = (Event){ .gone = !add, .ifindex = ifindex, .address = *address };
        return 0;
}

static int model_apply(void *userdata, const PlanAction actions[], size_t n, int ret_errors[])
{
        World *w = userdata;

        for (size_t i = 0; i < n; i++)
                ret_errors[i] = model_change(w, actions[i].type == PLAN_ADD, actions[i].ifindex,
                                             &actions[i].address);
        return 0;
}

static int model_drain(void *userdata)
{
        World *w = userdata;

        for (size_t i = 0; i < w->n_events; i++) {
                const Event *e = &w->events[i];
                PlanNews news = e->gone ? plan_address_gone(w->plan, e->ifindex, &e->address)
                                        : plan_address(w->plan, e->ifindex, &e->address, IFA_F_NODAD);

                on_news(w, news, e->ifindex, &e->address);
        }
        w->n_events = 0;
        return 0;
}

static int model_dump(void *userdata)
{
        World *w = userdata;
        PlanLink lan = { .ifindex = w->ifindex, .name = "lan", .ethernet = true, .carrier = true };

        plan_resync_begin(w->plan);
        plan_link(w->plan, &lan, now_usec());
        for (size_t i = 0; i < w->n_kernel; i++)
                plan_address(w->plan, w->kernel[i].ifindex, &w->kernel[i].address, IFA_F_NODAD);
        plan_resync_end(w->plan);
        return 0;
}

static bool model_has(World *w, const IpAddress *address)
{
        return model_find(w, w->ifindex, address) >= 0;
}

static void model_foreign(World *w, bool add, const IpAddress *address)
{
        g_assert_cmpint(model_change(w, add, w->ifindex, address), ==, 0);
}

static void model_lose_events(World *w)
{
        w->n_events = 0;
        w->plan->resync = true; /* as ENOBUFS does */
}

static void model_up(World *w, gconstpointer data)
{
        w->plan = g_new0(Plan, 1);
        plan_init(w->plan);
        w->ifindex = 2;
        w->platform = (Platform){ world_now,  model_apply,    model_drain, model_dump,
                                  count_sent, count_recorded, ignore_done };
        w->has = model_has;
        w->foreign = model_foreign;
        w->lose_events = model_lose_events;
        w->kernel[w->n_kernel++] = (Event){ .ifindex = w->ifindex, .address = own };
}

static void model_down(World *w, gconstpointer data)
{
        g_free(w->plan);
}

/* The real kernel */

static int real_apply(void *userdata, const PlanAction actions[], size_t n, int ret_errors[])
{
        return rtnl_apply(((World *) userdata)->rtnl, actions, n, ret_errors);
}

static int real_drain(void *userdata)
{
        return rtnl_drain(((World *) userdata)->rtnl, now_usec());
}

static int real_dump(void *userdata)
{
        return rtnl_dump(((World *) userdata)->rtnl, now_usec());
}

static bool ip(const char *before, const IpAddress *address, const char *after)
{
        char text[IP_ADDRESS_TEXT_MAX];
        g_autofree char *command = NULL;

        ip_address_format(address, true, text);
        command = g_strconcat(before, text, after, NULL);
        return system(command) == 0; /* NOLINT(cert-env33-c): our own words only */
}

static bool real_has(World *w, const IpAddress *address)
{
        return ip("ip -o address show dev lan | grep -qF ' ", address, " '");
}

static void real_foreign(World *w, bool add, const IpAddress *address)
{
        g_assert_true(ip(add ? "ip address add " : "ip address del ", address, " dev lan"));
}

static void real_lose_events(World *w)
{
        char rest[4096];

        while (read(rtnl_fd(w->rtnl), rest, sizeof(rest)) > 0)
                ;
        w->plan->resync = true;
}

static void real_up(World *w, gconstpointer data)
{
        model_up(w, data);
        g_assert_true(ip("ip link add lan type veth peer name far && ip link set far up && ip link set lan "
                         "up && ip address add ",
                         &own, " dev lan"));
        w->ifindex = (int) if_nametoindex("lan");
        w->platform.apply = real_apply;
        w->platform.drain = real_drain;
        w->platform.dump = real_dump;
        w->has = real_has;
        w->foreign = real_foreign;
        w->lose_events = real_lose_events;
        g_assert_cmpint(rtnl_new(w->plan, on_news, w, &w->rtnl), ==, 0);
}

static void real_down(World *w, gconstpointer data)
{
        rtnl_free(w->rtnl);
        g_assert_true(ip("ip link del lan # ", &own, ""));
        model_down(w, data);
}

/* The bodies */

static IpAddress host(const IpAddress *address)
{
        IpAddress a = *address;

        a.prefix_len = ip_address_bits(&a);
        return a;
}

static void want(World *w, const IpAddress *addresses, size_t n)
{
        int v;

        plan_load_begin(w->plan, USEC_PER_SEC, "lan", &own);
        v = plan_load_vip(w->plan, "lan", true, &own);
        for (size_t i = 0; i < n; i++)
                g_assert_cmpint(plan_load_address(w->plan, v, &addresses[i]), ==, 0);
        plan_load_end(w->plan);
}

static void run(World *w)
{
        g_assert_cmpint(w->platform.drain(w), ==, 0);
        g_assert_cmpint(work(w->plan, &w->platform, w), ==, 0);
}

static void hold(World *w)
{
        IpAddress addresses[] = { vip, alias6 };

        want(w, addresses, 2);
        g_assert_cmpint(plan_acquire(w->plan, 1), ==, 0);
        run(w);
}

static void test_orders_are_carried_out(World *w, gconstpointer data)
{
        IpAddress here = host(&vip), here6 = host(&alias6);

        for (size_t i = 0; i < 5; i++) {
                hold(w);
                g_assert_true(w->has(w, &here) && w->has(w, &here6));
                plan_withdraw(w->plan);
                run(w);
                g_assert_false(w->has(w, &here) || w->has(w, &here6));
        }
        g_assert_true(w->has(w, &own));
        g_assert_cmpuint(w->announced, ==, 10);
        g_assert_cmpuint(w->recorded, ==, 10);
        g_assert_cmpuint(w->taken, ==, 0); /* our own removals are not somebody else's */
}

static void test_removed_is_put_back(World *w, gconstpointer data)
{
        IpAddress here = host(&vip);

        hold(w);
        g_usleep(11000); /* past the damping of what is removed again and again */
        w->foreign(w, false, &here);
        run(w);
        g_assert_true(w->has(w, &here));
        g_assert_cmpuint(w->taken, ==, 1);
        g_assert_cmpuint(w->plan->vips[0].restored, ==, 1);
}

static void test_copy_in_the_wrong_place_is_removed(World *w, gconstpointer data)
{
        IpAddress copy = vip, here = host(&vip);

        copy.prefix_len = 16;
        w->foreign(w, true, &copy);
        want(w, &vip, 1);
        run(w); /* not held: found by the dump */
        g_assert_false(w->has(w, &copy));
        hold(w);
        w->foreign(w, true, &copy);
        run(w);
        g_assert_true(w->has(w, &here));
        g_assert_cmpuint(w->plan->n_strays, ==, 0);
        plan_withdraw(w->plan);
        run(w);
        g_assert_false(w->has(w, &here) || w->has(w, &copy));
}

static void test_lost_events_are_found_by_a_dump(World *w, gconstpointer data)
{
        IpAddress here = host(&vip), foreign = { AF_INET, 16, { 10, 77, 0, 99 } };

        hold(w);
        g_usleep(11000);
        w->foreign(w, false, &here);
        w->foreign(w, true, &foreign);
        w->lose_events(w);
        run(w);
        g_assert_true(w->has(w, &here));
        g_assert_true(w->has(w, &foreign));
}

static void test_thousand_addresses(World *w, gconstpointer data)
{
        IpAddress addresses[1000];

        for (int i = 0; i < 1000; i++)
                addresses[i] = (IpAddress){ AF_INET,
                                            0,
                                            { 10, 77, (uint8_t) (1 + i / 250), (uint8_t) (i % 250) } };
        want(w, addresses, 1000);
        g_assert_cmpint(plan_acquire(w->plan, 1), ==, 0);
        run(w);
        for (int i = 0; i < 1000; i += 333) {
                IpAddress here = host(&addresses[i]);

                g_assert_true(w->has(w, &here));
        }
        g_assert_cmpuint(w->announced, ==, 1000);
        plan_withdraw(w->plan);
        run(w);
        g_assert_cmpint(w->platform.dump(w), ==, 0);
        for (size_t i = 0; i < w->plan->n_slots; i++)
                g_assert_cmpint(w->plan->slots[i].present.ifindex, ==, 0);
}

/* Of a batch with a bad action in its middle the others are done, and each has its own outcome. */
static void test_one_refusal_spoils_no_batch(World *w, gconstpointer data)
{
        PlanAction actions[3];
        int errors[3];

        for (int i = 0; i < 3; i++) {
                IpAddress address = { AF_INET, 32, { 10, 77, 5, (uint8_t) (i + 1) } };

                actions[i] = (PlanAction){ .type = i == 1 ? PLAN_REMOVE : PLAN_ADD,
                                           .ifindex = w->ifindex,
                                           .address = address };
        }
        g_assert_cmpint(w->platform.apply(w, actions, 3, errors), ==, 0);
        g_assert_cmpint(errors[0], ==, 0);
        g_assert_cmpint(errors[1], ==, -EADDRNOTAVAIL);
        g_assert_cmpint(errors[2], ==, 0);
        g_assert_true(w->has(w, &actions[0].address) && w->has(w, &actions[2].address));
}

static uint64_t time_of_adding(World *w, size_t batch)
{
        uint64_t start = now_usec();
        PlanAction actions[PLAN_BATCH];
        int errors[PLAN_BATCH];

        for (size_t done = 0; done < 1000; done += batch) {
                for (size_t i = 0; i < batch; i++) {
                        uint8_t end[] = { (uint8_t) (1 + (done + i) / 250), (uint8_t) ((done + i) % 250) };

                        actions[i] = (PlanAction){ .type = PLAN_ADD,
                                                   .ifindex = w->ifindex,
                                                   .address = { AF_INET, 32, { 10, 78, end[0], end[1] } } };
                }
                g_assert_cmpint(rtnl_apply(w->rtnl, actions, batch, errors), ==, 0);
                for (size_t i = 0; i < batch; i++)
                        g_assert_cmpint(errors[i], ==, 0);
        }
        start = now_usec() - start;
        for (size_t i = 0; i < batch; i++)
                g_assert_true(w->has(w, &actions[i].address));
        g_assert_true(ip("ip address flush dev lan to ", &(IpAddress){ AF_INET, 16, { 10, 78 } }, ""));
        return start;
}

/* How much faster batches are is the bench's to say: a loaded machine turns it around now and then. */
static void test_thousand_addresses_one_by_one_and_in_batches(World *w, gconstpointer data)
{
        uint64_t one = time_of_adding(w, 1), many = time_of_adding(w, PLAN_BATCH);

        g_test_message("1000 addresses: one by one %.1f ms, in batches %.1f ms", (double) one / 1e3,
                       (double) many / 1e3);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(World *, gconstpointer);
                bool real_only;
        } tests[] = {
                { "orders-are-carried-out", test_orders_are_carried_out, false },
                { "removed-is-put-back", test_removed_is_put_back, false },
                { "copy-in-the-wrong-place-is-removed", test_copy_in_the_wrong_place_is_removed, false },
                { "lost-events-are-found-by-a-dump", test_lost_events_are_found_by_a_dump, false },
                { "thousand-addresses", test_thousand_addresses, false },
                { "one-refusal-spoils-no-batch", test_one_refusal_spoils_no_batch, false },
                { "thousand-addresses-one-by-one-and-in-batches",
                  test_thousand_addresses_one_by_one_and_in_batches, true },
        };
        bool real = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
                g_autofree char *model_path = g_strconcat("/work/model/", tests[i].name, NULL);
                g_autofree char *real_path = g_strconcat("/work/kernel/", tests[i].name, NULL);

                if (!tests[i].real_only)
                        g_test_add(model_path, World, NULL, model_up, tests[i].run, model_down);
                if (real)
                        g_test_add(real_path, World, NULL, real_up, tests[i].run, real_down);
        }
        return g_test_run();
}
