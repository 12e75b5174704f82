/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this node knows, in the words the rules use, and how each event changes it. What is not reported is
 * unknown, never assumed: an aged record is not a lost peer, a helper that went away is not a verdict.
 */
#include "elect-core.h"

#define ANSWER_MIN_USEC (8 * USEC_PER_MSEC)
#define PROBED_MAX_USEC USEC_PER_SEC
/* For a master's right: the kernels find the same cut seconds apart, and consent waits for the later one. */
#define FENCE_USEC USEC_PER_MINUTE

uint64_t elect_listen_usec(const ElectCore *core)
{
        uint64_t usec = MAX_OF(core->settings.dead_usec, ELECT_LISTEN_MIN_USEC);

        return MIN_OF(usec, ELECT_LISTEN_MAX_USEC);
}

bool elect_standby(const ElectCore *core)
{
        return core->state == ELECT_WAIT_PEER || core->state == ELECT_SLAVE;
}

/* Switched on, and one of the two nodes. */
bool elect_active(const ElectCore *core)
{
        return core->settings.active && core->settings.configured != ELECT_ROLE_NONE;
}

/* Whether this node may act without being asked. */
bool elect_automatic(const ElectCore *core)
{
        return elect_active(core) && !core->memory.maintenance && !core->stopping;
}

bool elect_peer_heard(const ElectCore *core)
{
        return core->peer == ELECT_PEER_ONLINE || core->peer == ELECT_PEER_LATE;
}

/* It was so a moment ago, and nothing says that it is no more. */
bool elect_record_valid(const ElectCore *core)
{
        return core->record_known && !core->record_aged && elect_peer_heard(core);
}

/* The only record that says something about now. */
bool elect_record_fresh(const ElectCore *core)
{
        return core->record_known && !core->record_aged && core->peer == ELECT_PEER_ONLINE;
}

bool elect_master_heard(const ElectCore *core)
{
        return elect_record_fresh(core) && core->record.role == ELECT_ROLE_MASTER;
}

/* Heard now, and neither master nor about to be: PROMOTING and DEMOTING are left to end first. */
bool elect_peer_stands_by(const ElectCore *core)
{
        return elect_record_fresh(core) && core->record.role != ELECT_ROLE_MASTER &&
               (core->record.state == ELECT_WAIT_PEER || core->record.state == ELECT_SLAVE ||
                core->record.state == ELECT_FAULT);
}

/* Would take over now if asked. */
bool elect_peer_able(const ElectCore *core)
{
        return elect_peer_stands_by(core) && core->record.able && !core->record.leaving &&
               (!core->record.volume || core->record.up_to_date);
}

/* The peer hears this very electd. */
bool elect_echoed(const ElectCore *core)
{
        return core->record_known && core->record.echo_instance == core->instance;
}

bool elect_connected(const ElectCore *core)
{
        return core->volume.known && core->volume.connected;
}

/* Could serve: the addresses have their devices, nothing here is broken. */
bool elect_able(const ElectCore *core)
{
        if (!elect_active(core) || core->stopping || core->state == ELECT_FAULT ||
            core->state == ELECT_INIT || core->memory_lost)
                return false;
        if (!core->vipd || !core->usable || core->health == ELECT_BAD)
                return false;
        return !core->settings.volume || elect_disk_serves(core);
}

/* Able, and seen from the LAN. */
bool elect_fit(const ElectCore *core)
{
        return elect_able(core) && core->link != ELECT_BAD;
}

/*
 * One of the peer's MACs answered for a virtual IP a moment ago. Its kernel answers as long as it holds the
 * address, also while its daemons hang. vipd asks every twentieth of the dead time: five questions without
 * an answer say that nobody answers any more.
 */
bool elect_peer_answers(ElectCore *core)
{
        uint64_t until = core->peer_answered_usec + MAX_OF(core->settings.dead_usec / 4, ANSWER_MIN_USEC);

        if (core->peer_answered_usec == 0 || core->now_usec >= until)
                return false;

        elect_wake(core, until);
        return true;
}

/*
 * The same at the replication link, where DRBD's connection may still seem to stand: so it takes vipd's
 * word, fresh, that its questions were asked and not answered. Without it nobody knows.
 */
