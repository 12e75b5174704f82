/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A split brain: both nodes wrote alone. Nothing is discarded here by itself: one side serves, the other
 * waits, each tells the other its history, and an operator says whose data stay (RESOLVE, RESOLVED, then the
 * orders CONNECT on that side and DISCARD on the other).
 */
#include "elect-core.h"

#define HISTORY_USEC (2 * USEC_PER_SEC)
#define ANSWER_USEC  (10 * USEC_PER_SEC)
/* A snapshot of the changed blocks is made first. */
#define RESOLVE_USEC (30 * USEC_PER_MINUTE)
#define CONNECT_USEC (5 * USEC_PER_SEC)

/* Either kernel says so: the other one may only see a connection that does not come about. */
bool elect_split_brain(const ElectCore *core)
{
        return core->volume.known &&
               (core->volume.split_brain || (core->peer_history.split && !core->volume.connected));
}

/* The side backed by the arbiter, else the configured one. */
bool elect_split_keeps(const ElectCore *core)
{
        return core->memory.sole != core->record.sole ? core->memory.sole
                                                      : core->settings.configured == ELECT_ROLE_MASTER;
}

/*
 * The one that does not keep the data for now takes its addresses down and waits for the operator; a split
 * that is over lets it follow again.
 */
static bool split_rule(ElectCore *core)
{
        if (!elect_split_brain(core)) {
                if (core->state != ELECT_FAULT || core->reason != ELECT_REASON_SPLIT_BRAIN ||
                    core->plan.n > 0)
                        return false;
                elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_RECONNECTED);
                return true;
        }
        if (core->plan.n > 0)
                return false;
        if (elect_split_keeps(core)) {
                if (core->state != ELECT_FAULT || core->reason != ELECT_REASON_SPLIT_BRAIN)
                        return false;
                elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_SPLIT_BRAIN);
                return true;
        }
        if (core->state == ELECT_MASTER || core->state == ELECT_ISOLATED) {
                elect_demote(core, ELECT_REASON_SPLIT_BRAIN);
                return true;
        }
        if (!elect_standby(core))
                return false;
        core->role = ELECT_ROLE_NONE;
        elect_set_state(core, ELECT_FAULT, ELECT_REASON_SPLIT_BRAIN);
        return true;
}

/* Told again while it lasts: what was written alone grows on the side that serves. */
static bool history_rule(ElectCore *core)
{
        ElectMessage history;

        if (!elect_split_brain(core) || !elect_record_fresh(core))
                return false;
        if (core->now_usec < core->history_next_usec) {
                elect_wake(core, core->history_next_usec);
                return false;
        }
        core->history_next_usec = core->now_usec + HISTORY_USEC;
        history = elect_message(core, ELECT_MSG_HISTORY, 0, ELECT_REASON_SPLIT_BRAIN);
        history.history = (ElectHistory){
                .split = core->volume.split_brain,
                .since_usec = core->memory.apart_usec,
                .written_kib = core->volume.out_of_sync_kib,
                .generation = core->volume.generation,
        };
        elect_send(core, &history);
        return true;
}

void elect_on_history(ElectCore *core, const ElectMessage *message)
{
        core->peer_history = message->history;
        core->peer_history_usec = core->now_usec;
}

static void resolve_begin(ElectCore *core, ElectRole keep, uint64_t nonce, bool agreed)
{
        core->resolve = (ElectResolve){
                .keep = keep,
                .nonce = nonce,
                .agreed = agreed,
                .until_usec = core->now_usec + (agreed ? RESOLVE_USEC : ANSWER_USEC),
        };
        elect_decide(core, elect_state(core), ELECT_REASON_RESOLVED);
}

/* The operator's word, here: the peer is asked whether it can take its part. */
ElectResult elect_resolve(ElectCore *core, ElectRole keep)
{
        ElectMessage resolve;

        if (!core->settings.volume || !elect_split_brain(core) || core->stopping)
                return ELECT_REFUSED_STATE;
        if (core->resolve.keep != ELECT_ROLE_NONE || core->plan.n > 0 || core->right_pending)
                return ELECT_REFUSED_BUSY;
        if (!elect_record_fresh(core) || core->record.configured == core->settings.configured)
                return ELECT_REFUSED_PEER;

        resolve_begin(core, keep, elect_nonce_new(core), false);
        resolve = elect_message(core, ELECT_MSG_RESOLVE, core->resolve.nonce, ELECT_REASON_RESOLVED);
        resolve.keep = keep;
        elect_send(core, &resolve);
        return ELECT_OK;
}

