/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image of a whole disk in a file, without what is zero: what a node keeps of its data before it discards
 * them, where the disk is no LVM volume. The whole disk, for what changed would be of no use without the
 * other half, which the other node goes on changing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

/* Told how far it is, from 0 to `size`. */
typedef void (*image_progress_t)(uint64_t done, uint64_t size, void *userdata);

/*
 * Copies `size` bytes of `disk`, which may be open with O_DIRECT and then must be a block device, into the
 * empty file `image`; what it returns 0 for is on the disk. Errors: those of read(2), write(2), fsync(2);
 * -EIO when the disk ends before.
 */
_must_check_ int image_copy(int disk, uint64_t size, int image, image_progress_t progress, void *userdata);

/*
 * Whether a file of `size` bytes fits on the file system of the directory and leaves a tenth of it free,
 * which a node needs to live. -ENOSPC: it does not; `ret_free` is what there is for it.
 */
_must_check_ int image_has_room(int directory, uint64_t size, uint64_t *ret_free);
