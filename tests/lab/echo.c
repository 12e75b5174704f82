/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The other end of the lab's probe: answers every UDP datagram, from the very address it was sent to, with
 * the datagram and this node's name behind it. It answers on every address the node has, so that what the
 * probe sees is who has the address, and nothing else. Runs as a real-time service of the node, which dies
 * and freezes with it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM_MAX 512

static int open_socket(int family, uint16_t port)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } address = {};
        int r, on = 1;

        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;

        address.any.sa_family = family;
        if (family == AF_INET6) {
                address.v6.sin6_port = htons(port);
                if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0 ||
                    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
                        goto fail;
        } else {
                address.v4.sin_port = htons(port);
                if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
                        goto fail;
        }

        if (bind(fd, &address.any, family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4)) < 0)
                goto fail;

        return fd;

fail:
        r = -errno;
        close(fd);
        return r;
}

/* The received control message becomes the one to send: the address asked is the address that answers, by
 * whatever device leads back. */
static void answer_from_address_asked(struct msghdr *message)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        struct in_pktinfo *info = (struct in_pktinfo *) CMSG_DATA(c);
                        info->ipi_spec_dst = info->ipi_addr;
                        info->ipi_ifindex = 0;
                } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
                        struct in6_pktinfo *info = (struct in6_pktinfo *) CMSG_DATA(c);
                        info->ipi6_ifindex = 0;
                }
        }
}

static void answer(int fd, char *name)
{
        char buffer[DATAGRAM_MAX];
        char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct sockaddr_storage from;
        struct iovec parts[] = {
                { .iov_base = buffer, .iov_len = sizeof(buffer) },
                { .iov_base = name, .iov_len = strlen(name) },
        };
        struct msghdr message = {
                .msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = parts,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };

        ssize_t n = recvmsg(fd, &message, 0);
        if (n < 0)
                return;

        parts[0].iov_len = (size_t) n;
        message.msg_iovlen = 2;
        answer_from_address_asked(&message);
        /* An address that is gone by now cannot be answered from, and must not be. */
        (void) sendmsg(fd, &message, MSG_DONTWAIT);
}

int main(int argc, char *argv[])
{
        if (argc != 3 || strlen(argv[2]) > 64) {
                fprintf(stderr, "usage: echo PORT NAME\n");
                return 2;
        }

        static const int families[] = { AF_INET, AF_INET6 };
        struct pollfd sockets[2];

        for (int i = 0; i < 2; i++) {
                int fd = open_socket(families[i], (uint16_t) atoi(argv[1]));
                if (fd < 0) {
                        fprintf(stderr, "echo: port %s: %s\n", argv[1], strerror(-fd));
                        return 1;
                }
                sockets[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
        }

        for (;;) {
                if (poll(sockets, 2, -1) < 0 && errno != EINTR)
                        return 1;
                for (int i = 0; i < 2; i++)
                        if (sockets[i].revents)
                                answer(sockets[i].fd, argv[2]);
        }
}
