/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What vipd shows and whom it obeys on D-Bus: org.hapair.Address1 and its children. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "interfaces/address1-server.h"
#include "manager.h"

#define ERROR_STALE_EPOCH "org.hapair.Error.StaleEpoch"

/* Orders */

static int append_failed(Manager *m, sd_bus_message *reply)
{
        PlanStatus status[PLAN_VIPS_MAX];
        int r = sd_bus_message_open_container(reply, 'a', "(ss)");

        if (r < 0)
                return r;
        plan_status(&m->plan, status);
        for (int i = 0; i < PLAN_VIPS_MAX; i++) {
                const PlanVip *v = &m->plan.vips[i];
                char reason[256];

                if (v->name[0] == 0 || !v->enabled || status[i].state == PLAN_STATE_HELD ||
                    status[i].state == PLAN_STATE_CONFLICT)
                        continue;
                manager_reason(m, i, &status[i], reason, sizeof(reason));
                r = sd_bus_message_append(reply, "(ss)", v->name,
                                          reason[0] != 0 ? reason : "Not all of its addresses are up yet.");
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int answer_acquire(Manager *m, sd_bus_message *message)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = append_failed(m, reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static void drop_pending(Manager *m, const char *why)
{
        for (size_t i = 0; i < PENDING_MAX; i++) {
                if (m->pending[i] == NULL)
                        continue;
                /* The caller may be gone; then nobody misses the answer. */
                (void) sd_bus_reply_method_errorf(m->pending[i], SD_BUS_ERROR_FAILED, "%s", why);
                m->pending[i] = sd_bus_message_unref(m->pending[i]);
        }
}

void bus_answer_pending(Manager *m)
{
        for (size_t i = 0; i < PENDING_MAX; i++) {
                if (m->pending[i] == NULL)
                        continue;
                (void) answer_acquire(m, m->pending[i]);
                m->pending[i] = sd_bus_message_unref(m->pending[i]);
        }
}

static int wait_for_settings(Manager *m, sd_bus_message *message, sd_bus_error *error)
{
        for (size_t i = 0; i < PENDING_MAX; i++) {
                if (m->pending[i] == NULL) {
                        m->pending[i] = sd_bus_message_ref(message);
                        return 1;
                }
        }
        return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "Too many orders wait for the settings");
}

int address1_method_acquire(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        uint64_t epoch;
        int r;

        r = sd_bus_message_read(message, "t", &epoch);
        if (r < 0)
                return r;
        r = plan_acquire(&m->plan, epoch);
        if (r == -ESTALE)
                return sd_bus_error_setf(error, ERROR_STALE_EPOCH,
                                         "Epoch %" PRIu64 " is below %" PRIu64 ", the highest seen", epoch,
                                         m->plan.epoch);
        if (r < 0)
                return sd_bus_error_setf(error, ERROR_STALE_EPOCH,
                                         "Epoch %" PRIu64 " jumps too far from %" PRIu64, epoch,
                                         m->plan.epoch);
        manager_turn(m);
        if (!m->plan.loaded)
                return wait_for_settings(m, message, error);
        r = answer_acquire(m, message);
        return r < 0 ? r : 1;
}

int address1_method_withdraw(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        plan_withdraw(&m->plan);
        drop_pending(m, "Withdrawn before the settings came");
        manager_turn(m);
        for (size_t i = 0; i < m->plan.n_slots; i++) {
                const PlanSlot *s = &m->plan.slots[i];
                char text[IP_ADDRESS_TEXT_MAX];

                if (s->present.ifindex == 0)
                        continue;
                ip_address_format(&s->address, false, text);
                return sd_bus_error_setf(error, SD_BUS_ERROR_FAILED, "%s is still on %s: %s", text,
                                         device_name(&m->plan, s->present.ifindex), strerror(-s->error));
        }
        return sd_bus_reply_method_return(message, NULL);
}

int address1_method_announce(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        plan_announce(&m->plan, now_usec());
        manager_turn(m);
        return sd_bus_reply_method_return(message, NULL);
}

int address1_method_probe(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        int on, r;

        r = sd_bus_message_read(message, "b", &on);
        if (r < 0)
                return r;
        plan_probe(&m->plan, on != 0, now_usec());
        manager_turn(m);
        return sd_bus_reply_method_return(message, NULL);
}

/* Properties of the root */

int address1_property_held(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->plan.holding != PLAN_RELEASED);
}

int address1_property_epoch(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->plan.epoch);
}

int address1_property_since(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "t", m->held_since_usec);
}

int address1_property_macs(sd_bus *bus, const char *path, const char *interface, const char *property,
                           sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; i < PLAN_LINKS_MAX && r >= 0; i++) {
                const PlanLink *link = &m->plan.links[i];
                char mac[3 * MAC_SIZE];

                if (link->ifindex == 0 || !link->relevant || !link->ethernet)
                        continue;
                format_mac(link->mac, mac);
                r = sd_bus_message_append(reply, "s", mac);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int address1_property_probing(sd_bus *bus, const char *path, const char *interface, const char *property,
                              sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Manager *m = userdata;

        return sd_bus_message_append(reply, "b", m->plan.probing);
}

static int add_objects(sd_bus *bus, void *userdata)
{
        int r;

        r = sd_bus_add_object_vtable(bus, NULL, ADDRESS1_OBJECT, ADDRESS1_INTERFACE, address1_vtable,
                                     userdata);
        if (r < 0)
                return r;
        r = sd_bus_add_object_manager(bus, NULL, ADDRESS1_OBJECT);
        if (r < 0)
                return r;
        return bus_add_children(bus, userdata);
}

const ServiceInfo bus_info = {
        .name = "vipd",
        .identifier = "hapair-vipd",
        .bus_name = ADDRESS1_BUS_NAME,
        .rights = address1_rights,
        .add_objects = add_objects,
};
