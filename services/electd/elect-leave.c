/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leaving in order: nobody is frozen, shot or waited for because this node stops. A master hands over first
 * when the peer is able; a slave with a volume says LEAVING and waits for the master's acknowledgement,
 * which holds the master's durable right to go on alone. A leaving node answers nothing.
 */
#include "elect-core.h"

#define ACK_LIMIT_USEC (5 * USEC_PER_SEC)

/*
 * Last of all the kernel takes leave of the peer's, which then counts this disk as outdated instead of dead.
 * A primary cannot, nor can it be waited for when the time is over.
 */
static void stop(ElectCore *core)
{
        bool secondary = core->plan.n == 0 && core->role != ELECT_ROLE_MASTER;

        if (core->state != ELECT_LEAVING) {
                core->role = core->memory.role = ELECT_ROLE_NONE;
                elect_set_state(core, ELECT_LEAVING, ELECT_REASON_LEAVING);
        }
        if (core->settings.volume && core->volume.known && secondary)
                core->parting_id = elect_order(core, ELECT_ORDER_LEAVE);
        else
                core->stopped = true;
}

static bool waits(ElectCore *core, uint64_t until_usec)
{
        if (core->now_usec >= until_usec)
                return false;
        elect_wake(core, until_usec);
        return true;
}

static bool part(ElectCore *core)
{
        if (!core->parted && waits(core, core->stop_until_usec))
                return false;
        core->stopped = true;
        return true;
}

/* The slave's side, with a volume. fsync elig=0, then say so; only then disconnect. */
static bool leave_slave(ElectCore *core)
{
        ElectMessage leaving;

        if (!core->leaving_sent) {
                core->leaving_sent = true;
                core->leaving_until_usec = core->now_usec + ACK_LIMIT_USEC;
                core->memory.elig = false;
                core->outdate = core->preq = (ElectAsk){};
                core->role = ELECT_ROLE_NONE;
                if (core->state != ELECT_LEAVING)
                        elect_set_state(core, ELECT_LEAVING, ELECT_REASON_LEAVING);
                leaving = elect_message(core, ELECT_MSG_LEAVING, elect_nonce_new(core),
                                        ELECT_REASON_LEAVING);
                elect_send_after(core, &leaving, elect_commit(core));
                return true;
        }
        if (!core->leaving_acked && elect_connected(core) && waits(core, core->leaving_until_usec))
                return false;

        stop(core);
        return true;
}

/*
 * Handed over and waiting to see it taken; gone in any case when the promise is over or the peer is lost.
 * Who took it over is left like any other master.
 */
static bool leave_handed(ElectCore *core)
{
        if (elect_promised(core) && !elect_master_heard(core) && core->peer != ELECT_PEER_LOST)
                return false;
        if (core->settings.volume && elect_master_heard(core) && elect_connected(core) && core->in_session &&
            !core->memory.sole)
                return leave_slave(core);
        stop(core);
        return true;
}

bool elect_leave_rules(ElectCore *core)
{
        if (!core->stopping || core->stopped)
                return false;
        if (core->parting_id != 0)
                return part(core);
        if (!waits(core, core->stop_until_usec)) {
                stop(core);
                return true;
        }
        if (core->plan.n > 0)
                return false;

        switch (core->state) {
        case ELECT_MASTER:
                if (!core->leave_asked || core->takeover.nonce != 0)
                        return false;
                elect_demote(core, ELECT_REASON_LEAVING);
                return true;
        case ELECT_ISOLATED:
                elect_demote(core, ELECT_REASON_LEAVING);
                return true;
        case ELECT_LEAVING:
                return core->leaving_sent ? leave_slave(core) : leave_handed(core);
        case ELECT_WAIT_PEER:
        case ELECT_SLAVE:
                if (core->settings.volume && elect_connected(core) && core->in_session && !core->memory.sole)
                        return leave_slave(core);
                stop(core);
                return true;
        case ELECT_INIT:
        case ELECT_FAULT:
                stop(core);
                return true;
        case ELECT_PROMOTING:
        case ELECT_DEMOTING:
        case ELECT_MAINTENANCE:
        case ELECT_STATE_MAX:
                break;
        }
        return false;
}

/*
 * The master's side: alone from now on, durably, before it says so; the slave's departure freezes nothing. A
 * master whose own disk is gone has no right to take: the one that leaves has the data.
 */
void elect_on_leaving(ElectCore *core, const ElectMessage *message)
{
        ElectMessage ack;

        if (core->state != ELECT_MASTER || core->plan.n > 0 || !elect_session_named(core, message) ||
            (!core->memory.sole && !elect_disk_whole(core)))
                return;

        core->peer_leaving = true;
        core->memory.sole = true;
        ack = elect_message(core, ELECT_MSG_LEAVING_ACK, message->nonce, ELECT_REASON_LEAVING);
        elect_send_after(core, &ack, elect_commit(core));
}

void elect_on_leaving_ack(ElectCore *core, const ElectMessage *message)
{
        if (core->leaving_sent && elect_session_named(core, message))
                core->leaving_acked = true;
}
