/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wanted: settings and the ledger become slots. */
#include "plan-private.h"

#include <errno.h>

static uint32_t hash(const IpAddress *address)
{
        uint32_t value = 2166136261U; /* FNV-1a */

        for (size_t i = 0; i < ip_address_size(address); i++)
                value = (value ^ address->bytes[i]) * 16777619U;
        return value;
}

static size_t index_of(const IpAddress *address, size_t probe)
{
        return (hash(address) + probe) % ARRAY_SIZE(((Plan *) NULL)->index);
}

int plan_find_slot(const Plan *p, const IpAddress *address)
{
        for (size_t probe = 0; probe < ARRAY_SIZE(p->index); probe++) {
                uint16_t entry = p->index[index_of(address, probe)];

                if (entry == 0)
                        return -1;
                if (ip_address_equal(&p->slots[entry - 1].address, address))
                        return entry - 1;
        }
        return -1;
}

static void index_slot(Plan *p, size_t slot)
{
        size_t probe = 0;

        /* The index is twice as large as the table: a free entry is always found. */
        while (p->index[index_of(&p->slots[slot].address, probe)] != 0)
                probe++;
        p->index[index_of(&p->slots[slot].address, probe)] = (uint16_t) (slot + 1);
}

void plan_rebuild_index(Plan *p)
{
        memset(p->index, 0, sizeof(p->index));
        for (size_t i = 0; i < p->n_slots; i++)
                index_slot(p, i);
}

int plan_new_slot(Plan *p, const IpAddress *address)
{
        if (p->n_slots == PLAN_SLOTS_MAX)
                return -E2BIG;

        p->slots[p->n_slots] = (PlanSlot){ .address = *address, .vip = -1, .announce_usec = USEC_INFINITY };
        index_slot(p, p->n_slots);
        return (int) p->n_slots++;
}

void plan_init(Plan *p)
{
        p->resync = true;
}

void plan_restore(Plan *p, const PlanEntry *entries, size_t n, uint64_t epoch, uint64_t keep_until_usec)
{
        p->epoch = p->recorded_epoch = epoch;
        for (size_t i = 0; i < n; i++) {
                PlanPlace place = { .ifindex = entries[i].ifindex, .prefix = entries[i].address.prefix_len };
                int slot = plan_find_slot(p, &entries[i].address);

                if (slot < 0)
                        slot = plan_new_slot(p, &entries[i].address);
                if (slot < 0)
                        return; /* a ledger never has more entries than the table: it was written from it */
                /* Present until the dump shows otherwise; so it is removed even if that dump never comes. */
                p->slots[slot].present = p->slots[slot].recorded = place;
                p->holding = PLAN_KEPT;
        }
        p->keep_until_usec = keep_until_usec;
}

/* strncpy() is not pure by our list, and does not terminate. */
static void copy_name(char *to, const char *from, size_t size)
{
        memset(to, 0, size);
        for (size_t i = 0; i + 1 < size && from[i] != 0; i++)
                to[i] = from[i];
}

/* Takes over an own address; where it is stays known if it is the same. */
static void load_own(PlanOwn *own, const IpAddress *address)
{
        if (!ip_address_equal(&own->address, address))
                own->place = (PlanPlace){ 0 };
        own->address = *address;
}

void plan_load_begin(Plan *p, uint64_t dead_usec, const char *primary, const IpAddress *own)
{
        p->dead_usec = dead_usec;
        copy_name(p->primary, primary, sizeof(p->primary));
        load_own(&p->own, own);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                p->vips[i].loaded = false;
        for (size_t i = 0; i < p->n_slots; i++)
                p->slots[i].vip = -1;
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                p->links[i].relevant = false;
}

void plan_load_peer(Plan *p, const IpAddress *own, const IpAddress *peer)
{
        if (!ip_address_equal(&p->peer.address, peer) || !ip_address_equal(&p->peer.own.address, own))
                plan_forget_peer(&p->peer);
        load_own(&p->peer.own, own);
        p->peer.address = *peer;
}

int plan_load_vip(Plan *p, const char *name, bool enabled, const IpAddress *own)
{
        int found = -1;

        if (strlen(name) >= PLAN_NAME_MAX || name[0] == 0)
                return -ENAMETOOLONG;

        for (int i = PLAN_VIPS_MAX - 1; i >= 0; i--)
                if (p->vips[i].name[0] == 0)
                        found = i;
        for (int i = 0; i < PLAN_VIPS_MAX; i++)
                if (strcmp(p->vips[i].name, name) == 0)
                        found = i;
        if (found < 0)
                return -E2BIG;
        if (p->vips[found].loaded)
                return -EEXIST;

        if (p->vips[found].name[0] == 0)
                p->vips[found] = (PlanVip){ 0 };
        copy_name(p->vips[found].name, name, PLAN_NAME_MAX);
        p->vips[found].enabled = enabled;
        p->vips[found].loaded = true;
        p->vips[found].address = (IpAddress){ 0 };
        load_own(&p->vips[found].own, own);
        return found;
}

static bool is_own(const Plan *p, const IpAddress *address)
{
        if (ip_address_equal(&p->own.address, address))
                return true;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (p->vips[i].loaded && ip_address_equal(&p->vips[i].own.address, address))
                        return true;
        return false;
}

int plan_load_address(Plan *p, int vip, const IpAddress *address)
{
        int slot = plan_find_slot(p, address);

        if (slot >= 0 && p->slots[slot].vip >= 0)
                return -EEXIST;
        if (is_own(p, address))
                return -EEXIST;
        if (slot < 0)
                slot = plan_new_slot(p, address);
        if (slot < 0)
                return slot;

        if (p->vips[vip].address.family == 0)
                p->vips[vip].address = *address;
        p->slots[slot].address.prefix_len = address->prefix_len;
        p->slots[slot].vip = vip;
        p->slots[slot].error = 0;
        p->slots[slot].add_after_usec = 0;
        return 0;
}

void plan_load_end(Plan *p)
{
        size_t kept = 0;

        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (!p->vips[i].loaded)
                        p->vips[i] = (PlanVip){ 0 };

        for (size_t i = 0; i < p->n_slots; i++) {
                PlanSlot *s = &p->slots[i];

                /* What was a virtual IP and now is an own address is no longer ours to remove. */
                if (is_own(p, &s->address))
                        continue;
                if (s->vip >= 0 || s->present.ifindex != 0 || s->recorded.ifindex != 0)
                        p->slots[kept++] = *s;
        }
        p->n_slots = kept;
        plan_rebuild_index(p);
        plan_find_devices(p);
        p->loaded = p->listen = true;
        /* New addresses may be anywhere in the kernel, own ones too. */
        p->resync = true;
}
