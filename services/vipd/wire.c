/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/pkt_sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packet.h"

enum {
        RANGES_MAX = 256, /* more than that, and the filter takes everything between the first and the last
                           */
        FILTER_MAX = 8 + 3 * RANGES_MAX,
        FRAMES_PER_TURN = 64,
        SEND_QUEUE = 4 * 1024 * 1024,
        /* Offsets in the frame. */
        ARP_SENDER = 14 + 14,
        IPV6_NEXT = 14 + 6,
        ICMP_TYPE = 14 + 40,
        ICMP_TARGET_END = 14 + 40 + 8 + 12,
};

typedef struct Listener {
        Wire *wire;
        int ifindex;                 /* 0: free entry */
        sd_event_source *sources[2]; /* ARP, IPv6; they own their sockets */
} Listener;

struct Wire {
        sd_event *event;
        WireClaim claim;
        void *userdata;
        int sender;
        Listener listeners[PLAN_VIPS_MAX + 1]; /* one for the replication link */
};

/* The last 32 bits of addresses, as ranges in rising order. */
typedef struct Ranges {
        struct {
                uint32_t first, last;
        } range[PLAN_SLOTS_MAX + 1]; /* and the peer's end of the replication link */
        size_t n;
} Ranges;

static const uint8_t families[] = { AF_INET, AF_INET6 };

int wire_new(sd_event *event, WireClaim claim, void *userdata, Wire **ret)
{
        _cleanup_(wire_freep) Wire *wire = calloc(1, sizeof(*wire));
        int size = SEND_QUEUE, priority = TC_PRIO_CONTROL;

        if (wire == NULL)
                return -ENOMEM;
        wire->event = sd_event_ref(event);
        wire->claim = claim;
        wire->userdata = userdata;
        /* Protocol 0: it receives nothing. */
        wire->sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (wire->sender < 0)
                return -errno;
        /* A thousand frames at once must fit; without the privilege the system's limit applies. */
        if (setsockopt(wire->sender, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(wire->sender, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        /* Before bulk traffic that queues on a full link. */
        (void) setsockopt(wire->sender, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));

        *ret = TAKE_PTR(wire);
        return 0;
}

static void listener_close(Listener *listener)
{
        for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                listener->sources[i] = sd_event_source_disable_unref(listener->sources[i]);
        listener->ifindex = 0;
}

static void close_listeners(Wire *wire)
{
        for (size_t i = 0; i < ARRAY_SIZE(wire->listeners); i++)
                listener_close(&wire->listeners[i]);
}

Wire *wire_free(Wire *wire)
{
        if (wire == NULL)
                return NULL;
        close_listeners(wire);
        if (wire->sender >= 0)
                close(wire->sender);
        sd_event_unref(wire->event);
        free(wire);
        return NULL;
}

static int compare_range(const void *a, const void *b)
{
        const uint32_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static void add_range(Ranges *ranges, const IpAddress *address)
{
        uint32_t end;

        memcpy(&end, address->bytes + ip_address_size(address) - sizeof(end), sizeof(end));
        ranges->range[ranges->n].first = ranges->range[ranges->n].last = ntohl(end);
        ranges->n++;
}

/* Which sender (ARP) or target (ND) ends the filter must let through for a device. */
static void collect_ranges(const Plan *plan, int ifindex, uint8_t family, Ranges *ret)
{
        size_t kept = 0;

        ret->n = 0;
        for (size_t i = 0; i < plan->n_slots; i++) {
                const PlanSlot *s = &plan->slots[i];

                if (s->vip >= 0 && plan->vips[s->vip].ifindex == ifindex && s->address.family == family)
                        add_range(ret, &s->address);
        }
        if (plan->peer.ifindex == ifindex && plan->peer.address.family == family)
                add_range(ret, &plan->peer.address);
        if (ret->n == 0)
                return;

        qsort(ret->range, ret->n, sizeof(ret->range[0]), compare_range);
        for (size_t i = 1; i < ret->n; i++) {
                if (ret->range[i].first - ret->range[kept].last <= 1)
                        ret->range[kept].last = ret->range[i].last;
                else
                        ret->range[++kept] = ret->range[i];
        }
        if (++kept > RANGES_MAX) {
                ret->range[0].last = ret->range[kept - 1].last;
                kept = 1;
        }
        ret->n = kept;
}

/* The kernel's filter: the whole frame for what may be a claim to one of our addresses, else nothing. */
static size_t build_filter(uint8_t family, const Ranges *ranges, struct sock_filter *f)
{
        size_t n = 0;

        if (family == AF_INET6) {
                f[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, IPV6_NEXT);
                f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58 /* ICMPv6 */, 1, 0);
                f[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, 0);
                f[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ICMP_TYPE);
                f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136 /* NA */, 1, 0);
                f[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, 0);
        }
        f[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                               family == AF_INET ? ARP_SENDER : ICMP_TARGET_END);
        for (size_t i = 0; i < ranges->n; i++) {
                f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges->range[i].first, 0,
                                                       2);
                f[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ranges->range[i].last, 1,
                                                       0);
                f[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, UINT16_MAX);
        }
        f[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, 0);
        return n;
}

