/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of a pair with a replicated disk, first half: sessions, who follows whom, the isolated master,
 * and the rejoin. The kernel is the last guard: a primary that loses its peer freezes its I/O in the same
 * state change and goes on only with a right (elect-right.c).
 */
#include "elect-core.h"

#define STRAY_USEC (500 * USEC_PER_MSEC)

/*
 * Everything tied to the session dies with it: requests, promises not yet sent, the right to be handed to.
 */
void elect_void_session(ElectCore *core)
{
        core->in_session = false;
        core->peer_session = 0;
        core->my_session = elect_nonce_new(core);
        core->session_next_usec = core->now_usec;
        core->outdate = (ElectAsk){};
        core->peer_leaving = false;
        elect_drop_held(core);
}

/* A new connection is a new session; an offer ends, because the peer's kernel has seen this node demoted. */
static void connection_made(ElectCore *core)
{
        core->parted_usec = 0;
        elect_void_session(core);
        core->offer = false;
        core->eligible_next_usec = 0;
        if (core->withdrawn)
                core->refresh_retry_usec = core->now_usec;
        core->withdrawn = false;
        core->peer_history = (ElectHistory){};
}

void elect_volume_changed(ElectCore *core, const ElectVolume *volume)
{
        bool was = elect_connected(core);
        bool is = volume->known && volume->connected;

        if (volume->known)
                elect_disk_missed(core, volume);
        if (core->volume.disk != volume->disk || core->volume.known != volume->known)
                core->disk_since_usec = core->now_usec;
        if (core->volume.connected != volume->connected || core->volume.known != volume->known)
                core->volume_since_usec = core->now_usec;
        if (is && (!was || volume->connection != core->volume.connection)) {
                core->volume = *volume;
                connection_made(core);
        } else if (was && !is) {
                bool held_right = core->leaving_acked;
                core->volume = *volume;
                elect_void_session(core);
                core->leaving_acked = held_right;
        } else
                core->volume = *volume;

        if (!volume->known)
                return;
        if (!volume->frozen)
                core->thaw_by_usec = 0;
        if (volume->disk <= ELECT_DISK_INCONSISTENT)
                core->memory.elig = core->offer = false;
        elect_disk_apart(core);
        if (volume->connected && volume->peer_primary)
                core->offer = false;
        /* Without a disk nobody can read it: what was here is not forgotten. */
        if (volume->generation != 0)
                core->memory.generation = volume->generation;
        core->memory.peer_generation = volume->peer_generation;
}

bool elect_session_named(const ElectCore *core, const ElectMessage *message)
{
        return elect_connected(core) && core->in_session &&
               message->session == core->my_session + core->peer_session;
}

/* Fit to be handed the role: connected in a session, up to date, and not holding a right of its own. */
bool elect_may_preq(const ElectCore *core)
{
        if (!core->settings.volume)
                return true;
        return elect_connected(core) && core->in_session && !core->memory.sole && !core->stopping &&
               !elect_split_brain(core) && core->volume.disk == ELECT_DISK_UP_TO_DATE &&
               !core->right_pending;
}

/* Nonces are exchanged after each connect; a session holds when the peer has named our present one. */
static void send_session(ElectCore *core)
{
        ElectMessage message = elect_message(core, ELECT_MSG_SESSION, core->peer_session, ELECT_REASON_NONE);

        message.session = core->my_session;
        message.in_session = core->in_session;
        elect_send(core, &message);
        core->session_next_usec = core->now_usec + MAX_OF(core->settings.dead_usec / 2, 50 * USEC_PER_MSEC);
}

static bool session_rule(ElectCore *core)
{
        if (!elect_connected(core) || core->in_session || !elect_record_fresh(core))
                return false;
        if (core->now_usec < core->session_next_usec) {
                elect_wake(core, core->session_next_usec);
                return false;
        }
        send_session(core);
        return true;
}

/*
 * Answered as long as either side has not been named: a nonce that changed in flight leaves nobody waiting.
 */
void elect_on_session(ElectCore *core, const ElectMessage *message)
{
        if (!elect_connected(core))
                return; /* the peer's view is of a connection that is no more */
        core->peer_session = message->session;
        core->in_session = message->nonce == core->my_session;
        if (!core->in_session || !message->in_session)
                send_session(core);
}

