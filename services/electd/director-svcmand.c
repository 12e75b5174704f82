/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services, through svcmand: orders, which it is told again after a restart of either daemon, and what
 * it says of them.
 *
 * An order that svcmand cannot carry out because systemd is out of reach (the system bus is dead) is
 * answered as deferred, and the role moves on: addresses and volume need no bus. Nothing then guarantees
 * that a service has ended before the other node starts it, but for what uses the volume: a volume in use
 * cannot be unmounted, so the demotion ends in this node's reset before the other node gets the data. All
 * else has lost its virtual IPs; it is listed as an error and stopped as soon as the bus is back.
 *
 * What runs on a slave alone starts here when the peer says that it is master: then it has ended there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/timer.h"
#include "director.h"
#include "interfaces/service1-client.h"
#include "objects.h"

static void gone(Director *director)
{
        director->services_told = ELECT_ORDER_NONE;
        director->services_maintenance_told = false;
        director->facts.services_away = director->core.settings.services;
        director->facts.services_away_usec = now_usec();
        director->facts.n_services = 0;
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_HEALTH, .health = ELECT_UNKNOWN });
}

static int done(Director *director, ElectOrder order, sd_bus_message *message)
{
        const char *service, *reason;
        int r = sd_bus_message_enter_container(message, 'a', "(ss)");

        while (r >= 0 && (r = sd_bus_message_read(message, "(ss)", &service, &reason)) > 0)
                log_error(service_log(director->service), "failover",
                          "Going on without waiting to %s: service %s: %s", elect_order_to_string(order),
                          service, reason);
        return r < 0 ? -EBADMSG : 0;
}

static int call(sd_bus *bus, OrderCall *order, sd_bus_message_handler_t callback)
{
        const ElectCommand *command = &order->command;

        order->director->services_told = command->order;
        if (command->order == ELECT_ORDER_START) {
                order->director->services_slave = false; /* this ends it */
                return service1_call_start(bus, &order->slot, callback, order, command->limit_usec,
                                           command->epoch, command->alone);
        }
        return service1_call_stop(bus, &order->slot, callback, order, command->limit_usec);
}

/* One that was there before keeps its time. */
static void note_problem(ErrorFacts *facts, const char *service, const char *text)
{
        char line[sizeof(facts->services[0])];
        size_t i = facts->n_services++;

        snprintf(line, sizeof(line), "Service %s: %.200s", service, text);
        if (strcmp(line, facts->services[i]) == 0 && facts->services_usec[i] != 0)
                return;
        memcpy(facts->services[i], line, sizeof(line));
        facts->services_usec[i] = now_usec();
}

/* What is wrong with it, told people with all else that is. */
static int read_object(const char *object, const char *interface, const char *name, sd_bus_message *message,
                       void *userdata)
{
        Director *director = userdata;
        ErrorFacts *facts = &director->facts;
        const char *service = objects_name(object, SERVICE1_OBJECT "/service"), *text;
        int r;

        if (!service || strcmp(interface, SERVICE1_SERVICE_INTERFACE) != 0 || strcmp(name, "Problem") != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r < 0 || text[0] == 0 || facts->n_services == SERVICE_PROBLEMS_MAX)
                return r < 0 ? r : 0;
        note_problem(facts, service, text);
        return 0;
}

static int read_objects(Director *director, sd_bus_message *message)
{
        director->facts.n_services = 0;
        return objects_walk(message, read_object, director);
}

static int read_root_property(const char *object, const char *interface, const char *name,
                              sd_bus_message *message, void *userdata)
{
        ElectVerdict *health = userdata;
        const char *text;
        int r;

        if (strcmp(name, "Health") != 0)
                return sd_bus_message_skip(message, "v");
        r = sd_bus_message_read(message, "v", "s", &text);
        if (r >= 0)
                *health = strcmp(text, "bad") == 0    ? ELECT_BAD
                          : strcmp(text, "good") == 0 ? ELECT_GOOD
                                                      : ELECT_UNKNOWN;
        return r;
}

static int read_root(Director *director, sd_bus_message *message)
{
        director->services_health = ELECT_UNKNOWN;
        return objects_walk_properties(message, SERVICE1_OBJECT, SERVICE1_INTERFACE, read_root_property,
                                       &director->services_health);
}

/* An order that came while it was away. */
static void give_waiting(Director *director)
{
        ElectCommand command = director->services_waiting;
        uint64_t now = now_usec();

        if (command.order == ELECT_ORDER_NONE)
                return;
        director->services_waiting.order = ELECT_ORDER_NONE;
        command.limit_usec = director->services_until_usec > now ? director->services_until_usec - now : 1;
        director_order(director, &command);
}

