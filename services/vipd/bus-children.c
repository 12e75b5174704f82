/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The objects below the root: one for each virtual IP and each device that matters, and the signals about
 * them. Their user data is the entry of what was shown last; the plan has the same number.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "interfaces/address1-server.h"
#include "manager.h"

#define VIP_PREFIX  ADDRESS1_OBJECT "/vip"
#define LINK_PREFIX ADDRESS1_OBJECT "/link"

static const char *const state_names[_PLAN_STATE_MAX] = {
        [PLAN_STATE_ABSENT] = "absent",       [PLAN_STATE_HELD] = "held",
        [PLAN_STATE_PARTIAL] = "partial",     [PLAN_STATE_CONFLICT] = "conflict",
        [PLAN_STATE_NO_DEVICE] = "no-device", [PLAN_STATE_FAILED] = "failed",
        [PLAN_STATE_DISABLED] = "disabled",
};

static const PlanVip *plan_vip(const ShownVip *shown)
{
        return &shown->manager->plan.vips[shown - shown->manager->vips];
}

/* Virtual IPs */

int address1_virtual_ip_property_enabled(sd_bus *bus, const char *path, const char *interface,
                                         const char *property, sd_bus_message *reply, void *userdata,
                                         sd_bus_error *error)
{
        return sd_bus_message_append(reply, "b", plan_vip(userdata)->enabled);
}

/* With the prefix length it was given, or else that of the node's own address. */
static int append_address(sd_bus_message *reply, const PlanVip *v, IpAddress address)
{
        char text[IP_ADDRESS_TEXT_MAX];

        if (address.prefix_len == 0 && ip_address_in_range(&address, &v->network))
                address.prefix_len = v->network.prefix_len;
        ip_address_format(&address, true, text);
        return sd_bus_message_append(reply, "s", text);
}

int address1_virtual_ip_property_address(sd_bus *bus, const char *path, const char *interface,
                                         const char *property, sd_bus_message *reply, void *userdata,
                                         sd_bus_error *error)
{
        const PlanVip *v = plan_vip(userdata);

        return append_address(reply, v, v->address);
}

int address1_virtual_ip_property_aliases(sd_bus *bus, const char *path, const char *interface,
                                         const char *property, sd_bus_message *reply, void *userdata,
                                         sd_bus_error *error)
{
        const ShownVip *shown = userdata;
        const Plan *plan = &shown->manager->plan;
        const PlanVip *v = plan_vip(shown);
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; i < plan->n_slots && r >= 0; i++) {
                const PlanSlot *s = &plan->slots[i];

                if (s->vip == shown - shown->manager->vips && !ip_address_equal(&s->address, &v->address))
                        r = append_address(reply, v, s->address);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int address1_virtual_ip_property_device(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        const ShownVip *shown = userdata;

        return sd_bus_message_append(reply, "s",
                                     device_name(&shown->manager->plan, plan_vip(shown)->ifindex));
}

int address1_virtual_ip_property_state(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        const ShownVip *shown = userdata;

        return sd_bus_message_append(reply, "s", state_names[shown->state]);
}

int address1_virtual_ip_property_reason(sd_bus *bus, const char *path, const char *interface,
                                        const char *property, sd_bus_message *reply, void *userdata,
                                        sd_bus_error *error)
{
        const ShownVip *shown = userdata;
        PlanStatus status[PLAN_VIPS_MAX];
        char reason[256];
        int vip = (int) (shown - shown->manager->vips);

        plan_status(&shown->manager->plan, status);
        manager_reason(shown->manager, vip, &status[vip], reason, sizeof(reason));
        return sd_bus_message_append(reply, "s", reason);
}

int address1_virtual_ip_property_since(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        const ShownVip *shown = userdata;

        return sd_bus_message_append(reply, "t", shown->since_usec);
}

int address1_virtual_ip_property_restored(sd_bus *bus, const char *path, const char *interface,
                                          const char *property, sd_bus_message *reply, void *userdata,
                                          sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", plan_vip(userdata)->restored);
}

int address1_virtual_ip_property_announced(sd_bus *bus, const char *path, const char *interface,
                                           const char *property, sd_bus_message *reply, void *userdata,
                                           sd_bus_error *error)
{
        return sd_bus_message_append(reply, "t", plan_vip(userdata)->announced_usec);
}

int address1_virtual_ip_property_conflict_mac(sd_bus *bus, const char *path, const char *interface,
                                              const char *property, sd_bus_message *reply, void *userdata,
                                              sd_bus_error *error)
{
        const PlanVip *v = plan_vip(userdata);
        char mac[3 * MAC_SIZE] = "";

        if (v->conflict)
                format_mac(v->conflict_mac, mac);
        return sd_bus_message_append(reply, "s", mac);
}

/* Links */

int address1_link_property_device(sd_bus *bus, const char *path, const char *interface, const char *property,
                                  sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const ShownLink *shown = userdata;

        return sd_bus_message_append(reply, "s", shown->name);
}

int address1_link_property_carrier(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error)
{
        const ShownLink *shown = userdata;

        return sd_bus_message_append(reply, "b", shown->carrier);
}

int address1_link_property_primary(sd_bus *bus, const char *path, const char *interface,
                                   const char *property, sd_bus_message *reply, void *userdata,
                                   sd_bus_error *error)
{
        const ShownLink *shown = userdata;

        return sd_bus_message_append(reply, "b", shown->primary);
}

int address1_link_property_own_address(sd_bus *bus, const char *path, const char *interface,
                                       const char *property, sd_bus_message *reply, void *userdata,
                                       sd_bus_error *error)
{
        const ShownLink *shown = userdata;

        return sd_bus_message_append(reply, "b", shown->own);
}

int address1_link_property_mac(sd_bus *bus, const char *path, const char *interface, const char *property,
                               sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const ShownLink *shown = userdata;
        char mac[3 * MAC_SIZE];

        format_mac(shown->mac, mac);
        return sd_bus_message_append(reply, "s", mac);
}

int address1_link_property_since(sd_bus *bus, const char *path, const char *interface, const char *property,
                                 sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        const ShownLink *shown = userdata;

        return sd_bus_message_append(reply, "t", shown->since_usec);
}

/* Finding them by path */

static int find_vip(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                    sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *name = NULL;

        if (sd_bus_path_decode(path, VIP_PREFIX, &name) <= 0)
                return 0;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++) {
                if (!m->vips[i].exists || strcmp(m->vips[i].name, name) != 0)
                        continue;
                *ret_found = &m->vips[i];
                return 1;
        }
        return 0;
}