static int attach_filter(int fd, uint8_t family, const Ranges *ranges)
{
        struct sock_filter filter[FILTER_MAX];
        struct sock_fprog program = { .filter = filter };

        program.len = (unsigned short) build_filter(family, ranges, filter);
        return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

static int on_frame(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Listener *listener = userdata;

        /* A flood of claims must not keep the loop from its other work: the rest waits for the next turn. */
        for (size_t i = 0; i < FRAMES_PER_TURN; i++) {
                uint8_t frame[2048], mac[MAC_SIZE];
                IpAddress address;
                ssize_t size = recv(fd, frame, sizeof(frame), 0);

                if (size < 0)
                        return 0; /* EAGAIN; ENETDOWN while the link is down: netlink tells that */
                if (packet_claim(frame, (size_t) size, &address, mac) > 0)
                        listener->wire->claim(listener->wire->userdata, listener->ifindex, &address, mac);
        }
        return 0;
}

void wire_hear(Wire *wire)
{
        for (size_t i = 0; i < ARRAY_SIZE(wire->listeners); i++)
                for (size_t j = 0; j < ARRAY_SIZE(families); j++) {
                        sd_event_source *source = wire->listeners[i].sources[j];

                        if (source != NULL)
                                (void) on_frame(source, sd_event_source_get_io_fd(source), EPOLLIN,
                                                &wire->listeners[i]);
                }
}

/* Opens a socket that hears nothing before its filter is in place. */
static int open_listener(Listener *listener, uint8_t family, const Ranges *ranges, sd_event_source **ret)
{
        struct sockaddr_ll link = { .sll_family = AF_PACKET,
                                    .sll_protocol = htons(family == AF_INET ? ETH_P_ARP : ETH_P_IPV6),
                                    .sll_ifindex = listener->ifindex };
        int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, r;

        if (fd < 0)
                return -errno;
        r = attach_filter(fd, family, ranges);
        if (r == 0 && (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
                       bind(fd, (struct sockaddr *) &link, sizeof(link)) < 0))
                r = -errno;
        if (r == 0)
                r = sd_event_add_io(listener->wire->event, ret, fd, EPOLLIN, on_frame, listener);
        if (r < 0) {
                close(fd);
                return r;
        }
        return sd_event_source_set_io_fd_own(*ret, true);
}

static int listen_on(Listener *listener, const Plan *plan, Ranges *ranges)
{
        int error = 0;

        for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
                int r;

                collect_ranges(plan, listener->ifindex, families[i], ranges);
                if (ranges->n == 0)
                        continue;
                r = open_listener(listener, families[i], ranges, &listener->sources[i]);
                if (r < 0)
                        error = r;
        }
        return error;
}

static bool listened_to(const Wire *wire, size_t n, int ifindex)
{
        for (size_t i = 0; i < n; i++)
                if (wire->listeners[i].ifindex == ifindex)
                        return true;
        return false;
}

int wire_listen(Wire *wire, const Plan *plan)
{
        _cleanup_(freep) Ranges *ranges = malloc(sizeof(*ranges));
        size_t n = 0;
        int error = 0;

        if (ranges == NULL)
                return -ENOMEM;
        /* From the beginning: a device may have been made anew under its old number, and its socket is dead.
         */
        close_listeners(wire);

        for (size_t i = 0; i <= PLAN_VIPS_MAX; i++) {
                const PlanLink *link = plan_find_link(plan, i < PLAN_VIPS_MAX ? plan->vips[i].ifindex
                                                                              : plan->peer.ifindex);
                int r;

                if (link == NULL || !link->ethernet || listened_to(wire, n, link->ifindex))
                        continue;
                wire->listeners[n].wire = wire;
                wire->listeners[n].ifindex = link->ifindex;
                r = listen_on(&wire->listeners[n++], plan, ranges);
                if (r < 0)
                        error = r;
        }
        return error;
}

/* The frames of one batch: an announcement may bring its question. */
typedef struct Frames {
        struct mmsghdr header[2 * PLAN_BATCH];
        struct iovec data[2 * PLAN_BATCH];
        struct sockaddr_ll to[2 * PLAN_BATCH];
        uint8_t frame[2 * PLAN_BATCH][PACKET_SIZE_MAX];
        unsigned int n;
} Frames;

static uint8_t *next_frame(Frames *frames)
{
        return frames->frame[frames->n];
}

static void add_frame(Frames *frames, int ifindex, size_t size)
{
        unsigned int i = frames->n++;

        frames->data[i] = (struct iovec){ .iov_base = frames->frame[i], .iov_len = size };
        frames->to[i] = (struct sockaddr_ll){ .sll_family = AF_PACKET, .sll_ifindex = ifindex };
        memcpy(&frames->to[i].sll_protocol, frames->frame[i] + 12, sizeof(frames->to[i].sll_protocol));
        frames->header[i].msg_hdr = (struct msghdr){ .msg_name = &frames->to[i],
                                                     .msg_namelen = sizeof(frames->to[i]),
                                                     .msg_iov = &frames->data[i],
                                                     .msg_iovlen = 1 };
}

static int send_frames(Wire *wire, Frames *frames)
{
        unsigned int sent = 0;
        int error = 0;

        while (sent < frames->n) {
                int r = sendmmsg(wire->sender, frames->header + sent, frames->n - sent, 0);

                if (r >= 0) {
                        sent += (unsigned int) r;
                } else if (errno != EINTR) {
                        error = -errno;
                        sent++; /* this one is lost; the next may be for another device */
                }
        }
        return error;
}

int wire_send(Wire *wire, const Plan *plan, const PlanAction actions[], size_t n)
{
        Frames frames;

        frames.n = 0;
        for (size_t i = 0; i < n; i++) {
                const PlanAction *a = &actions[i];
                const PlanLink *link = plan_find_link(plan, a->ifindex);

                if (link == NULL)
                        continue;
                if (a->type == PLAN_ANNOUNCE)
                        add_frame(&frames, a->ifindex,
                                  packet_announcement(&a->address, link->mac, link->router,
                                                      next_frame(&frames)));
                if (a->type == PLAN_QUESTION || a->ask)
                        add_frame(&frames, a->ifindex,
                                  packet_question(&a->address, &a->sender, link->mac, next_frame(&frames)));
        }
        return send_frames(wire, &frames);
}
