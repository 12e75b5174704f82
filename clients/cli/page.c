/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See page.h. */
#include "page.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "bus-json.h"
#include "picture.h"

/* Ages grow while nothing happens: look again after this long at the latest. */
#define WATCH_USEC USEC_PER_SEC

static int print_json(const Page *page, const json_t *picture, size_t flags)
{
        const json_t *shown = page->key ? json_object_get(picture, page->key) : picture;
        int r;

        r = json_dumpf(shown, stdout, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) < 0 ? -EIO : 0;
        putchar('\n');
        return r;
}

static ExitStatus show(const Page *page, Client *client, bool as_json, size_t json_flags)
{
        _cleanup_(json_decrefp) json_t *picture = NULL;
        ExitStatus status;
        int r;

        status = picture_take(client, &picture);
        if (!picture)
                return verb_failed(page->verb, -ENOMEM);

        /* The whole picture says so itself; a part of it would say nothing. */
        if (status == STATUS_NOT_RUNNING && (page->key || !as_json))
                return verb_not_running(page->verb);

        r = as_json ? print_json(page, picture, json_flags) : page->print(picture, status);
        return r < 0 ? verb_failed(page->verb, r) : status;
}

/* Ends with the output, or with ^C. JSON comes as one line a picture, for programs that read along. */
static ExitStatus watch(const Page *page, Client *client, bool as_json)
{
        bool terminal = !as_json && isatty(STDOUT_FILENO);
        ExitStatus status;

        for (Daemon d = 0; d < DAEMON_MAX; d++)
                client_subscribe(client, d, NULL, NULL);

        do {
                if (terminal)
                        fputs("\033[H\033[J", stdout);
                status = show(page, client, as_json, JSON_COMPACT);
                fflush(stdout);
                client_watch(client, WATCH_USEC);
        } while (!ferror(stdout));

        return status;
}

ExitStatus page_verb(const Page *page, int argc, char *argv[])
{
        static const struct option options[] = {
                { "json", no_argument, NULL, 'j' },
                { "watch", no_argument, NULL, 'w' },
                {},
        };
        _cleanup_(client_freep) Client *client = NULL;
        bool as_json = false;
        bool watching = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "w", options, NULL)) >= 0) {
                switch (c) {
                case 'j':
                        as_json = true;
                        break;
                case 'w':
                        watching = true;
                        break;
                default:
                        return verb_usage(page->verb);
                }
        }

        if (optind < argc) {
                fprintf(stderr, "hapair %s: takes no argument '%s'\n", page->verb->name, argv[optind]);
                return verb_usage(page->verb);
        }

        r = client_new(&client);
        if (r < 0)
                return verb_failed(page->verb, r);

        return watching ? watch(page, client, as_json) : show(page, client, as_json, JSON_INDENT(2));
}
