/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses, through vipd: what it holds after a restart, links, and who else answers for a virtual IP.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"
#include "director.h"
#include "interfaces/address1-client.h"
#include "objects.h"

#define OWN_ADDRESS_GRACE_USEC (2 * USEC_PER_SEC)

static void gone(Director *director)
{
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_VIPD_GONE });
}

static bool parse_mac(const char *text, uint8_t ret_mac[ELECT_MAC_SIZE])
{
        char end;

        return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &ret_mac[0], &ret_mac[1], &ret_mac[2],
                      &ret_mac[3], &ret_mac[4], &ret_mac[5], &end) == ELECT_MAC_SIZE;
}

/* One virtual IP that cannot come up does not keep the others down: vipd reports it, the role moves on. */
static int acquired(Director *director, sd_bus_message *message)
{
        const char *vip, *reason;
        int r = sd_bus_message_enter_container(message, 'a', "(ss)");

        while (r >= 0 && (r = sd_bus_message_read(message, "(ss)", &vip, &reason)) > 0)
                log_warning(service_log(director->service), "failover", "Virtual IP %s is not up: %s", vip,
                            reason);
        return r < 0 ? -EBADMSG : 0;
}

static int done(Director *director, ElectOrder order, sd_bus_message *message)
{
        return order == ELECT_ORDER_ACQUIRE ? acquired(director, message) : 0;
}

static int call(sd_bus *bus, OrderCall *call, sd_bus_message_handler_t callback)
{
        const ElectCommand *command = &call->command;

        if (command->order == ELECT_ORDER_ACQUIRE)
                return address1_call_acquire(bus, &call->slot, callback, call, command->limit_usec,
                                             command->epoch);
        if (command->order == ELECT_ORDER_WITHDRAW)
                return address1_call_withdraw(bus, &call->slot, callback, call, command->limit_usec);
        return address1_call_announce(bus, &call->slot, callback, call, command->limit_usec);
}

static int on_probing(sd_bus_message *message, void *userdata, sd_bus_error *unused)
{
        if (!sd_bus_message_is_method_error(message, NULL))
                director_feed(userdata, &(ElectEvent){ .type = ELECT_EV_PROBING });
        return 0;
}

void director_probe(Director *director, bool on)
{
        sd_bus *bus = bus_client_get(director->vipd.client);

        /* Lost only with the connection; after the next the core asks again. */
        if (bus)
                address1_call_probe(bus, NULL, on ? on_probing : NULL, director, 0, on);
}

static int on_answered(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ElectEvent event = { .type = ELECT_EV_ANSWERED };
        const char *vip, *mac;
        uint64_t usec;

        event.answer.present = true;
        if (sd_bus_message_read(message, "sst", &vip, &mac, &usec) >= 0 && parse_mac(mac, event.answer.mac))
                director_feed(userdata, &event);
        return 0;
}

static int on_reached(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ElectEvent event = { .type = ELECT_EV_REACHED };
        int answered;

        if (sd_bus_message_read(message, "bt", &answered, &event.reached.usec) < 0)
                return 0;
        event.reached.answered = answered != 0;
        director_feed(userdata, &event);
        return 0;
}

static int on_conflict(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        ElectEvent event = { .type = ELECT_EV_CONFLICT };
        const char *vip, *mac;
        int present;

        if (sd_bus_message_read(message, "ssb", &vip, &mac, &present) < 0 ||
            !parse_mac(mac, event.answer.mac))
                return 0;
        event.answer.present = present != 0;
        director_feed(userdata, &event);
        return 0;
}

static void feed_link(Director *director, ElectVerdict verdict)
{
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_LINK, .link = verdict });
}

static int on_own_address_gone(sd_event_source *source, uint64_t usec, void *userdata)
{
        Director *director = userdata;

        director->facts.own_address_gone = true;
        feed_link(director, ELECT_BAD);
        return 0;
}

int director_own_address_open(Director *director)
{
        return timer_new(service_event(director->service), on_own_address_gone, director,
                         &director->own_address_timer);
}

/*
 * Without its own address the node has no route to the LAN: the virtual IPs are in its kernel and answer
 * nobody, as without a carrier. A network service that is restarted takes the address away for a moment
 * only.
 */
static void hear_link(Director *director, bool carrier, bool own_address)
{
        sd_event_source *timer = director->own_address_timer;

        if (carrier && !own_address) {
                if (!director->facts.own_address_gone && sd_event_source_get_enabled(timer, NULL) == 0) {
                        timer_set(timer, now_usec() + OWN_ADDRESS_GRACE_USEC);
                }
                return;
        }
        timer_set(timer, USEC_INFINITY);
        director->facts.own_address_gone = false;
        feed_link(director, carrier ? ELECT_GOOD : ELECT_BAD);
}

static int on_link_changed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *device;
        int carrier, primary, own;

        if (sd_bus_message_read(message, "sbbb", &device, &carrier, &primary, &own) >= 0 && primary)
                hear_link(userdata, carrier != 0, own != 0);
        return 0;
}

/* What vipd's objects say, collected into one event. */
typedef struct Found {
        ElectEvent *event;
        bool link_known, carrier, own_address;
        char link[64];
        bool link_primary, link_carrier, link_own_address;
        char vip[64];
        bool vip_enabled, vip_no_device;
} Found;

