/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* electd around its core: gives it events, does what it says, keeps its memory on a disk that crashes. */
#include "world.h"

#include <errno.h>
#include <string.h>

/* The memory as `hapair init` and `hapair join` leave it. */
void disk_format(World *w, unsigned node)
{
        Disk *d = &w->node[node].disk;

        memset(d, 0, sizeof(*d));
        d->writing = -1;
        d->slot[0].valid = true;
        d->slot[0].generation = 1;
        if (node == MASTER_NODE)
                elect_memory_founder(&d->slot[0].memory);
        else
                elect_memory_joined(&d->slot[0].memory);
}

static ElectMemoryStatus disk_read(const Disk *d, ElectMemory *ret_memory)
{
        int newest = -1;

        for (int i = 0; i < 2; i++)
                if (d->slot[i].valid && (newest < 0 || d->slot[i].generation > d->slot[newest].generation))
                        newest = i;
        if (newest < 0)
                return ELECT_MEMORY_LOST;
        *ret_memory = d->slot[newest].memory;
        return ELECT_MEMORY_GOOD;
}

static void disk_write(World *w, unsigned node, const ElectMemory *memory, uint64_t number)
{
        Disk *d = &w->node[node].disk;
        uint64_t usec = world_chance(w, 20) == 0 ? world_between(w, 1000, 12000)
                                                 : world_between(w, 100, 1500);

        if (d->writing >= 0) {
                d->waiting = true;
                d->next = *memory;
                d->next_number = number;
                return;
        }
        d->writing = !d->slot[0].valid                               ? 0
                     : !d->slot[1].valid                             ? 1
                     : d->slot[0].generation < d->slot[1].generation ? 0
                                                                     : 1;
        d->flying = *memory;
        d->flying_number = number;
        if (w->lie != LIE_FSYNC)
                d->slot[d->writing].valid = false; /* torn until it is whole */
        world_plan(w, node, DAEMON_ELECTD, usec, WORK_SAVED);
}

static void disk_written(Disk *d)
{
        int slot = d->writing;

        d->slot[slot].generation = d->slot[1 - slot].generation + 1;
        d->slot[slot].memory = d->flying;
        d->slot[slot].valid = true;
}

/* An orderly end waits for what is still to be written. */
void disk_flush(World *w, unsigned node)
{
        Disk *d = &w->node[node].disk;

        if (d->writing < 0 || w->lie == LIE_FSYNC)
                return;
        if (d->waiting)
                d->flying = d->next;
        disk_written(d);
        d->writing = -1;
        d->waiting = false;
}

/* What was under way has reached the disk whole, or not at all. */
void disk_crash(World *w, unsigned node)
{
        Disk *d = &w->node[node].disk;

        if (d->writing >= 0 && w->lie != LIE_FSYNC && world_chance(w, 2) == 0)
                disk_written(d);
        d->writing = -1;
        d->waiting = false;
}

/* Whose connection the event comes on. */
static Daemon sender(const ElectEvent *event)
{
        switch (event->type) {
        case ELECT_EV_PEER:
        case ELECT_EV_HBD_GONE:
        case ELECT_EV_RECORD:
        case ELECT_EV_MESSAGE:
        case ELECT_EV_PATHS:
        case ELECT_EV_LATE:
                return DAEMON_HBD;
        case ELECT_EV_ADDRESSES:
        case ELECT_EV_VIPD_GONE:
        case ELECT_EV_LINK:
        case ELECT_EV_PROBING:
        case ELECT_EV_ANSWERED:
        case ELECT_EV_REACHED:
        case ELECT_EV_CONFLICT:
        case ELECT_EV_ORDER_DONE:
                return DAEMON_VIPD;
        case ELECT_EV_TIMER:
        case ELECT_EV_SETTINGS:
        case ELECT_EV_GATEWAY:
        case ELECT_EV_HEALTH:
        case ELECT_EV_VOLUME:
        case ELECT_EV_FENCE_ASKED:
        case ELECT_EV_REQUEST:
        case ELECT_EV_SAVED:
        case ELECT_EV_STOP:
        case ELECT_EV_MAX:
                break;
        }
        return DAEMON_KERNEL;
}

