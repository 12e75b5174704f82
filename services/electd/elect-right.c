/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The right to be master alone, of a pair with a volume: own `sole`, which is taken by the peer's consent,
 * by the arbiter, or by the operator's force. It is durable before anything rests on it, never held by both,
 * and with the arbiter `paths` the evidence is looked at once more after the disk has it.
 */
#include "elect-core.h"

/* So long the kernel may take to hear its handler's answer and to go on. */
#define THAW_USEC (5 * USEC_PER_SEC)
/* In half of it replicd has tried to connect again, and DRBD has found a peer that lives. */
#define RECONNECT_USEC (10 * USEC_PER_SEC)

/* A frozen master, or a standby that may act by itself. */
static bool may_claim(const ElectCore *core)
{
        if (core->plan.n > 0 || core->right_pending || core->stopping || core->memory_lost)
                return false;
        if (elect_connected(core) || core->memory.sole || !elect_disk_whole(core))
                return false;
        return core->state == ELECT_ISOLATED || (elect_standby(core) && elect_automatic(core));
}

/* 1. Consent: asked of a peer that is heard and not master. */
static bool outdate_rule(ElectCore *core)
{
        uint64_t patience = core->settings.dead_usec;
        ElectMessage outdate;

        if (!may_claim(core) || core->outdate.nonce != 0 || !elect_peer_stands_by(core) ||
            core->record.sole || core->record.connected)
                return false;
        /* Standing by, a connection would be better than a right; the configured slave waits longer. */
        if (core->state != ELECT_ISOLATED) {
                if (core->settings.configured == ELECT_ROLE_SLAVE)
                        patience *= 2;
                patience += MAX_OF(core->volume_since_usec, core->since_usec);
                if (core->now_usec < patience) {
                        elect_wake(core, patience);
                        return false;
                }
        }
        if (core->now_usec < core->outdate_next_usec) {
                elect_wake(core, core->outdate_next_usec);
                return false;
        }

        core->outdate = (ElectAsk){
                .nonce = elect_nonce_new(core),
                .until_usec = core->now_usec + core->settings.dead_usec,
                .reason = ELECT_REASON_CONSENT,
        };
        core->outdate_next_usec = core->now_usec + 2 * core->settings.dead_usec;
        outdate = elect_message(core, ELECT_MSG_OUTDATE, core->outdate.nonce, ELECT_REASON_CONSENT);
        elect_send(core, &outdate);
        return true;
}

/*
 * The asked node agrees only if it is not master, not sole, and its own replication link is down; a
 * half-open one it drops first, and refuses this time. Ties go to the configured master. Answered also in
 * maintenance.
 */
void elect_on_outdate(ElectCore *core, const ElectMessage *message)
{
        bool standby = elect_standby(core) || elect_disk_fault(core) || core->state == ELECT_LEAVING;
        bool tie = core->settings.configured == ELECT_ROLE_MASTER && core->outdate.nonce != 0;
        ElectMessage yes;

        if (elect_connected(core)) {
                if (!core->volume.peer_primary || elect_standby(core))
                        elect_order(core, ELECT_ORDER_DISCONNECT);
                elect_refuse(core, message, ELECT_REFUSED_STATE);
                return;
        }
        if (!core->settings.volume || !core->volume.known || !standby || core->plan.n > 0 ||
            core->memory_lost || core->memory.sole || core->right_pending || elect_split_brain(core) ||
            tie) {
                elect_refuse(core, message, ELECT_REFUSED_STATE);
                return;
        }

        core->offer = false;
        core->memory.elig = false;
        elect_void_session(core); /* our own request is void, late PREQs and ELIGIBLEs are dead */
        core->preq = (ElectAsk){};
        yes = elect_message(core, ELECT_MSG_OUTDATED, message->nonce, ELECT_REASON_CONSENT);
        elect_send_after(core, &yes, elect_commit(core));
        elect_decide(core, elect_state(core), ELECT_REASON_CONSENT);
}

void elect_on_outdated(ElectCore *core, const ElectMessage *message)
{
        if (core->outdate.nonce == 0 || message->nonce != core->outdate.nonce)
                return;
        core->outdate = (ElectAsk){};
        if (may_claim(core))
                elect_take_sole(core, ELECT_REASON_CONSENT);
}

