/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hbd as electd and the links see it: beats on every path with the record and its age, a changed record at
 * once, replayed and outdated frames dropped, messages sent again until acknowledged and delivered once. Who
 * lives is judged by hbd's own code.
 */
#include "world.h"

#include <string.h>

#define INTERVAL_MIN        (3 * USEC_PER_MSEC)
#define SERIAL_INTERVAL_MIN (18 * USEC_PER_MSEC)

static const char *const link_names[LINK_MAX] = { "lan", "replication", "serial" };

static uint64_t interval_usec(const World *w, Link link)
{
        uint64_t usec = MAX_OF(w->settings.dead_usec / 10, INTERVAL_MIN);

        return link == LINK_SERIAL ? MAX_OF(usec, SERIAL_INTERVAL_MIN) : usec;
}

static uint64_t link_dead_usec(const World *w, Link link)
{
        return link == LINK_SERIAL ? MAX_OF(w->settings.dead_usec, 3 * SERIAL_INTERVAL_MIN)
                                   : w->settings.dead_usec;
}

/* How long electd has not renewed its word; it does so every third of the dead time while it runs. */
static uint64_t record_age_usec(const World *w, unsigned node)
{
        uint64_t since = w->node[node].director.silent_since_usec;

        return since == USEC_INFINITY ? 0 : w->now_usec - since;
}

static void send_frame(World *w, unsigned node, Link link)
{
        Hbd *h = &w->node[node].hbd;
        Work like = { .frame = {
                                      .instance = h->instance,
                                      .sequence = ++h->sequence,
                                      .has_record = h->has_record,
                                      .record = h->record,
                                      .age_usec = record_age_usec(w, node),
                                      .goodbye = h->goodbye,
                      } };

        memcpy(like.frame.boot_id, w->node[node].boot_id, ELECT_BOOT_ID_SIZE);
        if (w->lie == LIE_RECORD && like.frame.record.role == ELECT_ROLE_MASTER)
                like.frame.record.role = ELECT_ROLE_SLAVE;
        net_send(w, link, node, WORK_FRAME, &like);
}

static void send_all(World *w, unsigned node)
{
        for (Link link = 0; link < LINK_MAX; link++)
                send_frame(w, node, link);
}

static ElectPeerState peer_state(PeerState state)
{
        static const ElectPeerState states[PEER_STATE_MAX] = {
                [PEER_UNKNOWN] = ELECT_PEER_UNKNOWN,
                [PEER_LOST] = ELECT_PEER_LOST,
                [PEER_LATE] = ELECT_PEER_LATE,
                [PEER_ONLINE] = ELECT_PEER_ONLINE,
        };

        return states[state];
}

static void tell(World *w, unsigned node, const ElectEvent *event)
{
        director_tell(w, node, event, 100);
}

static void tell_peer(World *w, unsigned node)
{
        Hbd *h = &w->node[node].hbd;
        ElectEvent event = { .type = ELECT_EV_PEER,
                             .peer = { .state = peer_state(h->liveness.state),
                                       .instance = h->peer_instance } };

        memcpy(event.peer.boot_id, h->peer_boot_id, ELECT_BOOT_ID_SIZE);
        h->told = h->liveness.state;
        tell(w, node, &event);
}

static void tell_record(World *w, unsigned node)
{
        Hbd *h = &w->node[node].hbd;
        ElectEvent event = { .type = ELECT_EV_RECORD,
                             .record = { .record = h->peer_record, .aged = h->stale } };

        if (h->has_peer_record)
                tell(w, node, &event);
}

static void tell_paths(World *w, unsigned node)
{
        const Hbd *h = &w->node[node].hbd;
        ElectEvent event = { .type = ELECT_EV_PATHS, .paths = { .n = LINK_MAX } };

        for (Link link = 0; link < LINK_MAX; link++) {
                ElectPath *path = &event.paths.path[link];
                PeerState state = h->liveness.paths[link].state;

                memcpy(path->name, link_names[link], strlen(link_names[link]) + 1);
                path->serial = link == LINK_SERIAL;
                path->state = state == PEER_ONLINE ? ELECT_PATH_UP
                              : state == PEER_LATE ? ELECT_PATH_DEGRADED
                              : state == PEER_LOST ? ELECT_PATH_DOWN
                                                   : ELECT_PATH_UNKNOWN;
        }
        tell(w, node, &event);
}

/* For an electd that just came. */
void hbd_tell_all(World *w, unsigned node)
{
        if (!daemon_runs(w, node, DAEMON_HBD))
                return;
        tell_peer(w, node);
        tell_record(w, node);
        tell_paths(w, node);
}

