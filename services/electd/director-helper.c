/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A daemon that carries out orders: the connection to it, each order with its limit, and what its objects
 * say, asked for anew whenever they change. An order that meets nobody ends with -ENOTCONN, and the core has
 * it wait for the daemon.
 */
#include "director.h"

#include <errno.h>
#include <string.h>

static void gone(Helper *helper)
{
        if (!helper->told)
                return;
        helper->told = false;
        helper->type->gone(helper->director);
}

static void on_disconnected(void *userdata)
{
        Helper *helper = userdata;

        helper->fetching = false;
        gone(helper);
}

static int on_order(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        OrderCall *call = userdata;
        Director *director = call->director;
        const sd_bus_error *error = sd_bus_message_get_error(message);
        int r = 0;

        call->slot = sd_bus_slot_unref(call->slot);
        if (error && sd_bus_is_open(sd_bus_message_get_bus(message)) <= 0) {
                gone(call->helper); /* first: an order to nobody is not tried again at once */
                r = -ENOTCONN;
                if (call->helper == &director->svcmand) {
                        director_services_wait(director, &call->command);
                        return 0;
                }
        } else if (error) {
                r = sd_bus_error_has_name(error, ELECTION_REFUSED) ? -EPERM
                                                                   : -sd_bus_message_get_errno(message);
                log_error(service_log(director->service), "failover", "%s could not %s: %s",
                          call->helper->type->name, elect_order_to_string(call->command.order),
                          error->message ?: error->name);
        } else if (call->helper->type->done)
                r = call->helper->type->done(director, call->command.order, message);
        director_order_done(director, call->command.order, call->command.id, r == 0 ? 0 : r < 0 ? r : -EIO);
        return 0;
}

static OrderCall *free_call(Director *director)
{
        for (size_t i = 0; i < DIRECTOR_CALLS_MAX; i++)
                if (!director->call[i].slot)
                        return &director->call[i];
        return NULL;
}

static int give(Director *director, Helper *helper, const ElectCommand *command)
{
        OrderCall *call = free_call(director);
        sd_bus *bus = bus_client_get(helper->client);
        int r;

        if (!call)
                return -EBUSY;
        if (!bus || !helper->told) {
                gone(helper);
                return -ENOTCONN;
        }
        *call = (OrderCall){ .director = director, .helper = helper, .command = *command };
        r = helper->type->call(bus, call, on_order);
        if (r == -ENOTCONN)
                gone(helper);
        return r;
}

void director_order(Director *director, const ElectCommand *command)
{
        int r = -EOPNOTSUPP;

        switch (elect_order_helper(command->order)) {
        case ELECT_HELPER_VIPD:
                r = give(director, &director->vipd, command);
                break;
        case ELECT_HELPER_REPLICD:
                r = give(director, &director->replicd, command);
                break;
        case ELECT_HELPER_SVCMAND:
                director->services_waiting.order = ELECT_ORDER_NONE; /* this one takes its place */
                r = give(director, &director->svcmand, command);
                if (r == -ENOTCONN) {
                        director_services_wait(director, command);
                        return;
                }
                break;
        case ELECT_HELPER_NONE:
        case ELECT_HELPER_MAX:
                break;
        }
        if (r < 0)
                director_order_done(director, command->order, command->id, r);
}

static int on_objects(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Helper *helper = userdata;

        helper->objects_read = !sd_bus_message_is_method_error(message, NULL) &&
                               helper->type->read_objects(helper->director, message) >= 0;
        return 0;
}

/* The second of the two answers: now the core learns of both at once. */
static int on_root(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        Helper *helper = userdata;

        helper->fetching = false;
        if (helper->objects_read && !sd_bus_message_is_method_error(message, NULL) &&
            helper->type->read_root(helper->director, message) >= 0) {
                helper->told = true;
                helper->type->heard(helper->director);
        }
        if (helper->fetch_again)
                helper_fetch(helper);
        return 0;
}

void helper_fetch(Helper *helper)
{
        const HelperType *type = helper->type;
        sd_bus *bus = bus_client_get(helper->client);

        helper->fetch_again = helper->fetching;
        if (!bus || helper->fetching)
                return;
        helper->fetching = sd_bus_call_method_async(bus, NULL, type->bus_name, type->object,
                                                    "org.freedesktop.DBus.ObjectManager",
                                                    "GetManagedObjects", on_objects, helper, NULL) >= 0 &&
                           sd_bus_call_method_async(bus, NULL, type->bus_name, type->object,
                                                    "org.freedesktop.DBus.Properties", "GetAll", on_root,
                                                    helper, "s", type->interface) >= 0;
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        helper_fetch(userdata);
        return 0;
}

static int on_connected(sd_bus *bus, void *userdata)
{
        Helper *helper = userdata;
        int r = helper->type->subscribe ? helper->type->subscribe(bus, helper->director) : 0;

        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.Properties",
                                        "PropertiesChanged", on_changed, helper);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, NULL, NULL, "org.freedesktop.DBus.ObjectManager", NULL,
                                        on_changed, helper);
        if (r < 0)
                return r;
        helper->fetching = false;
        helper_fetch(helper);
        return 0;
}

int helper_open(Director *director, Helper *helper, const HelperType *type)
{
        static const BusClientHandlers handlers = { .connected = on_connected,
                                                    .disconnected = on_disconnected };

        *helper = (Helper){ .director = director, .type = type };
        return bus_client_new(director->service, type->name, &handlers, helper, &helper->client);
}
