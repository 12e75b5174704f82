/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The clock, the queue of what is to happen, and chance. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* xorshift64*: Marsaglia, "Xorshift RNGs"; multiplier by Vigna. Only needs to be the same everywhere. */
uint64_t world_chance(World *w, uint64_t below)
{
        w->chance ^= w->chance >> 12;
        w->chance ^= w->chance << 25;
        w->chance ^= w->chance >> 27;
        return below > 0 ? (w->chance * UINT64_C(2685821657736338717) >> 11) % below : 0;
}

uint64_t world_between(World *w, uint64_t least, uint64_t most)
{
        return least + world_chance(w, most - least + 1);
}

static bool earlier(const Work *a, const Work *b)
{
        return a->when_usec < b->when_usec || (a->when_usec == b->when_usec && a->sequence < b->sequence);
}

/* A binary heap, the next one on top. */
static void push(World *w, Work *work)
{
        size_t i = w->n_queue;

        if (w->n_queue == w->queue_size) {
                w->queue_size = w->queue_size > 0 ? 2 * w->queue_size : 256;
                w->queue = realloc(w->queue, w->queue_size * sizeof(*w->queue));
                if (!w->queue)
                        abort();
        }
        for (w->n_queue++; i > 0 && earlier(work, w->queue[(i - 1) / 2]); i = (i - 1) / 2)
                w->queue[i] = w->queue[(i - 1) / 2];
        w->queue[i] = work;
}

static Work *pop(World *w)
{
        Work *top = w->queue[0], *last = w->queue[--w->n_queue];
        size_t i = 0;

        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < w->n_queue && earlier(w->queue[child + 1], w->queue[child]))
                        child++;
                if (child >= w->n_queue || !earlier(w->queue[child], last))
                        break;
                w->queue[i] = w->queue[child];
                i = child;
        }
        w->queue[i] = last;
        return top;
}

static Work *work_new(World *w)
{
        Work *work = w->free;

        if (work)
                w->free = work->next;
        else
                work = malloc(sizeof(*work));
        if (!work)
                abort();
        memset(work, 0, sizeof(*work));
        return work;
}

static void work_recycle(World *w, Work *work)
{
        work->next = w->free;
        w->free = work;
}

/* To be done by that daemon as it lives now, after the delay. The caller fills in the rest. */
Work *world_plan(World *w, unsigned node, Daemon daemon, uint64_t delay_usec, WorkType type)
{
        Work *work = work_new(w);

        work->when_usec = w->now_usec + delay_usec;
        work->sequence = ++w->sequence;
        work->node = node;
        work->daemon = daemon;
        work->life = daemon == DAEMON_KERNEL ? w->node[node].life : w->node[node].daemon[daemon].life;
        work->type = type;
        push(w, work);
        return work;
}

/* What waited for a stopped owner is done now, in the order in which it came. */
void world_unpark(World *w, Work *work)
{
        work->when_usec = w->now_usec;
        work->sequence = ++w->sequence;
        push(w, work);
}

static bool is_void(const World *w, const Work *work)
{
        const Node *n = &w->node[work->node];

        if (work->type == WORK_BOOT)
                return n->power || work->life != n->life;
        if (!n->power)
                return true;
        if (work->daemon == DAEMON_KERNEL)
                return work->life != 0 && work->life != n->life;
        return !n->daemon[work->daemon].running ||
               (work->life != 0 && work->life != n->daemon[work->daemon].life);
}

static bool park(World *w, Work *work)
{
        Node *n = &w->node[work->node];

        if (work->type == WORK_BOOT || (!n->frozen && !n->daemon[work->daemon].stopped))
                return false;
        if (work->type == WORK_FRAME && n->daemon[work->daemon].n_parked > 200) {
                work_recycle(w, work); /* the socket's buffer is full */
                return true;
        }
        work->next = NULL;
        *n->daemon[work->daemon].tail = work;
        n->daemon[work->daemon].tail = &work->next;
        n->daemon[work->daemon].n_parked++;
        return true;
}