bool elect_peer_silent(const ElectCore *core)
{
        uint64_t until = core->silent_usec + MAX_OF(core->settings.dead_usec / 4, ANSWER_MIN_USEC);

        return core->silent_usec != 0 && core->now_usec < until;
}

/*
 * Asked for long enough that silence means nobody answers; a vipd that hangs asks nobody, so it has to say
 * that it has begun. Probing starts when the peer is late: no time lost.
 */
bool elect_probed(ElectCore *core)
{
        uint64_t needed = MIN_OF(core->settings.dead_usec / 4, PROBED_MAX_USEC);

        if (!core->vipd || !core->probing || core->probing_since_usec == USEC_INFINITY)
                return false;
        if (core->now_usec < core->probing_since_usec + needed) {
                elect_wake(core, core->probing_since_usec + needed);
                return false;
        }
        return true;
}

bool elect_probe_wanted(const ElectCore *core)
{
        if (core->withdrawn || core->state == ELECT_ISOLATED)
                return true;
        return elect_standby(core) && core->peer != ELECT_PEER_ONLINE;
}

/* A HANDOVER of ours can still be taken: its nonce lives, and so does the electd that asked. */
bool elect_promised(ElectCore *core)
{
        if (core->promise_until_usec == 0)
                return false;
        if (core->now_usec >= core->promise_until_usec ||
            (elect_record_fresh(core) && core->record.instance != core->promise_instance)) {
                core->promise_until_usec = 0;
                return false;
        }
        elect_wake(core, core->promise_until_usec);
        return true;
}

void elect_make_record(const ElectCore *core, ElectRecord *ret_record)
{
        bool gone = core->stopping && core->state == ELECT_LEAVING && core->plan.n == 0 &&
                    core->role != ELECT_ROLE_MASTER;

        *ret_record = (ElectRecord){
                .state = core->state,
                .role = core->role,
                .configured = core->settings.configured,
                .epoch = core->epoch,
                .instance = core->instance,
                .digest = core->settings.digest,
                .sole = core->durable.sole && core->memory.sole && !core->right_pending,
                .elig = core->durable.elig && core->memory.elig,
                .able = elect_able(core),
                .carrier_down = core->link == ELECT_BAD,
                .maintenance = core->memory.maintenance,
                .leaving = core->stopping,
                .gone = gone,
                .volume = core->settings.volume,
                .connected = elect_connected(core),
                .primary = core->volume.primary,
                .up_to_date = core->volume.disk == ELECT_DISK_UP_TO_DATE,
                .asking = core->preq.nonce != 0,
                .pinned = core->memory.pinned,
                .knows_macs = core->record_known && core->facts_from == core->record.instance,
        };
}

ElectPeerState elect_peer_role(const ElectCore *core, ElectRole *ret_role)
{
        *ret_role = ELECT_ROLE_NONE;
        if (!core->record_known || core->record_aged || !elect_peer_heard(core))
                return elect_peer_heard(core) ? ELECT_PEER_UNKNOWN : core->peer;

        *ret_role = core->record.role;
        return core->peer;
}

static void forget_record(ElectCore *core)
{
        core->record_known = false;
        core->record_aged = false;
        core->record = (ElectRecord){};
        core->two_since_usec = core->neither_since_usec = core->carrier_lost_usec = 0;
}

static void hear_peer(ElectCore *core, ElectPeerState state, const uint8_t *boot_id)
{
        static const uint8_t none[ELECT_BOOT_ID_SIZE];
        bool known = memcmp(core->peer_boot_id, none, sizeof(none)) != 0;

        core->hbd = true;
        if (core->listen_since_usec == USEC_INFINITY)
                core->listen_since_usec = core->now_usec;
        if (memcmp(boot_id, none, sizeof(none)) != 0 &&
            memcmp(boot_id, core->peer_boot_id, sizeof(none)) != 0) {
                /* A changed boot id is the loss of that master at once, not after the dead time. */
                if (known) {
                        core->peer_rebooted = core->record_known && core->record.role == ELECT_ROLE_MASTER;
                        forget_record(core);
                }
                memcpy(core->peer_boot_id, boot_id, sizeof(core->peer_boot_id));
        }
        if (state != core->peer) {
                core->peer = state;
                core->peer_since_usec = core->now_usec;
        }
        if (elect_peer_heard(core))
                core->heard_ever = true;
        if (state == ELECT_PEER_LOST)
                core->peer_leaving = false;
}

