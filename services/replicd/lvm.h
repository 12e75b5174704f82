/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which LVM volume a disk is, from lvs(8), asked for by device number:
 *     lvs --noheadings --separator / -o vg_name,lv_name,pool_lv -S 'lv_kernel_major=A && lv_kernel_minor=B'
 * None of these names can have a slash. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/macros.h"

#define LVM_NAME_MAX 128 /* lvm(8): names are shorter */

typedef struct LvmVolume {
        char group[LVM_NAME_MAX];
        char name[LVM_NAME_MAX];
        bool thin; /* a snapshot takes its room from the pool, as it is needed */
} LvmVolume;

/* -ENODATA: no volume; -EBADMSG: not a line of lvs. */
_must_check_ int lvm_volume_parse(const char *text, size_t size, LvmVolume *ret_volume);
