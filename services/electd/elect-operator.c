/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What people ask for: master here, slave here, maintenance, whose data stay, and the force. A
 * request is answered when it is done or refused, never before; one at a time.
 */
#include "elect-core.h"

#define WAIT_USEC         (10 * USEC_PER_SEC)
#define WAIT_VOLUME_USEC  (60 * USEC_PER_SEC)
#define WAIT_RESOLVE_USEC (31 * USEC_PER_MINUTE) /* above the limit of a snapshot */

static void reply(ElectCore *core, uint64_t token, ElectResult result)
{
        ElectAction *action = elect_act(core, ELECT_ACT_REPLY);

        action->reply.token = token;
        action->reply.result = result;
}

void elect_operator_reply(ElectCore *core, ElectResult result)
{
        if (core->operator.token == 0)
                return;
        reply(core, core->operator.token, result);
        core->operator.token = 0;
}

static bool busy(const ElectCore *core)
{
        return core->plan.n > 0 || core->preq.nonce != 0 || core->takeover.nonce != 0 || core->right_pending;
}

/* What stands in the way of any change of roles here. */
static ElectResult obstacle(const ElectCore *core)
{
        if (!elect_active(core))
                return ELECT_REFUSED_INACTIVE;
        if (busy(core))
                return ELECT_REFUSED_BUSY;
        if (core->settings.volume && elect_split_brain(core))
                return ELECT_REFUSED_SPLIT_BRAIN;
        if (core->stopping || core->state == ELECT_INIT)
                return ELECT_REFUSED_STATE;
        return ELECT_OK;
}

/* Nobody is master: without data of ours the operator's word is enough, short of a duplicate address. */
static ElectResult become_from_nobody(ElectCore *core)
{
        bool free_to = (elect_peer_stands_by(core) && !elect_promised(core)) ||
                       (core->peer == ELECT_PEER_LOST && !elect_peer_answers(core));

        if (core->settings.volume || !free_to)
                return ELECT_REFUSED_PEER;
        core->memory.pinned = core->settings.configured != ELECT_ROLE_MASTER;
        elect_promote(core, ELECT_REASON_OPERATOR, elect_commit(core));
        return ELECT_OK;
}

/* Who would take over has no LAN and who serves has one: the rule for a lost link would move it back. */
static bool cut_off(bool target_down, bool master_down)
{
        return target_down && !master_down;
}

static ElectResult make_master(ElectCore *core)
{
        ElectResult result = obstacle(core);

        if (result != ELECT_OK)
                return result;
        if (core->state == ELECT_MASTER) {
                core->memory.pinned = core->settings.configured != ELECT_ROLE_MASTER;
                return ELECT_OK;
        }
        if (!elect_standby(core))
                return ELECT_REFUSED_STATE;
        if (!elect_able(core))
                return ELECT_REFUSED_UNFIT;
        if (!elect_record_valid(core) || core->record.role != ELECT_ROLE_MASTER)
                return become_from_nobody(core);
        if (cut_off(core->link == ELECT_BAD, core->record.carrier_down))
                return ELECT_REFUSED_UNFIT;
        if (!elect_may_preq(core))
                return ELECT_REFUSED_SYNC;
        elect_ask_preq(core, ELECT_REASON_OPERATOR);
        return ELECT_OK;
}

static ElectResult make_slave(ElectCore *core)
{
        ElectResult result = obstacle(core);

        if (result != ELECT_OK)
                return result;
        if (elect_standby(core))
                return elect_master_heard(core) ? ELECT_OK : ELECT_REFUSED_PEER;
        if (core->state != ELECT_MASTER)
                return ELECT_REFUSED_STATE;
        if (!elect_peer_stands_by(core) || core->record.leaving)
                return ELECT_REFUSED_PEER;
        if (!core->record.able || cut_off(core->record.carrier_down, core->link == ELECT_BAD))
                return ELECT_REFUSED_UNFIT;
        if (core->settings.volume && !core->record.up_to_date)
                return ELECT_REFUSED_SYNC;
        elect_make_slave(core);
        return ELECT_OK;
}

/* The right is not proven: acknowledged data of the peer may be lost. Logged, and never against a master. */
static ElectResult force_master(ElectCore *core)
{
        ElectResult result = obstacle(core);

        if (result != ELECT_OK)
                return result;
        if (core->state == ELECT_MASTER)
                return ELECT_OK;
        if (elect_master_heard(core))
                return ELECT_REFUSED_MASTER_HEARD;
        if (!elect_standby(core) && core->state != ELECT_ISOLATED && core->state != ELECT_FAULT)
                return ELECT_REFUSED_STATE;
        if (core->settings.volume && (!core->volume.known || core->volume.disk == ELECT_DISK_UNKNOWN ||
                                      core->volume.disk == ELECT_DISK_DISKLESS))
                return ELECT_REFUSED_UNFIT;

        core->memory_lost = false;
        core->fault_until_usec = 0;
        core->memory.forced_epoch = core->memory.epoch;
        if (core->settings.volume)
                elect_take_sole(core, ELECT_REASON_FORCED);
        else
                elect_promote(core, ELECT_REASON_FORCED, elect_commit(core));
        return ELECT_OK;
}

