/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "services/replicd/gi.h"

#include "services/replicd/scan.h"

static int parse_identifier(Scan *rest, uint64_t *ret_value)
{
        Scan piece = scan_until(rest, ':');
        int r = scan_number(&piece, 16, ret_value);

        if (r < 0)
                return r;
        return piece.size > 0 ? -EBADMSG : 0;
}

static int parse_flag(Scan *rest, bool *ret_flag)
{
        Scan piece = scan_until(rest, ':');

        if (!scan_equal(piece, "0") && !scan_equal(piece, "1"))
                return -EBADMSG;
        *ret_flag = *piece.text == '1';
        return 0;
}

int gi_parse(const char *text, size_t size, Gi *ret_gi)
{
        Scan rest = { text, size };
        Scan line = scan_word(&rest);
        Gi gi = {};
        uint64_t *identifiers[] = { &gi.current, &gi.bitmap, &gi.history[0], &gi.history[1] };
        bool *flags[] = { &gi.consistent, &gi.was_up_to_date, &gi.primary,        &gi.connected,
                          &gi.full_sync,  &gi.peer_outdated,  &gi.crashed_primary };
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(identifiers); i++) {
                r = parse_identifier(&line, identifiers[i]);
                if (r < 0)
                        return r;
        }
        /* More of them may follow: versions differ. */
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
                r = parse_flag(&line, flags[i]);
                if (r < 0)
                        return r;
        }
        *ret_gi = gi;
        return 0;
}
