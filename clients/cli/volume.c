/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See volume.h. */
#include "volume.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"
#include "picture.h"
#include "term.h"

#define BLOCK_WIDTH 9
#define PAGE_WIDTH  11

typedef struct Word {
        const char *said; /* by DRBD */
        const char *plain;
        Paint paint;
} Word;

static const Word connections[] = {
        { "Connected", "connected", PAINT_GOOD },
        { "Connecting", "waiting for the peer", PAINT_WARNING },
        { "Unconnected", "waiting for the peer", PAINT_WARNING },
        { "WFReportParams", "being compared with the peer", PAINT_WARNING },
        { "StandAlone", "not connected, and not trying to", PAINT_BAD },
        { "Disconnecting", "disconnecting", PAINT_WARNING },
        { "NetworkFailure", "the connection has just broken", PAINT_BAD },
        { "BrokenPipe", "the connection has just broken", PAINT_BAD },
        { "Timeout", "the connection has just broken", PAINT_BAD },
        { "ProtocolError", "the connection has just broken", PAINT_BAD },
        { "TearDown", "the peer is disconnecting", PAINT_WARNING },
};

static const Word disks[] = {
        { "UpToDate", "up to date", PAINT_GOOD },
        { "Consistent", "whole, but maybe not the newest", PAINT_WARNING },
        { "Outdated", "outdated, without the newest data", PAINT_WARNING },
        { "Inconsistent", "incomplete until the resync is done", PAINT_WARNING },
        { "Diskless", "no disk", PAINT_BAD },
        { "Failed", "the disk has failed", PAINT_BAD },
        { "Attaching", "being attached", PAINT_WARNING },
        { "Detaching", "being detached", PAINT_WARNING },
        { "Negotiating", "being compared", PAINT_WARNING },
        { "DUnknown", "unknown", PAINT_WARNING },
};

static const Word roles[] = {
        { "Primary", "primary", PAINT_STRONG },
        { "Secondary", "secondary", PAINT_PLAIN },
        { "Unknown", "role unknown", PAINT_WARNING },
        { "unknown", "role unknown", PAINT_WARNING },
};

static bool one_of(const char *text, const char *const words[], size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i], text) == 0)
                        return true;

        return false;
}

/* A word that is new to us is shown as it is. */
static Word find_word(const Word *words, size_t n, const char *said)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(words[i].said, said) == 0)
                        return words[i];

        return (Word){ said, said, PAINT_WARNING };
}

static void print_word(const Word *words, size_t n, const char *said)
{
        Word word = find_word(words, n, said);

        printf("%s%s%s", term_paint(word.paint), word.plain, term_paint(PAINT_PLAIN));
}

/* With neither known there is nothing to say of a side. */
static void print_side(const json_t *volume, const char *role, const char *disk)
{
        static const char *const silent[] = { "unknown", "Unknown" };
        static const char *const unseen[] = { "unknown", "DUnknown" };

        if (one_of(picture_text(volume, role), silent, ARRAY_SIZE(silent)) &&
            one_of(picture_text(volume, disk), unseen, ARRAY_SIZE(unseen))) {
                printf("%sunknown%s", term_paint(PAINT_WARNING), term_paint(PAINT_PLAIN));
                return;
        }

        print_word(roles, ARRAY_SIZE(roles), picture_text(volume, role));
        fputs(", ", stdout);
        print_word(disks, ARRAY_SIZE(disks), picture_text(volume, disk));
}

static void print_connection(const json_t *volume)
{
        print_word(connections, ARRAY_SIZE(connections), picture_text(volume, "connection"));
}

static bool is_true(const json_t *volume, const char *key)
{
        return json_is_true(json_object_get(volume, key));
}

static const char *optional(const json_t *volume, const char *key)
{
        return json_string_value(json_object_get(volume, key)) ?: "";
}

void volume_print_sync(const json_t *volume, const char *label, int width)
{
        static const Word directions[] = {
                { "source", "to the peer", PAINT_PLAIN },
                { "target", "from the peer", PAINT_PLAIN },
                { "paused", "paused", PAINT_WARNING },
                { "verify", "compared with the peer", PAINT_PLAIN },
        };
        const char *sync = picture_text(volume, "sync");
        const json_t *left = json_object_get(volume, "sync_left_ms");
        double done = json_real_value(json_object_get(volume, "sync_done"));
        char bar[BAR_SIZE], rate[AGE_SIZE], to_go[AGE_SIZE], time[AGE_SIZE];

        if (strcmp(sync, "none") == 0 || strcmp(sync, "unknown") == 0)
                return;

        printf("%*s  %s %.1f %% ", width, label, format_bar(done, bar), done);
        print_word(directions, ARRAY_SIZE(directions), sync);
        printf(", %s to go, %s/s", format_kib(json_object_get(volume, "out_of_sync_kib"), to_go),
               format_kib(json_object_get(volume, "sync_rate_kib"), rate));
        if (json_is_integer(left))
                printf(", %s left", format_age(left, time));
        putchar('\n');
}

/* A page has labels, a block has its own before the first line only. */
typedef struct Form {
        int width;
        bool labels;
} Form;

_printf_(4, 5) static void print_line(const Form *form, const char *label, Paint paint, const char *format,
                                      ...)
{
        va_list arguments;

        printf("%*s  %s", form->width, form->labels ? label : "", term_paint(paint));
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        puts(term_paint(PAINT_PLAIN));
}

