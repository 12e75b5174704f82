/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of a promotion and of a demotion, one order at a time, each with a limit and an outcome.
 *   promote: right → fsync → DRBD primary → mount → services → virtual IPs and announcement → publish
 *   demote:  withdraw virtual IPs → stop services → unmount → secondary, verified → fsync → HANDOVER
 * A promotion that fails is undone in reverse; a demotion never is: what is half down goes down.
 */
#include "elect-core.h"

#define STEP_LIMIT_USEC      (60 * USEC_PER_SEC)
#define VIPD_LIMIT_USEC      (5 * USEC_PER_SEC)
#define LEAVE_LIMIT_USEC     (10 * USEC_PER_SEC)
#define DISCARD_LIMIT_USEC   (30 * USEC_PER_MINUTE) /* a snapshot is made first */
#define STOP_VIP_ONLY_USEC   (30 * USEC_PER_SEC)
#define FROZEN_LIMIT_USEC    (5 * USEC_PER_SEC)
#define RETRY_USEC           USEC_PER_SEC
#define STUCK_USEC           (10 * USEC_PER_SEC)
#define FAULT_REST_USEC      (10 * USEC_PER_SEC)
#define FAULT_REST_DOUBLINGS 5

ElectHelper elect_order_helper(ElectOrder order)
{
        switch (order) {
        case ELECT_ORDER_ACQUIRE:
        case ELECT_ORDER_WITHDRAW:
        case ELECT_ORDER_ANNOUNCE:
                return ELECT_HELPER_VIPD;
        case ELECT_ORDER_DISCONNECT:
        case ELECT_ORDER_PRIMARY:
        case ELECT_ORDER_MOUNT:
        case ELECT_ORDER_UNMOUNT:
        case ELECT_ORDER_SECONDARY:
        case ELECT_ORDER_RESUME:
        case ELECT_ORDER_LEAVE:
        case ELECT_ORDER_CONNECT:
        case ELECT_ORDER_DISCARD:
                return ELECT_HELPER_REPLICD;
        case ELECT_ORDER_START:
        case ELECT_ORDER_STOP:
                return ELECT_HELPER_SVCMAND;
        case ELECT_ORDER_NONE:
        case ELECT_ORDER_MAX:
                break;
        }
        return ELECT_HELPER_NONE;
}

/*
 * What waits for frozen I/O waits for ever, and the peer that holds the right waits for this node's reboot.
 */
static uint64_t limit_usec(const ElectCore *core, ElectOrder order)
{
        if (elect_order_helper(order) == ELECT_HELPER_VIPD)
                return VIPD_LIMIT_USEC;
        if (order == ELECT_ORDER_LEAVE)
                return LEAVE_LIMIT_USEC;
        if (order == ELECT_ORDER_DISCARD)
                return DISCARD_LIMIT_USEC;
        return (core->volume.frozen || elect_disk_stalls(core)) && core->plan.demotion ? FROZEN_LIMIT_USEC
                                                                                       : STEP_LIMIT_USEC;
}

/* A demotion that takes all the time that its steps have, and the goodbye behind it. */
uint64_t elect_demotion_limit_usec(const ElectCore *core)
{
        if (!core->settings.volume)
                return STOP_VIP_ONLY_USEC;
        return VIPD_LIMIT_USEC + 3 * STEP_LIMIT_USEC + LEAVE_LIMIT_USEC;
}

uint64_t elect_order(ElectCore *core, ElectOrder order)
{
        ElectCommand *command = &elect_act(core, ELECT_ACT_ORDER)->order;

        *command = (ElectCommand){
                .order = order,
                .force = order == ELECT_ORDER_PRIMARY &&
                         (core->plan.reason == ELECT_REASON_FORCED || elect_disk_untouched(core)),
                .alone = order == ELECT_ORDER_START && !elect_peer_heard(core),
                .id = ++core->order_ids,
                .epoch = core->epoch,
                .limit_usec = limit_usec(core, order),
        };
        return command->id;
}

static void plan_add(ElectPlan *plan, ElectOrder order)
{
        plan->order[plan->n++] = order;
}

