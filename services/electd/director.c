/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The core's turn: every event leads to one step, and the actions of a step are done in their order. What an
 * action brings about at once is queued behind, so that a step is never entered twice.
 */
#include "director.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "common/timer.h"

#define TICK_MIN_USEC      (5 * USEC_PER_MSEC)
#define TICK_MAX_USEC      USEC_PER_SEC /* what is told people is as old as that at the most */
#define TICK_IDLE_USEC     USEC_PER_SEC /* in place of a dead time that is not known yet */
#define ERRORS_PERIOD_USEC USEC_PER_SEC
#define SAVE_RETRY_USEC    USEC_PER_SEC

static void save(Director *director, const ElectMemory *memory, uint64_t number)
{
        uint8_t bytes[ELECT_MEMORY_SIZE];
        uint64_t generation;

        elect_memory_encode(memory, bytes);
        if (state_save(director->state, bytes, sizeof(bytes), &generation) < 0)
                return; /* only for a wrong size, which is fixed */
        director->save_base = generation - number;
}

/* What could not be saved is tried until it can; what depends on it waits. */
static void on_saved(uint64_t generation, int error, void *userdata)
{
        Director *director = userdata;
        ElectEvent event = { .type = ELECT_EV_SAVED };

        if (error < 0) {
                if (!director->facts.save_failed) {
                        director->facts.save_failed_usec = now_usec();
                        log_event(service_log(director->service),
                                  &(LogEntry){ .priority = LOG_ERR,
                                               .id = MESSAGE_STATE_LOST,
                                               .category = "failover" },
                                  "What this node must remember cannot be written to its disk: %s; nothing "
                                  "that rests on it begins before it can",
                                  strerror(-error));
                }
                director->facts.save_failed = true;
                timer_set(director->save_retry, now_usec() + SAVE_RETRY_USEC);
                return;
        }
        director->facts.save_failed = false;
        if (generation <= director->save_base)
                return; /* from before this start */
        event.saved = generation - director->save_base;
        director_feed(director, &event);
}

static int on_save_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Director *director = userdata;

        save(director, &director->core.flying, director->core.save_number);
        return 0;
}

static void log_decision(Director *director, const ElectDecision *decision)
{
        const char *from = elect_state_to_string(decision->from), *to = elect_state_to_string(decision->to);
        const char *reason = elect_reason_to_string(decision->reason);
        LogEntry entry = {
                .priority = LOG_INFO, .category = "failover", .reason = reason, .epoch = decision->epoch
        };

        history_add(&director->history, clock_usec(CLOCK_REALTIME), decision);
        if (decision->from == decision->to) {
                log_event(service_log(director->service), &entry, "As %s: %s", to, reason);
                return;
        }
        entry.priority =
                        decision->to == ELECT_FAULT || decision->to == ELECT_ISOLATED ? LOG_ERR : LOG_NOTICE;
        entry.id = MESSAGE_ROLE_CHANGED;
        entry.state_old = from;
        entry.state_new = to;
        log_event(service_log(director->service), &entry, "From %s to %s: %s", from, to, reason);
}

static void perform(Director *director, const ElectAction *action)
{
        switch (action->type) {
        case ELECT_ACT_SAVE:
                save(director, &action->save.memory, action->save.number);
                break;
        case ELECT_ACT_PUBLISH:
                director_publish(director, &action->record);
                break;
        case ELECT_ACT_SEND:
                director_send(director, &action->message);
                break;
        case ELECT_ACT_ORDER:
                director_order(director, &action->order);
                break;
        case ELECT_ACT_PROBE:
                director_probe(director, action->probe);
                break;
        case ELECT_ACT_TIMER:
                timer_set(director->timer, action->timer_usec);
                break;
        case ELECT_ACT_DECISION:
                break; /* told when everything else is done: a log entry must not delay a takeover */
        case ELECT_ACT_REPLY:
                election_bus_reply(director, action->reply.token, action->reply.result);
                break;
        case ELECT_ACT_STOPPED:
                director->left = true;
                director_farewell(director);
                break;
        case ELECT_ACT_FENCE_ANSWER:
                director_fence_answer(director, action->fence_answer);
                break;
        case ELECT_ACT_REBOOT:
                director_reset(director, action->reboot);
                break;
        case ELECT_ACT_MAX:
                break;
        }
}

