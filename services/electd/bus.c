/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.hapair.Election1: what people and tools see of the election and ask of it. An operator's call is
 * answered when its outcome is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "director.h"
#include "interfaces/election1-server.h"
#include "words.h"

static int reply_string(sd_bus_message *reply, const char *text)
{
        return sd_bus_message_append(reply, "s", text ?: "unknown");
}

/* The generated prototypes of the getters, all alike. */
#define PROPERTY(name)                                                                                      \
        int election1_property_##name(sd_bus *bus, const char *path, const char *interface,                 \
                                      const char *property, sd_bus_message *reply, void *userdata,          \
                                      sd_bus_error *error)

PROPERTY(configured_role)
{
        const Director *director = userdata;

        return reply_string(reply, elect_role_to_string(director->core.settings.configured));
}

PROPERTY(running_role)
{
        const Director *director = userdata;

        return reply_string(reply, elect_role_to_string(elect_running_role(&director->core)));
}

PROPERTY(state)
{
        const Director *director = userdata;

        return reply_string(reply, elect_state_to_string(elect_state(&director->core)));
}

PROPERTY(state_since)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "t", director->core.since_usec);
}

PROPERTY(epoch)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "t", director->core.epoch);
}

static bool peer_online(const ElectCore *core)
{
        return core->peer == ELECT_PEER_ONLINE || core->peer == ELECT_PEER_LATE;
}

/* Its record says something about now: else every state of it is unknown, never the last known one. */
static bool peer_known(const ElectCore *core)
{
        return peer_online(core) && core->record_known && !core->record_aged;
}

PROPERTY(peer_online)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "b", peer_online(&director->core));
}

PROPERTY(peer_running_role)
{
        const ElectCore *core = &((const Director *) userdata)->core;

        return reply_string(reply, peer_known(core) ? elect_role_to_string(core->record.role) : NULL);
}

static ElectState peer_state(const ElectCore *core)
{
        return core->record.maintenance ? ELECT_MAINTENANCE : core->record.state;
}

PROPERTY(peer_state)
{
        const ElectCore *core = &((const Director *) userdata)->core;

        return reply_string(reply, peer_known(core) ? elect_state_to_string(peer_state(core)) : NULL);
}

PROPERTY(peer_record_usec)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "t", director->core.record_usec);
}

PROPERTY(reason)
{
        const Director *director = userdata;
        char text[WORDS_MAX];

        words_reason(&director->core, &director->facts, text);
        return sd_bus_message_append(reply, "s", text);
}

PROPERTY(arbiter)
{
        const Director *director = userdata;
        bool paths = director->core.settings.arbiter == ELECT_ARBITER_PATHS;

        return reply_string(reply, paths ? "paths" : "operator");
}

PROPERTY(maintenance)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "b", director->core.memory.maintenance);
}

PROPERTY(pinned)
{
        const Director *director = userdata;

        return sd_bus_message_append(reply, "b", director->core.memory.pinned);
}

static int append_error(sd_bus_message *reply, const ErrorItem *item)
{
        return sd_bus_message_append(reply, "a{sv}", 5, "code", "s", item->code, "severity", "s",
                                     item->warning ? "warning" : "error", "message", "s", item->message,
                                     "remedy", "s", item->remedy, "since", "t", item->since_usec);
}