static void print_alone(const json_t *volume, const Form *form)
{
        const json_t *age = json_object_get(volume, "alone_age_ms");
        const json_t *differs = json_object_get(volume, "out_of_sync_kib");
        char ago[AGE_SIZE], time[TIME_SIZE], kib[AGE_SIZE];

        if (!json_is_integer(age))
                return;

        print_line(form, "Alone:", PAINT_WARNING, "%s%s, since %s; %s written since",
                   form->labels ? "" : "alone for ", format_age(age, ago), format_time_ago(age, time),
                   json_is_integer(differs) ? format_kib(differs, kib) : "nobody knows how much");
}

/* What is out of the ordinary. */
static void print_remarks(const json_t *volume, const Form *form)
{
        const json_t *stalled = json_object_get(volume, "stalled_ms");
        json_int_t errors = json_integer_value(json_object_get(volume, "disk_errors"));
        char age[AGE_SIZE];

        volume_print_sync(volume, form->labels ? "Resync:" : "", form->width);
        print_alone(volume, form);
        if (is_true(volume, "split_brain"))
                print_line(form, "Data:", PAINT_BAD,
                           "split-brain: each node has data of its own; see 'hapair split-brain show'");
        if (is_true(volume, "frozen"))
                print_line(form, "I/O:", PAINT_BAD,
                           "writes are frozen until the peer is back or this node has the right to go on "
                           "alone");
        if (json_integer_value(stalled) > 0)
                print_line(form, "Disk:", PAINT_BAD, "has not finished a write for %s",
                           format_age(stalled, age));
        if (errors > 0)
                print_line(form, "Disk:", PAINT_BAD, "failed %" JSON_INTEGER_FORMAT " time%s in this boot",
                           errors, errors == 1 ? "" : "s");
        if (optional(volume, "problem")[0])
                print_line(form, "Problem:", PAINT_BAD, "%s", optional(volume, "problem"));
}

static void print_place(const json_t *volume)
{
        if (is_true(volume, "mounted"))
                printf("mounted at %s", picture_text(volume, "mount_point"));
        else if (!json_is_boolean(json_object_get(volume, "mounted")))
                fputs("mounted or not is unknown", stdout);
        else
                fputs("not mounted here", stdout);
}

/* An age tells a screen that stands still from a volume that does. */
static void print_checked(const json_t *volume)
{
        char age[AGE_SIZE];

        if (is_true(volume, "known"))
                printf("; %s", format_ago(json_object_get(volume, "age_ms"), age));
}

void volume_print_block(const json_t *volume, const char *label)
{
        const Form form = { BLOCK_WIDTH, false };

        if (!json_is_object(volume))
                return;

        if (!is_true(volume, "known")) {
                printf("%*s  %snothing is known of it%s\n", BLOCK_WIDTH, label, term_paint(PAINT_BAD),
                       term_paint(PAINT_PLAIN));
                print_remarks(volume, &form);
                return;
        }

        printf("%*s  %s%s%s  ", BLOCK_WIDTH, label, term_paint(PAINT_STRONG),
               picture_text(volume, "resource"), term_paint(PAINT_PLAIN));
        print_side(volume, "role", "disk_state");
        fputs("; peer ", stdout);
        print_side(volume, "peer_role", "peer_disk_state");
        fputs("; ", stdout);
        print_connection(volume);
        fputs("; ", stdout);
        print_place(volume);
        print_checked(volume);
        putchar('\n');
        print_remarks(volume, &form);
}

static bool is_sound(const json_t *volume)
{
        return strcmp(picture_text(volume, "connection"), "Connected") == 0 &&
               strcmp(picture_text(volume, "disk_state"), "UpToDate") == 0 &&
               strcmp(picture_text(volume, "peer_disk_state"), "UpToDate") == 0 &&
               !is_true(volume, "frozen");
}

void volume_print(const json_t *volume)
{
        const Form form = { PAGE_WIDTH, true };
        char size[AGE_SIZE];

        if (!is_true(volume, "known")) {
                printf("%s%s nothing is known of the volume%s; look at 'hapair errors'\n",
                       term_paint(PAINT_BAD), term_bullet(), term_paint(PAINT_PLAIN));
                print_remarks(volume, &form);
                return;
        }

        printf("%s%s%s %s%s%s: ", term_paint(is_sound(volume) ? PAINT_GOOD : PAINT_BAD), term_bullet(),
               term_paint(PAINT_PLAIN), term_paint(PAINT_STRONG), picture_text(volume, "resource"),
               term_paint(PAINT_PLAIN));
        print_connection(volume);
        fputs(", ", stdout);
        print_place(volume);
        print_checked(volume);

        printf("\n%*s  ", PAGE_WIDTH, "This node:");
        print_side(volume, "role", "disk_state");
        printf("\n%*s  ", PAGE_WIDTH, "Peer:");
        print_side(volume, "peer_role", "peer_disk_state");
        putchar('\n');
        print_remarks(volume, &form);

        print_line(&form, "Volume:", PAINT_PLAIN, "%s on %s, %s, data generation %s",
                   picture_text(volume, "device"), picture_text(volume, "disk"),
                   format_kib(json_object_get(volume, "size_kib"), size),
                   picture_text(volume, "generation"));
        if (optional(volume, "snapshot")[0] && strcmp(optional(volume, "snapshot"), "unknown") != 0)
                print_line(&form, "Kept:", PAINT_PLAIN,
                           "%s, what this node had before its data were discarded",
                           optional(volume, "snapshot"));
}
