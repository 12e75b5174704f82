/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The election core's turn: one event is heard, every rule runs until none changes anything, and what
 * follows for the outside is collected: orders, messages, the record, the memory, the next timer.
 */
#include "elect-core.h"

/* More turns than any chain of rules needs; a rule that keeps answering true is a bug. */
#define TURNS_MAX 16

ElectAction *elect_act(ElectCore *core, ElectActionType type)
{
        ElectActions *out = core->out;

        if (out->n == ELECT_ACTIONS_MAX) {
                out->overflow = true;
                out->n--;
        }
        ElectAction *action = &out->action[out->n++];
        memset(action, 0, sizeof(*action));
        action->type = type;
        return action;
}

static bool memory_equal(const ElectMemory *a, const ElectMemory *b)
{
        uint8_t x[ELECT_MEMORY_SIZE], y[ELECT_MEMORY_SIZE];

        elect_memory_encode(a, x);
        elect_memory_encode(b, y);
        return memcmp(x, y, sizeof(x)) == 0;
}

/* The number under which the memory as it is now becomes durable. What depends on it waits for that. */
uint64_t elect_commit(ElectCore *core)
{
        if (core->save_number > 0 && memory_equal(&core->memory, &core->flying))
                return core->save_number;

        core->flying = core->memory;
        ElectAction *action = elect_act(core, ELECT_ACT_SAVE);
        action->save.number = ++core->save_number;
        action->save.memory = core->memory;
        return core->save_number;
}

void elect_wake(ElectCore *core, uint64_t when_usec)
{
        core->wake_usec = MIN_OF(core->wake_usec, when_usec);
}

/* Unique within the pair: the instance is random, the counter never repeats in it. */
uint64_t elect_nonce_new(ElectCore *core)
{
        return (uint64_t) core->instance << 32 | (++core->nonces & UINT32_MAX);
}

/* Tells the outside of a decision, with everything it rested on. */
void elect_decide(ElectCore *core, ElectState from, ElectReason reason)
{
        ElectDecision *decision = &elect_act(core, ELECT_ACT_DECISION)->decision;

        *decision = (ElectDecision){
                .when_usec = core->now_usec,
                .from = from,
                .to = elect_state(core),
                .reason = reason,
                .epoch = core->epoch,
                .peer = core->peer,
                .peer_since_usec = core->peer_since_usec,
                .record_known = core->record_known,
                .record_aged = core->record_aged,
                .peer_state = core->record.state,
                .peer_role = core->record.role,
                .peer_epoch = core->record.epoch,
                .echoed = elect_echoed(core),
                .link = core->link,
                .peer_carrier_down = core->record.carrier_down,
                .gateway = core->gateway,
                .probing = core->probing,
                .peer_answers = elect_peer_answers(core),
                .sole = core->memory.sole,
                .elig = core->memory.elig,
                .connected = elect_connected(core),
                .primary = core->volume.primary,
                .disk = core->volume.disk,
                .peer_disk = core->volume.peer_disk,
                .order = core->failed_order,
                .error = core->failed_error,
        };
}

void elect_set_state(ElectCore *core, ElectState state, ElectReason reason)
{
        ElectState from = elect_state(core);

        core->state = state;
        core->reason = reason;
        core->since_usec = core->now_usec;
        elect_decide(core, from, reason);
}

/* The next epoch is made durable while nothing is urgent, so that a takeover need not wait for the disk. */
void elect_raise_epoch(ElectCore *core, uint64_t epoch)
{
        core->memory.epoch = MAX_OF(core->memory.epoch, epoch);
}

static bool epoch_rule(ElectCore *core)
{
        bool changed = false;

        if (!elect_standby(core))
                return false;
        if (core->record_known && !core->record_aged && core->record.epoch > core->epoch) {
                core->epoch = core->record.epoch;
                core->memory.role_epoch = core->epoch;
                changed = true;
        }
        if (core->memory.epoch <= core->epoch) {
                core->memory.epoch = core->epoch + 1;
                changed = true;
        }
        return changed;
}

