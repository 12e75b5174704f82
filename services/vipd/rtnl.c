/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rtnl.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

enum {
        RECEIVE_SIZE = 64 * 1024,      /* the kernel fills at most 32 KiB at once */
        BATCH_SIZE = PLAN_BATCH * 128, /* one request takes at most 88 bytes */
        QUEUE_SIZE = 8 * 1024 * 1024,  /* 4096 addresses at once, twice; used only while they queue */
        DUMP_TRIES = 5,
        LINK_RUNNING = IFF_UP |
                       IFF_RUNNING, /* IFF_RUNNING: carrier, and no 802.1X or bond still in the way */
};

struct Rtnl {
        struct nl_sock *command;
        struct nl_sock *events;
        uint32_t sequence;
        Plan *plan;
        RtnlNews news;
        void *userdata;
        uint64_t now_usec; /* of the turn, for the plan */
        char buffer[RECEIVE_SIZE];
};

static int open_socket(struct nl_sock **ret)
{
        struct nl_sock *sk = nl_socket_alloc();
        int size = QUEUE_SIZE, on = 1;

        if (sk == NULL)
                return -ENOMEM;
        /* We match answers ourselves: only the last request of a batch is acknowledged. */
        nl_socket_disable_seq_check(sk);
        if (nl_connect(sk, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(sk) < 0) {
                nl_socket_free(sk);
                return -errno;
        }
        /* Past the system's limit where we may; without, a burst costs a dump. */
        if (setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        (void) setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        /* Errors come back without the request in them. */
        (void) setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
        *ret = sk;
        return 0;
}

int rtnl_new(Plan *plan, RtnlNews news, void *userdata, Rtnl **ret)
{
        _cleanup_(rtnl_freep) Rtnl *rtnl = calloc(1, sizeof(*rtnl));
        int r;

        if (rtnl == NULL)
                return -ENOMEM;
        rtnl->plan = plan;
        rtnl->news = news;
        rtnl->userdata = userdata;

        r = open_socket(&rtnl->command);
        if (r < 0)
                return r;
        r = open_socket(&rtnl->events);
        if (r < 0)
                return r;
        if (nl_socket_add_memberships(rtnl->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                      RTNLGRP_IPV6_NETCONF, 0) < 0)
                return -errno;

        *ret = TAKE_PTR(rtnl);
        return 0;
}

Rtnl *rtnl_free(Rtnl *rtnl)
{
        if (rtnl == NULL)
                return NULL;
        nl_socket_free(rtnl->command);
        nl_socket_free(rtnl->events);
        free(rtnl);
        return NULL;
}

int rtnl_fd(const Rtnl *rtnl)
{
        return nl_socket_get_fd(rtnl->events);
}

static void told_link(Rtnl *rtnl, struct nlmsghdr *h)
{
        struct ifinfomsg *info = nlmsg_data(h);
        struct nlattr *attributes[IFLA_MAX + 1];
        PlanLink link = { .ifindex = info->ifi_index };

        /* AF_BRIDGE: a port joined or left a bridge; a DELLINK of that kind deletes no link. */
        if (nlmsg_parse(h, sizeof(*info), attributes, IFLA_MAX, NULL) < 0 || info->ifi_family != AF_UNSPEC)
                return;
        if (h->nlmsg_type == RTM_DELLINK) {
                plan_link_gone(rtnl->plan, link.ifindex);
                return;
        }
        if ((info->ifi_flags & IFF_LOOPBACK) != 0 || attributes[IFLA_IFNAME] == NULL)
                return;

        nla_strlcpy(link.name, attributes[IFLA_IFNAME], sizeof(link.name));
        link.carrier = (info->ifi_flags & LINK_RUNNING) == LINK_RUNNING;
        if (info->ifi_type == ARPHRD_ETHER && attributes[IFLA_ADDRESS] != NULL &&
            nla_len(attributes[IFLA_ADDRESS]) == MAC_SIZE) {
                link.ethernet = true;
                memcpy(link.mac, nla_data(attributes[IFLA_ADDRESS]), MAC_SIZE);
        }
        plan_link(rtnl->plan, &link, rtnl->now_usec);
}

static void told_address(Rtnl *rtnl, struct nlmsghdr *h)
{
        struct ifaddrmsg *info = nlmsg_data(h);
        struct nlattr *attributes[IFA_MAX + 1], *local;
        IpAddress address = { .family = info->ifa_family, .prefix_len = info->ifa_prefixlen };
        uint32_t flags = info->ifa_flags;
        PlanNews news;

        if (nlmsg_parse(h, sizeof(*info), attributes, IFA_MAX, NULL) < 0)
                return;
        if (address.family != AF_INET && address.family != AF_INET6)
                return;
        /* On a point-to-point link IFA_ADDRESS is the peer's. */
        local = attributes[IFA_LOCAL] != NULL ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
        if (local == NULL || (size_t) nla_len(local) != ip_address_size(&address))
                return;
        memcpy(address.bytes, nla_data(local), ip_address_size(&address));
        if (attributes[IFA_FLAGS] != NULL)
                flags = nla_get_u32(attributes[IFA_FLAGS]);

        if (h->nlmsg_type == RTM_NEWADDR)
                news = plan_address(rtnl->plan, (int) info->ifa_index, &address, flags);
        else
                news = plan_address_gone(rtnl->plan, (int) info->ifa_index, &address);
        if (news != PLAN_NOTHING)
                rtnl->news(rtnl->userdata, news, (int) info->ifa_index, &address);
}

static void told_forwarding(Rtnl *rtnl, struct nlmsghdr *h)
{
        struct nlattr *attributes[NETCONFA_MAX + 1];

        if (nlmsg_parse(h, sizeof(struct netconfmsg), attributes, NETCONFA_MAX, NULL) < 0)
                return;
        if (attributes[NETCONFA_IFINDEX] != NULL && attributes[NETCONFA_FORWARDING] != NULL)
                plan_forwarding(rtnl->plan, (int) nla_get_u32(attributes[NETCONFA_IFINDEX]),
                                nla_get_u32(attributes[NETCONFA_FORWARDING]) != 0);
}

static void told(Rtnl *rtnl, struct nlmsghdr *h)
{
        switch (h->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
                if (nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)))
                        told_link(rtnl, h);
                break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
                if (nlmsg_valid_hdr(h, sizeof(struct ifaddrmsg)))
                        told_address(rtnl, h);
                break;
        case RTM_NEWNETCONF:
                if (nlmsg_valid_hdr(h, sizeof(struct netconfmsg)))
                        told_forwarding(rtnl, h);
                break;
        default: /* the kernel's other kinds */
                break;
        }
}

