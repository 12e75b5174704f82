/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Datagrams to a UNIX socket that never block: to the journal and to the service manager. The library calls
 * for both (sd_journal_send, sd_notify) wait when the other side hangs; a daemon that must answer within
 * milliseconds cannot.
 */
#pragma once

#include <sys/uio.h>

#include "common/base/macros.h"

/*
 * Opens a socket to send from; the caller closes it. Errors: those of socket(2).
 */
_must_check_ int datagram_open(void);

/*
 * Sends to the socket at `path` ('@' in front means abstract). -EAGAIN when the receiver's queue is full,
 * otherwise the errors of sendmsg(2). Nothing was sent then.
 */
_must_check_ int datagram_send(int fd, const char *path, const struct iovec *parts, size_t n_parts);
