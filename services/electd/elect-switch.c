/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The role changes hands while both live. Always the target asks (PREQ), the master demotes and answers
 * (HANDOVER), the target takes over; a master that wants to be rid of the role asks to be asked (TAKEOVER).
 * Every question names a nonce that lives one dead time; an answer to another one is dead.
 */
#include "elect-core.h"

/* A switch takes the carriers of both nodes within milliseconds: the second loss is given time to show. */
#define LINK_HOLD_MAX_USEC (20 * USEC_PER_MSEC)
#define FAILBACKS_PER_HOUR 2
#define FAILBACK_REST_USEC USEC_PER_MINUTE

/* One dead time, and never shorter than a slow serial line needs for question and answer. */
static uint64_t ask_life_usec(const ElectCore *core)
{
        return MAX_OF(core->settings.dead_usec, 100 * USEC_PER_MSEC);
}

/* When the next move may be: after the rest, and where only so many an hour are allowed, after that hour. */
uint64_t elect_damping_next(const ElectDamping *damping, uint64_t per_hour)
{
        uint64_t next = damping->at_usec[1] == 0 ? 0 : damping->at_usec[1] + damping->rest_usec;

        if (per_hour == FAILBACKS_PER_HOUR && damping->at_usec[0] != 0)
                next = MAX_OF(next, damping->at_usec[0] + USEC_PER_HOUR);
        return next;
}

void elect_damping_count(ElectDamping *damping, uint64_t now_usec, uint64_t base_usec)
{
        bool again = damping->at_usec[1] != 0 && now_usec - damping->at_usec[1] < USEC_PER_HOUR;

        damping->rest_usec = again ? MIN_OF(damping->rest_usec * 2, USEC_PER_HOUR) : base_usec;
        damping->at_usec[0] = damping->at_usec[1];
        damping->at_usec[1] = now_usec;
}

static bool damped(ElectCore *core, const ElectDamping *damping, uint64_t per_hour)
{
        uint64_t next = elect_damping_next(damping, per_hour);

        if (core->now_usec >= next)
                return false;
        elect_wake(core, next);
        return true;
}

void elect_ask_preq(ElectCore *core, ElectReason reason)
{
        ElectMessage preq;

        core->preq = (ElectAsk){
                .nonce = elect_nonce_new(core),
                .until_usec = core->now_usec + ask_life_usec(core),
                .reason = reason,
        };
        elect_decide(core, elect_state(core), reason);
        preq = elect_message(core, ELECT_MSG_PREQ, core->preq.nonce, reason);
        elect_send(core, &preq);
}

static void ask_takeover(ElectCore *core, ElectReason reason)
{
        ElectMessage takeover;

        core->takeover = (ElectAsk){
                .nonce = elect_nonce_new(core),
                .until_usec = core->now_usec + ask_life_usec(core),
                .reason = reason,
        };
        elect_decide(core, elect_state(core), reason);
        takeover = elect_message(core, ELECT_MSG_TAKEOVER, core->takeover.nonce, reason);
        elect_send(core, &takeover);
}

/* Whether the role may move for this reason; the master judges, as the one that stays up. */
static ElectResult grants(ElectCore *core, ElectReason reason)
{
        bool asked_for = reason == ELECT_REASON_OPERATOR ||
                         (core->takeover.nonce != 0 && reason == core->takeover.reason);

        if (asked_for)
                return ELECT_OK;
        if (core->memory.maintenance || !core->settings.active)
                return ELECT_REFUSED_STATE;

        if (reason == ELECT_REASON_LINK_DOWN)
                return core->link == ELECT_BAD ? ELECT_OK : ELECT_REFUSED_STATE;
        if (reason == ELECT_REASON_CONFIGURED || reason == ELECT_REASON_FIT)
                return core->state == ELECT_MASTER ? ELECT_REFUSED_STATE : ELECT_OK;
        if (reason != ELECT_REASON_FAILBACK)
                return ELECT_REFUSED_STATE; /* no other reason moves a role by itself */

        /* A configured master in a loop of reboots is damped here: its own count dies with it. */
        if (elect_damping_next(&core->grants, FAILBACKS_PER_HOUR) > core->now_usec)
                return ELECT_REFUSED_BUSY;
        elect_damping_count(&core->grants, core->now_usec, FAILBACK_REST_USEC);
        return ELECT_OK;
}