static void hear_hbd_gone(ElectCore *core)
{
        core->hbd = false;
        core->listen_since_usec = USEC_INFINITY;
        core->n_paths = 0;
        if (core->peer != ELECT_PEER_UNKNOWN) {
                core->peer = ELECT_PEER_UNKNOWN;
                core->peer_since_usec = core->now_usec;
        }
}

static void hear_record(ElectCore *core, const ElectRecord *record, bool aged)
{
        if (core->record_known && core->record.instance != record->instance) {
                core->facts_next_usec = 0;
                elect_void_session(core);
        }
        core->record = *record;
        core->record_known = true;
        core->record_usec = core->now_usec;
        core->peer_rebooted = false;
        /* An epoch that jumps too far is not of this pair's history: such a record says nothing. */
        core->record_aged = aged || (record->epoch > core->epoch &&
                                     record->epoch - core->epoch > ELECT_EPOCH_JUMP_MAX);
        if (core->record_aged)
                return;

        if (record->role != ELECT_ROLE_NONE)
                core->memory.peer_role = record->role;
        /* The pin is the configured master's; the other one shows what that one says. */
        if (record->configured == ELECT_ROLE_MASTER && core->settings.configured == ELECT_ROLE_SLAVE)
                core->memory.pinned = record->pinned;
}

static void hear_paths(ElectCore *core, const ElectPath *path, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                bool same = i < core->n_paths && strcmp(core->path[i].name, path[i].name) == 0 &&
                            core->path[i].state == path[i].state;
                if (!same)
                        core->path_since_usec[i] = core->now_usec;
                core->path[i] = path[i];
        }
        core->n_paths = n;
}

static void hear_verdict(ElectCore *core, ElectVerdict *verdict, uint64_t *since_usec, ElectVerdict heard)
{
        if (*verdict == heard)
                return;
        *verdict = heard;
        *since_usec = core->now_usec;
}

static bool mac_in(const uint8_t macs[][ELECT_MAC_SIZE], size_t n, const uint8_t *mac)
{
        for (size_t i = 0; i < n; i++)
                if (memcmp(macs[i], mac, ELECT_MAC_SIZE) == 0)
                        return true;
        return false;
}

/* Only the peer's MACs block; any other is a stranger's, who must not keep the pair from serving. */
static void hear_answer(ElectCore *core, const uint8_t *mac)
{
        if (mac_in(core->memory.peer_macs, core->memory.n_peer_macs, mac))
                core->peer_answered_usec = core->now_usec;
}

static void hear_reached(ElectCore *core, bool answered, uint64_t usec)
{
        if (answered)
                core->reached_usec = core->now_usec;
        core->silent_usec = answered ? 0 : MIN_OF(usec, core->now_usec);
}

static void hear_conflict(ElectCore *core, const uint8_t *mac, bool present)
{
        if (core->conflict != present)
                core->conflict_since_usec = core->now_usec;
        core->conflict = present;
        memcpy(core->conflict_mac, mac, ELECT_MAC_SIZE);
}

static void hear_addresses(ElectCore *core, const ElectEvent *event)
{
        bool macs_differ = core->n_macs != event->addresses.n_macs ||
                           memcmp(core->macs, event->addresses.macs,
                                  (size_t) core->n_macs * ELECT_MAC_SIZE) != 0;

        if (!core->vipd) {
                core->vipd_since_usec = core->now_usec;
                core->refresh_id = 0;
                core->refresh_retry_usec = core->now_usec; /* it may not know what is wanted */
                core->probing = false;
        }
        core->vipd = true;
        core->vipd_holds = event->addresses.held;
        core->usable = event->addresses.usable;
        elect_raise_epoch(core, event->addresses.epoch);
        if (core->state == ELECT_INIT && event->addresses.held)
                core->epoch = MAX_OF(core->epoch, event->addresses.epoch);
        if (macs_differ) {
                core->n_macs = event->addresses.n_macs;
                memcpy(core->macs, event->addresses.macs, sizeof(core->macs));
                core->facts_next_usec = 0;
        }
}

static void hear_vipd_gone(ElectCore *core)
{
        core->vipd = false;
        core->vipd_since_usec = core->now_usec;
        core->refresh_id = 0;
        core->probing = false;
        core->silent_usec = 0;
        core->conflict = false;
        hear_verdict(core, &core->link, &core->link_since_usec, ELECT_UNKNOWN);
}