static ElectOrder opposite(ElectOrder order)
{
        switch (order) {
        case ELECT_ORDER_PRIMARY:
                return ELECT_ORDER_SECONDARY;
        case ELECT_ORDER_MOUNT:
                return ELECT_ORDER_UNMOUNT;
        case ELECT_ORDER_START:
                return ELECT_ORDER_STOP;
        case ELECT_ORDER_ACQUIRE:
                return ELECT_ORDER_WITHDRAW;
        case ELECT_ORDER_NONE:
        case ELECT_ORDER_DISCONNECT:
        case ELECT_ORDER_WITHDRAW:
        case ELECT_ORDER_STOP:
        case ELECT_ORDER_UNMOUNT:
        case ELECT_ORDER_SECONDARY:
        case ELECT_ORDER_RESUME:
        case ELECT_ORDER_ANNOUNCE:
        case ELECT_ORDER_LEAVE:
        case ELECT_ORDER_CONNECT:
        case ELECT_ORDER_DISCARD:
        case ELECT_ORDER_MAX:
                break;
        }
        return ELECT_ORDER_NONE;
}

/*
 * The epoch was reserved and is durable as a rule (see epoch_rule); the plan waits for `after_save` in any
 * case, so nothing begins before the right and the epoch are on the disk.
 */
void elect_promote(ElectCore *core, ElectReason reason, uint64_t after_save)
{
        ElectPlan *plan = &core->plan;

        *plan = (ElectPlan){ .reason = reason, .after_save = after_save };
        if (core->settings.volume) {
                if (reason != ELECT_REASON_RESUME &&
                    (!elect_connected(core) || core->peer != ELECT_PEER_ONLINE))
                        plan_add(plan, ELECT_ORDER_DISCONNECT);
                plan_add(plan, ELECT_ORDER_PRIMARY);
                plan_add(plan, ELECT_ORDER_MOUNT);
        }
        if (core->settings.services)
                plan_add(plan, ELECT_ORDER_START);
        plan_add(plan, ELECT_ORDER_ACQUIRE);
        core->epoch = core->memory.epoch;
        core->memory.role_epoch = core->epoch;
        core->promise_until_usec = 0;
        core->preq = (ElectAsk){};
        core->refresh_id = 0;
        core->refresh_retry_usec = 0;
        elect_set_state(core, ELECT_PROMOTING, reason);
}

void elect_demote(ElectCore *core, ElectReason reason)
{
        ElectPlan *plan = &core->plan;

        *plan = (ElectPlan){ .reason = reason, .demotion = true };
        plan_add(plan, ELECT_ORDER_WITHDRAW);
        if (core->settings.services)
                plan_add(plan, ELECT_ORDER_STOP);
        if (core->settings.volume) {
                plan_add(plan, ELECT_ORDER_UNMOUNT);
                plan_add(plan, ELECT_ORDER_SECONDARY);
        }
        core->handing_master = core->role == ELECT_ROLE_MASTER;
        core->withdrawn = false;
        core->refresh_id = 0;
        core->refresh_retry_usec = 0;
        elect_set_state(core, ELECT_DEMOTING, reason);
}

static void note_failure(ElectCore *core, ElectOrder order, int error)
{
        if (core->failed_order != order)
                core->failed_usec = core->now_usec;
        core->failed_order = order;
        core->failed_error = error;
}

/*
 * Undo: every step in reverse, begun or not, because an electd before this one may have done it; a step that
 * cannot be taken back is left out.
 */
static void plan_undo(ElectPlan *plan)
{
        ElectPlan undo = {
                .reason = plan->reason,
                .undo = true,
                .failed = plan->failed,
                .error = plan->error,
        };

        for (uint8_t i = plan->n; i-- > 0;)
                if (opposite(plan->order[i]) != ELECT_ORDER_NONE)
                        plan_add(&undo, opposite(plan->order[i]));
        *plan = undo;
}

static void promoted(ElectCore *core)
{
        ElectReason reason = core->plan.reason;

        core->plan = (ElectPlan){};
        core->role = ELECT_ROLE_MASTER;
        core->memory.role = ELECT_ROLE_MASTER;
        core->taking_nonce = 0;
        core->offer = false;
        core->fault_count = 0;
        core->failed_order = ELECT_ORDER_NONE;
        core->two_since_usec = core->neither_since_usec = 0;
        elect_set_state(core, ELECT_MASTER, reason);
}

static void demoted(ElectCore *core)
{
        ElectReason reason = core->plan.reason;
        ElectState next = ELECT_SLAVE;

        if (core->stopping)
                next = ELECT_LEAVING;
        else if (reason == ELECT_REASON_SPLIT_BRAIN || reason == ELECT_REASON_DISK_LOST)
                next = ELECT_FAULT;
        else if (reason == ELECT_REASON_INACTIVE || reason == ELECT_REASON_PEER_HOLDS_RIGHT)
                next = ELECT_WAIT_PEER;

        core->plan = (ElectPlan){};
        core->role = next == ELECT_SLAVE ? ELECT_ROLE_SLAVE : ELECT_ROLE_NONE;
        core->memory.role = core->role;
        core->failed_order = ELECT_ORDER_NONE;
        elect_set_state(core, next, reason);
        if (core->serving_nonce != 0)
                elect_handed_over(core);
}