/* Remembered state lost means unknown, unless connected with both disks up to date. */
static bool unknown_rule(ElectCore *core)
{
        if (!core->memory_lost || core->state != ELECT_FAULT || !elect_connected(core) ||
            core->volume.disk != ELECT_DISK_UP_TO_DATE || core->volume.peer_disk != ELECT_DISK_UP_TO_DATE)
                return false;

        core->memory_lost = false;
        core->memory.sole = core->memory.elig = false;
        elect_set_state(core, ELECT_WAIT_PEER, ELECT_REASON_RECONNECTED);
        return true;
}

static bool follow_rule(ElectCore *core)
{
        bool primary = elect_connected(core) && core->volume.peer_primary;

        if (core->state != ELECT_WAIT_PEER || !elect_active(core) || (!primary && !elect_master_heard(core)))
                return false;

        core->role = ELECT_ROLE_SLAVE;
        elect_set_state(core, ELECT_SLAVE, ELECT_REASON_MASTER_HEARD);
        return true;
}

/*
 * An electd that ended half-way between two roles leaves a primary behind, or an order that makes one later:
 * a standby that stays primary takes it all down again.
 */
static bool stray_rule(ElectCore *core)
{
        uint64_t patience = core->since_usec + STRAY_USEC;

        if (!elect_standby(core) || core->plan.n > 0 || !core->volume.known || !core->volume.primary)
                return false;
        if (core->now_usec < patience) {
                elect_wake(core, patience);
                return false;
        }
        elect_demote(core, ELECT_REASON_ORDER_FAILED);
        return true;
}

static bool isolated_rule(ElectCore *core)
{
        if (core->state != ELECT_MASTER || core->plan.n > 0 || !core->volume.known ||
            elect_connected(core) || core->memory.sole)
                return false;

        elect_set_state(core, ELECT_ISOLATED, ELECT_REASON_REPLICATION_LOST);
        return true;
}

static bool reconnected_rule(ElectCore *core)
{
        if (core->state != ELECT_ISOLATED || core->plan.n > 0 || !elect_connected(core) ||
            core->volume.frozen)
                return false;

        if (core->fence_asked) /* nobody waits for it any more: the kernel has its peer back */
                elect_act(core, ELECT_ACT_FENCE_ANSWER)->fence_answer = ELECT_FENCE_UNKNOWN;
        core->fence_asked = false;
        elect_set_state(core, ELECT_MASTER, ELECT_REASON_RECONNECTED);
        core->refresh_retry_usec = core->now_usec;
        return true;
}

/*
 * The peer holds the right: addresses down at once; what stays stuck is rebooted (plan_stuck). A master that
 * was frozen whole may still believe itself connected: of two masters that hear each other the one without
 * the right drops what is half-open and goes.
 */
static bool give_up_rule(ElectCore *core)
{
        bool doubled = core->state == ELECT_MASTER && elect_master_heard(core);

        if ((core->state != ELECT_ISOLATED && !doubled) || core->plan.n > 0 || core->memory.sole ||
            !elect_record_fresh(core) || !core->record.sole)
                return false;

        if (elect_connected(core))
                elect_order(core, ELECT_ORDER_DISCONNECT);
        core->memory.elig = false;
        core->outdate = (ElectAsk){};
        core->right_pending = false;
        elect_demote(core, ELECT_REASON_PEER_HOLDS_RIGHT);
        return true;
}

/*
 * Both wrote, as the kernels will find when they meet, which takes them seconds: the configured slave takes
 * its addresses down at once, and has them back (withdraw_rule) should the other be the one that goes.
 */
static bool stand_back(ElectCore *core)
{
        if (core->settings.configured == ELECT_ROLE_MASTER || core->withdrawn)
                return false;

        core->withdrawn = true;
        elect_decide(core, elect_state(core), ELECT_REASON_PEER_HOLDS_RIGHT);
        core->refresh_retry_usec = core->now_usec;
        return true;
}

/*
 * Two masters that both hold `sole` (an operator forced one, say): who wrote nothing alone yields and
 * resyncs; when that is both, the configured master stays. Where both wrote, the kernel finds a split brain.
 */
