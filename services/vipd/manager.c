/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manager.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"
#include "interfaces/address1-server.h"
#include "wanted.h"
#include "work.h"

enum {
        KEEP_MIN_USEC = 2 * USEC_PER_SEC,
        NEWS_MAX = 20, /* entries in the log in ten seconds */
        RETRY_USEC = 100 * USEC_PER_MSEC,
};

const char *device_name(const Plan *plan, int ifindex)
{
        const PlanLink *link = plan_find_link(plan, ifindex);

        return link != NULL ? link->name : "";
}

void format_mac(const uint8_t mac[MAC_SIZE], char ret_text[3 * MAC_SIZE])
{
        snprintf(ret_text, 3 * MAC_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
                 mac[4], mac[5]);
}

void manager_reason(const Manager *m, int vip, const PlanStatus *status, char *ret_text, size_t size)
{
        const PlanVip *v = &m->plan.vips[vip];
        char address[IP_ADDRESS_TEXT_MAX], mac[3 * MAC_SIZE];

        ret_text[0] = 0;
        if (status->state == PLAN_STATE_NO_DEVICE) {
                ip_address_format(&v->own.address, false, address);
                snprintf(ret_text, size,
                         "No device of this node has %s, its own address of %s; configure it.",
                         address[0] != 0 ? address : "an address", v->name);
        } else if (status->state == PLAN_STATE_CONFLICT) {
                format_mac(v->conflict_mac, mac);
                snprintf(ret_text, size,
                         "The host with hardware address %s on %s answers for %s too; find it and "
                         "take the address off it.",
                         mac, device_name(&m->plan, v->ifindex), v->name);
        } else if (status->state == PLAN_STATE_FAILED && status->first_failed >= 0) {
                ip_address_format(&m->plan.slots[status->first_failed].address, true, address);
                snprintf(ret_text, size, "The kernel refuses %s on %s: %s. It is tried again every second.",
                         address, device_name(&m->plan, v->ifindex), strerror(-status->error));
        } else if (status->state == PLAN_STATE_HELD && v->own.place.ifindex == 0) {
                ip_address_format(&v->own.address, false, address);
                snprintf(ret_text, size, "Its device lost %s, this node's own address; configure it again.",
                         address);
        }
}

/* Something may remove an address a hundred times a second; the journal must survive that. */
static bool may_tell(Manager *m)
{
        return log_budget_allows(&m->news, NEWS_MAX, now_usec());
}

static void on_news(void *userdata, PlanNews news, int ifindex, const IpAddress *address)
{
        Manager *m = userdata;
        char text[IP_ADDRESS_TEXT_MAX];
        const char *device = device_name(&m->plan, ifindex);

        if (news == PLAN_OWN || news == PLAN_NOTHING || !may_tell(m))
                return;
        ip_address_format(address, true, text);
        if (news == PLAN_TAKEN)
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_ADDRESS_RESTORED,
                                       .category = "failover",
                                       .reason = "removed by something else" },
                          "Something removed %s from %s; putting it back", text, device);
        if (news == PLAN_FAILED_DAD)
                log_warning(service_log(m->service), "failover",
                            "The kernel doubts %s on %s as a duplicate; adding it again without asking",
                            text, device);
        if (news == PLAN_FOREIGN)
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_ADDRESS_FOREIGN,
                                       .category = "failover",
                                       .reason = "virtual IP present without an order" },
                          "The virtual IP %s is on %s without an order; removing it. If it is configured "
                          "there by another program, take it out",
                          text, device);
}

static void on_claim(void *userdata, int ifindex, const IpAddress *address, const uint8_t mac[MAC_SIZE])
{
        Manager *m = userdata;
        char text[3 * MAC_SIZE], host[IP_ADDRESS_TEXT_MAX];
        uint64_t now = now_usec();
        int vip;
        unsigned int claim = plan_claim(&m->plan, ifindex, address, mac, now, &vip);

        format_mac(mac, text);
        if ((claim & PLAN_ANSWERED) != 0)
                address1_emit_answered(m->service, m->plan.vips[vip].name, text, now);
        if ((claim & PLAN_REACHED) != 0 && m->plan.probing)
                address1_emit_reached(m->service, true, now);
        if ((claim & PLAN_CONFLICT) != 0) {
                ip_address_format(address, false, host);
                log_event(service_log(m->service),
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_ADDRESS_CONFLICT,
                                       .category = "failover",
                                       .reason = "another host answers",
                                       .epoch = m->plan.epoch },
                          "Another host, %s on %s, says it has %s of virtual IP %s, which this node holds",
                          text, device_name(&m->plan, ifindex), host, m->plan.vips[vip].name);
                address1_emit_conflict(m->service, m->plan.vips[vip].name, text, true);
        }
        if (!m->hearing)
                manager_turn(m);
}

