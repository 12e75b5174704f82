/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links between the two nodes: cut one way or both, lossy, slow in their own manner. */
#include "world.h"

#define SERIAL_FRAME_TIME (9 * USEC_PER_MSEC) /* 96 bytes at 115200 baud */

/* Whether what this node sends can arrive. */
bool net_reaches(const World *w, Link link, unsigned from)
{
        if (w->wire[link].cut[from])
                return false;
        return link != LINK_LAN || (w->node[0].carrier && w->node[1].carrier);
}

bool net_whole(const World *w, Link link)
{
        return net_reaches(w, link, 0) && net_reaches(w, link, 1);
}

static uint64_t travel_usec(World *w, Link link)
{
        uint64_t usec = link == LINK_SERIAL ? SERIAL_FRAME_TIME + world_chance(w, 500)
                                            : world_between(w, 40, 400);

        /* Where much is lost, much is also late: later frames overtake. */
        if (w->wire[link].loss_percent > 0)
                usec += world_chance(w, w->settings.dead_usec / 8);
        return usec;
}

/* One copy on its way, two now and then; NULL when none will arrive. The last copy is returned. */
Work *net_send(World *w, Link link, unsigned from, WorkType type, const Work *like)
{
        unsigned percent = w->wire[link].loss_percent;
        Work *work = NULL;

        if (!net_reaches(w, link, from) || w->wire[link].filtered)
                return NULL;
        for (unsigned copy = 0; copy < 2; copy++) {
                if (copy == 1 && (percent == 0 || world_chance(w, 100) >= 5))
                        break;
                if (world_chance(w, 100) < percent)
                        continue;
                work = world_plan(w, OTHER(from), DAEMON_HBD, travel_usec(w, link), type);
                work->life = 0;
                work->number = link;
                if (type == WORK_FRAME)
                        work->frame = like->frame;
                else
                        work->letter = like->letter;
        }
        return work;
}
