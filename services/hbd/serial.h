/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The serial line of a path: raw bytes, ours alone. A device that something else uses (a login, the kernel's
 * console, a modem program) is refused with the reason. Nothing here waits.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/macros.h"

#define SERIAL_REASON_MAX 160u

/*
 * Opens the device and takes it for us. A refusal writes the reason in plain words. Errors: -EINVAL for a
 * speed that does not exist, -EBUSY when it is in use, those of open(2) and termios(3).
 */
_must_check_ int serial_open(const char *device, unsigned baud, char ret_reason[static SERIAL_REASON_MAX]);
void serial_close(int fd);

/*
 * Writes one frame, framed for the line. -EAGAIN: the ones before are not through yet. -ENODEV and others:
 * the device is gone.
 */
_must_check_ int serial_send(int fd, const uint8_t *payload, size_t size);

/* Reads what is there; returns how many bytes. -ENODEV: the line hung up or the device is gone. */
_must_check_ int serial_receive(int fd, uint8_t *ret_bytes, size_t size);

/* The speed's constant of termios(3), or -EINVAL. */
int serial_speed(unsigned baud);
