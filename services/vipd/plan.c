/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Orders come in, actions go out. */
#include "plan.h"

#include <errno.h>

#include "plan-private.h"

enum {
        REFRESH_USEC = 60 * USEC_PER_SEC, /* switches forget within minutes: tell them again */
        RETRY_USEC = 1 * USEC_PER_SEC,    /* after the kernel refused */
};

/* Gaps after the first announcement: a switch port may still be learning, a frame may be lost. */
static const uint32_t announce_gaps_usec[] = { 100000, 400000, 500000, 1000000 };

int plan_acquire(Plan *p, uint64_t epoch)
{
        if (epoch < p->epoch)
                return -ESTALE;
        if (p->epoch != 0 && epoch - p->epoch > UINT64_C(1) << 32)
                return -ERANGE;

        p->epoch = epoch;
        p->holding = PLAN_HELD;
        return 0;
}

void plan_withdraw(Plan *p)
{
        p->holding = PLAN_RELEASED;
        for (size_t i = 0; i < p->n_slots; i++) {
                p->slots[i].error = 0;
                p->slots[i].add_after_usec = 0;
                p->slots[i].remove_after_usec = 0;
        }
        /* The device was perhaps kept only because it was held. */
        plan_find_devices(p);
}

void plan_announce(Plan *p, uint64_t now_usec)
{
        for (size_t i = 0; i < p->n_slots; i++)
                if (p->slots[i].present.ifindex != 0)
                        plan_restart_announcing(&p->slots[i], now_usec);
}

/* Time passes: the ledger's addresses are no longer kept, conflicts are over. */
static size_t step_expire(Plan *p, uint64_t now_usec, PlanAction *ret_actions)
{
        size_t n = 0;

        if (p->holding == PLAN_KEPT && now_usec >= p->keep_until_usec)
                p->holding = PLAN_RELEASED;

        for (int i = 0; i < PLAN_VIPS_MAX; i++) {
                PlanVip *v = &p->vips[i];

                if (!v->conflict)
                        continue;
                if (p->holding == PLAN_HELD && now_usec < v->conflict_heard_usec + PLAN_QUIET_USEC)
                        continue;
                v->conflict = false;
                for (size_t j = 0; j < p->n_slots; j++)
                        if (p->slots[j].vip == i && p->slots[j].present.ifindex != 0)
                                plan_restart_announcing(&p->slots[j], now_usec);
                ret_actions[n++] = (PlanAction){ .type = PLAN_QUIET, .vip = i, .slot = -1 };
        }
        return n;
}

static PlanAction slot_action(const PlanSlot *s, size_t slot, PlanActionType type, PlanPlace place)
{
        PlanAction action = { .type = type,
                              .ifindex = place.ifindex,
                              .address = s->address,
                              .slot = (int) slot,
                              .vip = s->vip };

        action.address.prefix_len = place.prefix;
        return action;
}

static bool must_remove(const Plan *p, const PlanSlot *s, uint64_t now_usec)
{
        if (s->present.ifindex == 0 || now_usec < s->remove_after_usec)
                return false;
        if (!place_equal(s->present, plan_allowed(p, s)))
                return true;
        return s->broken && p->holding == PLAN_HELD && now_usec >= s->put_usec + PUT_BACK_USEC;
}

static size_t step_remove(Plan *p, uint64_t now_usec, PlanAction *ret_actions)
{
        size_t n = 0;

        while (p->n_strays > 0 && n < PLAN_BATCH) {
                PlanStray stray = p->strays[--p->n_strays];

                ret_actions[n++] = (PlanAction){ .type = PLAN_REMOVE,
                                                 .ifindex = stray.ifindex,
                                                 .address = stray.address,
                                                 .slot = -1,
                                                 .vip = -1 };
        }
        for (size_t i = 0; i < p->n_slots && n < PLAN_BATCH; i++)
                if (must_remove(p, &p->slots[i], now_usec))
                        ret_actions[n++] = slot_action(&p->slots[i], i, PLAN_REMOVE, p->slots[i].present);
        return n;
}

/* The place to add it to now, nowhere when it need not be added. */
static PlanPlace must_add(const Plan *p, const PlanSlot *s)
{
        return s->present.ifindex == 0 ? plan_target(p, s) : (PlanPlace){ 0 };
}