static void step(Director *director, const ElectEvent *event)
{
        ElectActions actions;

        elect_step(&director->core, now_usec(), event, &actions);
        for (size_t i = 0; i < actions.n; i++)
                perform(director, &actions.action[i]);
        for (size_t i = 0; i < actions.n; i++)
                if (actions.action[i].type == ELECT_ACT_DECISION)
                        log_decision(director, &actions.action[i].decision);
        director->errors_due_usec = 0; /* the next tick looks whether the list of errors changed */
        if (actions.overflow)
                log_error(service_log(director->service), "failover",
                          "A decision had more consequences than fit; please report this");
        director_services_look(director);
        election_bus_changed(director);
}

static void enqueue(Director *director, const ElectEvent *event)
{
        assert(director->n_queue < DIRECTOR_EVENTS_MAX);
        director->queue[director->n_queue++] = *event;
}

/*
 * Ours was the loop that stood still, when the tick is overdue: before anything that waited meanwhile is
 * believed, the core voids what it knew, and the peer is asked for anew.
 */
static void check_late(Director *director)
{
        uint64_t now = now_usec(), late, limit = director->core.settings.dead_usec / 2;

        if (!director->core.configured || director->tick_due_usec == 0 ||
            now <= director->tick_due_usec + limit)
                return;

        late = now - director->tick_due_usec;
        director->tick_due_usec = now;
        log_event(service_log(director->service),
                  &(LogEntry){ .priority = LOG_WARNING, .id = MESSAGE_LATE, .category = "failover" },
                  "This daemon was %" PRIu64 " ms late; what it knew before is void", late / USEC_PER_MSEC);
        enqueue(director, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = late });
        director_ask_peer(director);
}

void director_feed(Director *director, const ElectEvent *event)
{
        if (!director->in_turn)
                check_late(director);
        enqueue(director, event);
        if (director->in_turn)
                return;

        director->in_turn = true;
        while (director->n_queue > 0) {
                ElectEvent next = director->queue[0];

                memmove(director->queue, director->queue + 1, --director->n_queue * sizeof(next));
                step(director, &next);
        }
        director->in_turn = false;
}

void director_order_done(Director *director, ElectOrder order, uint64_t id, int error)
{
        ElectEvent event = { .type = ELECT_EV_ORDER_DONE };

        event.done.order = order;
        event.done.id = id;
        event.done.error = error;
        director_feed(director, &event);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        director_feed(userdata, &(ElectEvent){ .type = ELECT_EV_TIMER });
        return 0;
}

/* The record is given to hbd again in time: its age tells the peer of a hung electd. */
static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        Director *director = userdata;
        uint64_t dead = director->core.configured ? director->core.settings.dead_usec : TICK_IDLE_USEC;
        uint64_t period = MAX_OF(dead / 3, TICK_MIN_USEC);

        period = MIN_OF(period, TICK_MAX_USEC);
        check_late(director);
        director_publish_again(director);
        director_watchdog_look(director);
        director_services_look(director);
        if (now_usec() >= director->errors_due_usec) {
                director->errors_due_usec = now_usec() + ERRORS_PERIOD_USEC;
                election_bus_errors(director);
        }
        director->tick_due_usec = now_usec() + period;
        timer_set(source, director->tick_due_usec);
        if (director->n_queue > 0)
                director_feed(director, &(ElectEvent){ .type = ELECT_EV_TIMER });
        return 0;
}

int director_stop(void *userdata)
{
        Director *director = userdata;

        director->stopping = true;
        director_feed(director, &(ElectEvent){ .type = ELECT_EV_STOP });
        return 0;
}