static bool two_masters_rule(ElectCore *core)
{
        bool two = core->state == ELECT_MASTER && core->plan.n == 0 && core->memory.sole &&
                   !elect_connected(core) && elect_master_heard(core) && core->record.sole;
        uint64_t patience = core->two_since_usec + core->settings.dead_usec;

        if (!two || core->volume.wrote_alone) {
                core->two_since_usec = 0;
                return two && stand_back(core);
        }
        if (core->two_since_usec == 0) {
                core->two_since_usec = core->now_usec;
                return true;
        }
        if (core->settings.configured == ELECT_ROLE_MASTER && core->now_usec < patience) {
                elect_wake(core, patience);
                return false;
        }
        core->memory.sole = core->memory.elig = false;
        elect_demote(core, ELECT_REASON_PEER_HOLDS_RIGHT);
        return true;
}

/* Hearing the peer's `sole` bars this node. */
static bool barred_rule(ElectCore *core)
{
        if (!elect_standby(core) || !core->memory.elig || core->memory.sole || elect_connected(core) ||
            !elect_record_fresh(core) || !core->record.sole)
                return false;

        core->memory.elig = false;
        return true;
}

/*
 * Resynced from the master, this node holds the master's data: a right of before (forced, or split) is void.
 */
static bool resynced_rule(ElectCore *core)
{
        if (!elect_standby(core) || core->plan.n > 0 || !core->memory.sole || core->right_pending ||
            !elect_connected(core) || !core->in_session || !core->volume.peer_primary ||
            core->volume.disk != ELECT_DISK_UP_TO_DATE)
                return false;

        core->memory.sole = core->memory.elig = false;
        return true;
}

/* A master that had been late is whole again in a session made since. */
static bool whole_rule(ElectCore *core)
{
        if (core->state != ELECT_MASTER || core->memory.elig || !elect_connected(core) ||
            core->volume.disk != ELECT_DISK_UP_TO_DATE || !core->in_session || !elect_record_fresh(core) ||
            !core->record.connected)
                return false;

        core->memory.elig = true;
        return true;
}

/*
 * The peer is there, but its disk does not follow: what is written from now on only this node has. Without
 * the right a crash would leave two nodes that wait for each other.
 */
static bool alone_rule(ElectCore *core)
{
        if (core->state != ELECT_MASTER || core->plan.n > 0 || core->memory.sole || !elect_connected(core) ||
            !core->in_session || !elect_record_fresh(core) || core->record.sole ||
            core->volume.disk != ELECT_DISK_UP_TO_DATE || core->volume.peer_disk == ELECT_DISK_UNKNOWN ||
            core->volume.peer_disk == ELECT_DISK_UP_TO_DATE)
                return false;

        core->memory.sole = core->memory.elig = true;
        return true;
}

/* Rejoin: resync complete → master fsyncs sole=0 → ELIGIBLE → slave sets elig. No other order. */
static bool release_rule(ElectCore *core)
{
        bool whole = core->state == ELECT_MASTER && core->plan.n == 0 && elect_connected(core) &&
                     core->in_session && !core->peer_leaving && elect_record_fresh(core) &&
                     core->record.connected && core->volume.peer_disk == ELECT_DISK_UP_TO_DATE;
        ElectMessage eligible;

        if (!whole)
                return false;
        if (core->memory.sole) {
                core->memory.sole = false;
                core->eligible_next_usec = 0;
                elect_commit(core);
                return true;
        }
        if (core->record.elig || core->record.leaving || core->record.role == ELECT_ROLE_MASTER)
                return false;
        if (core->now_usec < core->eligible_next_usec) {
                elect_wake(core, core->eligible_next_usec);
                return false;
        }
        core->eligible_next_usec = core->now_usec + core->settings.dead_usec;
        eligible = elect_message(core, ELECT_MSG_ELIGIBLE, elect_nonce_new(core), ELECT_REASON_RECONNECTED);
        elect_send_after(core, &eligible, elect_commit(core));
        return true;
}

void elect_on_eligible(ElectCore *core, const ElectMessage *message)
{
        if (!elect_session_named(core, message) || !elect_standby(core) || core->memory.sole ||
            core->stopping || core->volume.disk != ELECT_DISK_UP_TO_DATE)
                return;
        core->memory.elig = true;
}

/*
 * Boot with own proof. Alone: listen one dead time and probe, then serve. Connected to a standby: serve, the
 * peer resyncs.
 */
