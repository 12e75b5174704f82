/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel has: links and addresses become places. */
#include "plan-private.h"

#include <linux/if_addr.h>

static PlanLink *find_link(Plan *p, int ifindex)
{
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                if (p->links[i].ifindex == ifindex)
                        return &p->links[i];
        return NULL;
}

const PlanLink *plan_find_link(const Plan *p, int ifindex)
{
        for (size_t i = 0; i < PLAN_LINKS_MAX && ifindex > 0; i++)
                if (p->links[i].ifindex == ifindex)
                        return &p->links[i];
        return NULL;
}

bool plan_link_is_primary(const Plan *p, const PlanLink *link)
{
        if (p->primary[0] != 0)
                return strcmp(link->name, p->primary) == 0;
        return p->primary_ifindex == link->ifindex;
}

bool plan_link_has_own(const Plan *p, const PlanLink *link)
{
        if (p->own.place.ifindex == link->ifindex)
                return true;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (p->vips[i].name[0] != 0 && p->vips[i].own.place.ifindex == link->ifindex)
                        return true;
        return false;
}

static void find_peer(Plan *p)
{
        int ifindex = p->peer.own.place.ifindex;

        if (ifindex != p->peer.ifindex) {
                plan_forget_peer(&p->peer);
                p->listen = true;
        }
        p->peer.ifindex = ifindex;
}

void plan_find_devices(Plan *p)
{
        find_peer(p);
        if (p->own.place.ifindex != 0)
                p->primary_ifindex = p->own.place.ifindex;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++) {
                PlanVip *v = &p->vips[i];
                int before = v->ifindex;

                if (v->own.place.ifindex != 0) {
                        v->ifindex = v->own.place.ifindex;
                        v->network = v->own.address;
                        v->network.prefix_len = v->own.place.prefix;
                } else if (p->holding != PLAN_HELD || plan_find_link(p, v->ifindex) == NULL)
                        v->ifindex = 0;
                /* Else: held, and the own address went away, perhaps for a moment: the virtual IP stays. */
                p->listen |= v->ifindex != before;
        }
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++) {
                PlanLink *link = &p->links[i];

                if (link->ifindex != 0 && (plan_link_is_primary(p, link) || plan_link_has_own(p, link)))
                        link->relevant = true;
        }
}

PlanPlace plan_target(const Plan *p, const PlanSlot *slot)
{
        const PlanVip *v;
        PlanPlace place = { 0 };

        if (p->holding != PLAN_HELD || slot->vip < 0)
                return place;
        v = &p->vips[slot->vip];
        if (!v->enabled || v->ifindex == 0)
                return place;

        place.ifindex = v->ifindex;
        place.prefix = ip_address_bits(&slot->address);
        return place;
}

PlanPlace plan_allowed(const Plan *p, const PlanSlot *slot)
{
        if (p->holding == PLAN_KEPT || (p->holding == PLAN_HELD && !p->loaded))
                return slot->recorded;
        return plan_target(p, slot);
}

void plan_restart_announcing(PlanSlot *slot, uint64_t now_usec)
{
        slot->announced = 0;
        slot->announce_usec = now_usec;
}

void plan_link(Plan *p, const PlanLink *link, uint64_t now_usec)
{
        PlanLink *known = find_link(p, link->ifindex), *old = known;
        bool news;

        if (known == NULL)
                known = find_link(p, 0);
        if (known == NULL) {
                p->links_full = true;
                return;
        }

        news = old == NULL || (link->carrier && !known->carrier) ||
               memcmp(known->mac, link->mac, MAC_SIZE) != 0;
        *known = (PlanLink){ .ifindex = link->ifindex,
                             .ethernet = link->ethernet,
                             .carrier = link->carrier,
                             .router = old != NULL && old->router,
                             .relevant = old != NULL && old->relevant,
                             .seen = true };
        memcpy(known->name, link->name, sizeof(known->name));
        memcpy(known->mac, link->mac, MAC_SIZE);
        plan_find_devices(p);
        p->listen |= old == NULL;
        if (!news)
                return;

        /* The switch behind it has not seen us since, or knows another hardware address; try again, too. */
        for (size_t i = 0; i < p->n_slots; i++) {
                PlanSlot *s = &p->slots[i];

                if (s->vip >= 0 && p->vips[s->vip].ifindex == link->ifindex)
                        s->add_after_usec = 0;
                if (s->present.ifindex == link->ifindex)
                        plan_restart_announcing(s, now_usec);
        }
}

void plan_link_gone(Plan *p, int ifindex)
{
        PlanLink *link = ifindex > 0 ? find_link(p, ifindex) : NULL;

        if (link == NULL)
                return;
        *link = (PlanLink){ 0 };

        if (p->primary_ifindex == ifindex)
                p->primary_ifindex = 0;
        if (p->own.place.ifindex == ifindex)
                p->own.place = (PlanPlace){ 0 };
        if (p->peer.own.place.ifindex == ifindex)
                p->peer.own.place = (PlanPlace){ 0 };
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (p->vips[i].own.place.ifindex == ifindex)
                        p->vips[i].own.place = (PlanPlace){ 0 };
        for (size_t i = 0; i < p->n_slots; i++)
                if (p->slots[i].present.ifindex == ifindex)
                        p->slots[i].present = (PlanPlace){ 0 };
        plan_find_devices(p);
}