PROPERTY(errors)
{
        const Director *director = userdata;
        ErrorItem items[ERRORS_MAX];
        size_t n = errors_list(&director->core, &director->facts, items);
        int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_error(reply, &items[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_inputs(sd_bus_message *reply, const ElectDecision *decision)
{
        HistoryInput inputs[HISTORY_INPUTS_MAX];
        size_t n = history_inputs(decision, inputs);
        int r = sd_bus_message_open_container(reply, 'a', "{ss}");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(reply, "{ss}", inputs[i].name, inputs[i].value);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_decision(sd_bus_message *reply, const HistoryEntry *entry)
{
        const ElectDecision *decision = &entry->decision;
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(
                                reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "time", "t", entry->realtime_usec, "usec",
                                "t", decision->when_usec, "from", "s", elect_state_to_string(decision->from),
                                "to", "s", elect_state_to_string(decision->to), "reason", "s",
                                elect_reason_to_string(decision->reason), "epoch", "t", decision->epoch);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "inputs");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{ss}");
        if (r >= 0)
                r = append_inputs(reply, decision);
        for (size_t i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

int election1_method_get_decisions(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Director *director = userdata;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(message, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < director->history.n; i++)
                r = append_decision(reply, history_get(&director->history, i));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

int election_bus_request(Director *director, sd_bus_message *message, ElectRequest what, sd_bus_error *error)
{
        ElectEvent event = { .type = ELECT_EV_REQUEST };

        for (size_t i = 0; i < DIRECTOR_WAITERS_MAX; i++) {
                Waiter *waiter = &director->waiter[i];

                if (waiter->token != 0)
                        continue;
                *waiter = (Waiter){ .token = ++director->tokens, .call = sd_bus_message_ref(message) };
                event.request.request = what;
                event.request.token = waiter->token;
                director_feed(director, &event);
                return 1; /* answered later */
        }
        return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many requests wait already");
}

int election1_method_make_master(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return election_bus_request(userdata, message, ELECT_REQUEST_MAKE_MASTER, error);
}

int election1_method_make_slave(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        return election_bus_request(userdata, message, ELECT_REQUEST_MAKE_SLAVE, error);
}

int election1_method_set_maintenance(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        int on, r = sd_bus_message_read(message, "b", &on);

        if (r < 0)
                return r;
        return election_bus_request(userdata, message,
                                    on ? ELECT_REQUEST_MAINTENANCE_ON : ELECT_REQUEST_MAINTENANCE_OFF,
                                    error);
}

static int answer(Director *director, sd_bus_message *call, ElectResult result)
{
        const char *text = elect_result_to_string(result);

        if (result == ELECT_OK)
                return sd_bus_reply_method_return(call, NULL);
        log_event(service_log(director->service),
                  &(LogEntry){ .priority = LOG_NOTICE,
                               .id = MESSAGE_SWITCHOVER_REFUSED,
                               .category = "failover" },
                  "%s: %s", sd_bus_message_get_member(call), text);
        if (result == ELECT_FAILED_TIMEOUT)
                return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_TIMEOUT, "%s", text);
        if (result == ELECT_FAILED_ORDER)
                return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_FAILED, "%s: %s", text,
                                                  elect_order_to_string(director->core.failed_order));
        return sd_bus_reply_method_errorf(call, ELECTION_REFUSED, "%s", text);
}

void election_bus_reply(Director *director, uint64_t token, ElectResult result)
{
        for (size_t i = 0; i < DIRECTOR_WAITERS_MAX; i++) {
                Waiter *waiter = &director->waiter[i];

                if (waiter->token != token)
                        continue;
                /* Who asked may be gone: then nobody is left to be told. */
                (void) answer(director, waiter->call, result);
                waiter->call = sd_bus_message_unref(waiter->call);
                waiter->token = 0;
                return;
        }
}

static uint64_t present_errors(const Director *director)
{
        ErrorItem items[ERRORS_MAX];

        return errors_digest(items, errors_list(&director->core, &director->facts, items));
}

/* Of both histories; nothing without a split brain. */
static uint64_t present_split_brain(const Director *director)
{
        ElectHistory history[2];

        if (!elect_split_brain(&director->core))
                return 0;
        words_history(&director->core, ELECT_ROLE_MASTER, &history[0]);
        words_history(&director->core, ELECT_ROLE_SLAVE, &history[1]);
        return 1 + history[0].since_usec + history[0].written_kib + history[0].generation +
               3 * (history[1].since_usec + history[1].written_kib + history[1].generation);
}

static Told present(const Director *director)
{
        const ElectCore *core = &director->core;
        bool known = peer_known(core);

        return (Told){
                .configured = core->settings.configured,
                .running = elect_running_role(core),
                .state = elect_state(core),
                .since_usec = core->since_usec,
                .epoch = core->epoch,
                .peer_online = peer_online(core),
                .peer_known = known,
                .peer_role = known ? core->record.role : ELECT_ROLE_NONE,
                .peer_state = known ? peer_state(core) : ELECT_INIT,
                .reason = core->reason,
                .arbiter = core->settings.arbiter,
                .maintenance = core->memory.maintenance,
                .pinned = core->memory.pinned,
        };
}

static void emit(Director *director, bool changed, const char *property)
{
        if (changed)
                service_emit_changed(director->service, ELECTION1_OBJECT, ELECTION1_INTERFACE, property,
                                     NULL);
}

static void status_text(Director *director)
{
        char text[128];

        snprintf(text, sizeof(text), "Running role: %s (%s)", elect_role_to_string(director->told.running),
                 elect_reason_to_string(director->told.reason));
        service_set_status(director->service, text);
}

void election_bus_changed(Director *director)
{
        Told was = director->told, is = present(director);
        bool peer_changed = was.peer_known != is.peer_known;

        is.errors = was.errors;
        is.reboot_danger = was.reboot_danger;
        is.split_risk = was.split_risk;
        is.split_brain = was.split_brain;
        is.waits = was.waits;
        director->told = is;
        emit(director, was.configured != is.configured, "ConfiguredRole");
        emit(director, was.running != is.running, "RunningRole");
        emit(director, was.state != is.state, "State");
        emit(director, was.since_usec != is.since_usec, "StateSince");
        emit(director, was.epoch != is.epoch, "Epoch");
        emit(director, was.peer_online != is.peer_online, "PeerOnline");
        emit(director, peer_changed || was.peer_role != is.peer_role, "PeerRunningRole");
        emit(director, peer_changed || was.peer_state != is.peer_state, "PeerState");
        emit(director, was.reason != is.reason, "Reason");
        emit(director, was.arbiter != is.arbiter, "Arbiter");
        emit(director, was.maintenance != is.maintenance, "Maintenance");
        emit(director, was.pinned != is.pinned, "Pinned");
        if (was.running == is.running)
                return;
        election1_emit_role_changed(director->service, elect_role_to_string(was.running),
                                    elect_role_to_string(is.running), elect_reason_to_string(is.reason),
                                    is.epoch);
        status_text(director);
}

/* What is told once a tick: it follows from much, and nothing waits for it. */
void election_bus_errors(Director *director)
{
        Told *told = &director->told;
        uint64_t errors, split = present_split_brain(director);
        char danger[WORDS_MAX], risk[WORDS_MAX], waits[WORDS_MAX];

        director->facts.now_usec = now_usec();
        errors = present_errors(director);
        words_reboot_danger(&director->core, &director->facts, danger);
        words_split_risk(&director->core, risk);
        words_waits(&director->core, &director->facts, waits);
        emit(director, errors != told->errors, "Errors");
        emit(director, split != told->split_brain, "SplitBrain");
        emit(director, errors_hash(danger) != told->reboot_danger, "RebootDanger");
        emit(director, errors_hash(risk) != told->split_risk, "SplitRisk");
        emit(director, errors_hash(waits) != told->waits, "Reason");
        told->errors = errors;
        told->split_brain = split;
        told->reboot_danger = errors_hash(danger);
        told->split_risk = errors_hash(risk);
        if (waits[0] != 0 && errors_hash(waits) != told->waits)
                log_event(service_log(director->service),
                          &(LogEntry){ .priority = LOG_WARNING,
                                       .id = MESSAGE_WAITS,
                                       .category = "failover" },
                          "%s", waits);
        told->waits = errors_hash(waits);
        /* polkit takes its time to answer logind, and a takeover does not wait for it. */
        if (elect_state(&director->core) != ELECT_PROMOTING)
                inhibit_want(director->inhibit, danger);
}

int election_bus_add_objects(sd_bus *bus, void *userdata)
{
        return sd_bus_add_object_vtable(bus, NULL, ELECTION1_OBJECT, ELECTION1_INTERFACE, election1_vtable,
                                        userdata);
}