static bool proof_rule(ElectCore *core)
{
        uint64_t listened = core->start_usec + core->settings.dead_usec;

        if (!core->memory.sole || core->right_pending || !elect_able(core) || elect_master_heard(core) ||
            (elect_split_brain(core) && !elect_split_keeps(core)))
                return false;

        if (elect_connected(core)) {
                if (core->volume.peer_primary)
                        return false;
        } else if (!elect_peer_stands_by(core)) {
                if (core->listen_since_usec == USEC_INFINITY || elect_peer_heard(core))
                        return false;
                if (core->now_usec < listened) {
                        elect_wake(core, listened);
                        return false;
                }
                if (!elect_probed(core) || elect_peer_answers(core))
                        return false;
        }
        elect_promote(core, ELECT_REASON_SOLE, elect_commit(core));
        return true;
}

/*
 * Both up, connected and in sync, neither primary: the configured master, or the fit one. Of a peer without
 * a disk nobody can say what was on it: this node must know by itself that it holds everything.
 */
static bool both_rule(ElectCore *core)
{
        bool whole = core->volume.peer_disk == ELECT_DISK_UP_TO_DATE ||
                     (core->volume.peer_disk == ELECT_DISK_DISKLESS && core->memory.elig);
        bool peer_fit = core->record.able && !core->record.carrier_down && !core->record.maintenance;
        bool mine = core->settings.configured == ELECT_ROLE_MASTER ? elect_fit(core) || !peer_fit
                                                                   : elect_fit(core) && !peer_fit;

        if (!elect_may_preq(core) || !elect_peer_stands_by(core) || core->record.sole ||
            core->volume.peer_primary || !whole || core->preq.nonce != 0 || !mine || elect_promised(core))
                return false;
        if (core->now_usec < core->preq_next_usec) {
                elect_wake(core, core->preq_next_usec);
                return false;
        }

        elect_ask_preq(core, core->settings.configured == ELECT_ROLE_MASTER ? ELECT_REASON_CONFIGURED
                                                                            : ELECT_REASON_FIT);
        return true;
}

/*
 * Frozen, and the peer may have gone on since: late as this node was it takes no right by itself, and what
 * clients would read here may be old.
 */
static bool outlived(const ElectCore *core)
{
        return core->state == ELECT_ISOLATED && !elect_connected(core) && !core->memory.sole &&
               !core->memory.elig;
}

/*
 * A master without `sole` whose paths and gateway fell together is cut off: it takes its addresses down, and
 * puts them back when either is back, nobody of the peer answers for them and the peer is not heard as sole.
 */
static bool withdraw_rule(ElectCore *core)
{
        bool primary = core->state == ELECT_MASTER || core->state == ELECT_ISOLATED;
        bool gateway = core->link != ELECT_BAD &&
                       (core->gateway == ELECT_GOOD ||
                        (core->gateway == ELECT_VOID && core->link == ELECT_GOOD));

        if (!primary || core->plan.n > 0)
                return false;
        if (!core->withdrawn) {
                bool cut_off = core->settings.arbiter == ELECT_ARBITER_PATHS && !core->memory.sole &&
                               !gateway && core->peer == ELECT_PEER_LOST;

                if (!cut_off && !outlived(core))
                        return false;
                core->withdrawn = true;
                elect_decide(core, elect_state(core),
                             cut_off ? ELECT_REASON_ISOLATED_LAN : ELECT_REASON_LATE);
                core->refresh_retry_usec = core->now_usec;
                return true;
        }
        if (outlived(core) || (!elect_peer_heard(core) && !gateway))
                return false;
        if (!elect_probed(core) || elect_peer_answers(core) ||
            (elect_record_fresh(core) && core->record.sole))
                return false;
        core->withdrawn = false;
        elect_decide(core, elect_state(core), ELECT_REASON_RECONNECTED);
        core->refresh_retry_usec = core->now_usec;
        return true;
}

bool elect_volume_rules(ElectCore *core)
{
        bool changed = session_rule(core) || unknown_rule(core) || stray_rule(core) || isolated_rule(core) ||
                       give_up_rule(core) || two_masters_rule(core) || reconnected_rule(core) ||
                       barred_rule(core) || resynced_rule(core) || whole_rule(core) ||
                       elect_split_rules(core) || elect_disk_rule(core) || withdraw_rule(core);

        if (changed || core->plan.n > 0 || core->stopping)
                return changed;
        if (alone_rule(core) || release_rule(core) || follow_rule(core))
                return true;
        if (!elect_standby(core) || !elect_automatic(core))
                return false;
        return proof_rule(core) || (elect_able(core) && both_rule(core));
}
