/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A node's power, its pauses, and the lives of its daemons under systemd. */
#include "world.h"

#include <string.h>

#define WATCHDOG_USEC   (2 * USEC_PER_SEC)
#define STOP_LIMIT_USEC (90 * USEC_PER_SEC)  /* systemd's patience */
#define STOP_USEC       (20 * USEC_PER_MSEC) /* of what stops behind electd */

static const char *const daemon_names[DAEMON_MAX] = { "hbd", "electd", "vipd", "replicd", "kernel" };

bool daemon_wanted(const World *w, Daemon daemon)
{
        return daemon != DAEMON_REPLICD || w->settings.volume;
}

bool daemon_runs(const World *w, unsigned node, Daemon daemon)
{
        return w->node[node].power && w->node[node].daemon[daemon].running;
}

/* Runs, and is neither stopped nor frozen with its node. */
bool daemon_acts(const World *w, unsigned node, Daemon daemon)
{
        return daemon_runs(w, node, daemon) && !w->node[node].frozen &&
               !w->node[node].daemon[daemon].stopped;
}

static void drop_parked(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];

        while (n->daemon[daemon].parked) {
                Work *work = n->daemon[daemon].parked;

                n->daemon[daemon].parked = work->next;
                work->next = w->free;
                w->free = work;
        }
        n->daemon[daemon].tail = &n->daemon[daemon].parked;
        n->daemon[daemon].n_parked = 0;
}

static void unpark(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];
        Work *work = n->daemon[daemon].parked;

        n->daemon[daemon].parked = NULL;
        n->daemon[daemon].tail = &n->daemon[daemon].parked;
        n->daemon[daemon].n_parked = 0;
        while (work) {
                Work *next = work->next;

                world_unpark(w, work);
                work = next;
        }
}

static void start(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];

        if (n->daemon[daemon].running)
                return;
        n->daemon[daemon].running = true;
        n->daemon[daemon].stopped = false;
        n->daemon[daemon].life++;
        world_trace(w, "node %u: %s starts", node, daemon_names[daemon]);
        switch (daemon) {
        case DAEMON_HBD:
                hbd_start(w, node);
                break;
        case DAEMON_ELECTD:
                director_start(w, node);
                break;
        case DAEMON_VIPD:
                vipd_start(w, node);
                break;
        case DAEMON_REPLICD:
                replicd_start(w, node);
                break;
        case DAEMON_KERNEL:
        case DAEMON_MAX:
                break;
        }
}

static void plan_start(World *w, unsigned node, Daemon daemon, uint64_t delay_usec)
{
        world_plan(w, node, DAEMON_KERNEL, delay_usec, WORK_START)->number = daemon;
}

static void end(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];

        if (!n->daemon[daemon].running)
                return;
        n->daemon[daemon].running = n->daemon[daemon].stopped = false;
        n->daemon[daemon].life++;
        drop_parked(w, node, daemon);
}

static void power_on(World *w, unsigned node)
{
        Node *n = &w->node[node];

        n->power = true;
        n->frozen = n->leaving = n->reboots = n->busy = false;
        n->address = false;
        n->boot_usec = w->now_usec - world_between(w, USEC_PER_SEC, 3 * USEC_PER_SEC);
        for (unsigned i = 0; i < ELECT_BOOT_ID_SIZE; i++)
                n->boot_id[i] = (uint8_t) world_between(w, 1, 255);
        memset(&n->vipd, 0, sizeof(n->vipd));
        memset(&n->hbd, 0, sizeof(n->hbd));
        if (w->settings.volume)
                volume_boot(w, node);
        world_trace(w, "node %u: on", node);
        for (Daemon d = 0; d < DAEMON_KERNEL; d++)
                if (daemon_wanted(w, d))
                        plan_start(w, node, d, world_between(w, 100, 200) * USEC_PER_MSEC);
        check_disturbed(w);
}

void node_boot(World *w, unsigned node)
{
        if (!w->node[node].power)
                power_on(w, node);
}

/* Power is gone: only what was on the disk remains. */
void node_kill(World *w, unsigned node)
{
        Node *n = &w->node[node];

        if (!n->power) {
                n->life++; /* a boot that was under way is not */
                return;
        }
        world_trace(w, "node %u: off", node);
        for (Daemon d = 0; d < DAEMON_KERNEL; d++)
                end(w, node, d);
        drop_parked(w, node, DAEMON_KERNEL);
        n->life++;
        n->power = n->frozen = n->address = false;
        disk_crash(w, node);
        if (w->settings.volume)
                volume_crash(w, node);
        check_disturbed(w);
}

/* Resets itself: a watchdog, or electd that knows no safer way. */
void node_reset(World *w, unsigned node)
{
        node_kill(w, node);
        world_plan(w, node, DAEMON_KERNEL, 2 * USEC_PER_SEC, WORK_BOOT);
}