/* The ledger must list an address before it is added, or a crash in between would leave it behind. */
static bool must_record(const Plan *p, bool additions)
{
        if (p->recorded_epoch != p->epoch)
                return true;
        for (size_t i = 0; i < p->n_slots; i++) {
                const PlanSlot *s = &p->slots[i];
                PlanPlace target = plan_target(p, s);

                if (additions && target.ifindex != 0 && !place_equal(s->recorded, target))
                        return true;
                if (!additions && target.ifindex == 0 && s->present.ifindex == 0 && s->recorded.ifindex != 0)
                        return true;
        }
        return false;
}

static size_t record(Plan *p, PlanAction *ret_actions)
{
        for (size_t i = 0; i < p->n_slots; i++) {
                PlanPlace target = plan_target(p, &p->slots[i]);

                p->slots[i].recorded = target.ifindex != 0 ? target : p->slots[i].present;
        }
        p->recorded_epoch = p->epoch;
        ret_actions[0] = (PlanAction){ .type = PLAN_RECORD, .slot = -1, .vip = -1 };
        return 1;
}

static size_t step_add(Plan *p, uint64_t now_usec, PlanAction *ret_actions)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_slots && n < PLAN_BATCH; i++) {
                const PlanSlot *s = &p->slots[i];
                PlanPlace target = must_add(p, s);

                if (target.ifindex == 0 || now_usec < s->add_after_usec)
                        continue;
                ret_actions[n] = slot_action(s, i, PLAN_ADD, target);
                ret_actions[n++].restore = s->taken;
        }
        return n;
}

static bool can_announce(const Plan *p, const PlanSlot *s)
{
        const PlanLink *link;

        if (s->announce_usec == USEC_INFINITY || !place_equal(s->present, plan_target(p, s)))
                return false;
        link = plan_find_link(p, s->present.ifindex);
        return link != NULL && link->ethernet && link->carrier;
}

static bool disputed(const PlanSlot *s, uint64_t now_usec)
{
        return s->disputed_usec != 0 && now_usec < s->disputed_usec + PLAN_QUIET_USEC;
}

static void schedule_announcement(Plan *p, PlanSlot *s, uint64_t now_usec)
{
        PlanVip *v = &p->vips[s->vip];

        s->announce_usec = now_usec + REFRESH_USEC;
        if (s->announced < ARRAY_SIZE(announce_gaps_usec))
                s->announce_usec = now_usec + announce_gaps_usec[s->announced];
        if (disputed(s, now_usec))
                s->announce_usec = MIN_OF(s->announce_usec, now_usec + PLAN_DEFEND_USEC);
        if (s->announced < UINT8_MAX)
                s->announced++;
        v->announced_usec = now_usec;
}

static size_t step_announce(Plan *p, uint64_t now_usec, PlanAction *ret_actions)
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_slots && n < PLAN_BATCH; i++) {
                PlanSlot *s = &p->slots[i];

                if (s->announce_usec > now_usec || !can_announce(p, s))
                        continue;
                ret_actions[n] = slot_action(s, i, PLAN_ANNOUNCE, s->present);
                ret_actions[n].sender = p->vips[s->vip].own.address;
                ret_actions[n++].ask = s->announced > 0 || disputed(s, now_usec);
                schedule_announcement(p, s, now_usec);
        }
        return n;
}

size_t plan_step(Plan *p, uint64_t now_usec, PlanAction ret_actions[PLAN_BATCH])
{
        size_t n;

        n = step_expire(p, now_usec, ret_actions);
        if (n == 0)
                n = step_remove(p, now_usec, ret_actions);
        if (n == 0 && must_record(p, true))
                n = record(p, ret_actions);
        if (n == 0)
                n = step_add(p, now_usec, ret_actions);
        if (n == 0)
                n = step_announce(p, now_usec, ret_actions);
        if (n == 0)
                n = plan_step_question(p, now_usec, ret_actions);
        if (n == 0 && p->holding != PLAN_KEPT && must_record(p, false))
                n = record(p, ret_actions);
        return n;
}

