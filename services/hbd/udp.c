/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP sockets of the paths. */
#include "services/hbd/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/pkt_sched.h>
#include <netinet/ip.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int udp_parse(const char *text, uint16_t port, SocketAddress *ret_address)
{
        SocketAddress address = {};

        if (inet_pton(AF_INET, text, &address.in.sin_addr) == 1) {
                address.in.sin_family = AF_INET;
                address.in.sin_port = htons(port);
        } else if (inet_pton(AF_INET6, text, &address.in6.sin6_addr) == 1) {
                address.in6.sin6_family = AF_INET6;
                address.in6.sin6_port = htons(port);
        } else {
                return -EINVAL;
        }
        *ret_address = address;
        return 0;
}

static bool same_address(const struct sockaddr *a, const SocketAddress *b)
{
        SocketAddress other;

        if (!a || a->sa_family != b->any.sa_family)
                return false;
        if (a->sa_family == AF_INET) {
                memcpy(&other.in, a, sizeof(other.in));
                return other.in.sin_addr.s_addr == b->in.sin_addr.s_addr;
        }
        memcpy(&other.in6, a, sizeof(other.in6));
        return memcmp(&other.in6.sin6_addr, &b->in6.sin6_addr, sizeof(b->in6.sin6_addr)) == 0;
}

static int find_device(const SocketAddress *own, char *ret_device)
{
        struct ifaddrs *all, *a;
        int r = -EADDRNOTAVAIL;

        if (getifaddrs(&all) < 0)
                return -errno;
        for (a = all; a; a = a->ifa_next)
                if (same_address(a->ifa_addr, own)) {
                        memset(ret_device, 0, IF_NAMESIZE);
                        strncpy(ret_device, a->ifa_name, IF_NAMESIZE - 1);
                        r = 0;
                        break;
                }
        freeifaddrs(all);
        return r;
}

static socklen_t address_size(const SocketAddress *address)
{
        return address->any.sa_family == AF_INET ? sizeof(address->in) : sizeof(address->in6);
}

/* Ahead of bulk traffic in our own queues, and marked as network control (RFC 2474) for switches. */
static int set_options(int fd, int family)
{
        const int on = 1, priority = TC_PRIO_INTERACTIVE, control = IPTOS_CLASS_CS6;

        if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)) < 0)
                return -errno;
        if (family == AF_INET)
                return setsockopt(fd, IPPROTO_IP, IP_TOS, &control, sizeof(control)) < 0 ? -errno : 0;
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &control, sizeof(control)) < 0)
                return -errno;
        return 0;
}

/* By a frame's first byte: plain beats to the first socket of the port, everything else to the second. */
static int sort_frames(int fd)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
                BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 15),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FRAME_BEAT, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, 0),
                BPF_STMT(BPF_RET | BPF_K, 1),
        };
        const struct sock_fprog program = { ARRAY_SIZE(code), code };

        if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program)) < 0)
                return -errno;
        return 0;
}

static int open_bound(const SocketAddress *address)
{
        int fd, r;

        fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        r = set_options(fd, address->any.sa_family);
        if (r >= 0 && bind(fd, &address->any, address_size(address)) < 0)
                r = -errno;
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

int udp_open(const SocketAddress *own, SocketAddress *peer, char *ret_device, UdpSockets *ret_sockets)
{
        UdpSockets sockets = { -1, -1 };
        SocketAddress address = *own;
        char device[IF_NAMESIZE];
        int r;

        r = find_device(own, device);
        if (r < 0)
                return r;
        if (own->any.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&own->in6.sin6_addr)) {
                address.in6.sin6_scope_id = if_nametoindex(device);
                peer->in6.sin6_scope_id = address.in6.sin6_scope_id;
        }

        r = sockets.quiet = open_bound(&address);
        if (r >= 0)
                r = sockets.urgent = open_bound(&address);
        if (r >= 0)
                r = sort_frames(sockets.urgent);
        if (r < 0) {
                udp_close(&sockets);
                return r;
        }
        memcpy(ret_device, device, IF_NAMESIZE);
        *ret_sockets = sockets;
        return 0;
}

void udp_close(UdpSockets *sockets)
{
        if (sockets->quiet >= 0)
                close(sockets->quiet);
        if (sockets->urgent >= 0)
                close(sockets->urgent);
        *sockets = (UdpSockets){ -1, -1 };
}

int udp_send(int fd, const SocketAddress *peer, const uint8_t *frame, size_t size)
{
        if (sendto(fd, frame, size, MSG_DONTWAIT | MSG_NOSIGNAL, &peer->any, address_size(peer)) >= 0)
                return 0;
        return errno == ENOBUFS ? -EAGAIN : -errno;
}

static uint64_t stamp_of(struct msghdr *message)
{
        struct timespec stamp;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
                        continue;
                memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
                return (uint64_t) stamp.tv_sec * UINT64_C(1000000000) + (uint64_t) stamp.tv_nsec;
        }
        return 0;
}

int udp_receive(int fd, UdpBatch *ret_batch)
{
        union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(struct timespec))];
        } control[UDP_BATCH];
        struct mmsghdr messages[UDP_BATCH] = {};
        struct iovec parts[UDP_BATCH];
        int n;

        for (unsigned i = 0; i < UDP_BATCH; i++) {
                parts[i] = (struct iovec){ ret_batch->frames[i], FRAME_MAX };
                messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = &control[i],
                                                       .msg_controllen = sizeof(control[i]) };
        }

        n = recvmmsg(fd, messages, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (n < 0)
                return errno == EAGAIN ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                /* A datagram that was cut is no frame of ours. */
                ret_batch->sizes[i] = messages[i].msg_hdr.msg_flags & MSG_TRUNC ? 0 : messages[i].msg_len;
                ret_batch->stamps_nsec[i] = stamp_of(&messages[i].msg_hdr);
        }
        return n;
}