static int find_link(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                     sd_bus_error *error)
{
        Manager *m = userdata;
        _cleanup_(freep) char *name = NULL;

        if (sd_bus_path_decode(path, LINK_PREFIX, &name) <= 0)
                return 0;
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++) {
                if (!m->links[i].exists || strcmp(m->links[i].name, name) != 0)
                        continue;
                *ret_found = &m->links[i];
                return 1;
        }
        return 0;
}

static int list_children(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                         sd_bus_error *error)
{
        Manager *m = userdata;
        char **nodes = calloc(PLAN_VIPS_MAX + PLAN_LINKS_MAX + 1, sizeof(*nodes));
        size_t n = 0;

        if (nodes == NULL)
                return -ENOMEM;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (m->vips[i].exists && sd_bus_path_encode(VIP_PREFIX, m->vips[i].name, &nodes[n]) >= 0)
                        n++;
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                if (m->links[i].exists && sd_bus_path_encode(LINK_PREFIX, m->links[i].name, &nodes[n]) >= 0)
                        n++;
        *ret_nodes = nodes;
        return 0;
}

int bus_add_children(sd_bus *bus, Manager *m)
{
        int r;

        r = sd_bus_add_fallback_vtable(bus, NULL, VIP_PREFIX, ADDRESS1_VIRTUAL_IP_INTERFACE,
                                       address1_virtual_ip_vtable, find_vip, m);
        if (r < 0)
                return r;
        r = sd_bus_add_fallback_vtable(bus, NULL, LINK_PREFIX, ADDRESS1_LINK_INTERFACE, address1_link_vtable,
                                       find_link, m);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(bus, NULL, ADDRESS1_OBJECT, list_children, m);
}

/* Telling what changed */

typedef void (*Emit)(Service *service, const char *path);

static void emit_child(Manager *m, Emit emit, const char *prefix, const char *name)
{
        _cleanup_(freep) char *path = NULL;

        if (sd_bus_path_encode(prefix, name, &path) >= 0)
                emit(m->service, path);
}

static void emit_vip(Service *service, const char *path)
{
        service_emit_changed(service, path, ADDRESS1_VIRTUAL_IP_INTERFACE, "State", "Reason", "Since",
                             "Device", "Restored", "ConflictMac", NULL);
}

static void emit_vip_settings(Service *service, const char *path)
{
        service_emit_changed(service, path, ADDRESS1_VIRTUAL_IP_INTERFACE, "Enabled", "Address", "Aliases",
                             NULL);
}