/*
 * 2. Arbiter `paths`: every path silent for the dead time, replication lost, own carrier up, own gateway
 * answering, and no MAC of the peer answering for a virtual IP; asked only by who holds everything.
 */
static bool silence(ElectCore *core)
{
        bool lan = core->link == ELECT_GOOD && (core->gateway == ELECT_GOOD || core->gateway == ELECT_VOID);
        uint64_t heard_by = core->link_since_usec + core->settings.dead_usec;

        if (core->peer != ELECT_PEER_LOST || !lan || !core->memory.elig || !core->durable.elig)
                return false;
        /* With the carrier just back, neither the paths nor the addresses have had the time to answer. */
        if (core->now_usec < heard_by) {
                elect_wake(core, heard_by);
                return false;
        }
        return elect_probed(core) && !elect_peer_answers(core);
}

static bool evidence(ElectCore *core)
{
        uint64_t until = core->reached_usec + RECONNECT_USEC;

        if (elect_connected(core))
                return false;
        /* Who ended the connection and hears the peer's kernel after all, lets the kernels connect first. */
        if (core->parted_usec != 0 && core->reached_usec >= core->parted_usec && core->now_usec < until) {
                elect_wake(core, until);
                return false;
        }
        return silence(core);
}

/*
 * DRBD finds out seconds later that its peer died. Where the peer's kernel has fallen silent at the
 * replication link too, the connection is only a memory, and is ended.
 */
static bool part_rule(ElectCore *core)
{
        uint64_t again = core->parted_usec + RECONNECT_USEC;

        if (!elect_connected(core) || !elect_standby(core) || !elect_automatic(core) || core->plan.n > 0 ||
            core->settings.arbiter != ELECT_ARBITER_PATHS || !elect_disk_whole(core) ||
            !elect_peer_silent(core) || !silence(core) || (core->parted_usec != 0 && core->now_usec < again))
                return false;
        core->parted_usec = core->now_usec;
        elect_order(core, ELECT_ORDER_DISCONNECT);
        elect_decide(core, elect_state(core), ELECT_REASON_LINK_SILENT);
        return true;
}

static bool arbiter_rule(ElectCore *core)
{
        if (!may_claim(core))
                return false;

        switch (core->settings.arbiter) {
        case ELECT_ARBITER_PATHS:
                if (!evidence(core))
                        return false;
                elect_take_sole(core, ELECT_REASON_EVIDENCE);
                return true;
        case ELECT_ARBITER_OPERATOR:
                /* An isolated master goes on, unless it hung and an operator may have forced the other one
                 * meanwhile; so does the last master whose handover nobody took. */
                if (core->state == ELECT_ISOLATED ? !core->memory.elig || !core->durable.elig : !core->offer)
                        return false;
                elect_take_sole(core,
                                core->state == ELECT_ISOLATED ? ELECT_REASON_ISOLATED : ELECT_REASON_OFFER);
                return true;
        case ELECT_ARBITER_MAX:
                break;
        }
        return false;
}

void elect_take_sole(ElectCore *core, ElectReason reason)
{
        core->memory.sole = core->memory.elig = true;
        core->outdate = (ElectAsk){};
        core->right_pending = true;
        core->right_reason = reason;
        core->right_save = elect_commit(core);
        elect_decide(core, elect_state(core), reason);
}

static void drop_right(ElectCore *core, ElectReason reason)
{
        core->right_pending = false;
        core->memory.sole = false;
        elect_decide(core, elect_state(core), reason);
}

static bool peer_has_the_right(const ElectCore *core)
{
        return elect_record_fresh(core) && core->record.sole;
}

/*
 * 3. Durable: only now I/O goes on, and only if nothing was heard meanwhile that would have kept this node
 * from taking the right, but for an operator's word.
 */
