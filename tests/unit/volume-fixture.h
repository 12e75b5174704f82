/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tests of the volume share: the kernel's own words. */
#pragma once

#include <glib.h>

#include "services/replicd/volume.h"

#define RESOURCE   "resource name:r0 "
#define DEVICE     "device name:r0 volume:0 minor:0 "
#define CONNECTION "connection name:r0 peer-node-id:0 conn-name:peer "
#define PEER       "peer-device name:r0 peer-node-id:0 conn-name:peer volume:0 "
#define HELPER     "helper name:r0 peer-node-id:0 conn-name:peer "

/* The moment at which all is told that says no other, and one so long after it. */
extern const VolumeTime t0;
VolumeTime after(uint64_t usec);

unsigned tell(Volume *v, const char *line);
unsigned tell_at(Volume *v, VolumeTime now, const char *line);
void dump(Volume *v, const char *role, const char *connection, const char *replication);
void connected(Volume *v, const char *role);
void lose_connection(Volume *v);
VolumeView view(const Volume *v);