/*
 * A node late by more than half the dead time voids what it knew, in any role, before it reads any queued
 * message: eligibility, session, requests, evidence, and what it believed of the peer.
 */
static void hear_late(ElectCore *core, uint64_t late_usec)
{
        bool knew = core->peer != ELECT_PEER_UNKNOWN || core->record_known;

        if (!core->configured || late_usec <= core->settings.dead_usec / 2)
                return;

        core->memory.elig = false;
        elect_void_session(core);
        core->preq = core->takeover = (ElectAsk){};
        core->peer = ELECT_PEER_UNKNOWN;
        core->peer_since_usec = core->now_usec;
        forget_record(core); /* with it, every message that waited: see elect_receive() */
        core->peer_rebooted = false;
        core->probing = false; /* asked anew, so that its answers are counted from now */
        core->silent_usec = 0;
        if (core->listen_since_usec != USEC_INFINITY)
                core->listen_since_usec = core->now_usec;
        if (knew) /* hbd, late as well, says it too */
                elect_decide(core, elect_state(core), ELECT_REASON_LATE);
}

static void hear_saved(ElectCore *core, uint64_t number)
{
        core->saved_number = MAX_OF(core->saved_number, number);
        if (core->saved_number == core->save_number)
                core->durable = core->flying;
}

void elect_hear(ElectCore *core, const ElectEvent *event)
{
        switch (event->type) {
        case ELECT_EV_TIMER:
                core->timer_usec = USEC_INFINITY; /* it has fired: the next one is a new one */
                break;
        case ELECT_EV_SETTINGS:
                core->settings = event->settings;
                core->configured = true;
                core->settings_usec = core->now_usec;
                break;
        case ELECT_EV_PEER:
                hear_peer(core, event->peer.state, event->peer.boot_id);
                break;
        case ELECT_EV_HBD_GONE:
                hear_hbd_gone(core);
                break;
        case ELECT_EV_RECORD:
                hear_record(core, &event->record.record, event->record.aged);
                break;
        case ELECT_EV_MESSAGE:
                elect_receive(core, &event->message);
                break;
        case ELECT_EV_PATHS:
                hear_paths(core, event->paths.path, event->paths.n);
                break;
        case ELECT_EV_ADDRESSES:
                hear_addresses(core, event);
                break;
        case ELECT_EV_VIPD_GONE:
                hear_vipd_gone(core);
                break;
        case ELECT_EV_LINK:
                hear_verdict(core, &core->link, &core->link_since_usec, event->link);
                break;
        case ELECT_EV_PROBING:
                if (core->probing)
                        core->probing_since_usec = core->now_usec;
                break;
        case ELECT_EV_ANSWERED:
                hear_answer(core, event->answer.mac);
                break;
        case ELECT_EV_REACHED:
                hear_reached(core, event->reached.answered, event->reached.usec);
                break;
        case ELECT_EV_CONFLICT:
                hear_conflict(core, event->answer.mac, event->answer.present);
                break;
        case ELECT_EV_GATEWAY:
                hear_verdict(core, &core->gateway, &core->gateway_since_usec, event->gateway);
                break;
        case ELECT_EV_HEALTH:
                hear_verdict(core, &core->health, &core->health_since_usec, event->health);
                break;
        case ELECT_EV_VOLUME:
                elect_volume_changed(core, &event->volume);
                break;
        case ELECT_EV_FENCE_ASKED:
                core->fence_asked = true;
                core->fence_until_usec = core->now_usec + 2 * core->settings.dead_usec +
                                         (core->role == ELECT_ROLE_MASTER ? FENCE_USEC : 0);
                break;
        case ELECT_EV_REQUEST:
                elect_on_request(core, event->request.request, event->request.token);
                break;
        case ELECT_EV_ORDER_DONE:
                elect_order_done(core, event->done.order, event->done.id, event->done.error);
                break;
        case ELECT_EV_SAVED:
                hear_saved(core, event->saved);
                break;
        case ELECT_EV_LATE:
                hear_late(core, event->late_usec);
                break;
        case ELECT_EV_STOP:
                core->stopping = true;
                core->stop_until_usec = core->now_usec + elect_demotion_limit_usec(core);
                break;
        case ELECT_EV_MAX:
                break;
        }
}