/* The core begins with what the disk has. */
static int load(Director *director, ElectStart *start)
{
        const char *directory = getenv("STATE_DIRECTORY");
        uint8_t bytes[ELECT_MEMORY_SIZE];
        size_t size = sizeof(bytes);
        char path[4096];
        int r;

        r = snprintf(path, sizeof(path), "%s/state", directory ?: "/var/lib/hapair/electd");
        if (r < 0 || (size_t) r >= sizeof(path))
                return -ENAMETOOLONG;
        r = state_open(path, service_event(director->service), on_saved, director, &director->state);
        if (r < 0) {
                log_error(service_log(director->service), "failover", "%s cannot be opened: %s", path,
                          strerror(-r));
                return r;
        }

        r = state_load(director->state, bytes, size);
        if (r == -EMSGSIZE) {
                size = ELECT_MEMORY_SIZE_OLD;
                r = state_load(director->state, bytes, size);
        }
        if (r >= 0)
                r = elect_memory_decode(bytes, size, &start->memory);
        start->status = r >= 0 ? ELECT_MEMORY_GOOD : ELECT_MEMORY_LOST;
        if (r < 0)
                log_event(service_log(director->service),
                          &(LogEntry){ .priority = LOG_ERR,
                                       .id = MESSAGE_STATE_LOST,
                                       .category = "failover" },
                          "What this node remembered in %s is %s", path,
                          r == -ENODATA ? "missing" : "unreadable");
        return 0;
}

static int on_bus(sd_bus *bus, void *userdata)
{
        Director *director = userdata;

        return inhibit_connected(director->inhibit, bus);
}

static int open_sources(Director *director)
{
        sd_event *event = service_event(director->service);
        int r;

        r = timer_new(event, on_timer, director, &director->timer);
        if (r < 0)
                return r;
        r = timer_new(event, on_save_retry, director, &director->save_retry);
        if (r < 0)
                return r;
        r = director_own_address_open(director);
        if (r < 0)
                return r;
        return sd_event_add_time(event, &director->tick, CLOCK_BOOTTIME, 0, 1, on_tick, director);
}

int director_new(Service *service, Director *director)
{
        ElectStart start = { .now_usec = now_usec(), .realtime_usec = clock_usec(CLOCK_REALTIME) };
        ElectActions actions;
        sd_id128_t boot_id;
        int r;

        director->service = service;
        if (sodium_init() < 0)
                return -EIO;
        r = seal_load_key(director->key);
        if (r < 0) {
                log_error(service_log(service), "failover", "The credential `election` cannot be read: %s",
                          strerror(-r));
                return r;
        }
        r = sd_id128_get_boot(&boot_id);
        if (r < 0)
                return r;
        memcpy(start.boot_id, boot_id.bytes, sizeof(start.boot_id));
        start.instance = 1 + randombytes_uniform(UINT32_MAX - 1);
        r = inhibit_new(service, &director->inhibit);
        if (r < 0)
                return r;
        service_on_bus(service, on_bus);
        r = load(director, &start);
        if (r < 0)
                return r;
        r = open_sources(director);
        if (r < 0)
                return r;

        elect_init(&director->core, &start, &actions);
        r = director_settings_open(director);
        if (r < 0)
                return r;
        r = director_hbd_open(director);
        if (r < 0)
                return r;
        r = director_vipd_open(director);
        if (r < 0)
                return r;
        r = director_svcmand_open(director);
        if (r < 0)
                return r;
        return director_replicd_open(director);
}

void director_done(Director *director)
{
        for (size_t i = 0; i < DIRECTOR_CALLS_MAX; i++)
                sd_bus_slot_unref(director->call[i].slot);
        for (size_t i = 0; i < DIRECTOR_WAITERS_MAX; i++)
                sd_bus_message_unref(director->waiter[i].call);
        sd_bus_slot_unref(director->farewell);
        inhibit_free(director->inhibit);
        bus_client_free(director->hbd);
        bus_client_free(director->vipd.client);
        director_svcmand_close(director);
        director_replicd_close(director);
        watchdog_close(director->watchdog, director->left);
        director_settings_close(director);
        state_close(director->state);
        sd_event_source_disable_unref(director->timer);
        sd_event_source_disable_unref(director->own_address_timer);
        sd_event_source_disable_unref(director->save_retry);
        sd_event_source_disable_unref(director->tick);
        sodium_memzero(director->key, sizeof(director->key));
}