ElectState elect_state(const ElectCore *core)
{
        if (!core->memory.maintenance)
                return core->state;

        switch (core->state) {
        case ELECT_WAIT_PEER:
        case ELECT_SLAVE:
        case ELECT_MASTER:
        case ELECT_ISOLATED:
        case ELECT_FAULT:
                return ELECT_MAINTENANCE;
        case ELECT_INIT:
        case ELECT_PROMOTING:
        case ELECT_DEMOTING:
        case ELECT_LEAVING:
        case ELECT_MAINTENANCE:
        case ELECT_STATE_MAX:
                break;
        }
        return core->state;
}

ElectRole elect_running_role(const ElectCore *core)
{
        return core->role;
}

/*
 * Within one kernel boot what electd did lives on in the kernel: a restart changes no role. Recorded master,
 * DRBD still primary; without a volume, addresses still ours.
 */
static bool resumable(const ElectCore *core)
{
        if (core->memory_lost)
                return false;
        if (!core->settings.volume)
                return core->vipd_holds;
        return core->same_boot && core->memory.role == ELECT_ROLE_MASTER && core->volume.known &&
               core->volume.primary;
}

/* With a volume the steps of the promotion are done again: it may have been killed in the midst of them. */
static void resume(ElectCore *core)
{
        core->role = ELECT_ROLE_MASTER;
        if (core->settings.volume && (elect_connected(core) || core->memory.sole)) {
                elect_promote(core, ELECT_REASON_RESUME, elect_commit(core));
                return;
        }
        core->withdrawn = core->settings.volume && !core->vipd_holds;
        elect_set_state(core, ELECT_MASTER, ELECT_REASON_RESUME);
        core->refresh_retry_usec = core->now_usec;
}

static void begin_boot(ElectCore *core)
{
        if (core->same_boot)
                return;

        memcpy(core->memory.boot_id, core->boot_id, sizeof(core->boot_id));
        core->memory.boots++;
        core->memory.role = ELECT_ROLE_NONE;
        core->memory.elig = false; /* continuity is lost with the boot */
        if (core->settings.configured == ELECT_ROLE_MASTER)
                core->memory.pinned = false; /* a pin ends with a reboot of the configured master */
        core->same_boot = true;
}

/*
 * Init ends when the configuration is read and the state of this node's own kernel is known. Nothing is
 * published before: an old record ages to "unknown" meanwhile, but "not master" would be a lie that robs.
 */
static bool init_rule(ElectCore *core)
{
        if (core->state != ELECT_INIT || !core->configured || core->stopping)
                return false;

        bool known = core->vipd && (!core->settings.volume || core->volume.known);
        uint64_t limit = core->start_usec + elect_listen_usec(core);
        if (!known && core->now_usec < limit) {
                elect_wake(core, limit);
                return false;
        }

        bool resumes = resumable(core);
        begin_boot(core);
        elect_commit(core);
        if (resumes) {
                resume(core);
                return true;
        }
        if (core->memory_lost && core->settings.volume)
                elect_set_state(core, ELECT_FAULT, ELECT_REASON_MEMORY_LOST);
        else
                elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_BOOT);
        if (!core->settings.volume)
                core->memory_lost = false; /* no data to lose: listen first, then the same */
        core->refresh_retry_usec = core->now_usec;
        return true;
}

/* Not active, or not one of the two nodes: hold nothing, follow nobody. */
static bool inactive_rule(ElectCore *core)
{
        if (core->plan.n > 0 || elect_active(core))
                return false;

        if (core->state == ELECT_MASTER || core->state == ELECT_ISOLATED) {
                elect_demote(core, ELECT_REASON_INACTIVE);
                return true;
        }
        if (core->state != ELECT_SLAVE)
                return false;
        core->role = core->memory.role = ELECT_ROLE_NONE;
        elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_INACTIVE);
        return true;
}

/* A promotion that failed is not given up for ever where there is no data to lose. */
static bool fault_rule(ElectCore *core)
{
        if (core->state != ELECT_FAULT || core->plan.n > 0 || core->fault_until_usec == 0)
                return false;
        if (core->now_usec < core->fault_until_usec) {
                elect_wake(core, core->fault_until_usec);
                return false;
        }

        core->fault_until_usec = 0;
        elect_set_state(core, ELECT_WAIT_PEER, core->reason);
        return true;
}