/* A peer that answered while this daemon did not run has answered: what waits is heard before it is judged.
 */
static void hear_what_waits(Manager *m)
{
        if (now_usec() < m->plan.question_usec)
                return;
        m->hearing = true;
        wire_hear(m->wire);
        m->hearing = false;
}

static void tell_silence(Manager *m)
{
        uint64_t silent_usec = m->plan.peer.silent_usec;

        if (silent_usec != 0 && silent_usec != m->silent_told_usec)
                address1_emit_reached(m->service, false, silent_usec);
        m->silent_told_usec = silent_usec;
}

/* The platform of work.h. */

static uint64_t platform_now(void *userdata)
{
        return now_usec();
}

static int platform_apply(void *userdata, const PlanAction actions[], size_t n, int ret_errors[])
{
        return rtnl_apply(((Manager *) userdata)->rtnl, actions, n, ret_errors);
}

static int platform_drain(void *userdata)
{
        return rtnl_drain(((Manager *) userdata)->rtnl, now_usec());
}

static int platform_dump(void *userdata)
{
        Manager *m = userdata;
        int r = rtnl_dump(m->rtnl, now_usec());

        if (m->plan.links_full && may_tell(m))
                log_warning(service_log(m->service), "config",
                            "This node has more than %d network devices; the rest can carry no virtual IP",
                            PLAN_LINKS_MAX);
        return r;
}

static int platform_send(void *userdata, const PlanAction actions[], size_t n)
{
        Manager *m = userdata;

        return wire_send(m->wire, &m->plan, actions, n);
}

/* The addresses matter more than the ledger: without one they are served all the same. */
static int platform_record(void *userdata)
{
        Manager *m = userdata;
        int r;

        m->ledger.epoch = m->plan.epoch;
        m->ledger.keep_usec = MAX_OF(m->plan.dead_usec, (uint64_t) KEEP_MIN_USEC);
        m->ledger.n = plan_entries(&m->plan, m->ledger.entries);
        r = ledger_write(m->ledger_path, &m->ledger);
        if (r < 0 && !m->ledger_failed)
                log_error(service_log(m->service), "failover",
                          "Cannot write %s: %s. After a crash of this daemon addresses may be left behind",
                          m->ledger_path, strerror(-r));
        m->ledger_failed = r < 0;
        return 0;
}

static void tell_quiet(Manager *m, const PlanAction *action)
{
        const PlanVip *v = &m->plan.vips[action->vip];
        char mac[3 * MAC_SIZE];

        format_mac(v->conflict_mac, mac);
        log_event(service_log(m->service),
                  &(LogEntry){ .priority = LOG_NOTICE,
                               .id = MESSAGE_ADDRESS_CONFLICT,
                               .category = "failover",
                               .reason = "the other host is silent" },
                  "The conflict with %s over virtual IP %s is over", mac, v->name);
        address1_emit_conflict(m->service, v->name, mac, false);
}

static void platform_done(void *userdata, const PlanAction *action, int error)
{
        Manager *m = userdata;
        char text[IP_ADDRESS_TEXT_MAX];

        if (action->type == PLAN_QUIET)
                tell_quiet(m, action);
        if (error == 0 || (action->type != PLAN_ADD && action->type != PLAN_REMOVE))
                return;
        if (action->type == PLAN_REMOVE && (error == -EADDRNOTAVAIL || error == -ENODEV))
                return; /* it is gone: what was wanted */
        if (!may_tell(m))
                return;
        ip_address_format(&action->address, true, text);
        log_error(service_log(m->service), "failover", "The kernel refuses to %s %s %s %s: %s",
                  action->type == PLAN_ADD ? "add" : "remove", text,
                  action->type == PLAN_ADD ? "to" : "from", device_name(&m->plan, action->ifindex),
                  strerror(-error));
}

void manager_turn(Manager *m)
{
        static const Platform kernel = { .now = platform_now,
                                         .apply = platform_apply,
                                         .drain = platform_drain,
                                         .dump = platform_dump,
                                         .send = platform_send,
                                         .record = platform_record,
                                         .done = platform_done };
        uint64_t next;
        int r;

        hear_what_waits(m);
        r = work(&m->plan, &kernel, m);
        next = r > 0 ? 0 : plan_next_usec(&m->plan);
        tell_silence(m);
        if (r < 0) {
                m->plan.resync = true;
                next = now_usec() + RETRY_USEC;
                if (may_tell(m))
                        log_error(service_log(m->service), "failover", "netlink fails, trying again: %s",
                                  strerror(-r));
        }
        if (m->plan.listen) {
                m->plan.listen = false;
                r = wire_listen(m->wire, &m->plan);
                if (r < 0)
                        log_error(service_log(m->service), "failover",
                                  "Cannot listen who else answers for the virtual IPs: %s", strerror(-r));
        }
        bus_show(m);
        timer_set(m->timer, next);
}