/* Give the role back if the peer is there, else Fault, and after a growing rest try again. */
static void undone(ElectCore *core)
{
        uint64_t rest = FAULT_REST_USEC << MIN_OF(core->fault_count, (uint32_t) FAULT_REST_DOUBLINGS);

        note_failure(core, core->plan.failed, core->plan.error);
        core->plan = (ElectPlan){};
        core->role = core->memory.role = ELECT_ROLE_NONE;
        core->fault_count++;
        core->fault_until_usec = core->now_usec + rest;
        elect_set_state(core, core->stopping ? ELECT_LEAVING : ELECT_FAULT, ELECT_REASON_ORDER_FAILED);
        elect_operator_reply(core, ELECT_FAILED_ORDER);
        if (core->taking_nonce != 0) {
                ElectMessage back = elect_message(core, ELECT_MSG_REFUSED, core->taking_nonce,
                                                  ELECT_REASON_ORDER_FAILED);
                back.result = ELECT_FAILED_ORDER;
                elect_send(core, &back);
                core->taking_nonce = 0;
        }
}

static void plan_end(ElectCore *core)
{
        if (core->plan.demotion)
                demoted(core);
        else if (core->plan.undo)
                undone(core);
        else
                promoted(core);
}

/*
 * A shell that stands in the volume may yet be left; what hangs does not end, and the peer that holds the
 * right waits for this node's reboot.
 */
static bool stuck_for_good(const ElectCore *core, ElectOrder order, int error)
{
        if (order == ELECT_ORDER_WITHDRAW)
                return false;
        return order != ELECT_ORDER_UNMOUNT || error == -ETIMEDOUT ||
               core->plan.reason == ELECT_REASON_PEER_HOLDS_RIGHT ||
               core->now_usec >= core->failed_usec + STUCK_USEC;
}

/*
 * A demotion that is stuck: with a volume the hardware must end it; without, the addresses may still be
 * here, so the role stays what it is, nobody is told to take over, and it is tried until it works.
 */
static void plan_stuck(ElectCore *core, ElectOrder order, int error)
{
        core->plan.wait_usec = core->now_usec + RETRY_USEC;
        core->role = ELECT_ROLE_MASTER;
        note_failure(core, order, error);
        if (core->serving_nonce != 0) {
                ElectMessage no = elect_message(core, ELECT_MSG_REFUSED, core->serving_nonce,
                                                core->plan.reason);
                no.result = ELECT_FAILED_ORDER;
                elect_send(core, &no);
                core->serving_nonce = 0;
        }
        elect_operator_reply(core, ELECT_FAILED_ORDER);
        if (stuck_for_good(core, order, error))
                elect_act(core, ELECT_ACT_REBOOT)->reboot = ELECT_REASON_ORDER_FAILED;
        if (core->state != ELECT_FAULT)
                elect_set_state(core, ELECT_FAULT, ELECT_REASON_ORDER_FAILED);
}

static void step_done(ElectCore *core)
{
        core->plan.issued = false;
        if (++core->plan.at == core->plan.n)
                plan_end(core);
}

/*
 * A service that does not start gives the role back. Where nobody else could take it, what does start serves
 * without it: one broken service must not take the addresses from both nodes. svcmand goes on trying.
 */
static bool goes_on_without(const ElectCore *core, ElectOrder order)
{
        return order == ELECT_ORDER_START && core->taking_nonce == 0 && !elect_peer_able(core);
}

static void plan_failed(ElectCore *core, int error)
{
        ElectPlan *plan = &core->plan;
        ElectOrder order = plan->order[plan->at];

        plan->issued = false;
        if (error == -ENOTCONN)
                return; /* who carries it out restarts: the order waits, see helper_away() */
        if (plan->demotion || plan->undo) {
                plan_stuck(core, order, error);
                return;
        }
        if (goes_on_without(core, order)) {
                step_done(core);
                return;
        }
        /* Of what was up before, all has to go down, not only what this plan began. */
        if (order == ELECT_ORDER_RESUME || plan->reason == ELECT_REASON_RESUME) {
                note_failure(core, order, error);
                elect_demote(core, ELECT_REASON_ORDER_FAILED);
                return;
        }
        plan->failed = order;
        plan->error = error;
        plan_undo(plan);
        if (plan->n == 0)
                plan_end(core);
}

