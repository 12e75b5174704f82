/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vipd as a whole: the plan, its edges, and the turns of the loop that drive them. bus.c shows it, main.c
 * starts it.
 */
#pragma once

#include "common/service.h"
#include "common/settings.h"
#include "ledger.h"
#include "plan.h"
#include "rtnl.h"
#include "wire.h"

enum { PENDING_MAX = 4 };

/* What was told of a virtual IP or link last: changes are found by comparing, so none can be forgotten. */
typedef struct ShownVip {
        struct Manager *manager;
        bool exists;
        char name[PLAN_NAME_MAX];
        PlanState state;
        uint64_t since_usec;
        int ifindex;
        int error;
        uint64_t restored;
        bool own_here;
        uint8_t conflict_mac[MAC_SIZE];
} ShownVip;

typedef struct ShownLink {
        struct Manager *manager;
        bool exists;
        char name[PLAN_DEVICE_MAX];
        bool carrier, primary, own;
        uint8_t mac[MAC_SIZE];
        uint64_t since_usec;
} ShownLink;

typedef struct Manager {
        Service *service;
        Settings *settings;
        Rtnl *rtnl;
        Wire *wire;
        sd_event_source *netlink;
        sd_event_source *timer;
        char *ledger_path;

        Plan plan;
        Ledger ledger;
        bool ledger_failed; /* told already */
        bool hearing;       /* claims that waited are read, and nothing is done yet */
        uint64_t silent_told_usec;
        LogBudget news; /* of what others do to our addresses */

        bool loaded; /* other settings since the last turn */
        bool held;
        bool probing;
        uint64_t held_since_usec;
        uint64_t epoch;
        ShownVip vips[PLAN_VIPS_MAX];
        ShownLink links[PLAN_LINKS_MAX];
        sd_bus_message *pending[PENDING_MAX]; /* orders to acquire that came before the settings */
} Manager;

_must_check_ int manager_new(Manager **ret);
Manager *manager_free(Manager *m);

static inline void manager_freep(Manager **m)
{
        manager_free(*m);
}

/* Opens the edges, takes over the ledger, asks for settings. */
_must_check_ int manager_start(Manager *m);

/* Does all that is due, tells what changed, and sets the timer. After every event and order. */
void manager_turn(Manager *m);

/* Why this virtual IP is not as it should be and what to do, in plain words; empty when it is. */
void manager_reason(const Manager *m, int vip, const PlanStatus *status, char *ret_text, size_t size);

const char *device_name(const Plan *plan, int ifindex);
void format_mac(const uint8_t mac[MAC_SIZE], char ret_text[3 * MAC_SIZE]);

/* bus.c */
extern const ServiceInfo bus_info;
/* Answers the orders that waited for the settings. */
void bus_answer_pending(Manager *m);

/* bus-children.c */
_must_check_ int bus_add_children(sd_bus *bus, Manager *m);
/* Tells the doors what changed since the last time. */
void bus_show(Manager *m);
