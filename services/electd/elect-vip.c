/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a pair without a volume. There is no data of ours to lose, so availability rules: a lone node
 * serves, two nodes that hear each other end with exactly one master; the arbiter, which guards data, has no
 * say. (tests/model/hapair.pml, -DNOVOL)
 */
#include "elect-core.h"

/* A master heard → Slave. */
static bool follow_rule(ElectCore *core)
{
        if (core->state != ELECT_WAIT_PEER || !elect_active(core) || !elect_master_heard(core))
                return false;

        core->role = ELECT_ROLE_SLAVE;
        elect_set_state(core, ELECT_SLAVE, ELECT_REASON_MASTER_HEARD);
        return true;
}

/*
 * Whether nobody was heard for long enough: after the start max(2 s, dead time), at most 60 s; once the peer
 * was heard, hbd's verdict, which is the dead time.
 */
static bool silent(ElectCore *core)
{
        uint64_t listened;

        if (core->listen_since_usec == USEC_INFINITY || elect_peer_heard(core))
                return false;
        if (core->state == ELECT_SLAVE || core->heard_ever)
                return core->peer == ELECT_PEER_LOST;

        listened = core->listen_since_usec + elect_listen_usec(core);
        if (core->now_usec < listened) {
                elect_wake(core, listened);
                return false;
        }
        return true;
}

/*
 * A slave whose own LAN has no carrier must not take its own silence for the master's death (a dead switch
 * takes both carriers and moves nothing); with the carrier back the paths get one dead time to speak.
 */
static bool silence_is_ours(ElectCore *core)
{
        uint64_t heard_by = core->link_since_usec + core->settings.dead_usec;

        if (core->state != ELECT_SLAVE || core->link == ELECT_UNKNOWN)
                return false;
        if (core->link == ELECT_BAD)
                return true;
        if (core->link_since_usec <= core->start_usec || core->link_since_usec < core->since_usec ||
            core->now_usec >= heard_by)
                return false;

        elect_wake(core, heard_by);
        return true;
}

/* Nobody heard, and none of the peer's MACs answering for the virtual IPs → serve. */
static bool alone_rule(ElectCore *core)
{
        ElectReason reason;

        /* A fresh kernel holds no addresses, and who left in order saw to that itself: nothing to probe. */
        if (core->peer_rebooted && core->state == ELECT_SLAVE)
                reason = ELECT_REASON_PEER_REBOOTED;
        else if (core->record.gone && core->peer != ELECT_PEER_UNKNOWN && !elect_promised(core))
                reason = ELECT_REASON_PEER_GONE;
        else if (!silent(core) || silence_is_ours(core) || !elect_probed(core) || elect_peer_answers(core))
                return false;
        else
                reason = core->heard_ever ? ELECT_REASON_PEER_LOST : ELECT_REASON_NOBODY_HEARD;

        elect_promote(core, reason, elect_commit(core));
        return true;
}

/*
 * Peer heard, neither master, no PREQ outstanding, no HANDOVER of ours still valid → the configured master
 * serves; the other does when that one says it cannot, and goes on saying so.
 */
static bool neither_rule(ElectCore *core)
{
        bool peer_fit = core->record.able && !core->record.carrier_down && !core->record.maintenance;
        uint64_t settled = core->neither_since_usec + core->settings.dead_usec / 2;

        if (!elect_peer_stands_by(core) || core->record.gone) {
                core->neither_since_usec = 0;
                return false;
        }
        if (core->neither_since_usec == 0) {
                core->neither_since_usec = core->now_usec;
                return true;
        }
        if (core->preq.nonce != 0 || elect_promised(core))
                return false;

        if (core->settings.configured == ELECT_ROLE_MASTER && (elect_fit(core) || !peer_fit)) {
                elect_promote(core, ELECT_REASON_CONFIGURED, elect_commit(core));
                return true;
        }
        if (!elect_fit(core) || peer_fit)
                return false;
        if (core->now_usec < settled) {
                elect_wake(core, settled);
                return false;
        }
        elect_promote(core, ELECT_REASON_FIT, elect_commit(core));
        return true;
}

/* Two nodes that both claim one configured role, by mistake, still end with one master. */
static bool loses_tie(const ElectCore *core)
{
        if (core->record.configured == core->settings.configured)
                return core->instance < core->record.instance;
        return core->settings.configured == ELECT_ROLE_SLAVE;
}

/*
 * Two masters: one that hears a master whose record does not echo it yields; else the lower epoch; then the
 * configured slave. Judged on a fresh record. The echo is given half a dead time to arrive, or both would
 * yield at the moment they meet.
 */
static bool two_masters_rule(ElectCore *core)
{
        bool two = elect_master_heard(core);
        uint64_t echo_by = core->two_since_usec + core->settings.dead_usec / 2;
        ElectReason reason;

        if (core->state != ELECT_MASTER || core->plan.n > 0 || !two) {
                if (core->two_since_usec == 0)
                        return false;
                core->two_since_usec = 0;
                /* Switches and clients may have learnt the other one. */
                if (core->state == ELECT_MASTER && core->vipd)
                        elect_order(core, ELECT_ORDER_ANNOUNCE);
                return true;
        }
        if (core->two_since_usec == 0) {
                core->two_since_usec = core->now_usec;
                return true;
        }
        if (core->record.state == ELECT_DEMOTING)
                return false; /* it yields already */

        if (core->record.epoch > core->epoch)
                reason = ELECT_REASON_LOWER_EPOCH;
        else if (core->record.epoch == core->epoch && loses_tie(core))
                reason = ELECT_REASON_TIE;
        else if (!elect_echoed(core) && core->now_usec >= echo_by)
                reason = ELECT_REASON_NOT_ECHOED;
        else {
                if (!elect_echoed(core))
                        elect_wake(core, echo_by);
                return false;
        }
        elect_demote(core, reason);
        return true;
}

bool elect_vip_rules(ElectCore *core)
{
        if (two_masters_rule(core)) /* also in maintenance: an address answered twice serves nobody */
                return true;
        if (!elect_standby(core) || core->plan.n > 0 || core->stopping)
                return false;
        if (follow_rule(core))
                return true;
        /* usable and vipd: an order that cannot be obeyed is not given */
        if (!elect_automatic(core) || !core->vipd || !core->usable || core->health == ELECT_BAD)
                return false;
        return alone_rule(core) || neither_rule(core);
}
