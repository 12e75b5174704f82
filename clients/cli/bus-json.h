/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values that came over D-Bus as JSON: a{sv} and other dictionaries with text keys become objects, arrays
 * and structures become arrays, a variant becomes what is in it. Everything that the command line shows goes
 * through here, so what --json prints and what people read cannot differ. JSON's integers have a sign: of an
 * unsigned one above INT64_MAX the bits are kept, not the value.
 */
#pragma once

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "common/base/macros.h"

/*
 * Reads the next complete value of the message. Returns 0 with a new reference; -ENXIO at the end of the
 * message, -EBADMSG when it is not what it says, -ENOMEM.
 */
_must_check_ int bus_json_read(sd_bus_message *m, json_t **ret);
