/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See client.h. */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bus-json.h"
#include "common/base/clock.h"
#include "interfaces/address1-client.h"
#include "interfaces/config1-client.h"
#include "interfaces/election1-client.h"
#include "interfaces/heartbeat1-client.h"
#include "interfaces/replication1-client.h"
#include "interfaces/service1-client.h"

#define RUNTIME_DIR "/run/hapair"

/* A takeover is a burst of signals: let it come to its end before waking whoever watches. */
#define BURST_USEC (20 * USEC_PER_MSEC)

typedef struct Subscription {
        bool wanted;
        ClientSignal handler;
        void *userdata;
        Client *client;
} Subscription;

struct Client {
        sd_event *event;
        bool private;            /* the private doors, one connection each; else one to the system bus */
        sd_bus *bus[DAEMON_MAX]; /* the system bus is in the first */
        Subscription subscriptions[DAEMON_MAX];
        size_t n_pending;
        bool signalled;
};

static const struct {
        const char *name, *interface, *path;
} daemons[DAEMON_MAX] = {
        [DAEMON_CONFD] = { "confd", CONFIG1_INTERFACE, CONFIG1_OBJECT },
        [DAEMON_ELECTD] = { "electd", ELECTION1_INTERFACE, ELECTION1_OBJECT },
        [DAEMON_HBD] = { "hbd", HEARTBEAT1_INTERFACE, HEARTBEAT1_OBJECT },
        [DAEMON_REPLICD] = { "replicd", REPLICATION1_INTERFACE, REPLICATION1_OBJECT },
        [DAEMON_SVCMAND] = { "svcmand", SERVICE1_INTERFACE, SERVICE1_OBJECT },
        [DAEMON_VIPD] = { "vipd", ADDRESS1_INTERFACE, ADDRESS1_OBJECT },
};

const char *daemon_name(Daemon daemon)
{
        return daemons[daemon].name;
}

const char *daemon_interface(Daemon daemon)
{
        return daemons[daemon].interface;
}

const char *daemon_path(Daemon daemon)
{
        return daemons[daemon].path;
}

int client_new(Client **ret)
{
        Client *client;
        int r;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;

        client->private = geteuid() == 0;
        r = sd_event_new(&client->event);
        if (r < 0) {
                free(client);
                return r;
        }

        *ret = client;
        return 0;
}

Client *client_free(Client *client)
{
        if (!client)
                return NULL;

        for (size_t i = 0; i < ARRAY_SIZE(client->bus); i++)
                sd_bus_close_unref(client->bus[i]);
        sd_event_unref(client->event);
        free(client);
        return NULL;
}

/* Only root gets here, so the variable can lead nobody to more than they have: it serves the tests. */
static int open_private_door(Daemon daemon, sd_bus **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        const char *directory = secure_getenv("HAPAIR_RUNTIME_DIR");
        char address[256];
        int n, r;

        n = snprintf(address, sizeof(address), "unix:path=%s/%s.socket", directory ? directory : RUNTIME_DIR,
                     daemon_name(daemon));
        if (n < 0 || (size_t) n >= sizeof(address))
                return -ENAMETOOLONG;

        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(bus);
        return 0;
}

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Subscription *subscription = userdata;

        subscription->client->signalled = true;
        if (subscription->handler)
                subscription->handler(m, subscription->userdata);
        return 0;
}

/* A bus that refuses the match still answers questions: --watch falls back to looking every second. */
static int on_match_installed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        return 0;
}

static int subscribe(Client *client, sd_bus *bus, Daemon daemon)
{
        if (!client->subscriptions[daemon].wanted)
                return 0;

        return sd_bus_match_signal_async(bus, NULL, client->private ? NULL : daemon_interface(daemon), NULL,
                                         NULL, NULL, on_signal, on_match_installed,
                                         &client->subscriptions[daemon]);
}