static void judge(World *w, unsigned node)
{
        Hbd *h = &w->node[node].hbd;
        LivenessChange change = liveness_step(&h->liveness, node_usec(w, node));
        uint64_t next = liveness_next(&h->liveness);

        if (change.peer) {
                world_trace(w, "node %u: hbd: peer %s", node, peer_state_to_string(h->liveness.state));
                tell_peer(w, node);
        }
        if (change.paths != 0)
                tell_paths(w, node);
        if (next != UINT64_MAX && h->judge_usec == USEC_INFINITY) {
                h->judge_usec = MAX_OF(next, node_usec(w, node) + 1);
                world_plan(w, node, DAEMON_HBD, h->judge_usec - node_usec(w, node), WORK_JUDGE);
        }
}

void hbd_start(World *w, unsigned node)
{
        Hbd *h = &w->node[node].hbd;

        memset(h, 0, sizeof(*h));
        h->instance = ++w->instances;
        h->judge_usec = USEC_INFINITY;
        for (Link link = 0; link < LINK_MAX; link++) {
                uint64_t dead = link_dead_usec(w, link);

                liveness_set_path(&h->liveness, link, dead / 2, dead, node_usec(w, node));
                world_plan(w, node, DAEMON_HBD, world_chance(w, interval_usec(w, link)), WORK_BEAT)->number =
                                link;
        }
        hbd_tell_all(w, node);
        judge(w, node);
        /* electd opens its door again and says what it is. */
        if (daemon_acts(w, node, DAEMON_ELECTD) && w->node[node].director.core.published.seq != 0)
                hbd_publish(w, node, &w->node[node].director.core.published);
}

void hbd_died(World *w, unsigned node)
{
        tell(w, node, &(ElectEvent){ .type = ELECT_EV_HBD_GONE });
}

/* Our own lateness accuses nobody; electd hears of it. */
void hbd_late(World *w, unsigned node, uint64_t late_usec)
{
        liveness_restart(&w->node[node].hbd.liveness, node_usec(w, node));
        tell(w, node, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = late_usec });
        hbd_tell_all(w, node);
}

void hbd_publish(World *w, unsigned node, const ElectRecord *record)
{
        Hbd *h = &w->node[node].hbd;

        if (!daemon_runs(w, node, DAEMON_HBD))
                return;
        h->record = *record;
        h->has_record = true;
        h->goodbye = false;
        if (daemon_acts(w, node, DAEMON_HBD))
                send_all(w, node);
}

void hbd_goodbye(World *w, unsigned node)
{
        w->node[node].hbd.goodbye = true;
        if (daemon_acts(w, node, DAEMON_HBD))
                send_all(w, node);
}

static void new_peer_instance(Hbd *h, const Frame *frame)
{
        liveness_new_instance(&h->liveness);
        h->peer_instance = frame->instance;
        h->heard_sequence = 0;
        h->has_peer_record = false;
        memcpy(h->peer_boot_id, frame->boot_id, ELECT_BOOT_ID_SIZE);
        memset(h->received, 0, sizeof(h->received));
        for (unsigned i = 0; i < MESSAGES_MAX; i++)
                h->outbox[i].used = false;
}

static bool record_differs(const Hbd *h, const Frame *frame, bool stale)
{
        uint8_t a[ELECT_RECORD_SIZE], b[ELECT_RECORD_SIZE];

        if (!h->has_peer_record || stale != h->stale)
                return true;
        elect_record_encode(&h->peer_record, a);
        elect_record_encode(&frame->record, b);
        return memcmp(a, b, sizeof(a)) != 0;
}

static void receive_frame(World *w, const Work *work)
{
        Hbd *h = &w->node[work->node].hbd;
        const Frame *frame = &work->frame;
        bool stale = frame->age_usec > w->settings.dead_usec;
        bool renewed = frame->instance > h->peer_instance;

        if (frame->instance < h->peer_instance)
                return; /* replayed from an earlier life */
        if (renewed)
                new_peer_instance(h, frame);
        stamper_drain(&h->stamper, true, 1000 * node_usec(w, work->node),
                      1000 * node_wall_usec(w, work->node));
        liveness_heard(&h->liveness, (unsigned) work->number,
                       stamper_received(&h->stamper, 1000 * work->stamp_usec));
        if (frame->sequence > h->heard_sequence) {
                h->heard_sequence = frame->sequence;
                liveness_goodbye(&h->liveness, frame->goodbye);
        }
        judge(w, work->node);
        if (renewed)
                tell_peer(w, work->node);
        if (frame->sequence == h->heard_sequence && frame->has_record && record_differs(h, frame, stale)) {
                uint8_t bytes[ELECT_RECORD_SIZE];

                /* Through the wire's own layout, so that what it does not carry is not known. */
                elect_record_encode(&frame->record, bytes);
                if (elect_record_decode(bytes, sizeof(bytes), &h->peer_record) < 0)
                        world_violate(w, "a record does not survive its own encoding");
                h->has_peer_record = true;
                h->stale = stale;
                tell_record(w, work->node);
        }
}

