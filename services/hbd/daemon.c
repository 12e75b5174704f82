/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's life: what it is made of, in which order it starts, how it says farewell and goes. */
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "services/hbd/daemon.h"
#include "services/hbd/identity.h"
#include "services/hbd/realtime.h"

#define FAREWELLS 3u

static int on_send(void *userdata, unsigned path, const uint8_t *frame, size_t size)
{
        return path_send(userdata, path, frame, size);
}

static void on_message(void *userdata, Channel channel, uint64_t instance, const uint8_t *bytes, size_t size)
{
        Daemon *d = userdata;

        heartbeat1_emit_message_received(d->service, channel_to_string(channel), instance, bytes, size);
}

static void on_message_done(void *userdata, uint64_t id, bool delivered)
{
        Daemon *d = userdata;

        heartbeat1_emit_message_done(d->service, id, delivered);
}

/*
 * Only who was told to, or never had a word of electd to carry, says farewell: a restart of this daemon
 * alone must not look like a node that leaves.
 */
static int on_stop(void *userdata)
{
        Daemon *d = userdata;

        if (d->heart->word.goodbye || d->heart->word.size == 0)
                for (unsigned i = 0; i < FAREWELLS; i++)
                        heart_goodbye(d->heart, now_usec());
        service_exit(d->service);
        return 0;
}

static void say_not_kept(Daemon *d, int error)
{
        log_warning(service_log(d->service), "heartbeat",
                    "The count of starts cannot be kept: %s. The state directory has to be writable.",
                    strerror(-error));
}

static void on_start_kept(uint64_t generation, int error, void *userdata)
{
        Daemon *d = userdata;

        if (error < 0)
                say_not_kept(d, error);
        d->starts = state_close(d->starts);
}

int daemon_start(Daemon *d)
{
        static const HeartOps ops = { on_send, on_message, on_message_done };
        _cleanup_(heart_self_clear) HeartSelf self = {};
        int r;

        for (unsigned i = 0; i < PATHS_MAX; i++)
                d->paths[i] = (Path) PATH_INIT(d);
        r = service_new(&daemon_info, d, &d->service);
        if (r < 0)
                return r;
        r = identity_load(service_log(d->service), &self);
        if (r < 0)
                return r;
        r = heart_new(&self, &ops, d, &d->heart);
        if (r < 0)
                return r;
        r = identity_keep_start(&self, service_event(d->service), on_start_kept, d, &d->starts);
        if (r < 0)
                say_not_kept(d, r);
        r = daemon_open_timer(d);
        if (r < 0)
                return r;
        service_on_stop(d->service, on_stop);
        r = settings_open(d->service, "hbd", daemon_apply_settings, d, &d->settings);
        if (r < 0)
                return r;
        realtime_enter(service_log(d->service), &d->real_time, &d->memory_locked);
        return 0;
}

void daemon_stop(Daemon *d)
{
        d->settings = settings_close(d->settings);
        if (d->heart)
                paths_apply(d, NULL, 0, 0);
        d->timer = sd_event_source_disable_unref(d->timer);
        d->starts = state_close(d->starts);
        d->service = service_free(d->service);
        d->heart = heart_free(d->heart);
}