static int connect_door(Client *client, Daemon daemon, sd_bus **ret)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = client->private ? open_private_door(daemon, &bus) : sd_bus_open_system(&bus);
        if (r < 0)
                return r;

        r = sd_bus_attach_event(bus, client->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;

        for (Daemon d = 0; d < DAEMON_MAX; d++)
                if (!client->private || d == daemon) {
                        r = subscribe(client, bus, d);
                        if (r < 0)
                                return r;
                }

        *ret = TAKE_PTR(bus);
        return 0;
}

/* The connection that exists, or a new one when there is none or the old one broke. Borrowed. */
static int client_bus(Client *client, Daemon daemon, sd_bus **ret)
{
        sd_bus **bus = &client->bus[client->private ? daemon : 0];

        if (*bus && sd_bus_is_open(*bus) <= 0)
                *bus = sd_bus_close_unref(*bus);

        if (!*bus) {
                int r = connect_door(client, daemon, bus);
                if (r < 0)
                        return r;
        }

        *ret = *bus;
        return 0;
}

void client_subscribe(Client *client, Daemon daemon, ClientSignal handler, void *userdata)
{
        client->subscriptions[daemon] = (Subscription){
                .wanted = true, .handler = handler, .userdata = userdata, .client = client
        };
}

static void settle(Question *question, Outcome outcome, const char *error)
{
        question->outcome = outcome;
        question->error = error ? strdup(error) : NULL;
        question->client->n_pending--;
}

static void settle_errno(Question *question, int r)
{
        const Client *client = question->client;

        if (r == -ENOENT || r == -ECONNREFUSED) {
                if (client->private)
                        settle(question, OUTCOME_NOT_RUNNING, NULL);
                else
                        settle(question, OUTCOME_FAILED,
                               "the system bus is not there; root can do without it");
        } else if (r == -EACCES || r == -EPERM) {
                settle(question, OUTCOME_DENIED, strerror(-r));
        } else {
                settle(question, OUTCOME_FAILED, strerror(-r));
        }
}

static Outcome outcome_of_error(const char *name)
{
        static const struct {
                const char *name;
                Outcome outcome;
        } known[] = {
                { "org.freedesktop.DBus.Error.AccessDenied", OUTCOME_DENIED },
                { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", OUTCOME_DENIED },
                { "org.freedesktop.DBus.Error.NameHasNoOwner", OUTCOME_NOT_RUNNING },
                { "org.freedesktop.DBus.Error.NoReply", OUTCOME_SILENT },
                { "org.freedesktop.DBus.Error.ServiceUnknown", OUTCOME_NOT_RUNNING },
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strcmp(name, known[i].name) == 0)
                        return known[i].outcome;

        return strncmp(name, "org.hapair.Error.", strlen("org.hapair.Error.")) == 0 ? OUTCOME_REFUSED
                                                                                    : OUTCOME_FAILED;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Question *question = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(m);
        int r;

        question->slot = sd_bus_slot_unref(question->slot);
        question->answered_usec = now_usec();
        if (error) {
                settle(question, outcome_of_error(error->name), error->message);
                return 0;
        }

        r = sd_bus_message_is_empty(m) ? 0 : bus_json_read(m, &question->answer);
        if (r < 0)
                settle_errno(question, r);
        else
                settle(question, OUTCOME_ANSWERED, NULL);
        return 0;
}

/* sd-bus's own time limit does not run before a connection is authenticated, and a hung daemon never is. */
static int on_limit(sd_event_source *source, uint64_t usec, void *userdata)
{
        Question *question = userdata;

        if (question->outcome != OUTCOME_PENDING)
                return 0;

        question->slot = sd_bus_slot_unref(question->slot);
        settle(question, OUTCOME_SILENT, NULL);
        return 0;
}

static int send_question(Client *client, Question *question, uint64_t limit_usec, sd_bus_message *m)
{
        int r;

        /* Where polkit would ask for a password it may do so; what only reads never gets there. */
        r = sd_bus_message_set_allow_interactive_authorization(m, !client->private);
        if (r < 0)
                return r;

        r = sd_event_add_time_relative(client->event, &question->limit, CLOCK_MONOTONIC, limit_usec,
                                       USEC_PER_MSEC, on_limit, question);
        if (r < 0)
                return r;

        return sd_bus_call_async(sd_bus_message_get_bus(m), &question->slot, m, on_reply, question,
                                 USEC_INFINITY);
}

static int start_question(Client *client, Question *question, uint64_t limit_usec, const char *path,
                          const char *interface, const char *member, const char *types, va_list arguments)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus *bus;
        int r;

        r = client_bus(client, question->daemon, &bus);
        if (r < 0)
                return r;

        r = sd_bus_message_new_method_call(bus, &m,
                                           client->private ? NULL : daemon_interface(question->daemon), path,
                                           interface, member);
        if (r < 0)
                return r;

        r = sd_bus_message_appendv(m, types, arguments);
        if (r < 0)
                return r;

        return send_question(client, question, limit_usec, m);
}

