/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What drbd.c and drbd-meet.c share of the kernel's replicated device. */
#pragma once

#include "world.h"

#define DRBD_JUST_MADE 4 /* generation of new metadata: nothing was ever written under them */

/* drbd.c */
bool drbd_attached(const Drbd *d);
bool drbd_linked(const World *w);
void drbd_set_disk(World *w, Drbd *d, ElectDisk disk);
void drbd_new_generation(World *w, Drbd *d);
void drbd_read_meta(Drbd *d);
void drbd_lose(World *w, unsigned node, DrbdNet next, bool outdated);

/* drbd-meet.c */
void drbd_meet(World *w);
void drbd_begin_sync(World *w, unsigned from);