static bool probe_rule(ElectCore *core)
{
        bool want = elect_probe_wanted(core);

        if (!core->vipd || want == core->probing)
                return false;

        core->probing = want;
        core->probing_since_usec = USEC_INFINITY; /* until vipd says that it has begun */
        elect_act(core, ELECT_ACT_PROBE)->probe = want;
        return true;
}

static bool run_rules(ElectCore *core)
{
        bool changed = init_rule(core);

        if (core->state == ELECT_INIT && !core->stopping)
                return changed;

        changed |= elect_plan_rule(core);
        changed |= inactive_rule(core);
        changed |= fault_rule(core);
        if (core->settings.volume) {
                changed |= elect_volume_rules(core);
                changed |= elect_right_rules(core);
        } else
                changed |= elect_vip_rules(core);
        changed |= elect_switch_rules(core);
        changed |= elect_leave_rules(core);
        changed |= epoch_rule(core);
        changed |= elect_refresh_rule(core);
        changed |= probe_rule(core);
        changed |= elect_facts_rule(core);
        return changed;
}

/* Sent whole; the sequence counts what changed besides the echo, or two nodes would answer for ever. */
static void publish(ElectCore *core)
{
        ElectRecord record;

        if (core->state == ELECT_INIT && !core->stopping)
                return;
        elect_make_record(core, &record);
        record.seq = core->record_seq;
        record.echo_seq = core->published.echo_seq;
        record.echo_instance = core->published.echo_instance;
        if (!elect_record_equal(&record, &core->published))
                core->record_seq++;

        record.seq = core->record_seq;
        record.echo_instance = core->record_known && elect_peer_heard(core) ? core->record.instance : 0;
        record.echo_seq = record.echo_instance != 0 ? core->record.seq : 0;
        if (elect_record_equal(&record, &core->published))
                return;

        core->published = record;
        elect_act(core, ELECT_ACT_PUBLISH)->record = record;
}

static void finish(ElectCore *core)
{
        elect_commit(core);
        elect_release_held(core);
        publish(core);
        if (elect_operator_rule(core)) {
                elect_commit(core);
                publish(core);
        }
        if (core->stopped && !core->stopped_told) {
                core->stopped_told = true; /* after the record that says so */
                elect_act(core, ELECT_ACT_STOPPED);
        }
        if (core->wake_usec != core->timer_usec) {
                core->timer_usec = core->wake_usec;
                elect_act(core, ELECT_ACT_TIMER)->timer_usec = core->wake_usec;
        }
        core->out = NULL;
}

static void take_turns(ElectCore *core)
{
        for (size_t i = 0; i < TURNS_MAX; i++) {
                core->wake_usec = USEC_INFINITY;
                if (!run_rules(core))
                        break;
        }
}

void elect_init(ElectCore *core, const ElectStart *start, ElectActions *ret_actions)
{
        memset(core, 0, sizeof(*core));
        memset(ret_actions, 0, offsetof(ElectActions, action));
        core->out = ret_actions;
        core->now_usec = start->now_usec;
        core->start_usec = core->since_usec = start->now_usec;
        core->realtime_base_usec = start->realtime_usec - start->now_usec;
        core->instance = start->instance;
        core->record_seq = 1;
        core->listen_since_usec = USEC_INFINITY;
        core->timer_usec = USEC_INFINITY;
        core->wake_usec = USEC_INFINITY;
        memcpy(core->boot_id, start->boot_id, sizeof(core->boot_id));
        core->memory_lost = start->status != ELECT_MEMORY_GOOD;
        if (!core->memory_lost)
                core->memory = start->memory;
        core->durable = core->flying = core->memory;
        core->same_boot = !core->memory_lost &&
                          memcmp(core->memory.boot_id, core->boot_id, sizeof(core->boot_id)) == 0;
        if (!core->same_boot)
                core->memory.elig = false;
        core->epoch = core->memory.role_epoch;
        core->out = NULL;
}

void elect_step(ElectCore *core, uint64_t now_usec, const ElectEvent *event, ElectActions *ret_actions)
{
        memset(ret_actions, 0, offsetof(ElectActions, action));
        core->out = ret_actions;
        core->now_usec = now_usec;
        elect_hear(core, event);
        take_turns(core);
        finish(core);
}