static bool data_lets_go(const ElectCore *core, const ElectMessage *preq)
{
        if (!core->settings.volume)
                return true;
        if (core->state != ELECT_MASTER && core->volume.primary)
                return false; /* left behind by an electd that died: not demoted yet */
        return elect_session_named(core, preq) && preq->up_to_date && !elect_split_brain(core) &&
               core->volume.peer_disk == ELECT_DISK_UP_TO_DATE &&
               core->volume.disk != ELECT_DISK_INCONSISTENT;
}

/*
 * A node with its own PREQ outstanding answers none, or two crossed ones would make two masters; a leaving
 * node answers none; nothing is handed to a leaving node.
 */
void elect_on_preq(ElectCore *core, const ElectMessage *message)
{
        bool failed = core->state == ELECT_FAULT && core->reason == ELECT_REASON_ORDER_FAILED;
        bool standby = core->settings.volume && (elect_standby(core) || failed);
        ElectResult result;

        if (core->state == ELECT_LEAVING || core->plan.n > 0 || core->preq.nonce != 0 || core->right_pending)
                return;
        if ((core->state != ELECT_MASTER && !standby) || core->record.leaving || core->peer_leaving) {
                elect_refuse(core, message, ELECT_REFUSED_STATE);
                return;
        }
        result = data_lets_go(core, message) ? grants(core, message->reason) : ELECT_REFUSED_SYNC;
        if (result != ELECT_OK) {
                elect_refuse(core, message, result);
                return;
        }

        core->takeover = (ElectAsk){};
        core->serving_nonce = message->nonce;
        if (core->state == ELECT_MASTER)
                elect_demote(core, message->reason);
        else
                elect_handed_over(core);
}

/* `become` pins its result against failback, until `become` back or the configured master's reboot. */
static void pin(ElectCore *core, ElectReason reason, ElectRole new_master)
{
        if (reason == ELECT_REASON_OPERATOR)
                core->memory.pinned = new_master != ELECT_ROLE_MASTER;
        else if (new_master == ELECT_ROLE_MASTER)
                core->memory.pinned = false;
}

/*
 * Demoted: nothing of the role is left here. With a volume the handover is on the disk before it is told;
 * without, the epoch alone changes hands and the target has made its own durable.
 */
void elect_handed_over(ElectCore *core)
{
        ElectRole self = core->settings.configured;
        ElectMemory *memory = &core->memory;
        bool holds_all = core->volume.disk == ELECT_DISK_UP_TO_DATE;
        ElectMessage handover;

        pin(core, core->reason, self == ELECT_ROLE_MASTER ? ELECT_ROLE_SLAVE : ELECT_ROLE_MASTER);
        memory->handover.epoch = core->epoch + 1;
        memory->handover.from = self;
        memory->handover.generation = core->volume.generation;
        handover = elect_message(core, ELECT_MSG_HANDOVER, core->serving_nonce, core->reason);
        handover.epoch = core->epoch + 1;
        handover.up_to_date = core->volume.peer_disk == ELECT_DISK_UP_TO_DATE; /* of who takes over */
        core->promise_nonce = core->serving_nonce;
        core->promise_instance = core->record.instance;
        core->promise_until_usec = core->now_usec + 2 * ask_life_usec(core);
        core->serving_nonce = 0;

        if (!core->settings.volume) {
                elect_send(core, &handover);
                return;
        }
        /*
         * Only the last master may take it back, and not one that served from the peer's disk; a standby's
         * answer never raises its own eligibility.
         */
        core->offer = core->offer || (holds_all && (core->handing_master || memory->sole));
        core->handing_master = false;
        memory->elig = memory->elig || (holds_all && memory->sole);
        memory->sole = false;
        elect_send_after(core, &handover, elect_commit(core));
}

static bool data_lets_take(const ElectCore *core, const ElectMessage *handover)
{
        if (!core->settings.volume)
                return true;
        return elect_session_named(core, handover) && handover->up_to_date && elect_connected(core) &&
               core->volume.disk == ELECT_DISK_UP_TO_DATE && !core->volume.peer_primary &&
               !elect_split_brain(core);
}