/* One datagram from the kernel: its size, 0 when there is none, -ENOBUFS when some were lost. */
static ssize_t receive(Rtnl *rtnl, struct nl_sock *sk)
{
        for (;;) {
                struct sockaddr_nl from = { 0 };
                socklen_t length = sizeof(from);
                ssize_t size = recvfrom(nl_socket_get_fd(sk), rtnl->buffer, sizeof(rtnl->buffer), MSG_TRUNC,
                                        (struct sockaddr *) &from, &length);

                if (size < 0 && errno == EINTR)
                        continue;
                if (size < 0)
                        return errno == EAGAIN ? 0 : -errno;
                if (from.nl_pid != 0)
                        continue; /* not the kernel */
                return (size_t) size > sizeof(rtnl->buffer) ? -ENOBUFS : size;
        }
}

int rtnl_drain(Rtnl *rtnl, uint64_t now_usec)
{
        rtnl->now_usec = now_usec;
        for (;;) {
                ssize_t size = receive(rtnl, rtnl->events);
                int left = (int) size;

                if (size == -ENOBUFS) {
                        rtnl->plan->resync = true;
                        continue;
                }
                if (size <= 0)
                        return (int) size;
                for (struct nlmsghdr *h = (struct nlmsghdr *) rtnl->buffer; nlmsg_ok(h, left);
                     h = nlmsg_next(h, &left))
                        told(rtnl, h);
        }
}

/* Reads the answer to a dump: 0, or -EAGAIN when the kernel's tables changed meanwhile. */
static int receive_dump(Rtnl *rtnl, uint32_t sequence)
{
        bool interrupted = false;

        for (;;) {
                ssize_t size = receive(rtnl, rtnl->command);
                int left = (int) size;

                if (size <= 0)
                        return size == 0 ? -EIO : (int) size; /* a dump always ends with DONE */
                for (struct nlmsghdr *h = (struct nlmsghdr *) rtnl->buffer; nlmsg_ok(h, left);
                     h = nlmsg_next(h, &left)) {
                        if (h->nlmsg_seq != sequence)
                                continue;
                        interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
                        if (h->nlmsg_type == NLMSG_DONE)
                                return interrupted ? -EAGAIN : 0;
                        if (h->nlmsg_type == NLMSG_ERROR)
                                return ((struct nlmsgerr *) nlmsg_data(h))->error;
                        told(rtnl, h);
                }
        }
}

static int dump(Rtnl *rtnl, int type, void *header, size_t size)
{
        uint32_t sequence = ++rtnl->sequence;
        struct nl_msg *msg = nlmsg_alloc();
        int r = -ENOMEM;

        if (msg != NULL &&
            nlmsg_put(msg, NL_AUTO_PORT, sequence, type, 0, NLM_F_REQUEST | NLM_F_DUMP) != NULL &&
            nlmsg_append(msg, header, size, NLMSG_ALIGNTO) == 0)
                r = nl_sendto(rtnl->command, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len) < 0 ? -errno : 0;
        nlmsg_free(msg);
        return r < 0 ? r : receive_dump(rtnl, sequence);
}

