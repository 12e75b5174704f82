/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "banner.h"

#include <inttypes.h>
#include <stdio.h>

BannerKind banner_kind(const VolumeView *view)
{
        if (!view->known)
                return BANNER_NONE;
        if (view->split_brain)
                return BANNER_SPLIT_BRAIN;
        if (view->connection == DRBD_CONNECTION_CONNECTED) {
                if (view->sync == VOLUME_SYNC_NONE || view->sync == VOLUME_SYNC_VERIFY)
                        return BANNER_NONE;
                return view->disk == DRBD_DISK_UP_TO_DATE ? BANNER_SOURCE : BANNER_TARGET;
        }
        if (view->role == DRBD_ROLE_PRIMARY)
                return BANNER_ALONE;
        return view->disk == DRBD_DISK_OUTDATED || view->disk == DRBD_DISK_INCONSISTENT ? BANNER_BEHIND
                                                                                        : BANNER_NONE;
}

static void append_progress(const VolumeView *view, char *text, size_t size)
{
        int n = snprintf(text, size, "%u %% is done", view->sync_done_permille / 10);

        if (view->sync_left_usec != USEC_INFINITY && n > 0 && (size_t) n < size)
                snprintf(text + n, size - (size_t) n, ", about %" PRIu64 " min left",
                         view->sync_left_usec / USEC_PER_MINUTE + 1);
}

void banner_text(BannerKind kind, const VolumeView *view, char ret_text[static BANNER_TEXT_MAX])
{
        char progress[64];

        ret_text[0] = 0;
        append_progress(view, progress, sizeof(progress));
        switch (kind) {
        case BANNER_SPLIT_BRAIN:
                snprintf(ret_text, BANNER_TEXT_MAX,
                         "hapair: SPLIT-BRAIN. Each node has data that the other one does not have.\n"
                         "Do not reboot or switch off either node; see \"hapair split-brain show\".\n");
                break;
        case BANNER_SOURCE:
                snprintf(ret_text, BANNER_TEXT_MAX,
                         "hapair: this node's data are being copied to the other node: %s.\n"
                         "DO NOT REBOOT OR SWITCH OFF THIS NODE.\n",
                         progress);
                break;
        case BANNER_TARGET:
                snprintf(ret_text, BANNER_TEXT_MAX,
                         "hapair: the other node's data are being copied to this node: %s.\n"
                         "DO NOT REBOOT OR SWITCH OFF THE OTHER NODE.\n",
                         progress);
                break;
        case BANNER_ALONE:
                snprintf(ret_text, BANNER_TEXT_MAX,
                         "hapair: the other node is not connected; only this node has the newest data.\n"
                         "DO NOT REBOOT OR SWITCH OFF THIS NODE.\n");
                break;
        case BANNER_BEHIND:
                snprintf(ret_text, BANNER_TEXT_MAX,
                         "hapair: the other node is not connected; it has newer data than this node.\n"
                         "DO NOT REBOOT OR SWITCH OFF THE OTHER NODE.\n");
                break;
        case BANNER_NONE:
        case _BANNER_KIND_MAX:
                break;
        }
}
