/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks polkit (org.freedesktop.PolicyKit1.Authority.CheckAuthorization) whether a caller may do what it
 * asks.
 */
#include "common/polkit.h"

#include <errno.h>
#include <string.h>

#define ALLOW_USER_INTERACTION 1u
#define ASK_TIMEOUT_USEC       (2 * USEC_PER_MINUTE) /* a person types a password meanwhile */

/* A call that waits for polkit. */
typedef struct Question {
        sd_bus_message *message;
        const char *action;
        sd_bus_message_handler_t handler;
        void *userdata;
} Question;

static void question_free(void *userdata)
{
        Question *question = userdata;

        sd_bus_message_unref(question->message);
        free(question);
}

static int denied(sd_bus_message *message, const char *action, const char *why)
{
        return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                          "Not allowed (%s): %s. Try again as root or an administrator.",
                                          action, why);
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *unused)
{
        Question *question = userdata;
        const sd_bus_error *failure = sd_bus_message_get_error(answer);
        int allowed, challenge;

        if (failure)
                return denied(question->message, question->action, failure->message);
        int r = sd_bus_message_enter_container(answer, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(answer, "bb", &allowed, &challenge);
        if (r < 0)
                return denied(question->message, question->action, "polkit's answer makes no sense");
        if (!allowed)
                return denied(question->message, question->action,
                              challenge ? "it needs an administrator's password" : "polkit refuses");

        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        r = question->handler(question->message, question->userdata, &error);
        if (sd_bus_error_is_set(&error))
                return sd_bus_reply_method_error(question->message, &error);
        return r < 0 ? sd_bus_reply_method_errno(question->message, r, NULL) : r;
}

static int ask(Question *question)
{
        sd_bus *bus = sd_bus_message_get_bus(question->message);
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus_slot *slot;
        int interactive, r;

        r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r < 0)
                return r;
        interactive = sd_bus_message_get_allow_interactive_authorization(question->message);
        if (interactive < 0)
                return interactive;
        r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(question->message), question->action, 0,
                                  interactive ? ALLOW_USER_INTERACTION : 0u, "");
        if (r < 0)
                return r;
        r = sd_bus_call_async(bus, &slot, call, on_answer, question, ASK_TIMEOUT_USEC);
        if (r < 0)
                return r;
        sd_bus_slot_set_destroy_callback(slot, question_free);
        sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
        return 0;
}

int polkit_guard(sd_bus_message *message, const char *action, sd_bus_message_handler_t handler,
                 void *userdata, sd_bus_error *error)
{
        if (sd_bus_is_bus_client(sd_bus_message_get_bus(message)) <= 0)
                return handler(message, userdata, error);

        Question *question = malloc(sizeof(*question));
        if (!question)
                return -ENOMEM;
        *question = (Question){ sd_bus_message_ref(message), action, handler, userdata };

        int r = ask(question);
        if (r < 0) {
                question_free(question);
                return r;
        }
        return 1; /* answered later */
}