void client_ask(Client *client, Question *question, Daemon daemon, uint64_t limit_usec, const char *path,
                const char *interface, const char *member, const char *types, ...)
{
        va_list arguments;
        int r;

        *question = (Question){ .daemon = daemon, .client = client };
        client->n_pending++;

        va_start(arguments, types);
        r = start_question(client, question, limit_usec, path, interface, member, types, arguments);
        va_end(arguments);

        if (r < 0)
                settle_errno(question, r);
}

void client_wait(Client *client)
{
        while (client->n_pending > 0)
                if (sd_event_run(client->event, USEC_INFINITY) < 0)
                        return; /* no memory, say: what has no outcome by then counts as not answered */
}

void client_watch(Client *client, uint64_t usec)
{
        uint64_t until = now_usec() + usec;
        uint64_t now;

        client->signalled = false;
        while ((now = now_usec()) < until) {
                if (sd_event_run(client->event, until - now) < 0)
                        return;
                if (client->signalled)
                        until = MIN_OF(until, now + BURST_USEC);
        }
}

Question *question_done(Question *question)
{
        if (question->outcome == OUTCOME_PENDING && question->client)
                question->client->n_pending--;

        sd_bus_slot_unref(question->slot);
        sd_event_source_disable_unref(question->limit);
        json_decref(question->answer);
        free(question->error);
        *question = (Question){};
        return NULL;
}

const char *question_failure(const Question *question)
{
        switch (question->outcome) {
        case OUTCOME_ANSWERED:
                return "";
        case OUTCOME_NOT_RUNNING:
                return "does not run";
        case OUTCOME_PENDING:
        case OUTCOME_SILENT:
                return "does not answer";
        case OUTCOME_DENIED:
        case OUTCOME_REFUSED:
        case OUTCOME_FAILED:
                return "cannot be asked";
        }

        return "";
}

static const char *error_text(const Question *question)
{
        return question->error && question->error[0] ? question->error : "no reason given";
}

ExitStatus question_complain(const Question *question, const Verb *verb)
{
        const char *name = daemon_name(question->daemon);

        switch (question->outcome) {
        case OUTCOME_ANSWERED:
                return STATUS_HEALTHY;
        case OUTCOME_NOT_RUNNING:
                return verb_not_running(verb);
        case OUTCOME_PENDING:
        case OUTCOME_SILENT:
                fprintf(stderr,
                        "hapair %s: hapair-%s does not answer.\n"
                        "systemd replaces a daemon that hangs; look at 'hapair logs' and try again.\n",
                        verb->name, name);
                return STATUS_DEGRADED;
        case OUTCOME_DENIED:
                fprintf(stderr, "hapair %s: this needs an administrator: try it with sudo\n", verb->name);
                return STATUS_REFUSED;
        case OUTCOME_REFUSED:
                fprintf(stderr, "hapair %s: refused: %s\n", verb->name, error_text(question));
                return STATUS_REFUSED;
        case OUTCOME_FAILED:
                fprintf(stderr, "hapair %s: hapair-%s: %s\n", verb->name, name, error_text(question));
                return STATUS_DEGRADED;
        }

        return STATUS_DEGRADED;
}
