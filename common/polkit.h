/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks polkit whether the caller of a method may do what it asks, without waiting for the answer.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "common/base/macros.h"

/*
 * Calls `handler` as the method's handler once polkit allows `action` to the caller of `message`; on the
 * private door at once, since rights.c judged the caller there. Otherwise the caller gets an AccessDenied
 * that names the action. The generated vtables put it in front of the handlers of methods with the
 * annotation org.hapair.Polkit.
 */
_must_check_ int polkit_guard(sd_bus_message *message, const char *action, sd_bus_message_handler_t handler,
                              void *userdata, sd_bus_error *error);
