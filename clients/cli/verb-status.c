/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair status: the pair on one page, for people and as JSON, once or for as long as one looks. */
#include <stdio.h>
#include <string.h>

#include "lists.h"
#include "page.h"
#include "picture.h"
#include "term.h"
#include "volume.h"

static Paint paint_of(const json_t *picture, ExitStatus status)
{
        if (status != STATUS_HEALTHY)
                return PAINT_BAD;
        return json_array_size(json_object_get(picture, "errors")) > 0 ? PAINT_WARNING : PAINT_GOOD;
}

static const char *role(const json_t *object, const char *key, char buffer[static 32])
{
        const char *text = picture_text(object, key);

        if (strcmp(text, "none") == 0)
                return "no running role";
        snprintf(buffer, 32, strcmp(text, "unknown") == 0 ? "running role %s" : "running %s", text);
        return buffer;
}

static const char *presence(const json_t *peer)
{
        const json_t *online = json_object_get(peer, "online");

        if (!json_is_boolean(online))
                return "presence unknown";
        return json_is_true(online) ? "online" : "not heard";
}

static void print_head(const json_t *picture, ExitStatus status)
{
        const json_t *peer = json_object_get(picture, "peer");
        char own[32], other[32];

        printf("%s%s%s %s%s: %s%s (configured %s); peer: %s, %s\n", term_paint(paint_of(picture, status)),
               term_bullet(), term_paint(PAINT_PLAIN), term_paint(PAINT_STRONG),
               picture_text(picture, "node"), role(picture, "running_role", own), term_paint(PAINT_PLAIN),
               picture_text(picture, "configured_role"), role(peer, "running_role", other), presence(peer));
}

static void print_field(const char *label, const char *text)
{
        printf("%9s  %s\n", label, text);
}

static void print_state(const json_t *picture)
{
        const json_t *age = json_object_get(picture, "state_age_ms");
        char time[TIME_SIZE], ago[AGE_SIZE];

        printf("%9s  %s%s%s", "State:", term_paint(PAINT_STRONG), picture_text(picture, "state"),
               term_paint(PAINT_PLAIN));
        if (json_is_integer(age))
                printf(" since %s; %s ago", format_time_ago(age, time), format_age(age, ago));
        putchar('\n');
}

static void print_epoch(const json_t *picture)
{
        const json_t *epoch = json_object_get(picture, "epoch");

        if (json_is_integer(epoch))
                printf("%9s  %" JSON_INTEGER_FORMAT, "Epoch:", json_integer_value(epoch));
        else
                printf("%9s  unknown", "Epoch:");
        printf(", arbiter %s", picture_text(picture, "arbiter"));
        if (json_is_true(json_object_get(picture, "pinned")))
                fputs(", pinned by an operator", stdout);
        if (json_is_true(json_object_get(picture, "maintenance")))
                printf(", %smaintenance%s", term_paint(PAINT_WARNING), term_paint(PAINT_PLAIN));
        putchar('\n');
}

static void print_peer(const json_t *peer)
{
        const json_t *heard = json_object_get(peer, "age_ms");
        const json_t *record = json_object_get(peer, "record_age_ms");
        bool unknown = strcmp(picture_text(peer, "state"), "unknown") == 0;
        char age[AGE_SIZE];

        printf("%9s  %s", "Peer:", picture_text(peer, "state"));
        if (json_is_integer(heard))
                printf(", heartbeat %s ago", format_age(heard, age));
        else
                printf(", no heartbeat %s",
                       strcmp(picture_text(peer, "heartbeat"), "unknown") == 0 ? "known" : "yet");
        if (json_is_true(json_object_get(peer, "online")) && unknown && json_is_integer(record))
                printf(", its election last said something new %s ago", format_age(record, age));
        putchar('\n');
}

static void print_risk(const json_t *picture)
{
        const char *risk = picture_text(picture, "split_risk");

        if (risk[0] != 0 && strcmp(risk, "unknown") != 0)
                print_field("Risk:", risk);
}

static int print_picture(const json_t *picture, ExitStatus status)
{
        int r;

        print_head(picture, status);
        print_state(picture);
        print_field("Reason:", picture_text(picture, "reason"));
        print_epoch(picture);
        print_peer(json_object_get(picture, "peer"));

        if (json_array_size(json_object_get(picture, "services")) > 0) {
                r = list_services(picture, "Services:");
                if (r < 0)
                        return r;
        }
        r = list_vips(picture, "VIPs:");
        if (r < 0)
                return r;
        r = list_paths(picture, "Paths:");
        if (r < 0)
                return r;
        volume_print_block(json_object_get(picture, "volume"), "Volume:");
        print_risk(picture);
        return list_errors(picture, "Errors:");
}

static ExitStatus run(int argc, char *argv[])
{
        return page_verb(&(Page){ &verb_status, NULL, print_picture }, argc, argv);
}

const Verb verb_status = {
        .name = "status",
        .arguments = "[--json] [-w]",
        .summary = "Show who is master, and everything that is wrong",
        .help = "  --json           as JSON, on one line each with --watch\n"
                "  -w, --watch      go on, drawn anew whenever something changes\n\n"
                "The first line says which role this node plays (running) and which it is meant for\n"
                "(configured), and the same of the other node. Whatever is not known, because a daemon "
                "does\n"
                "not answer or the peer is silent, is called unknown.\n\n"
                "Exit status: 0 healthy, 1 degraded, 3 hapair does not run on this node.\n",
        .run = run,
};
