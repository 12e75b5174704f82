/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of a scenario that are about the volume: its disks, its file system, and copies of both. */
#include "script.h"

#include <string.h>

/* disk NODE fail|stall|good */
static bool do_disk(World *w, const Words *words)
{
        static const char *const states[] = {
                [PLATTER_GOOD] = "good",
                [PLATTER_FAILED] = "fail",
                [PLATTER_STALLED] = "stall",
        };
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        for (Platter platter = 0; platter < ARRAY_SIZE(states); platter++)
                if (strcmp(words->word[2], states[platter]) == 0) {
                        w->node[node].drbd.platter = platter;
                        check_disturbed(w);
                        if (platter == PLATTER_GOOD)
                                drbd_attach(w, node);
                        return true;
                }
        return false;
}

/* fill NODE · drain NODE: the file system is the volume's, whoever has it mounted. */
static bool do_fill(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 2 || !script_node(words->word[1], &node))
                return false;
        w->full = strcmp(words->word[0], "fill") == 0;
        return true;
}

/* write TIME */
static bool do_write(World *w, const Words *words)
{
        uint64_t usec;

        if (words->n != 2 || !script_time(words->word[1], w->settings.dead_usec, &usec))
                return false;
        for (unsigned i = 0; i < NODES; i++)
                if (volume_writes(w, i) && !drbd_carries(w))
                        w->node[i].drbd.backlog_usec += usec;
        return true;
}

/* copy NODE · revert NODE: off, so that nothing is on its way to the disks. */
static bool do_copy(World *w, const Words *words)
{
        unsigned node;
        Node *n;

        if (words->n != 2 || !script_node(words->word[1], &node) || w->node[node].power)
                return false;
        n = &w->node[node];
        if (strcmp(words->word[0], "copy") == 0) {
                w->copy[node].disk = n->disk;
                w->copy[node].meta = n->drbd.meta;
                w->copy[node].data = n->drbd.data;
                return true;
        }
        if (w->copy[node].disk.slot[0].generation + w->copy[node].disk.slot[1].generation == 0)
                return false;
        n->disk = w->copy[node].disk;
        n->drbd.meta = w->copy[node].meta;
        n->drbd.data = w->copy[node].data;
        w->check.reverted = true;
        check_disturbed(w);
        return true;
}

/* strike NODE before-right|after-right */
static bool do_strike(World *w, const Words *words)
{
        unsigned node;

        if (words->n != 3 || !script_node(words->word[1], &node))
                return false;
        if (strcmp(words->word[2], "before-right") == 0)
                w->node[node].strike = STRIKE_BEFORE_RIGHT;
        else if (strcmp(words->word[2], "after-right") == 0)
                w->node[node].strike = STRIKE_AFTER_RIGHT;
        else
                return false;
        return true;
}

/* resolve NODE master|slave */
static bool do_resolve(World *w, const Words *words)
{
        unsigned node, keep;

        if (words->n != 3 || !script_node(words->word[1], &node) || !script_node(words->word[2], &keep))
                return false;
        check_disturbed(w);
        director_ask(w, node, keep == MASTER_NODE ? ELECT_REQUEST_KEEP_MASTER : ELECT_REQUEST_KEEP_SLAVE);
        return true;
}

bool step_volume_do(World *w, const Words *words, const char **ret_problem)
{
        static const Step steps[] = {
                { "disk", do_disk },     { "fill", do_fill },       { "drain", do_fill },
                { "write", do_write },   { "copy", do_copy },       { "revert", do_copy },
                { "strike", do_strike }, { "resolve", do_resolve },
        };

        return step_among(w, words, steps, ARRAY_SIZE(steps), ret_problem);
}
