/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the plan share among themselves. */
#pragma once

#include "plan.h"

/* Announce and ask at this pace while another host claims an address. */
#define PLAN_DEFEND_USEC USEC_PER_SEC

/* However fast something removes an address: it is put back at most this often. */
#define PUT_BACK_USEC (10 * USEC_PER_MSEC)

static inline bool place_equal(PlanPlace a, PlanPlace b)
{
        return a.ifindex == b.ifindex && (a.ifindex == 0 || a.prefix == b.prefix);
}

/* The slot of the address, -1 when it is not ours. */
int plan_find_slot(const Plan *p, const IpAddress *address);
/* A new slot, not wanted yet; -E2BIG when the table is full. */
int plan_new_slot(Plan *p, const IpAddress *address);
void plan_rebuild_index(Plan *p);

/* Where the slot's address should be now; nowhere when it should not. */
PlanPlace plan_target(const Plan *p, const PlanSlot *slot);
/* Where it may be now: its target, or after a restart where the ledger has it. */
PlanPlace plan_allowed(const Plan *p, const PlanSlot *slot);
/* Announce it at once and repeat. */
void plan_restart_announcing(PlanSlot *slot, uint64_t now_usec);
/* Finds each virtual IP's device again after an own address or a link changed. */
void plan_find_devices(Plan *p);

/* plan-ask.c */
/* What it answered, or did not, says nothing any more. */
void plan_forget_peer(PlanPeer *peer);
uint64_t plan_question_interval(const Plan *p);
size_t plan_step_question(Plan *p, uint64_t now_usec, PlanAction *ret_actions);