void director_tell(World *w, unsigned node, const ElectEvent *event, uint64_t delay_usec)
{
        uint64_t *inbox = &w->node[node].director.inbox_usec[sender(event)];

        if (!daemon_runs(w, node, DAEMON_ELECTD))
                return;
        if (w->node[node].busy)
                delay_usec += world_chance(w, 2 * USEC_PER_MSEC);
        *inbox = MAX_OF(*inbox, w->now_usec + delay_usec);
        world_plan(w, node, DAEMON_ELECTD, *inbox - w->now_usec, WORK_HEAR)->event = *event;
}

/* An order has its outcome: the core hears of it once. */
void director_done(World *w, unsigned node, const Order *order, int error)
{
        Director *d = &w->node[node].director;

        for (unsigned i = 0; i < ORDERS_MAX; i++) {
                if (!d->orders[i].used || d->orders[i].order.id != order->id)
                        continue;
                d->orders[i].used = false;
                director_tell(w, node,
                              &(ElectEvent){ .type = ELECT_EV_ORDER_DONE,
                                             .done = { .order = order->order,
                                                       .id = order->id,
                                                       .error = error } },
                              world_between(w, 20, 150));
                return;
        }
}

void director_helper_died(World *w, unsigned node, Daemon daemon)
{
        Director *d = &w->node[node].director;

        for (unsigned i = 0; i < ORDERS_MAX; i++)
                if (d->orders[i].used && d->orders[i].by == daemon)
                        director_done(w, node, &d->orders[i].order, -ENOTCONN);
}

/* What an order comes to here: 0 or the error that a fault gives it. */
int director_spoilt(const World *w, unsigned node, ElectOrder order)
{
        return w->node[node].spoilt & UINT32_C(1) << order ? -EIO : 0;
}

static uint64_t order_usec(World *w, ElectOrder order)
{
        bool slow = order == ELECT_ORDER_START || order == ELECT_ORDER_STOP ||
                    order == ELECT_ORDER_PRIMARY || order == ELECT_ORDER_MOUNT ||
                    order == ELECT_ORDER_UNMOUNT;

        return slow ? world_between(w, 1000, 20000) : world_between(w, 80, 1500);
}

/* Services are started and stopped by systemd. */
static Daemon helper(ElectOrder order)
{
        switch (elect_order_helper(order)) {
        case ELECT_HELPER_VIPD:
                return DAEMON_VIPD;
        case ELECT_HELPER_REPLICD:
                return DAEMON_REPLICD;
        case ELECT_HELPER_NONE:
        case ELECT_HELPER_SVCMAND:
        case ELECT_HELPER_MAX:
                break;
        }
        return DAEMON_KERNEL;
}

static void give_order(World *w, unsigned node, const ElectAction *action)
{
        Director *d = &w->node[node].director;
        ElectOrder what = action->order.order;
        Daemon by = helper(what);
        uint64_t *busy = &w->node[node].daemon[by].busy_usec;
        unsigned i = 0;

        world_trace(w, "node %u: order %s epoch %lu", node, elect_order_to_string(what),
                    (unsigned long) action->order.epoch);
        while (i < ORDERS_MAX && d->orders[i].used)
                i++;
        if (i == ORDERS_MAX) {
                world_violate(w, "node %u: more than %d orders at once", node, ORDERS_MAX);
                return;
        }
        d->orders[i].used = true;
        d->orders[i].by = by;
        d->orders[i].order = (Order){ .order = what,
                                      .force = action->order.force,
                                      .id = action->order.id,
                                      .epoch = action->order.epoch };
        if (by != DAEMON_KERNEL && !daemon_runs(w, node, by)) {
                director_done(w, node, &d->orders[i].order, -ENOTCONN);
                return;
        }
        *busy = MAX_OF(*busy, w->now_usec) + order_usec(w, what);
        world_plan(w, node, by, *busy - w->now_usec, WORK_ORDER)->order = d->orders[i].order;
        world_plan(w, node, DAEMON_ELECTD, action->order.limit_usec, WORK_LIMIT)->number = action->order.id;
}