static int on_netlink(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *m = userdata;

        if (rtnl_drain(m->rtnl, now_usec()) < 0)
                m->plan.resync = true;
        manager_turn(m);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        manager_turn(userdata);
        return 0;
}

static void on_refused(void *userdata, const char *vip, const char *address, int error)
{
        Manager *m = userdata;
        const char *what = error == -E2BIG    ? "there are too many"
                           : error == -EEXIST ? "it is there already, or is an own address of a node"
                                              : strerror(-error);

        log_error(service_log(m->service), "config", "Virtual IP %s%s%s is left out: %s",
                  vip != NULL ? vip : "without a name", address != NULL ? ", address " : "",
                  address != NULL ? address : "", what);
}

static int on_settings(sd_bus_message *message, void *userdata)
{
        Manager *m = userdata;
        Wanted wanted;
        const char *bad = "";
        int r = wanted_read(message, &wanted, &bad);

        if (r < 0) {
                log_error(service_log(m->service), "config", "confd's settings cannot be read at \"%s\"",
                          bad);
                return r;
        }
        /*
         * Without a configuration in force confd knows less than we do, and an own address may be away for a
         * moment only: what is held stays.
         */
        if (wanted.configured && wanted.role != NULL && strcmp(wanted.role, "none") != 0) {
                wanted_load(&wanted, &m->plan, on_refused, m);
                m->loaded = true;
                manager_turn(m);
                bus_answer_pending(m);
        }
        wanted_done(&wanted);
        return 0;
}

/* An orderly stop leaves nothing behind. */
static int on_stop(void *userdata)
{
        Manager *m = userdata;

        plan_withdraw(&m->plan);
        manager_turn(m);
        service_exit(m->service);
        return 0;
}

static int take_over(Manager *m)
{
        const char *directory = getenv("RUNTIME_DIRECTORY");
        int r;

        if (asprintf(&m->ledger_path, "%s/ledger", directory != NULL ? directory : "/run/hapair/vipd") < 0) {
                m->ledger_path = NULL;
                return -ENOMEM;
        }
        r = ledger_read(m->ledger_path, &m->ledger);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                log_warning(service_log(m->service), "failover", "Cannot use %s: %s", m->ledger_path,
                            strerror(-r));
                return 0; /* what it would have kept is removed once the settings say that it is ours */
        }
        plan_restore(&m->plan, m->ledger.entries, m->ledger.n, m->ledger.epoch,
                     now_usec() + m->ledger.keep_usec);
        if (m->ledger.n > 0)
                log_info(service_log(m->service), "failover",
                         "Took over %zu addresses of epoch %" PRIu64 " from the process before", m->ledger.n,
                         m->ledger.epoch);
        return 0;
}

int manager_new(Manager **ret)
{
        Manager *m = calloc(1, sizeof(*m)); /* what the tables do not use costs no memory */
        int r;

        if (m == NULL)
                return -ENOMEM;
        plan_init(&m->plan);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                m->vips[i].manager = m;
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                m->links[i].manager = m;
        r = service_new(&bus_info, m, &m->service);
        if (r < 0) {
                manager_free(m);
                return r;
        }
        service_on_stop(m->service, on_stop);
        *ret = m;
        return 0;
}

Manager *manager_free(Manager *m)
{
        if (m == NULL)
                return NULL;
        for (size_t i = 0; i < PENDING_MAX; i++)
                sd_bus_message_unref(m->pending[i]);
        settings_close(m->settings);
        wire_free(m->wire);
        sd_event_source_disable_unref(m->netlink);
        sd_event_source_disable_unref(m->timer);
        rtnl_free(m->rtnl);
        service_free(m->service);
        free(m->ledger_path);
        free(m);
        return NULL;
}

int manager_start(Manager *m)
{
        sd_event *event = service_event(m->service);
        int r;

        r = take_over(m);
        if (r < 0)
                return r;
        r = rtnl_new(&m->plan, on_news, m, &m->rtnl);
        if (r < 0)
                return r;
        r = wire_new(event, on_claim, m, &m->wire);
        if (r < 0)
                return r;
        r = sd_event_add_io(event, &m->netlink, rtnl_fd(m->rtnl), EPOLLIN, on_netlink, m);
        if (r < 0)
                return r;
        r = timer_new(event, on_timer, m, &m->timer);
        if (r < 0)
                return r;
        /* Carrier and claims before anything else that waits in the same turn. */
        r = sd_event_source_set_priority(m->netlink, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0)
                return r;
        r = settings_open(m->service, "vipd", on_settings, m, &m->settings);
        if (r < 0)
                return r;
        manager_turn(m);
        return 0;
}