static void transmit(World *w, unsigned node, const Letter *letter, WorkType type)
{
        Work like = { .letter = *letter };

        for (Link link = 0; link < LINK_MAX; link++)
                if (w->node[node].hbd.liveness.paths[link].state == PEER_ONLINE)
                        net_send(w, link, node, type, &like);
}

void hbd_send(World *w, unsigned node, const ElectMessage *message)
{
        Hbd *h = &w->node[node].hbd;

        if (!daemon_runs(w, node, DAEMON_HBD) || h->peer_instance == 0)
                return;
        for (unsigned i = 0; i < MESSAGES_MAX; i++) {
                if (h->outbox[i].used)
                        continue;
                h->outbox[i].used = true;
                h->outbox[i].until_usec = w->now_usec + 2 * w->settings.dead_usec;
                h->outbox[i].letter = (Letter){ .instance = h->instance,
                                                .to_instance = h->peer_instance,
                                                .id = ++h->message_ids,
                                                .message = *message };
                world_plan(w, node, DAEMON_HBD, world_between(w, 20, 200), WORK_RESEND)->number = i;
                return;
        }
}

static void resend(World *w, const Work *work)
{
        Hbd *h = &w->node[work->node].hbd;

        if (!h->outbox[work->number].used)
                return;
        if (w->now_usec >= h->outbox[work->number].until_usec) {
                h->outbox[work->number].used = false;
                return;
        }
        transmit(w, work->node, &h->outbox[work->number].letter, WORK_MESSAGE);
        world_plan(w, work->node, DAEMON_HBD, interval_usec(w, LINK_LAN), WORK_RESEND)->number =
                        work->number;
}

static void receive_message(World *w, const Work *work)
{
        Hbd *h = &w->node[work->node].hbd;
        const Letter *letter = &work->letter;
        Letter ack = { .instance = h->instance, .to_instance = letter->instance, .id = letter->id };
        ElectEvent event = { .type = ELECT_EV_MESSAGE };
        uint8_t bytes[ELECT_MESSAGE_SIZE_MAX];
        size_t size;

        if (letter->instance != h->peer_instance || letter->to_instance != h->instance)
                return;
        transmit(w, work->node, &ack, WORK_ACK);
        for (unsigned i = 0; i < MESSAGES_MAX; i++)
                if (h->received[i] == letter->id)
                        return;
        h->received[h->received_at++ % MESSAGES_MAX] = letter->id;
        size = elect_message_encode(&letter->message, bytes);
        if (elect_message_decode(bytes, size, &event.message) < 0)
                world_violate(w, "a message does not survive its own encoding");
        tell(w, work->node, &event);
}

static void receive_ack(World *w, const Work *work)
{
        Hbd *h = &w->node[work->node].hbd;

        for (unsigned i = 0; i < MESSAGES_MAX; i++)
                if (work->letter.to_instance == h->instance && h->outbox[i].letter.id == work->letter.id)
                        h->outbox[i].used = false;
}

void hbd_work(World *w, const Work *work)
{
        if (work->type == WORK_BEAT) {
                Link link = (Link) work->number;
                uint64_t late = w->node[work->node].busy ? world_chance(w, 2 * USEC_PER_MSEC) : 0;

                send_frame(w, work->node, link);
                world_plan(w, work->node, DAEMON_HBD, interval_usec(w, link) + late, WORK_BEAT)->number =
                                link;
        } else if (work->type == WORK_JUDGE) {
                w->node[work->node].hbd.judge_usec = USEC_INFINITY;
                judge(w, work->node);
        } else if (work->type == WORK_FRAME)
                receive_frame(w, work);
        else if (work->type == WORK_MESSAGE)
                receive_message(w, work);
        else if (work->type == WORK_ACK)
                receive_ack(w, work);
        else if (work->type == WORK_RESEND)
                resend(w, work);
}