void elect_on_resolve(ElectCore *core, const ElectMessage *message)
{
        ElectMessage yes;

        if (message->keep == ELECT_ROLE_NONE || !core->settings.volume || !elect_split_brain(core) ||
            core->stopping || core->plan.n > 0 || core->right_pending ||
            core->resolve.keep != ELECT_ROLE_NONE) {
                elect_refuse(core, message, ELECT_REFUSED_STATE);
                return;
        }
        resolve_begin(core, message->keep, message->nonce, true);
        yes = elect_message(core, ELECT_MSG_RESOLVED, message->nonce, ELECT_REASON_RESOLVED);
        elect_send(core, &yes);
}

void elect_on_resolved(ElectCore *core, const ElectMessage *message)
{
        if (core->resolve.keep == ELECT_ROLE_NONE || message->nonce != core->resolve.nonce)
                return;
        core->resolve.agreed = true;
        core->resolve.until_usec = core->now_usec + RESOLVE_USEC;
}

/* Refused, or the discard failed over there: nothing more is done, and both stay as they were. */
void elect_resolve_failed(ElectCore *core, ElectResult result)
{
        core->resolve = (ElectResolve){};
        elect_operator_reply(core, result);
}

/* The side whose data stay: its right is durable, and it connects again as often as the kernel refuses. */
static bool resolve_keeper(ElectCore *core)
{
        ElectResolve *resolve = &core->resolve;

        if (!core->memory.sole) {
                core->memory.sole = core->memory.elig = true;
                return true;
        }
        if (resolve->order_id != 0 || !core->volume.split_brain)
                return false;
        if (core->now_usec < resolve->next_usec) {
                elect_wake(core, resolve->next_usec);
                return false;
        }
        resolve->next_usec = core->now_usec + CONNECT_USEC;
        resolve->order_id = elect_order(core, ELECT_ORDER_CONNECT);
        return true;
}

/* The side that discards: demoted, and durably without a right, before anything is discarded. */
static bool resolve_loser(ElectCore *core)
{
        ElectResolve *resolve = &core->resolve;

        if (core->state == ELECT_MASTER || core->state == ELECT_ISOLATED) {
                elect_demote(core, ELECT_REASON_SPLIT_BRAIN);
                return true;
        }
        if (core->memory.sole || core->memory.elig) {
                core->memory.sole = core->memory.elig = false;
                return true;
        }
        if (resolve->order_id != 0 || core->durable.sole || core->durable.elig)
                return false;
        resolve->order_id = elect_order(core, ELECT_ORDER_DISCARD);
        return true;
}

static bool resolve_rule(ElectCore *core)
{
        const ElectResolve *resolve = &core->resolve;

        if (resolve->keep == ELECT_ROLE_NONE || core->plan.n > 0 || !core->volume.known)
                return false;
        if (elect_connected(core)) {
                core->resolve = (ElectResolve){};
                return true;
        }
        if (core->now_usec >= resolve->until_usec) {
                elect_resolve_failed(core, ELECT_FAILED_TIMEOUT);
                return true;
        }
        elect_wake(core, resolve->until_usec);
        if (!resolve->agreed)
                return false;
        return resolve->keep == core->settings.configured ? resolve_keeper(core) : resolve_loser(core);
}

/* A snapshot that is refused (-EPERM), or a step that fails, ends it; the one who asked is told, here or
 * there. */
void elect_resolve_done(ElectCore *core, ElectOrder order, uint64_t id, int error)
{
        ElectResolve *resolve = &core->resolve;
        ElectMessage no;

        if (resolve->order_id == 0 || id != resolve->order_id)
                return;
        if (order == ELECT_ORDER_CONNECT || error == 0 || error == -ENOTCONN) {
                if (order == ELECT_ORDER_CONNECT || error != 0)
                        resolve->order_id = 0;
                return;
        }
        core->failed_order = order;
        core->failed_error = error;
        core->failed_usec = core->now_usec;
        no = elect_message(core, ELECT_MSG_REFUSED, resolve->nonce, ELECT_REASON_ORDER_FAILED);
        no.result = error == -EPERM ? ELECT_REFUSED_SNAPSHOT : ELECT_FAILED_ORDER;
        elect_send(core, &no);
        elect_resolve_failed(core, no.result);
}

bool elect_split_rules(ElectCore *core)
{
        return split_rule(core) || history_rule(core) || resolve_rule(core);
}