static int dump_all(Rtnl *rtnl)
{
        struct ifinfomsg links = { .ifi_family = AF_UNSPEC };
        struct netconfmsg forwarding = { .ncm_family = AF_INET6 };
        struct ifaddrmsg addresses = { .ifa_family = AF_UNSPEC };
        int r;

        r = dump(rtnl, RTM_GETLINK, &links, sizeof(links));
        if (r < 0)
                return r;
        r = dump(rtnl, RTM_GETNETCONF, &forwarding, sizeof(forwarding));
        if (r < 0 && r != -EOPNOTSUPP) /* a kernel without IPv6 */
                return r;
        return dump(rtnl, RTM_GETADDR, &addresses, sizeof(addresses));
}

int rtnl_dump(Rtnl *rtnl, uint64_t now_usec)
{
        int r = -EAGAIN;

        rtnl->now_usec = now_usec;
        for (int i = 0; i < DUMP_TRIES && r == -EAGAIN; i++) {
                plan_resync_begin(rtnl->plan);
                r = dump_all(rtnl);
        }
        if (r < 0)
                return r; /* nothing counts as gone after half a dump */
        plan_resync_end(rtnl->plan);
        return 0;
}

/* One request to add or remove; 0 or -ENOMEM. */
static int build(const PlanAction *a, uint32_t sequence, int flags, struct nl_msg **ret)
{
        bool add = a->type == PLAN_ADD, v6 = a->address.family == AF_INET6;
        struct ifaddrmsg info = { .ifa_family = a->address.family,
                                  .ifa_prefixlen = a->address.prefix_len,
                                  .ifa_index = (uint32_t) a->ifindex };
        struct ifa_cacheinfo lifetime = { .ifa_prefered = v6 ? 0 : UINT32_MAX, .ifa_valid = UINT32_MAX };
        uint32_t wanted = IFA_F_NOPREFIXROUTE | (v6 ? IFA_F_NODAD : 0);
        struct nl_msg *msg = nlmsg_alloc_size(256);
        int size = (int) ip_address_size(&a->address), r;

        if (msg == NULL)
                return -ENOMEM;
        /* REPLACE: what somebody else added in the same place becomes ours, with our flags. */
        flags |= NLM_F_REQUEST | (add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
        r = nlmsg_put(msg, NL_AUTO_PORT, sequence, add ? RTM_NEWADDR : RTM_DELADDR, 0, flags) == NULL;
        r |= nlmsg_append(msg, &info, sizeof(info), NLMSG_ALIGNTO);
        r |= nla_put(msg, IFA_LOCAL, size, a->address.bytes);
        r |= nla_put(msg, IFA_ADDRESS, size, a->address.bytes);
        if (add) {
                r |= nla_put_u32(msg, IFA_FLAGS, wanted);
                r |= nla_put(msg, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
        }
        if (r != 0) {
                nlmsg_free(msg);
                return -ENOMEM;
        }
        *ret = msg;
        return 0;
}

/* Every error comes by itself; the last request's acknowledgement says that all were done. */
static int receive_errors(Rtnl *rtnl, uint32_t first, size_t n, int ret_errors[])
{
        for (;;) {
                ssize_t size = receive(rtnl, rtnl->command);
                int left = (int) size;

                if (size <= 0)
                        return size == 0 ? -EIO : (int) size;
                for (struct nlmsghdr *h = (struct nlmsghdr *) rtnl->buffer; nlmsg_ok(h, left);
                     h = nlmsg_next(h, &left)) {
                        uint32_t which = h->nlmsg_seq - first;

                        if (h->nlmsg_type != NLMSG_ERROR || which >= n)
                                continue;
                        ret_errors[which] = ((struct nlmsgerr *) nlmsg_data(h))->error;
                        if (which == n - 1)
                                return 0;
                }
        }
}

int rtnl_apply(Rtnl *rtnl, const PlanAction actions[], size_t n, int ret_errors[])
{
        char batch[BATCH_SIZE];
        size_t used = 0;
        uint32_t first = rtnl->sequence + 1;

        for (size_t i = 0; i < n; i++) {
                struct nl_msg *msg;
                size_t size;
                int r = build(&actions[i], first + (uint32_t) i, i == n - 1 ? NLM_F_ACK : 0, &msg);

                if (r < 0)
                        return r;
                size = NLMSG_ALIGN(nlmsg_hdr(msg)->nlmsg_len);
                if (used + size > sizeof(batch)) {
                        nlmsg_free(msg);
                        return -E2BIG;
                }
                memcpy(batch + used, nlmsg_hdr(msg), size);
                used += size;
                nlmsg_free(msg);
                ret_errors[i] = 0;
        }
        rtnl->sequence += (uint32_t) n;
        if (nl_sendto(rtnl->command, batch, used) < 0)
                return -errno;
        return receive_errors(rtnl, first, n, ret_errors);
}