/* A daemon that restarts is waited for, as long as one of its orders may take. */
static bool helper_away(ElectCore *core)
{
        ElectPlan *plan = &core->plan;
        ElectOrder order = plan->order[plan->at];
        ElectHelper helper = elect_order_helper(order);

        if ((helper != ELECT_HELPER_VIPD || core->vipd) &&
            (helper != ELECT_HELPER_REPLICD || core->volume.known)) {
                plan->helper_by_usec = 0;
                return false;
        }
        if (plan->helper_by_usec == 0)
                plan->helper_by_usec = core->now_usec + limit_usec(core, order);
        elect_wake(core, plan->helper_by_usec);
        return true;
}

/* The I/O froze while the order was under way, which has a limit for the time before. */
static bool frozen_rule(ElectCore *core)
{
        ElectPlan *plan = &core->plan;
        uint64_t limit = MAX_OF(core->volume_since_usec, plan->issued_usec) + FROZEN_LIMIT_USEC;

        if (plan->n == 0 || !plan->issued || !plan->demotion || !core->volume.frozen ||
            elect_order_helper(plan->order[plan->at]) == ELECT_HELPER_VIPD)
                return false;
        if (core->now_usec < limit) {
                elect_wake(core, limit);
                return false;
        }
        plan_failed(core, -ETIMEDOUT);
        return true;
}

/* The kernel went on by itself, as its handler was told (fence_rule): nothing is left to be ordered. */
static bool thawed_rule(ElectCore *core)
{
        const ElectPlan *plan = &core->plan;

        if (plan->n == 0 || plan->issued || plan->order[plan->at] != ELECT_ORDER_RESUME ||
            !core->volume.known || core->volume.frozen)
                return false;
        step_done(core);
        return true;
}

bool elect_plan_rule(ElectCore *core)
{
        ElectPlan *plan = &core->plan;

        if (frozen_rule(core) || thawed_rule(core))
                return true;
        if (plan->n == 0 || plan->issued || core->saved_number < plan->after_save)
                return false;
        if (core->now_usec < plan->wait_usec) {
                elect_wake(core, plan->wait_usec);
                return false;
        }
        if (helper_away(core)) {
                if (core->now_usec < plan->helper_by_usec)
                        return false;
                plan->helper_by_usec = 0;
                plan_failed(core, -ETIMEDOUT);
                return true;
        }
        plan->issued = true;
        plan->issued_usec = core->now_usec;
        plan->wait_usec = 0;
        plan->id = elect_order(core, plan->order[plan->at]);
        return true;
}

void elect_order_done(ElectCore *core, ElectOrder order, uint64_t id, int error)
{
        ElectPlan *plan = &core->plan;

        if (plan->n > 0 && plan->issued && id == plan->id) {
                if (error < 0) {
                        plan_failed(core, error);
                        return;
                }
                step_done(core);
                return;
        }
        elect_resolve_done(core, order, id, error);
        if (core->parting_id != 0 && id == core->parting_id)
                core->parted = true;
        if (core->refresh_id != 0 && id == core->refresh_id) {
                core->refresh_id = 0;
                core->refresh_retry_usec = error < 0 ? core->now_usec + RETRY_USEC : 0;
                if (error == 0 && core->failed_order == order)
                        core->failed_order = ELECT_ORDER_NONE;
                else if (error < 0 && error != -ENOTCONN)
                        note_failure(core, order, error);
        }
}

/*
 * A vipd that came back, or an electd that just resumed, is told what is wanted: what is wanted is a state,
 * not a message. Until this first order vipd keeps what its ledger says.
 */
bool elect_refresh_rule(ElectCore *core)
{
        bool hold = (core->state == ELECT_MASTER || core->state == ELECT_ISOLATED) && !core->withdrawn;

        if (core->plan.n > 0 || !core->vipd || core->refresh_retry_usec == 0 || core->state == ELECT_INIT)
                return false;
        if (core->now_usec < core->refresh_retry_usec) {
                elect_wake(core, core->refresh_retry_usec);
                return false;
        }

        core->refresh_retry_usec = 0;
        core->refresh_id = elect_order(core, hold ? ELECT_ORDER_ACQUIRE : ELECT_ORDER_WITHDRAW);
        return true;
}
