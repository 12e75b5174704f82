/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that replicd writes for others to obey: DRBD's resource and systemd's .mount unit. What stands
 * in them is made here without I/O; a file is written only when it differs, whole or not at all.
 */
#pragma once

#include <limits.h>
#include <stddef.h>

#include "wanted.h"

#define FILE_TEXT_MAX 4096
#define UNIT_NAME_MAX 256

/* drbdsetup's and drbdadm's word for an address with its port: "ipv6:[fd00::1]:7788". */
void format_endpoint(const char *address, unsigned port, char ret_text[static 80]);

/*
 * The resource file (drbd.conf(5) of DRBD 8.4) on the node called `host`. `handler` answers fence-peer.
 * -ENOSPC.
 */
_must_check_ int resource_text(const Wanted *wanted, const char *host, const char *handler,
                               char ret_text[static FILE_TEXT_MAX]);

/* The disk of this node in the resource file as it stands. -ENODATA: there is none. */
_must_check_ int resource_own_disk(const char *path, char ret_disk[static PATH_MAX]);

/* The unit that mounts the volume, and its name, which follows from the mount point (systemd-escape(1)). */
_must_check_ int mount_unit_text(const Wanted *wanted, char ret_text[static FILE_TEXT_MAX]);
_must_check_ int mount_unit_name(const char *mount_point, char ret_name[static UNIT_NAME_MAX]);

/* 1: written; 0: it was there already. Errors: those of open(2), write(2), fsync(2), rename(2). */
_must_check_ int file_write(const char *path, const char *text);