static void found_end(Found *found)
{
        if (found->link[0] != 0 && found->link_primary) {
                found->link_known = true;
                found->carrier = found->link_carrier;
                found->own_address = found->link_own_address;
        }
        if (found->vip[0] != 0 && found->vip_enabled && found->vip_no_device)
                found->event->addresses.usable = false;
        found->link[0] = found->vip[0] = 0;
        found->link_primary = found->link_carrier = found->link_own_address = found->vip_enabled =
                        found->vip_no_device = false;
}

static int read_bool(sd_bus_message *message, bool *ret_value)
{
        int value, r = sd_bus_message_read(message, "v", "b", &value);

        if (r >= 0)
                *ret_value = value != 0;
        return r;
}

static int read_link(Found *found, const char *name, sd_bus_message *message)
{
        if (strcmp(name, "Carrier") == 0)
                return read_bool(message, &found->link_carrier);
        if (strcmp(name, "OwnAddress") == 0)
                return read_bool(message, &found->link_own_address);
        if (strcmp(name, "Primary") == 0)
                return read_bool(message, &found->link_primary);
        return sd_bus_message_skip(message, "v");
}

static int read_vip(Found *found, const char *name, sd_bus_message *message)
{
        const char *state;

        if (strcmp(name, "Enabled") == 0)
                return read_bool(message, &found->vip_enabled);
        if (strcmp(name, "State") != 0)
                return sd_bus_message_skip(message, "v");
        int r = sd_bus_message_read(message, "v", "s", &state);
        if (r >= 0)
                found->vip_no_device = strcmp(state, "no-device") == 0;
        return r;
}

static int read_object(const char *object, const char *interface, const char *name, sd_bus_message *message,
                       void *userdata)
{
        Found *found = userdata;
        const char *link = objects_name(object, ADDRESS1_OBJECT "/link");
        const char *vip = objects_name(object, ADDRESS1_OBJECT "/vip");

        if (link && strcmp(interface, ADDRESS1_LINK_INTERFACE) == 0) {
                if (strncmp(found->link, link, sizeof(found->link) - 1) != 0) {
                        found_end(found);
                        snprintf(found->link, sizeof(found->link), "%s", link);
                }
                return read_link(found, name, message);
        }
        if (vip && strcmp(interface, ADDRESS1_VIRTUAL_IP_INTERFACE) == 0) {
                if (strncmp(found->vip, vip, sizeof(found->vip) - 1) != 0) {
                        found_end(found);
                        snprintf(found->vip, sizeof(found->vip), "%s", vip);
                }
                return read_vip(found, name, message);
        }
        return sd_bus_message_skip(message, "v");
}

static int read_macs(sd_bus_message *message, ElectEvent *event)
{
        const char *text;
        int r = sd_bus_message_enter_container(message, 'v', "as");

        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(message, "s", &text)) > 0) {
                if (event->addresses.n_macs < ELECT_MACS_MAX &&
                    parse_mac(text, event->addresses.macs[event->addresses.n_macs]))
                        event->addresses.n_macs++;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_root_property(const char *object, const char *interface, const char *name,
                              sd_bus_message *message, void *userdata)
{
        ElectEvent *event = userdata;

        if (strcmp(name, "Held") == 0)
                return read_bool(message, &event->addresses.held);
        if (strcmp(name, "Epoch") == 0)
                return sd_bus_message_read(message, "v", "t", &event->addresses.epoch);
        if (strcmp(name, "Macs") == 0)
                return read_macs(message, event);
        return sd_bus_message_skip(message, "v");
}

static int read_objects(Director *director, sd_bus_message *message)
{
        Found found = { .event = &director->addresses };
        int r;

        director->addresses = (ElectEvent){ .type = ELECT_EV_ADDRESSES };
        director->addresses.addresses.usable = true;
        r = objects_walk(message, read_object, &found);
        if (r < 0)
                return r;
        found_end(&found);
        director->link_known = found.link_known;
        director->link_carrier = found.carrier;
        director->link_own_address = found.own_address;
        return 0;
}

static int read_root(Director *director, sd_bus_message *message)
{
        return objects_walk_properties(message, ADDRESS1_OBJECT, ADDRESS1_INTERFACE, read_root_property,
                                       &director->addresses);
}

static void heard(Director *director)
{
        director_feed(director, &director->addresses);
        if (director->link_known)
                hear_link(director, director->link_carrier, director->link_own_address);
}

static int subscribe(sd_bus *bus, Director *director)
{
        int r = address1_match_answered(bus, on_answered, director);

        if (r >= 0)
                r = address1_match_reached(bus, on_reached, director);
        if (r >= 0)
                r = address1_match_conflict(bus, on_conflict, director);
        if (r >= 0)
                r = address1_match_link_changed(bus, on_link_changed, director);
        return r;
}

int director_vipd_open(Director *director)
{
        static const HelperType type = {
                .name = "vipd",
                .bus_name = ADDRESS1_BUS_NAME,
                .object = ADDRESS1_OBJECT,
                .interface = ADDRESS1_INTERFACE,
                .call = call,
                .done = done,
                .subscribe = subscribe,
                .read_objects = read_objects,
                .read_root = read_root,
                .heard = heard,
                .gone = gone,
        };

        return helper_open(director, &director->vipd, &type);
}