static bool right_rule(ElectCore *core)
{
        bool forced = core->right_reason == ELECT_REASON_FORCED;

        if (!core->right_pending || core->saved_number < core->right_save || core->plan.n > 0)
                return false;
        if (!forced && peer_has_the_right(core)) {
                drop_right(core, ELECT_REASON_PEER_HOLDS_RIGHT);
                return true;
        }
        if ((elect_connected(core) && !forced) ||
            (core->right_reason == ELECT_REASON_EVIDENCE && !evidence(core))) {
                drop_right(core, ELECT_REASON_RECONNECTED);
                return true;
        }

        core->right_pending = false;
        if (core->state != ELECT_ISOLATED) {
                elect_promote(core, core->right_reason, core->right_save);
                return true;
        }
        core->plan = (ElectPlan){
                .order = { ELECT_ORDER_RESUME },
                .n = 1,
                .reason = core->right_reason,
                .wait_usec = core->now_usec + THAW_USEC,
        };
        return true;
}

/* An order to let frozen I/O go on is due or under way. */
static bool resuming(const ElectCore *core)
{
        const ElectPlan *plan = &core->plan;

        return plan->n > 0 && plan->order[plan->at] == ELECT_ORDER_RESUME;
}

/* Nothing has been written alone yet: who hears of the peer's right before its own I/O goes on gives its own
 * up. */
static bool yield_rule(ElectCore *core)
{
        if (!resuming(core) || core->plan.issued || core->plan.reason == ELECT_REASON_FORCED ||
            core->thaw_by_usec != 0 || !core->volume.frozen || !peer_has_the_right(core))
                return false;
        core->plan = (ElectPlan){};
        drop_right(core, ELECT_REASON_PEER_HOLDS_RIGHT);
        return true;
}

/* A master that may go on and stays frozen: its handler has died, or gave up before there was a right. */
static bool thaw_rule(ElectCore *core)
{
        uint64_t lost_usec = MAX_OF(core->volume_since_usec, core->since_usec);
        uint64_t patience = MAX_OF(lost_usec + THAW_USEC, core->thaw_by_usec);

        if (core->state != ELECT_MASTER || core->plan.n > 0 || !core->volume.known || !core->volume.frozen ||
            elect_connected(core) || core->right_pending || !core->memory.sole || !core->durable.sole)
                return false;
        if (core->now_usec < patience) {
                elect_wake(core, patience);
                return false;
        }
        core->plan = (ElectPlan){ .order = { ELECT_ORDER_RESUME }, .n = 1, .reason = ELECT_REASON_SOLE };
        return true;
}

/*
 * The kernel's fence-peer handler: 4 the right is ours, 6 the peer's, else wait and stay frozen (never 5).
 * On the way to primary there is nothing to wait for: no right is taken while an order is under way, and the
 * order, which the kernel holds up until it is answered, would end in a reset instead of a refusal.
 *
 * The kernel goes on upon a 4 by itself, and not in the midst of a handshake; each way to go on begins a
 * data generation. So there is one at a time: two generations in a row, and the peer's data would seem to be
 * of another history. RESUME is for the case that no handler takes the answer.
 */
static bool fence_rule(ElectCore *core)
{
        uint8_t answer;

        if (!core->fence_asked || (resuming(core) && core->plan.issued))
                return false;
        if (core->memory.sole && core->durable.sole && !core->right_pending)
                answer = ELECT_FENCE_GO_ON;
        else if (elect_record_fresh(core) && core->record.sole)
                answer = ELECT_FENCE_REFUSED;
        else if (core->now_usec >= core->fence_until_usec || core->state == ELECT_PROMOTING)
                answer = ELECT_FENCE_UNKNOWN;
        else {
                elect_wake(core, core->fence_until_usec);
                return false;
        }
        core->fence_asked = false;
        if (answer == ELECT_FENCE_GO_ON) {
                core->thaw_by_usec = core->now_usec + THAW_USEC;
                if (resuming(core))
                        core->plan.wait_usec = core->thaw_by_usec;
        }
        elect_act(core, ELECT_ACT_FENCE_ANSWER)->fence_answer = answer;
        return true;
}

bool elect_right_rules(ElectCore *core)
{
        return right_rule(core) || yield_rule(core) || fence_rule(core) || thaw_rule(core) ||
               outdate_rule(core) || part_rule(core) || arbiter_rule(core);
}
