/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has an address: the questions, and what other hosts say. */
#include "plan-private.h"

enum {
        PROBE_MIN_USEC = 2 * USEC_PER_MSEC,
        PROBE_MAX_USEC = 200 * USEC_PER_MSEC,
        WATCH_USEC = 2 * USEC_PER_SEC,
        KNOWN_USEC = 5 * WATCH_USEC,
};

static void forget_questions(PlanPeer *peer)
{
        peer->asked = peer->answered = peer->known = false;
        peer->unanswered = 0;
        peer->silent_usec = 0;
}

void plan_forget_peer(PlanPeer *peer)
{
        forget_questions(peer);
        peer->answered_usec = 0;
}

void plan_probe(Plan *p, bool on, uint64_t now_usec)
{
        PlanPeer *peer = &p->peer;

        if (on != p->probing) {
                forget_questions(peer);
                peer->known = peer->answered_usec != 0 && now_usec < peer->answered_usec + KNOWN_USEC;
        }
        if (on && !p->probing)
                p->question_usec = now_usec;
        p->probing = on;
}

static bool is_own_mac(const Plan *p, const uint8_t mac[MAC_SIZE])
{
        for (size_t i = 0; i < PLAN_LINKS_MAX; i++)
                if (p->links[i].ifindex != 0 && memcmp(p->links[i].mac, mac, MAC_SIZE) == 0)
                        return true;
        return false;
}

/*
 * How often to ask who answers. While electd wants to know: twenty times in a dead time, half of which is
 * over when it begins. While held: often enough that a silent intruder is found in seconds. The peer at the
 * replication link is asked all the time: silence means something only of a host that used to answer.
 */
uint64_t plan_question_interval(const Plan *p)
{
        uint64_t interval = MAX_OF(p->dead_usec / 20, (uint64_t) PROBE_MIN_USEC);

        if (p->probing)
                return MIN_OF(interval, (uint64_t) PROBE_MAX_USEC);
        return p->holding == PLAN_HELD || p->peer.ifindex != 0 ? (uint64_t) WATCH_USEC : USEC_INFINITY;
}

/* Whether this host has not answered the last question yet: each is told once, so none can drown another. */
static bool first_answer(PlanVip *v, const uint8_t mac[MAC_SIZE])
{
        for (size_t i = 0; i < v->answers; i++)
                if (memcmp(v->answer_mac[i], mac, MAC_SIZE) == 0)
                        return false;
        if (v->answers == PLAN_ANSWERS_MAX)
                return false;
        memcpy(v->answer_mac[v->answers++], mac, MAC_SIZE);
        return true;
}

/* Told once for each question, as for virtual IPs. */
static unsigned int reached(PlanPeer *peer, uint64_t now_usec)
{
        unsigned int claim = peer->answered ? 0 : PLAN_REACHED;

        peer->answered = peer->known = true;
        peer->unanswered = 0;
        peer->silent_usec = 0;
        peer->answered_usec = now_usec;
        return claim;
}

unsigned int plan_claim(Plan *p, int ifindex, const IpAddress *address, const uint8_t mac[MAC_SIZE],
                        uint64_t now_usec, int *ret_vip)
{
        int slot = plan_find_slot(p, address);
        unsigned int claim = 0;
        PlanSlot *s;
        PlanVip *v;

        /* Another device of ours in the same network answers as well, by the kernel's own rules. */
        if (is_own_mac(p, mac))
                return 0;
        if (ifindex == p->peer.ifindex && ip_address_equal(address, &p->peer.address))
                return reached(&p->peer, now_usec);
        if (slot < 0 || p->slots[slot].vip < 0)
                return 0;
        s = &p->slots[slot];
        v = &p->vips[s->vip];
        if (v->ifindex != ifindex)
                return 0;

        *ret_vip = s->vip;
        if (p->probing && first_answer(v, mac))
                claim |= PLAN_ANSWERED;
        if (p->holding != PLAN_HELD || s->present.ifindex != ifindex)
                return claim;
        if (!v->conflict) {
                v->conflict = true;
                memcpy(v->conflict_mac, mac, MAC_SIZE);
                claim |= PLAN_CONFLICT;
                plan_restart_announcing(s, now_usec);
        } else
                s->announce_usec = MIN_OF(s->announce_usec, now_usec + PLAN_DEFEND_USEC);
        s->disputed_usec = now_usec;
        if (memcmp(v->conflict_mac, mac, MAC_SIZE) == 0)
                v->conflict_heard_usec = now_usec;
        return claim;
}

void plan_unasked(Plan *p)
{
        p->peer.asked = false;
}

/* What has become of the last question to the peer at the replication link, and the next. */
static size_t ask_peer(Plan *p, uint64_t now_usec, PlanAction *ret_action)
{
        const PlanLink *link = plan_find_link(p, p->peer.ifindex);
        PlanPeer *peer = &p->peer;

        peer->unanswered = peer->asked && !peer->answered ? peer->unanswered + 1 : 0;
        peer->silent_usec = p->probing && peer->known && peer->unanswered >= PLAN_SILENT ? now_usec : 0;
        peer->asked = peer->answered = false;
        if (peer->address.family == 0 || link == NULL || !link->ethernet || !link->carrier)
                return 0;
        peer->asked = true;
        *ret_action = (PlanAction){ .type = PLAN_QUESTION,
                                    .ifindex = link->ifindex,
                                    .address = p->peer.address,
                                    .sender = p->peer.own.address,
                                    .slot = -1,
                                    .vip = -1 };
        return 1;
}

/* One question for each virtual IP; its aliases go with it. */
size_t plan_step_question(Plan *p, uint64_t now_usec, PlanAction *ret_actions)
{
        size_t n = 0;

        if (plan_question_interval(p) == USEC_INFINITY || now_usec < p->question_usec)
                return 0;
        p->question_usec = now_usec + plan_question_interval(p);
        n = ask_peer(p, now_usec, ret_actions);
        if (!p->probing && p->holding != PLAN_HELD)
                return n;

        for (int i = 0; i < PLAN_VIPS_MAX; i++) {
                PlanVip *v = &p->vips[i];
                const PlanLink *link = plan_find_link(p, v->ifindex);

                v->answers = 0;
                if (!v->enabled || v->address.family == 0 || link == NULL || !link->ethernet ||
                    !link->carrier)
                        continue;
                ret_actions[n++] = (PlanAction){ .type = PLAN_QUESTION,
                                                 .ifindex = link->ifindex,
                                                 .address = v->address,
                                                 .sender = v->own.address,
                                                 .slot = -1,
                                                 .vip = i };
        }
        return n;
}
