/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeping an image of a disk in a directory, for hapair-keep-disk.
 */
#pragma once

#include <stddef.h>

#include "common/base/macros.h"

/*
 * Makes DIRECTORY/NAME.img, which is there only once it is whole and on the disk; how far it is goes to the
 * journal. Errors: in words, with what to do, in `ret_reason`.
 */
_must_check_ int keep_image(const char *disk, const char *directory, const char *name, char *ret_reason,
                            size_t reason_size);
