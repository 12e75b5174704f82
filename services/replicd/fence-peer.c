/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-fence-peer: DRBD's fence-peer handler (drbd.conf(5), "handlers"). A primary that has lost its peer
 * is frozen and asks whether it may go on; this asks electd, the only one who decides, over its private
 * door, and ends with what that says: 4 this node may go on alone, 6 the peer has the right, 7 the peer is
 * off. On any doubt it ends with 1: I/O stays frozen, nothing is lost, and whoever gets to know more resumes
 * it. Never 5, upon which DRBD would outdate the peer and go on.
 *
 * The kernel runs it through drbdadm, as root, with DRBD_RESOURCE in the environment. The one argument,
 * which may be left out, is how many seconds to wait for electd; that answers within twice the dead
 * time and a minute.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/macros.h"
#include "common/messages.h"
#include "services/replicd/scan.h"

enum {
        ANSWER_UNKNOWN = 1,
        ANSWER_GO_ON = 4,
        ANSWER_PEER_HAS_RIGHT = 6,
        ANSWER_PEER_IS_OFF = 7,
};

/* Twice the longest dead time that can be configured, and a minute. */
#define LIMIT_SEC (2 * 600 + 60)

/* A killed electd is back within milliseconds. */
#define RETRY_USEC (20 * USEC_PER_MSEC)

static int open_door(sd_bus **ret_bus)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        const char *directory = getenv("HAPAIR_RUNTIME_DIR");
        char address[128];
        int r;

        r = snprintf(address, sizeof(address), "unix:path=%s/electd.socket", directory ?: "/run/hapair");
        if (r < 0 || (size_t) r >= sizeof(address))
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
        *ret_bus = TAKE_PTR(bus);
        return 0;
}

/* sd_bus_call(3) bounds the wait for the answer, not that for the handshake, which a hung electd owes too.
 */
static int await_handshake(sd_bus *bus, uint64_t until_usec)
{
        while (sd_bus_is_ready(bus) == 0) {
                uint64_t now = now_usec();
                int r = sd_bus_process(bus, NULL);

                if (r < 0)
                        return r;
                if (now >= until_usec)
                        return -ETIMEDOUT;
                if (r > 0)
                        continue;
                r = sd_bus_wait(bus, until_usec - now);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int ask_once(const char *resource, uint64_t until_usec, uint8_t *ret_answer)
{
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *question = NULL, *reply = NULL;
        uint64_t now;
        int r;

        r = open_door(&bus);
        if (r < 0)
                return r;
        r = await_handshake(bus, until_usec);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(bus, &question, NULL, "/org/hapair/Election1",
                                           "org.hapair.Election1", "FencePeer");
        if (r < 0)
                return r;
        r = sd_bus_message_append(question, "s", resource);
        if (r < 0)
                return r;
        now = now_usec();
        r = now < until_usec ? sd_bus_call(bus, question, until_usec - now, NULL, &reply) : -ETIMEDOUT;
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "y", ret_answer);
        return r < 0 ? r : 0;
}

/* electd is being restarted: its socket is there, and so will it be. Or it hung, and is about to be. */
static bool is_passing(int error)
{
        return error == -ECONNRESET || error == -ENOTCONN || error == -EPIPE || error == -ECONNREFUSED ||
               error == -EAGAIN || error == -ETIMEDOUT;
}

static int ask(const char *resource, uint64_t limit_usec, uint8_t *ret_answer)
{
        uint64_t until_usec = now_usec() + limit_usec;

        for (;;) {
                int r = ask_once(resource, until_usec, ret_answer);

                if (!is_passing(r))
                        return r;
                if (now_usec() >= until_usec)
                        return -ETIMEDOUT;
                (void) nanosleep(&(struct timespec){ .tv_nsec = RETRY_USEC * 1000 }, NULL);
        }
}

static int parse_limit(int argc, char *argv[], uint64_t *ret_usec)
{
        uint64_t seconds = LIMIT_SEC;
        int r = 0;

        if (argc > 2)
                return -EINVAL;
        if (argc == 2)
                r = scan_decimal((Scan){ argv[1], strlen(argv[1]) }, &seconds);
        if (r < 0 || seconds == 0 || seconds > LIMIT_SEC)
                return -EINVAL;
        *ret_usec = seconds * USEC_PER_SEC;
        return 0;
}

static int unknown(const char *resource, const char *why)
{
        fprintf(stderr, "hapair-fence-peer: %s stays frozen: %s\n", resource, why);
        (void) sd_journal_send("MESSAGE=The volume %s stays frozen: %s", resource, why, "PRIORITY=%i",
                               LOG_ERR, "SYSLOG_IDENTIFIER=hapair-fence-peer", "HAPAIR_CATEGORY=drbd",
                               "MESSAGE_ID=" MESSAGE_FENCE_UNANSWERED, NULL);
        return ANSWER_UNKNOWN;
}

int main(int argc, char *argv[])
{
        const char *resource = getenv("DRBD_RESOURCE");
        uint64_t limit_usec;
        uint8_t answer;
        char why[128];
        int r;

        if (!resource || *resource == '\0')
                return unknown("a volume", "DRBD_RESOURCE is not set, so this was not called by DRBD");
        if (parse_limit(argc, argv, &limit_usec) < 0)
                return unknown(resource, "the only argument is a number of seconds");
        r = ask(resource, limit_usec, &answer);
        if (r < 0) {
                snprintf(why, sizeof(why), "electd did not answer: %s", strerror(-r));
                return unknown(resource, why);
        }
        if (answer != ANSWER_GO_ON && answer != ANSWER_PEER_HAS_RIGHT && answer != ANSWER_PEER_IS_OFF)
                return ANSWER_UNKNOWN;
        return answer;
}