void node_halt(World *w, unsigned node, bool reboot)
{
        Node *n = &w->node[node];

        if (!n->power || n->leaving)
                return;
        n->leaving = true;
        n->reboots = reboot;
        check_disturbed(w);
        director_tell(w, node, &(ElectEvent){ .type = ELECT_EV_STOP }, USEC_PER_MSEC);
        world_plan(w, node, DAEMON_KERNEL, daemon_runs(w, node, DAEMON_ELECTD) ? STOP_LIMIT_USEC : STOP_USEC,
                   WORK_POWER_OFF);
}

/* electd has left in order: the other daemons stop, then the machine. */
void node_left(World *w, unsigned node)
{
        if (!w->node[node].leaving)
                return;
        hbd_goodbye(w, node);
        disk_flush(w, node);
        end(w, node, DAEMON_ELECTD);
        world_plan(w, node, DAEMON_KERNEL, STOP_USEC, WORK_POWER_OFF);
}

static void power_off(World *w, unsigned node)
{
        bool reboots = w->node[node].reboots;

        node_kill(w, node);
        if (reboots)
                world_plan(w, node, DAEMON_KERNEL, USEC_PER_SEC, WORK_BOOT);
}

void node_freeze(World *w, unsigned node)
{
        Node *n = &w->node[node];

        if (!n->power || n->frozen)
                return;
        n->frozen = true;
        n->pause_usec = w->now_usec;
        check_parted(w);
}

/* Each loop notices first that it was late, then reads what has queued up. */
static void wake(World *w, unsigned node, Daemon daemon, uint64_t since_usec)
{
        uint64_t late_usec = w->now_usec - since_usec;

        if (!daemon_acts(w, node, daemon) && daemon != DAEMON_KERNEL)
                return;
        if (daemon == DAEMON_ELECTD)
                director_late(w, node, late_usec);
        unpark(w, node, daemon);
        if (daemon == DAEMON_HBD)
                hbd_late(w, node, late_usec);
        if (daemon == DAEMON_REPLICD && daemon_wanted(w, daemon))
                volume_tell(w, node); /* what the kernel said meanwhile */
}

void node_thaw(World *w, unsigned node)
{
        Node *n = &w->node[node];

        if (!n->power || !n->frozen)
                return;
        n->frozen = false;
        check_disturbed(w);
        for (Daemon d = 0; d < DAEMON_MAX; d++)
                wake(w, node, d, n->pause_usec);
}

void daemon_kill(World *w, unsigned node, Daemon daemon)
{
        if (!daemon_runs(w, node, daemon) || w->node[node].frozen)
                return;
        world_trace(w, "node %u: %s dies", node, daemon_names[daemon]);
        end(w, node, daemon);
        switch (daemon) {
        case DAEMON_HBD:
                hbd_died(w, node);
                break;
        case DAEMON_ELECTD:
                director_died(w, node);
                break;
        case DAEMON_VIPD:
                vipd_died(w, node);
                break;
        case DAEMON_REPLICD:
                replicd_died(w, node);
                break;
        case DAEMON_KERNEL:
        case DAEMON_MAX:
                break;
        }
        check_disturbed(w);
        if (daemon == DAEMON_ELECTD && w->node[node].leaving)
                world_plan(w, node, DAEMON_KERNEL, STOP_USEC, WORK_POWER_OFF); /* it is not started again */
        else
                plan_start(w, node, daemon, world_between(w, 3, 20) * USEC_PER_MSEC);
}

void daemon_stop(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];
        Work *work;

        if (!daemon_acts(w, node, daemon))
                return;
        n->daemon[daemon].stopped = true;
        n->daemon[daemon].stopped_usec = w->now_usec;
        if (daemon == DAEMON_ELECTD)
                n->director.silent_since_usec = w->now_usec;
        check_disturbed(w);
        work = world_plan(w, node, DAEMON_KERNEL, WATCHDOG_USEC, WORK_WATCHDOG);
        work->number = daemon;
        work->arrived_usec = n->daemon[daemon].life;
}

void daemon_continue(World *w, unsigned node, Daemon daemon)
{
        Node *n = &w->node[node];

        if (!daemon_runs(w, node, daemon) || n->frozen || !n->daemon[daemon].stopped)
                return;
        n->daemon[daemon].stopped = false;
        check_disturbed(w);
        wake(w, node, daemon, n->daemon[daemon].stopped_usec);
}

static void watchdog(World *w, const Work *work)
{
        Node *n = &w->node[work->node];
        Daemon daemon = (Daemon) work->number;

        if (n->daemon[daemon].stopped && n->daemon[daemon].life == work->arrived_usec &&
            w->now_usec - n->daemon[daemon].stopped_usec >= WATCHDOG_USEC)
                daemon_kill(w, work->node, daemon);
}

void node_work(World *w, const Work *work)
{
        Node *n = &w->node[work->node];

        if (work->type == WORK_BOOT)
                power_on(w, work->node);
        else if (work->type == WORK_START) {
                if (!n->leaving || work->number != DAEMON_ELECTD)
                        start(w, work->node, (Daemon) work->number);
                check_disturbed(w);
        } else if (work->type == WORK_WATCHDOG)
                watchdog(w, work);
        else if (work->type == WORK_POWER_OFF && n->leaving)
                power_off(w, work->node);
}