void plan_forwarding(Plan *p, int ifindex, bool router)
{
        PlanLink *link = ifindex > 0 ? find_link(p, ifindex) : NULL;

        if (link != NULL)
                link->router = router;
}

/* Notes where an own address is now; true when that is news. */
static bool own_seen(PlanOwn *own, PlanPlace place, const IpAddress *address)
{
        bool news;

        if (own->address.family == 0 || !ip_address_equal(&own->address, address))
                return false;
        own->seen = true;
        news = !place_equal(own->place, place);
        own->place = place;
        return news;
}

static bool own_gone(PlanOwn *own, PlanPlace place, const IpAddress *address)
{
        if (own->address.family == 0 || !ip_address_equal(&own->address, address) ||
            !place_equal(own->place, place))
                return false;
        own->place = (PlanPlace){ 0 };
        return true;
}

static void note_stray(Plan *p, int ifindex, const IpAddress *address)
{
        if (p->n_strays == PLAN_STRAYS_MAX) {
                p->resync = true; /* what does not fit now is found by the next dump */
                return;
        }
        p->strays[p->n_strays++] = (PlanStray){ .ifindex = ifindex, .address = *address };
}

/* An address of ours is in the kernel. There may be several copies; the one in its place is tracked. */
static PlanNews slot_seen(Plan *p, PlanSlot *s, PlanPlace place, const IpAddress *address, uint32_t flags)
{
        PlanPlace allowed = plan_allowed(p, s);
        bool was_broken = s->broken, tracked = place_equal(s->present, place);

        if (!tracked && s->present.ifindex != 0) {
                IpAddress other = *address;

                if (place_equal(s->present, allowed)) {
                        note_stray(p, place.ifindex, address);
                        return PLAN_FOREIGN;
                }
                other.prefix_len = s->present.prefix;
                note_stray(p, s->present.ifindex, &other);
        }

        s->present = place;
        s->seen = true;
        /* Without NODAD another host's answer can still disable it, or has done so. */
        s->broken = address->family == AF_INET6 &&
                    ((flags & IFA_F_DADFAILED) != 0 || (flags & IFA_F_NODAD) == 0);
        if (!place_equal(place, allowed))
                return tracked ? PLAN_NOTHING : PLAN_FOREIGN;
        return s->broken && !was_broken ? PLAN_FAILED_DAD : PLAN_NOTHING;
}

PlanNews plan_address(Plan *p, int ifindex, const IpAddress *address, uint32_t flags)
{
        PlanPlace place = { .ifindex = ifindex, .prefix = address->prefix_len };
        bool own = own_seen(&p->own, place, address);
        int slot;

        own |= own_seen(&p->peer.own, place, address);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                own |= own_seen(&p->vips[i].own, place, address);
        if (own) {
                plan_find_devices(p);
                return PLAN_OWN;
        }

        slot = plan_find_slot(p, address);
        return slot < 0 ? PLAN_NOTHING : slot_seen(p, &p->slots[slot], place, address, flags);
}

/* The tracked copy of an address is gone; whether by us is known: then it is not tracked any more. */
static PlanNews slot_gone(Plan *p, PlanSlot *s)
{
        bool held = place_equal(s->present, plan_target(p, s));

        s->present = (PlanPlace){ 0 };
        s->broken = false;
        s->announce_usec = USEC_INFINITY;
        s->taken = held;
        if (held)
                s->add_after_usec = s->put_usec + PUT_BACK_USEC;
        return held ? PLAN_TAKEN : PLAN_NOTHING;
}

PlanNews plan_address_gone(Plan *p, int ifindex, const IpAddress *address)
{
        PlanPlace place = { .ifindex = ifindex, .prefix = address->prefix_len };
        bool own = own_gone(&p->own, place, address);
        int slot;

        own |= own_gone(&p->peer.own, place, address);
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                own |= own_gone(&p->vips[i].own, place, address);
        if (own) {
                plan_find_devices(p);
                p->resync = true; /* it may have moved: a copy on another device was not tracked */
                return PLAN_OWN;
        }

        slot = plan_find_slot(p, address);
        if (slot < 0 || !place_equal(p->slots[slot].present, place))
                return PLAN_NOTHING;
        return slot_gone(p, &p->slots[slot]);
}

void plan_resync_begin(Plan *p)
{
        p->resync = p->links_full = false;
        p->own.seen = p->peer.own.seen = false;
        p->n_strays = 0;
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                p->vips[i].own.seen = false;
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                p->links[i].seen = false;
        for (size_t i = 0; i < p->n_slots; i++)
                p->slots[i].seen = false;
}

void plan_resync_end(Plan *p)
{
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                if (p->links[i].ifindex != 0 && !p->links[i].seen)
                        plan_link_gone(p, p->links[i].ifindex);
        if (!p->own.seen)
                p->own.place = (PlanPlace){ 0 };
        if (!p->peer.own.seen)
                p->peer.own.place = (PlanPlace){ 0 };
        for (size_t i = 0; i < PLAN_VIPS_MAX; i++)
                if (!p->vips[i].own.seen)
                        p->vips[i].own.place = (PlanPlace){ 0 };
        for (size_t i = 0; i < p->n_slots; i++)
                if (p->slots[i].present.ifindex != 0 && !p->slots[i].seen)
                        (void) slot_gone(p, &p->slots[i]);
        plan_find_devices(p);
}
