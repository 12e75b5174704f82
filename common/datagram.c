/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Datagrams to a UNIX socket that never block.
 */
#include "common/datagram.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int datagram_open(void)
{
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        return fd < 0 ? -errno : fd;
}

int datagram_send(int fd, const char *path, const struct iovec *parts, size_t n_parts)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        size_t length = strlen(path);

        if (length >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, length);
        if (path[0] == '@')
                address.sun_path[0] = '\0';

        struct msghdr message = {
                .msg_name = &address,
                .msg_namelen = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + length),
                .msg_iov = (struct iovec *) parts,
                .msg_iovlen = n_parts,
        };

        return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