/* Persist first, answer then. Never kept waiting by a change of roles: it is what stops them. */
static void set_maintenance(ElectCore *core, bool on, uint64_t token)
{
        ElectState from = elect_state(core);

        if (core->maintenance_token != 0)
                reply(core, core->maintenance_token, ELECT_REFUSED_BUSY); /* overtaken */
        if (core->memory.maintenance != on) {
                core->memory.maintenance = on;
                elect_decide(core, from, ELECT_REASON_MAINTENANCE);
        }
        core->maintenance_token = token;
        core->maintenance_save = elect_commit(core);
}

static ElectResult begin(ElectCore *core, ElectRequest request)
{
        switch (request) {
        case ELECT_REQUEST_MAKE_MASTER:
                return make_master(core);
        case ELECT_REQUEST_MAKE_SLAVE:
                return make_slave(core);
        case ELECT_REQUEST_FORCE_MASTER:
                return force_master(core);
        case ELECT_REQUEST_KEEP_MASTER:
                return elect_resolve(core, ELECT_ROLE_MASTER);
        case ELECT_REQUEST_KEEP_SLAVE:
                return elect_resolve(core, ELECT_ROLE_SLAVE);
        case ELECT_REQUEST_MAINTENANCE_ON:
        case ELECT_REQUEST_MAINTENANCE_OFF:
        case ELECT_REQUEST_MAX:
                break;
        }
        return ELECT_REFUSED_STATE;
}

void elect_on_request(ElectCore *core, ElectRequest request, uint64_t token)
{
        bool resolves = request == ELECT_REQUEST_KEEP_MASTER || request == ELECT_REQUEST_KEEP_SLAVE;
        uint64_t wait = resolves ? WAIT_RESOLVE_USEC : core->settings.volume ? WAIT_VOLUME_USEC : WAIT_USEC;
        ElectResult result;

        if (request == ELECT_REQUEST_MAINTENANCE_ON || request == ELECT_REQUEST_MAINTENANCE_OFF) {
                set_maintenance(core, request == ELECT_REQUEST_MAINTENANCE_ON, token);
                return;
        }
        if (core->operator.token != 0) {
                reply(core, token, ELECT_REFUSED_BUSY);
                return;
        }
        result = begin(core, request);
        if (result != ELECT_OK) {
                reply(core, token, result);
                return;
        }
        core->operator.token = token;
        core->operator.request = request;
        core->operator.until_usec = core->now_usec + wait;
}

static bool request_done(const ElectCore *core)
{
        switch (core->operator.request) {
        case ELECT_REQUEST_MAKE_MASTER:
        case ELECT_REQUEST_FORCE_MASTER:
                return core->state == ELECT_MASTER;
        case ELECT_REQUEST_MAKE_SLAVE:
                return elect_standby(core) && elect_master_heard(core);
        case ELECT_REQUEST_KEEP_MASTER:
        case ELECT_REQUEST_KEEP_SLAVE:
                return elect_connected(core);
        case ELECT_REQUEST_MAINTENANCE_ON:
        case ELECT_REQUEST_MAINTENANCE_OFF:
        case ELECT_REQUEST_MAX:
                break;
        }
        return false;
}

/* Nothing is under way any more that could still fulfil the request. */
static bool request_over(const ElectCore *core)
{
        switch (core->operator.request) {
        case ELECT_REQUEST_MAKE_MASTER:
                return !busy(core);
        case ELECT_REQUEST_MAKE_SLAVE: /* demoted, it waits for the peer to take over */
                return core->state == ELECT_MASTER && !busy(core);
        case ELECT_REQUEST_FORCE_MASTER:
        case ELECT_REQUEST_KEEP_MASTER: /* elect-split.c has limits of its own for its steps */
        case ELECT_REQUEST_KEEP_SLAVE:
        case ELECT_REQUEST_MAINTENANCE_ON:
        case ELECT_REQUEST_MAINTENANCE_OFF:
        case ELECT_REQUEST_MAX:
                break;
        }
        return false;
}

bool elect_operator_rule(ElectCore *core)
{
        if (core->maintenance_token != 0 && core->saved_number >= core->maintenance_save) {
                reply(core, core->maintenance_token, ELECT_OK);
                core->maintenance_token = 0;
        }
        if (core->operator.token == 0)
                return false;
        if (request_done(core))
                elect_operator_reply(core, ELECT_OK);
        else if (core->now_usec >= core->operator.until_usec || request_over(core))
                elect_operator_reply(core, ELECT_FAILED_TIMEOUT);
        else {
                elect_wake(core, core->operator.until_usec);
                return false;
        }
        return true;
}
