/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line's side of the daemons' two doors. Root takes the private doors, which work while the
 * system bus is dead; everybody else takes the system bus, where polkit is asked. Nothing here waits without
 * a limit: sd-bus's own synchronous calls would hang for 90 s on a daemon that accepts and then says
 * nothing.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "common/base/macros.h"
#include "verb.h"

typedef enum Daemon {
        DAEMON_CONFD,
        DAEMON_ELECTD,
        DAEMON_HBD,
        DAEMON_REPLICD,
        DAEMON_SVCMAND,
        DAEMON_VIPD,
        DAEMON_MAX,
} Daemon;

/* How long a daemon may take for an answer that it has at hand. */
#define CLIENT_ANSWER_USEC (2 * USEC_PER_SEC)

typedef enum Outcome {
        OUTCOME_PENDING, /* not answered yet */
        OUTCOME_ANSWERED,
        OUTCOME_NOT_RUNNING, /* nobody behind the door */
        OUTCOME_SILENT,      /* somebody is, but no answer came in time */
        OUTCOME_DENIED,      /* this user may not */
        OUTCOME_REFUSED,     /* the daemon will not, and says why */
        OUTCOME_FAILED,      /* anything else */
} Outcome;

typedef struct Client Client;

/* One call and what came of it. Belongs to the caller; lies still while the client has it. */
typedef struct Question {
        Daemon daemon;
        Outcome outcome;
        char *error;            /* in words, unless answered; owned */
        json_t *answer;         /* the reply's first value, NULL when it has none; owned */
        uint64_t answered_usec; /* CLOCK_BOOTTIME; what ages in the answer are counted from */
        Client *client;
        sd_bus_slot *slot;
        sd_event_source *limit;
} Question;

_must_check_ int client_new(Client **ret);
Client *client_free(Client *client);

/*
 * Asks a daemon, with arguments as sd_bus_message_append() takes them ("" for none). Whatever comes of it,
 * failures included, is in the question after client_wait().
 */
void client_ask(Client *client, Question *question, Daemon daemon, uint64_t limit_usec, const char *path,
                const char *interface, const char *member, const char *types, ...);

/* Runs until every question has its outcome: each has its own limit, so that this ends. */
void client_wait(Client *client);

/* Called for each signal of a daemon while client_wait() or client_watch() runs. */
typedef void (*ClientSignal)(sd_bus_message *signal, void *userdata);

/* From now on signals of the daemon wake client_watch(), and are handed on when somebody is named. */
void client_subscribe(Client *client, Daemon daemon, ClientSignal handler, void *userdata);

/* Waits for the time given, or until shortly after a subscribed daemon's signal. */
void client_watch(Client *client, uint64_t usec);

Question *question_done(Question *question); /* frees what it holds, not itself */

/* In a few words, to stand behind the daemon's name: "does not run". */
const char *question_failure(const Question *question);

/* Says on standard error why there is no answer and what to do; returns what to exit with. */
ExitStatus question_complain(const Question *question, const Verb *verb);

const char *daemon_name(Daemon daemon);      /* "electd" */
const char *daemon_interface(Daemon daemon); /* "org.hapair.Election1" */
const char *daemon_path(Daemon daemon);      /* "/org/hapair/Election1" */

static inline void client_freep(Client **client)
{
        client_free(*client);
}

static inline void question_donep(Question *question)
{
        question_done(question);
}