static void show_vip(Manager *m, ShownVip *shown, const PlanVip *v, const PlanStatus *status)
{
        bool exists = v->name[0] != 0, added;
        bool changed;

        if (shown->exists && (!exists || strcmp(shown->name, v->name) != 0)) {
                emit_child(m, service_emit_removed, VIP_PREFIX, shown->name);
                shown->exists = false;
        }
        if (!exists)
                return;

        added = !shown->exists;
        changed = added || shown->state != status->state || shown->ifindex != v->ifindex ||
                  shown->error != status->error || shown->restored != v->restored ||
                  shown->own_here != (v->own.place.ifindex != 0) ||
                  memcmp(shown->conflict_mac, v->conflict_mac, MAC_SIZE) != 0;
        if (!changed && !m->loaded)
                return;
        if (added || shown->state != status->state)
                shown->since_usec = now_usec();
        shown->exists = true;
        memcpy(shown->name, v->name, sizeof(shown->name));
        shown->state = status->state;
        shown->ifindex = v->ifindex;
        shown->error = status->error;
        shown->restored = v->restored;
        shown->own_here = v->own.place.ifindex != 0;
        memcpy(shown->conflict_mac, v->conflict_mac, MAC_SIZE);
        if (added) {
                emit_child(m, service_emit_added, VIP_PREFIX, shown->name);
                return;
        }
        if (m->loaded)
                emit_child(m, emit_vip_settings, VIP_PREFIX, shown->name);
        if (changed)
                emit_child(m, emit_vip, VIP_PREFIX, shown->name);
}

static void emit_link(Service *service, const char *path)
{
        service_emit_changed(service, path, ADDRESS1_LINK_INTERFACE, "Carrier", "Primary", "OwnAddress",
                             "Mac", "Since", NULL);
}

/* True when a hardware address came or went: the root lists them. */
static bool show_link(Manager *m, ShownLink *shown, const PlanLink *link)
{
        bool exists = link->ifindex != 0 && link->relevant, primary, own, added, macs;

        if (shown->exists && (!exists || strcmp(shown->name, link->name) != 0)) {
                emit_child(m, service_emit_removed, LINK_PREFIX, shown->name);
                shown->exists = false;
                address1_emit_link_changed(m->service, shown->name, false, shown->primary, false);
                if (!exists)
                        return true;
        }
        if (!exists)
                return false;

        primary = plan_link_is_primary(&m->plan, link);
        own = plan_link_has_own(&m->plan, link);
        added = !shown->exists;
        macs = added || memcmp(shown->mac, link->mac, MAC_SIZE) != 0;
        if (!macs && shown->carrier == link->carrier && shown->primary == primary && shown->own == own)
                return false;
        if (added || shown->carrier != link->carrier)
                shown->since_usec = now_usec();
        shown->exists = true;
        memcpy(shown->name, link->name, sizeof(shown->name));
        memcpy(shown->mac, link->mac, MAC_SIZE);
        shown->carrier = link->carrier;
        shown->primary = primary;
        shown->own = own;
        address1_emit_link_changed(m->service, shown->name, shown->carrier, primary, own);
        emit_child(m, added ? service_emit_added : emit_link, LINK_PREFIX, shown->name);
        return macs;
}

static void log_held(Manager *m, bool held)
{
        if (held)
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_NOTICE,
                                       .id = MESSAGE_ADDRESSES_HELD,
                                       .category = "failover",
                                       .epoch = m->plan.epoch },
                          "Holding the virtual IPs under epoch %" PRIu64, m->plan.epoch);
        else
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_NOTICE,
                                       .id = MESSAGE_ADDRESSES_WITHDRAWN,
                                       .category = "failover",
                                       .epoch = m->plan.epoch },
                          "Withdrew the virtual IPs");
}

void bus_show(Manager *m)
{
        PlanStatus status[PLAN_VIPS_MAX];
        bool held = m->plan.holding != PLAN_RELEASED, macs = false;

        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                macs |= show_link(m, &m->links[i], &m->plan.links[i]);
        if (macs)
                service_emit_changed(m->service, ADDRESS1_OBJECT, ADDRESS1_INTERFACE, "Macs", NULL);
        plan_status(&m->plan, status);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                show_vip(m, &m->vips[i], &m->plan.vips[i], &status[i]);
        m->loaded = false;

        if (held != m->held || m->plan.epoch != m->epoch || m->plan.probing != m->probing) {
                if (held != m->held) {
                        m->held_since_usec = now_usec();
                        log_held(m, held);
                }
                m->held = held;
                m->epoch = m->plan.epoch;
                m->probing = m->plan.probing;
                service_emit_changed(m->service, ADDRESS1_OBJECT, ADDRESS1_INTERFACE, "Held", "Epoch",
                                     "Since", "Probing", NULL);
        }
}