static void result_of_add(Plan *p, const PlanAction *action, PlanSlot *s, int error, uint64_t now_usec)
{
        s->error = error;
        if (error < 0) {
                s->add_after_usec = now_usec + RETRY_USEC;
                return;
        }
        s->present = (PlanPlace){ .ifindex = action->ifindex, .prefix = action->address.prefix_len };
        s->broken = false;
        s->put_usec = now_usec;
        if (action->restore && s->vip >= 0)
                p->vips[s->vip].restored++;
        s->taken = false;
        plan_restart_announcing(s, now_usec);
}

void plan_result(Plan *p, const PlanAction *action, int error, uint64_t now_usec)
{
        PlanSlot *s;

        if (action->slot < 0)
                return;
        s = &p->slots[action->slot];
        if (action->type == PLAN_ADD) {
                result_of_add(p, action, s, error, now_usec);
                return;
        }

        if (error < 0 && error != -EADDRNOTAVAIL && error != -ENODEV) {
                s->error = error;
                s->remove_after_usec = now_usec + RETRY_USEC;
                return;
        }
        s->present = (PlanPlace){ 0 };
        s->broken = false;
        s->announce_usec = USEC_INFINITY;
}

/* The moment at which this slot wants something, if nothing else happens. */
static uint64_t slot_next(const Plan *p, const PlanSlot *s)
{
        if (s->present.ifindex != 0 && !place_equal(s->present, plan_allowed(p, s)))
                return s->remove_after_usec;
        if (s->broken && p->holding == PLAN_HELD)
                return MAX_OF(s->put_usec + PUT_BACK_USEC, s->remove_after_usec);
        if (must_add(p, s).ifindex != 0)
                return s->add_after_usec;
        return can_announce(p, s) ? s->announce_usec : USEC_INFINITY;
}

uint64_t plan_next_usec(const Plan *p)
{
        uint64_t next = p->n_strays > 0 ? 0 : USEC_INFINITY;

        if (p->holding == PLAN_KEPT)
                next = MIN_OF(next, p->keep_until_usec);
        if (plan_question_interval(p) != USEC_INFINITY)
                next = MIN_OF(next, p->question_usec);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (p->vips[i].conflict)
                        next = MIN_OF(next, p->holding == PLAN_HELD ? p->vips[i].conflict_heard_usec +
                                                                                      PLAN_QUIET_USEC
                                                                    : 0);
        for (size_t i = 0; i < p->n_slots; i++)
                next = MIN_OF(next, slot_next(p, &p->slots[i]));
        return next;
}

size_t plan_entries(const Plan *p, PlanEntry ret_entries[PLAN_SLOTS_MAX])
{
        size_t n = 0;

        for (size_t i = 0; i < p->n_slots; i++) {
                if (p->slots[i].recorded.ifindex == 0)
                        continue;
                ret_entries[n].ifindex = p->slots[i].recorded.ifindex;
                ret_entries[n].address = p->slots[i].address;
                ret_entries[n++].address.prefix_len = p->slots[i].recorded.prefix;
        }
        return n;
}

static PlanState state_of(const Plan *p, const PlanVip *v, const PlanStatus *status)
{
        if (!v->enabled)
                return PLAN_STATE_DISABLED;
        if (v->ifindex == 0)
                return PLAN_STATE_NO_DEVICE;
        if (v->conflict)
                return PLAN_STATE_CONFLICT;
        if (status->error != 0)
                return PLAN_STATE_FAILED;
        if (status->present == 0)
                return p->holding == PLAN_HELD && status->wanted > 0 ? PLAN_STATE_PARTIAL
                                                                     : PLAN_STATE_ABSENT;
        return status->present < status->wanted ? PLAN_STATE_PARTIAL : PLAN_STATE_HELD;
}

void plan_status(const Plan *p, PlanStatus ret_status[PLAN_VIPS_MAX])
{
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                ret_status[i] = (PlanStatus){ .first_failed = -1 };

        for (size_t i = 0; i < p->n_slots; i++) {
                const PlanSlot *s = &p->slots[i];
                PlanStatus *status;

                if (s->vip < 0)
                        continue;
                status = &ret_status[s->vip];
                status->wanted++;
                status->present += s->present.ifindex != 0;
                if (s->error != 0 && status->error == 0) {
                        status->error = s->error;
                        status->first_failed = (int) i;
                }
        }
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                ret_status[i].state = state_of(p, &p->vips[i], &ret_status[i]);
}