static void set_timer(World *w, unsigned node, uint64_t when_usec)
{
        Director *d = &w->node[node].director;
        uint64_t now = node_usec(w, node), jitter = world_chance(w, 100);

        d->timer_usec = when_usec;
        if (when_usec != USEC_INFINITY)
                world_plan(w, node, DAEMON_ELECTD, (when_usec > now ? when_usec - now : 0) + jitter,
                           WORK_TIMER)
                                ->number = when_usec;
}

static void note_decision(World *w, unsigned node, const ElectDecision *decision)
{
        w->node[node].director.decided[decision->reason]++;
        world_trace(w, "node %u: %s -> %s: %s, epoch %lu", node, elect_state_to_string(decision->from),
                    elect_state_to_string(decision->to), elect_reason_to_string(decision->reason),
                    (unsigned long) decision->epoch);
}

static void act(World *w, unsigned node, const ElectAction *action)
{
        switch (action->type) {
        case ELECT_ACT_SAVE:
                disk_write(w, node, &action->save.memory, action->save.number);
                break;
        case ELECT_ACT_PUBLISH:
                w->node[node].director.silent_since_usec = USEC_INFINITY;
                hbd_publish(w, node, &action->record);
                break;
        case ELECT_ACT_SEND:
                world_trace(w, "node %u: says %s", node, elect_message_to_string(action->message.type));
                check_message(w, node);
                hbd_send(w, node, &action->message);
                break;
        case ELECT_ACT_ORDER:
                give_order(w, node, action);
                break;
        case ELECT_ACT_PROBE:
                vipd_probe(w, node, action->probe);
                break;
        case ELECT_ACT_TIMER:
                set_timer(w, node, action->timer_usec);
                break;
        case ELECT_ACT_DECISION:
                note_decision(w, node, &action->decision);
                break;
        case ELECT_ACT_REPLY:
                w->result[action->reply.token % TOKENS_MAX] = action->reply.result;
                world_trace(w, "node %u: reply %s", node, elect_result_to_string(action->reply.result));
                break;
        case ELECT_ACT_FENCE_ANSWER:
                volume_answer(w, node, action->fence_answer);
                break;
        case ELECT_ACT_REBOOT:
                world_trace(w, "node %u: resets itself: %s", node, elect_reason_to_string(action->reboot));
                node_reset(w, node);
                break;
        case ELECT_ACT_STOPPED:
                node_left(w, node);
                break;
        case ELECT_ACT_MAX:
                break;
        }
}

static void do_all(World *w, unsigned node, const ElectActions *actions)
{
        uint32_t life = w->node[node].daemon[DAEMON_ELECTD].life;

        if (actions->overflow)
                world_violate(w, "node %u: the core had more to say than one step holds", node);
        for (size_t i = 0; i < actions->n; i++) {
                act(w, node, &actions->action[i]);
                if (w->node[node].daemon[DAEMON_ELECTD].life != life)
                        return; /* it was the last thing it did */
        }
}

static void step(World *w, unsigned node, const ElectEvent *event)
{
        ElectActions actions;

        elect_step(&w->node[node].director.core, node_usec(w, node), event, &actions);
        do_all(w, node, &actions);
}

static ElectSettings settings_of(const World *w, unsigned node)
{
        ElectSettings settings = w->settings;

        settings.configured = node == MASTER_NODE ? ELECT_ROLE_MASTER : ELECT_ROLE_SLAVE;
        return settings;
}

