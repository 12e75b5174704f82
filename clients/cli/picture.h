/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The picture of the pair as this node sees it: all daemons are asked at once, and their answers put
 * together into one JSON object. `hapair status --json` prints it as it is, and everything for people is
 * drawn from it. Ages are milliseconds at the time of asking; what is not known is null or "unknown", never
 * the last value.
 *
 *   node                  this node's name
 *   healthy               whether nothing is wrong
 *   configured_role, running_role, state, state_age_ms, reason, epoch, arbiter, maintenance, pinned
 *   reboot_danger         why this node should not be rebooted now; "" when nothing speaks against it
 *   split_risk            what would have to fail at one moment for both nodes to serve; "" if nothing can
 *   peer                  online, heartbeat, age_ms (of the last heartbeat), running_role, state,
 *                         record_age_ms (since its electd said something new)
 *   errors[]              code, severity, message, remedy, age_ms
 *   paths[]               name, kind, device, state, reason, state_age_ms, age_ms, round_trip_ms, jitter_ms,
 *                         loss
 *   vips[]                name, enabled, address, aliases[], device, state, reason, state_age_ms,
 *                         announced_age_ms, restored, conflict_mac
 *   services[]            name, description, start (where it is placed), units[], wanted (on this node),
 * state, state_age_ms, failures, problem volume                null without one; resource, device, disk,
 * mount_point, mounted, known, connection, role, peer_role, disk_state, peer_disk_state, frozen,
 * split_brain, wrote_alone, alone_age_ms, generation, peer_generation (hexadecimal), size_kib,
 *                         out_of_sync_kib, sync, sync_done (percent), sync_rate_kib, sync_left_ms,
 *                         disk_errors, stalled_ms, snapshot, problem, age_ms (since the kernel was asked)
 *   split_brain           null without one; else "master" and "slave" (configured roles), as far as known:
 *                         alone_age_ms, written_kib, generation
 *   daemons               NAME: whether it answered
 */
#pragma once

#include "client.h"

/*
 * Asks and draws. Returns how the pair is: healthy, degraded, or not running when no daemon runs. *ret is a
 * new reference in any case, NULL only for want of memory.
 */
ExitStatus picture_take(Client *client, json_t **ret);

/* What a field of it says; "unknown" when that is no text. Borrowed. */
const char *picture_text(const json_t *object, const char *key);