void elect_on_handover(ElectCore *core, const ElectMessage *message)
{
        ElectReason reason = core->preq.reason;

        if (core->preq.nonce == 0 || message->nonce != core->preq.nonce || !elect_standby(core) ||
            core->stopping || core->plan.n > 0)
                return;
        if (message->epoch > core->epoch && message->epoch - core->epoch > ELECT_EPOCH_JUMP_MAX)
                return;
        if (!data_lets_take(core, message)) {
                core->handed = *message;
                return;
        }

        elect_raise_epoch(core, message->epoch);
        pin(core, reason, core->settings.configured);
        core->memory.elig = core->settings.volume;
        core->taking_nonce = message->nonce;
        elect_promote(core, reason, elect_commit(core));
}

/*
 * The message may be faster than the news that the peer's disk is secondary: taken while the request lives.
 */
static bool handed_rule(ElectCore *core)
{
        ElectMessage handover = core->handed;

        if (handover.type == ELECT_MSG_INVALID)
                return false;
        if (handover.nonce != core->preq.nonce) {
                core->handed = (ElectMessage){};
                return false;
        }
        if (!data_lets_take(core, &handover))
                return false;
        core->handed = (ElectMessage){};
        elect_on_handover(core, &handover);
        return true;
}

/* The master asks to be asked: the operator's *running slave*, leaving, or something here is broken. */
void elect_on_takeover(ElectCore *core, const ElectMessage *message)
{
        bool automatic = elect_automatic(core) || message->reason == ELECT_REASON_OPERATOR;

        if (core->state == ELECT_LEAVING || core->preq.nonce != 0)
                return;
        if (!elect_standby(core) || core->plan.n > 0 || !automatic)
                elect_refuse(core, message, ELECT_REFUSED_STATE);
        else if (!elect_able(core))
                elect_refuse(core, message, ELECT_REFUSED_UNFIT);
        else if (!elect_may_preq(core))
                elect_refuse(core, message, ELECT_REFUSED_SYNC);
        else
                elect_ask_preq(core, message->reason);
}

/* The peer could not take what was handed to it: service goes on here. */
static void taken_back(ElectCore *core)
{
        core->promise_until_usec = 0;
        elect_operator_reply(core, ELECT_FAILED_ORDER);
        if (!elect_standby(core) || core->plan.n > 0 || core->settings.volume || !elect_able(core))
                return;
        elect_promote(core, ELECT_REASON_NOT_TAKEN, elect_commit(core));
}

void elect_on_refused(ElectCore *core, const ElectMessage *message)
{
        if (message->nonce == 0)
                return;
        if (message->nonce == core->preq.nonce) {
                core->preq = (ElectAsk){};
                core->preq_next_usec = core->now_usec + ask_life_usec(core);
                elect_operator_reply(core, message->result);
        } else if (message->nonce == core->takeover.nonce) {
                core->takeover = (ElectAsk){};
                elect_operator_reply(core, message->result);
        } else if (message->nonce == core->outdate.nonce)
                core->outdate = (ElectAsk){};
        else if (core->resolve.keep != ELECT_ROLE_NONE && message->nonce == core->resolve.nonce)
                elect_resolve_failed(core, message->result);
        else if (core->promise_until_usec != 0 && message->nonce == core->promise_nonce)
                taken_back(core);
}

/* A nonce expires after one dead time; a master that is seen demoting for it is waited for. */
static bool expire_rule(ElectCore *core)
{
        ElectAsk *asks[] = { &core->preq, &core->takeover, &core->outdate };
        bool changed = false;

        if (core->preq.nonce != 0 && elect_record_fresh(core) && core->record.state == ELECT_DEMOTING)
                core->preq.until_usec = core->now_usec + ask_life_usec(core);

        for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
                if (asks[i]->nonce == 0)
                        continue;
                if (core->now_usec < asks[i]->until_usec) {
                        elect_wake(core, asks[i]->until_usec);
                        continue;
                }
                *asks[i] = (ElectAsk){};
                changed = true;
        }
        return changed;
}