static void dispatch(World *w, const Work *work)
{
        switch (work->type) {
        case WORK_BOOT:
        case WORK_START:
        case WORK_WATCHDOG:
        case WORK_POWER_OFF:
                node_work(w, work);
                break;
        case WORK_BEAT:
        case WORK_JUDGE:
        case WORK_FRAME:
        case WORK_MESSAGE:
        case WORK_ACK:
        case WORK_RESEND:
                hbd_work(w, work);
                break;
        case WORK_HEAR:
        case WORK_TIMER:
        case WORK_SAVED:
        case WORK_LIMIT:
                director_work(w, work);
                break;
        case WORK_PROBE:
        case WORK_LEDGER:
        case WORK_WATCH:
                vipd_work(w, work);
                break;
        case WORK_ORDER:
                if (work->daemon == DAEMON_VIPD)
                        vipd_work(w, work);
                else
                        volume_work(w, work);
                break;
        case WORK_REPLICATION:
        case WORK_SYNCED:
        case WORK_THAWED:
        case WORK_WRITE:
        case WORK_ACKNOWLEDGE:
                volume_work(w, work);
                break;
        case WORK_MAX:
                break;
        }
}

bool world_step(World *w, uint64_t until_usec)
{
        Work *work;

        if (w->n_queue == 0 || w->queue[0]->when_usec > until_usec || w->violation[0])
                return false;

        work = pop(w);
        w->now_usec = work->when_usec;
        w->steps++;
        if (work->arrived_usec == 0)
                work->arrived_usec = w->now_usec;
        if (work->stamp_usec == 0)
                work->stamp_usec = node_wall_usec(w, work->node);
        if (is_void(w, work)) {
                work_recycle(w, work);
                return true;
        }
        if (park(w, work))
                return true;
        dispatch(w, work);
        work_recycle(w, work);
        check_step(w);
        return true;
}

void world_run(World *w, uint64_t until_usec)
{
        while (world_step(w, until_usec))
                ;
        if (!w->violation[0])
                w->now_usec = until_usec;
}

void world_violate(World *w, const char *format, ...)
{
        va_list args;

        if (w->violation[0])
                return; /* the first one is the cause */
        va_start(args, format);
        vsnprintf(w->violation, sizeof(w->violation), format, args);
        va_end(args);
        world_trace(w, "VIOLATION: %s", w->violation);
}

void world_trace(World *w, const char *format, ...)
{
        va_list args;

        if (!w->trace)
                return;
        fprintf(stderr, "%11.6f ", (double) w->now_usec / USEC_PER_SEC);
        va_start(args, format);
        vfprintf(stderr, format, args);
        va_end(args);
        fputc('\n', stderr);
}

/* The node's own CLOCK_BOOTTIME. */
uint64_t node_usec(const World *w, unsigned node)
{
        return w->now_usec - w->node[node].boot_usec;
}

/* Its CLOCK_REALTIME, which somebody may set. */
uint64_t node_wall_usec(const World *w, unsigned node)
{
        return node_usec(w, node) + w->node[node].wall_usec;
}

World *world_new(const ElectSettings *settings, uint64_t seed)
{
        World *w = calloc(1, sizeof(*w));

        if (!w)
                abort();
        w->now_usec = USEC_PER_HOUR;
        w->chance = (seed + 1) *
                    UINT64_C(0x9e3779b97f4a7c15); /* never zero: the factor is odd, seeds are small */
        w->settings = *settings;
        w->check.server = -1;
        w->check.both_since_usec = USEC_INFINITY;
        check_disturbed(w);
        for (unsigned i = 0; i < TOKENS_MAX; i++)
                w->result[i] = ELECT_RESULT_MAX;
        for (unsigned i = 0; i < NODES; i++) {
                Node *n = &w->node[i];

                n->carrier = n->healthy = true;
                n->gateway = ELECT_GOOD;
                n->wall_usec = 50 * 365 * 24 * USEC_PER_HOUR;
                n->disk.writing = -1;
                for (Daemon d = 0; d < DAEMON_MAX; d++)
                        n->daemon[d].tail = &n->daemon[d].parked;
                disk_format(w, i);
        }
        if (settings->volume)
                drbd_begin(w);
        return w;
}

static void work_free_list(Work *work)
{
        while (work) {
                Work *next = work->next;

                free(work);
                work = next;
        }
}

World *world_free(World *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_queue; i++)
                free(w->queue[i]);
        for (unsigned i = 0; i < NODES; i++)
                for (Daemon d = 0; d < DAEMON_MAX; d++)
                        work_free_list(w->node[i].daemon[d].parked);
        work_free_list(w->free);
        free(w->queue);
        free(w);
        return NULL;
}
