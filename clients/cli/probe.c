/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks whether somebody has an address; see probe.h. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

/* A neighbour that was there a moment ago is asked after 5 s only, three times with a second between. */
#define PATIENCE_USEC (9 * USEC_PER_SEC)
#define AGAIN_MSEC    1000

typedef union SocketAddress {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} SocketAddress;

static socklen_t fill_address(const IpAddress *address, uint16_t port, SocketAddress *ret)
{
        *ret = (SocketAddress){};

        if (address->family == AF_INET) {
                ret->in.sin_family = AF_INET;
                ret->in.sin_port = htons(port);
                memcpy(&ret->in.sin_addr, address->bytes, sizeof(ret->in.sin_addr));
                return sizeof(ret->in);
        }

        ret->in6.sin6_family = AF_INET6;
        ret->in6.sin6_port = htons(port);
        memcpy(&ret->in6.sin6_addr, address->bytes, sizeof(ret->in6.sin6_addr));
        return sizeof(ret->in6);
}

/* What an error of the socket says about the other end. */
static ProbeResult judge(int error)
{
        switch (error) {
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
        case ENETDOWN:
        case EADDRNOTAVAIL:
                return PROBE_NOBODY;
        case ECONNREFUSED:
                return PROBE_REFUSED;
        default:
                return PROBE_SWALLOWED;
        }
}

/* Sends one byte. True when the answer is still to come. */
static bool start(Probe *probe)
{
        const int one = 1;
        bool v4 = probe->address.family == AF_INET;
        SocketAddress address;
        socklen_t size;

        probe->fd = socket(probe->address.family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (probe->fd < 0)
                goto failed;

        /* Without this a neighbour that does not answer is not told to a datagram's sender. */
        if (setsockopt(probe->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &one,
                       sizeof(one)) < 0)
                goto failed;

        /* A heartbeat daemon that knows its peer's address and port may answer to these alone. */
        if (ip_address_is_set(&probe->source)) {
                size = fill_address(&probe->source, probe->port, &address);
                if (bind(probe->fd, &address.any, size) < 0 && errno != EADDRINUSE)
                        goto failed;
        }

        size = fill_address(&probe->address, probe->port, &address);
        if (connect(probe->fd, &address.any, size) < 0 || send(probe->fd, "", 1, 0) < 0)
                goto failed;

        probe->result = PROBE_SWALLOWED;
        return true;

failed:
        probe->result = judge(errno);
        return false;
}

static void finish(Probe *probe, struct pollfd *poll_fd)
{
        int error = 0;
        socklen_t size = sizeof(error);

        if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0)
                probe->result = judge(error);
        poll_fd->fd = -1;
}

/* Those that are still waiting ask again: a link that just went down threw away what was under way. */
static void ask_again(const struct pollfd *poll_fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (poll_fds[i].fd >= 0)
                        (void) send(poll_fds[i].fd, "", 1, MSG_DONTWAIT); /* poll() tells what came of it */
}

static int collect(Probe *probes, struct pollfd *poll_fds, size_t n, size_t waiting)
{
        uint64_t end = now_usec() + PATIENCE_USEC;

        while (waiting > 0 && now_usec() < end) {
                int r = poll(poll_fds, n, AGAIN_MSEC);

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r == 0)
                        ask_again(poll_fds, n);

                for (size_t i = 0; r > 0 && i < n; i++)
                        if (poll_fds[i].fd >= 0 && poll_fds[i].revents) {
                                finish(&probes[i], &poll_fds[i]);
                                waiting--;
                        }
        }

        return 0;
}

int probe_all(Probe *probes, size_t n)
{
        struct pollfd *poll_fds = calloc(n, sizeof(*poll_fds));
        size_t waiting = 0;
        int r;

        if (!poll_fds)
                return -ENOMEM;

        for (size_t i = 0; i < n; i++) {
                bool started = start(&probes[i]);

                poll_fds[i] = (struct pollfd){ .fd = started ? probes[i].fd : -1, .events = POLLIN };
                waiting += started;
        }

        r = collect(probes, poll_fds, n, waiting);

        for (size_t i = 0; i < n; i++)
                if (probes[i].fd >= 0)
                        close(probes[i].fd);
        free(poll_fds);
        return r;
}