/*
 * The primary LAN's carrier is gone at the master and is up here: take over by the other paths at once. One
 * move an incident; with the carrier gone on both sides nobody moves.
 */
static bool link_rule(ElectCore *core)
{
        bool lost = elect_master_heard(core) && core->record.state == ELECT_MASTER &&
                    core->record.carrier_down;
        uint64_t hold = MIN_OF(core->settings.dead_usec / 10, LINK_HOLD_MAX_USEC);
        uint64_t since;

        if (!lost) {
                core->carrier_lost_usec = 0;
                return false;
        }
        if (core->carrier_lost_usec == 0)
                core->carrier_lost_usec = core->now_usec;
        if (!core->settings.failover_link_down || core->link != ELECT_GOOD || !elect_echoed(core) ||
            !elect_may_preq(core) || damped(core, &core->link_moves, 0))
                return false;

        since = MAX_OF(core->carrier_lost_usec, core->link_since_usec);
        if (core->now_usec < since + hold) {
                elect_wake(core, since + hold);
                return false;
        }
        elect_damping_count(&core->link_moves, core->now_usec, ask_life_usec(core));
        elect_ask_preq(core, ELECT_REASON_LINK_DOWN);
        return true;
}

/* The configured master takes over again once it is back, in sync and healthy for FailbackDelaySec. */
static bool failback_rule(ElectCore *core)
{
        bool healthy = core->settings.configured == ELECT_ROLE_MASTER && core->settings.auto_failback &&
                       !core->memory.pinned && core->state == ELECT_SLAVE && elect_fit(core) &&
                       elect_master_heard(core) && core->record.state == ELECT_MASTER &&
                       elect_echoed(core) && !core->record.maintenance && elect_may_preq(core) &&
                       (!core->settings.volume || core->memory.elig);
        uint64_t due = core->healthy_since_usec + core->settings.failback_delay_usec;

        if (!healthy) {
                core->healthy_since_usec = 0;
                return false;
        }
        if (core->healthy_since_usec == 0) {
                core->healthy_since_usec = core->now_usec;
                return true;
        }
        if (core->now_usec < due) {
                elect_wake(core, due);
                return false;
        }
        if (damped(core, &core->failbacks, FAILBACKS_PER_HOUR))
                return false;
        elect_damping_count(&core->failbacks, core->now_usec, FAILBACK_REST_USEC);
        elect_ask_preq(core, ELECT_REASON_FAILBACK);
        return true;
}

/* A failure here hands over only to a peer that is strictly healthier: able, where this node is not. */
static bool unhealthy_rule(ElectCore *core)
{
        bool broken = core->health == ELECT_BAD || elect_disk_ails(core);

        if (core->state != ELECT_MASTER || !broken || !elect_peer_able(core) || core->record.maintenance ||
            core->takeover.nonce != 0 || damped(core, &core->link_moves, 0))
                return false;

        elect_damping_count(&core->link_moves, core->now_usec, ask_life_usec(core));
        ask_takeover(core, ELECT_REASON_SERVICE_FAILED);
        return true;
}

/* A leaving master hands over first when the peer is able; asked once. */
static bool leaving_rule(ElectCore *core)
{
        if (!core->stopping || core->leave_asked || core->state != ELECT_MASTER || core->plan.n > 0)
                return false;

        core->leave_asked = true;
        if (elect_peer_able(core) && !core->record.maintenance)
                ask_takeover(core, ELECT_REASON_LEAVING);
        return true;
}

void elect_make_slave(ElectCore *core)
{
        ask_takeover(core, ELECT_REASON_OPERATOR);
}

bool elect_switch_rules(ElectCore *core)
{
        bool changed = expire_rule(core);

        changed |= handed_rule(core);
        changed |= leaving_rule(core);
        if (!elect_automatic(core) || core->plan.n > 0 || core->preq.nonce != 0 || core->right_pending) {
                core->healthy_since_usec = 0;
                return changed;
        }
        changed |= unhealthy_rule(core);
        if (!elect_standby(core) || !elect_able(core)) {
                core->healthy_since_usec = 0;
                return changed;
        }
        return changed || link_rule(core) || failback_rule(core);
}