static void heard(Director *director)
{
        director->facts.services_away = false;
        director_feed(director,
                      &(ElectEvent){ .type = ELECT_EV_HEALTH, .health = director->services_health });
        give_waiting(director);
        director_services_look(director);
}

/* svcmand is back within milliseconds; its order waits for it as long as it has. */
void director_services_wait(Director *director, const ElectCommand *command)
{
        director->services_waiting = *command;
        director->services_until_usec = now_usec() + command->limit_usec;
        timer_set(director->services_timer, director->services_until_usec);
}

static int on_waited(sd_event_source *source, uint64_t usec, void *userdata)
{
        Director *director = userdata;
        ElectCommand command = director->services_waiting;

        director->services_waiting.order = ELECT_ORDER_NONE;
        if (command.order != ELECT_ORDER_NONE)
                director_order_done(director, command.order, command.id, -ETIMEDOUT);
        return 0;
}

static bool is_under_way(const Director *director)
{
        for (size_t i = 0; i < DIRECTOR_CALLS_MAX; i++)
                if (director->call[i].slot && director->call[i].helper == &director->svcmand)
                        return true;
        return director->services_waiting.order != ELECT_ORDER_NONE;
}

/* Nobody waits for this one: its failure is in what svcmand says of the service, and tried again there. */
static void repeat(Director *director, ElectOrder order)
{
        sd_bus *bus = bus_client_get(director->svcmand.client);
        int r;

        if (order == ELECT_ORDER_START)
                r = service1_call_start(bus, NULL, NULL, NULL, 0, director->core.epoch, true);
        else
                r = service1_call_stop(bus, NULL, NULL, NULL, 0);
        if (r >= 0)
                director->services_told = order;
}

/* Also before the orders of a plan. */
static bool tell_maintenance(Director *director, sd_bus *bus)
{
        bool on = director->core.memory.maintenance;

        if (director->services_maintenance_told && director->services_maintenance == on)
                return true;
        if (service1_call_set_maintenance(bus, NULL, NULL, NULL, 0, on) < 0)
                return false;
        director->services_maintenance = on;
        director->services_maintenance_told = true;
        return true;
}

/*
 * Once it is slave it goes on being that while the peer is gone. A daemon of either kind that has just
 * started knows nothing yet: what runs then, runs on until the peer is heard.
 */
static bool tell_slave(Director *director, sd_bus *bus)
{
        const ElectCore *core = &director->core;
        bool slave = core->role == ELECT_ROLE_SLAVE &&
                     (director->services_slave || elect_master_heard(core));
        bool untold = director->services_told == ELECT_ORDER_NONE;

        if (director->services_slave == slave && !(untold && (slave || core->role != ELECT_ROLE_SLAVE)))
                return true;
        if (service1_call_set_slave(bus, NULL, NULL, NULL, 0, slave) < 0)
                return false;
        director->services_slave = slave;
        return true;
}

/* An electd that has just started listens for the peer first; what it did before it was killed goes on. */
static bool may_be_slave(const ElectCore *core)
{
        return core->state == ELECT_WAIT_PEER && now_usec() < core->since_usec + elect_listen_usec(core);
}

/*
 * What is wanted is a state, not a message: a svcmand that has just started touches nothing before it was
 * told. While a plan runs its own orders tell. In maintenance one that has just started is told nothing
 * more: it leaves everything as somebody may have made it.
 */
void director_services_look(Director *director)
{
        const ElectCore *core = &director->core;
        sd_bus *bus = bus_client_get(director->svcmand.client);
        ElectOrder wanted = core->role == ELECT_ROLE_MASTER ? ELECT_ORDER_START : ELECT_ORDER_STOP;

        if (!bus || !director->svcmand.told || !core->configured || core->state == ELECT_INIT ||
            !tell_maintenance(director, bus) || core->plan.n > 0 || is_under_way(director))
                return;
        if (director->services_told == ELECT_ORDER_NONE && (core->memory.maintenance || may_be_slave(core)))
                return;
        if (tell_slave(director, bus) && director->services_told != wanted)
                repeat(director, wanted);
}

int director_svcmand_open(Director *director)
{
        static const HelperType type = {
                .name = "svcmand",
                .bus_name = SERVICE1_BUS_NAME,
                .object = SERVICE1_OBJECT,
                .interface = SERVICE1_INTERFACE,
                .call = call,
                .done = done,
                .read_objects = read_objects,
                .read_root = read_root,
                .heard = heard,
                .gone = gone,
        };
        int r = timer_new(service_event(director->service), on_waited, director, &director->services_timer);

        return r < 0 ? r : helper_open(director, &director->svcmand, &type);
}

void director_svcmand_close(Director *director)
{
        bus_client_free(director->svcmand.client);
        sd_event_source_disable_unref(director->services_timer);
}
