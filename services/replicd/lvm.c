/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/lvm.h"

#include "services/replicd/scan.h"

int lvm_volume_parse(const char *text, size_t size, LvmVolume *ret_volume)
{
        Scan rest = { text, size };
        Scan line = scan_word(&rest);
        LvmVolume volume;
        int r;

        if (line.size == 0)
                return -ENODATA;
        r = scan_copy(scan_until(&line, '/'), volume.group, sizeof(volume.group));
        if (r < 0)
                return r;
        r = scan_copy(scan_until(&line, '/'), volume.name, sizeof(volume.name));
        if (r < 0)
                return r;
        volume.thin = line.size > 0;
        *ret_volume = volume;
        return 0;
}