void director_start(World *w, unsigned node)
{
        Node *n = &w->node[node];
        Director *d = &n->director;
        ElectStart start = { .now_usec = node_usec(w, node), .instance = (uint32_t) ++w->instances };
        uint64_t silent = n->hbd.has_record ? d->silent_since_usec : w->now_usec;
        ElectActions actions;

        memcpy(start.boot_id, n->boot_id, sizeof(start.boot_id));
        start.status = disk_read(&n->disk, &start.memory);
        memset(d->orders, 0, sizeof(d->orders));
        d->timer_usec = USEC_INFINITY;
        d->silent_since_usec = silent;
        elect_init(&d->core, &start, &actions);
        do_all(w, node, &actions);

        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_SETTINGS, .settings = settings_of(w, node) },
                      world_between(w, 300, 2000));
        director_tell(w, node,
                      &(ElectEvent){ .type = ELECT_EV_HEALTH,
                                     .health = n->healthy ? ELECT_GOOD : ELECT_BAD },
                      300);
        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_GATEWAY, .gateway = n->gateway }, 300);
        hbd_tell_all(w, node);
        vipd_tell_all(w, node);
        if (w->settings.volume)
                volume_tell(w, node);
}

void director_died(World *w, unsigned node)
{
        Director *d = &w->node[node].director;

        if (d->silent_since_usec == USEC_INFINITY)
                d->silent_since_usec = w->now_usec;
        disk_crash(w, node);
        vipd_probe(w, node, false);
}

/* Comes before whatever has queued up meanwhile; the answer of hbd comes behind it. */
void director_late(World *w, unsigned node, uint64_t late_usec)
{
        Director *d = &w->node[node].director;

        step(w, node, &(ElectEvent){ .type = ELECT_EV_LATE, .late_usec = late_usec });
        d->silent_since_usec = USEC_INFINITY;
        if (d->core.published.seq != 0)
                hbd_publish(w, node, &d->core.published);
        hbd_tell_all(w, node); /* what was known is void: asked for anew */
}

uint64_t director_ask(World *w, unsigned node, ElectRequest request)
{
        uint64_t token = w->tokens = w->tokens % (TOKENS_MAX - 1) + 1;

        w->result[token] = ELECT_RESULT_MAX;
        director_tell(w, node,
                      &(ElectEvent){ .type = ELECT_EV_REQUEST,
                                     .request = { .request = request, .token = token } },
                      100);
        return token;
}

/* Power is lost while it is on its way, or when it has just arrived. */
static bool struck(World *w, unsigned node)
{
        Node *n = &w->node[node];
        Disk *d = &n->disk;
        Strike strike = n->strike;

        if (strike == STRIKE_NOT || !d->flying.sole || d->slot[1 - d->writing].memory.sole)
                return false;
        if (strike == STRIKE_AFTER_RIGHT)
                disk_written(d);
        d->writing = -1;
        n->strike = STRIKE_NOT;
        node_kill(w, node);
        return true;
}

static void saved(World *w, unsigned node)
{
        Disk *d = &w->node[node].disk;
        uint64_t number = d->flying_number;

        if (struck(w, node))
                return;
        if (w->lie != LIE_FSYNC)
                disk_written(d);
        d->writing = -1;
        if (d->waiting) {
                d->waiting = false;
                disk_write(w, node, &d->next, d->next_number);
        }
        step(w, node, &(ElectEvent){ .type = ELECT_EV_SAVED, .saved = number });
}

static void limit(World *w, unsigned node, uint64_t id)
{
        const Director *d = &w->node[node].director;

        for (unsigned i = 0; i < ORDERS_MAX; i++)
                if (d->orders[i].used && d->orders[i].order.id == id) {
                        Order order = d->orders[i].order;

                        director_done(w, node, &order, -ETIMEDOUT);
                        return;
                }
}

void director_work(World *w, const Work *work)
{
        Director *d = &w->node[work->node].director;

        if (work->type == WORK_HEAR)
                step(w, work->node, &work->event);
        else if (work->type == WORK_SAVED)
                saved(w, work->node);
        else if (work->type == WORK_LIMIT)
                limit(w, work->node, work->number);
        else if (work->type == WORK_TIMER && work->number == d->timer_usec) {
                d->timer_usec = USEC_INFINITY;
                step(w, work->node, &(ElectEvent){ .type = ELECT_EV_TIMER });
        }
}
