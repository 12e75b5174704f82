/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sockets and serial lines behind the paths: opened when they are configured, tried again while a device
 * or an address is missing, read when something is there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/messages.h"
#include "services/hbd/daemon.h"
#include "services/hbd/serial.h"

#define UDP_RETRY_USEC        (250 * USEC_PER_MSEC)
#define SERIAL_RETRY_USEC     USEC_PER_SEC
#define SERIAL_RETRY_MAX_USEC (15 * USEC_PER_SEC)

/*
 * More than this in one go is a flood: the rest waits for our next turn, so that it neither starves what
 * else is due nor uses up our real time, for which the kernel would kill us.
 */
#define FLOOD_BATCHES 32u
#define FLOOD_READS   16u

/* A UART brings a frame in a dozen pieces; below this interval the line is read at our turns alone. */
#define SERIAL_WAKE_USEC (100 * USEC_PER_MSEC)

static const char *const state_names[PATH_STATE_MAX] = {
        [PATH_UNKNOWN] = "unknown", [PATH_UP] = "up",           [PATH_LATE] = "late",
        [PATH_LOST] = "lost",       [PATH_ONE_WAY] = "one-way", [PATH_DOWN] = "down",
};

const char *path_state_to_string(PathState state)
{
        return state >= 0 && state < PATH_STATE_MAX ? state_names[state] : "unknown";
}

const char *path_reason(const Path *p)
{
        switch (p->state) {
        case PATH_DOWN:
                return p->fault;
        case PATH_LOST:
                return p->daemon->heart->liveness.goodbye ? "the peer stopped in order"
                                                          : "nothing is heard here";
        case PATH_LATE:
                return "the last heartbeat is overdue";
        case PATH_ONE_WAY:
                return "the peer is heard here, but it does not hear us";
        case PATH_UNKNOWN:
                return "not heard yet";
        case PATH_UP:
        case PATH_STATE_MAX:
        case PATH_STATE_INVALID:
                break;
        }
        return "";
}

static unsigned index_of(const Path *p)
{
        return (unsigned) (p - p->daemon->paths);
}

bool path_is_open(const Path *p)
{
        return p->kind == PATH_SERIAL ? p->serial_fd >= 0 : p->udp.quiet >= 0;
}

static void close_path(Path *p)
{
        p->io = sd_event_source_disable_unref(p->io);
        serial_close(p->serial_fd);
        p->serial_fd = -1;
        udp_close(&p->udp);
}

/* The path cannot send: known at once, tried again later. */
static void fail_path(Path *p, bool reopen, const char *fault)
{
        uint64_t max = p->kind == PATH_SERIAL ? SERIAL_RETRY_MAX_USEC : UDP_RETRY_USEC;

        if (fault != p->fault)
                snprintf(p->fault, sizeof(p->fault), "%s", fault);
        p->reopen = reopen;
        p->retry_usec = now_usec() + p->retry_delay_usec;
        p->retry_delay_usec = MIN_OF(2 * p->retry_delay_usec, max);
        if (reopen)
                close_path(p);
        heart_path_down(p->daemon->heart, index_of(p), true);
}

static void drain_udp(Path *p, int fd, Inflow *in)
{
        unsigned batches = 0;
        UdpBatch batch;
        int n;

        stamper_drain(&in->stamper, !in->more, clock_usec(CLOCK_BOOTTIME) * 1000,
                      clock_usec(CLOCK_REALTIME) * 1000);
        do {
                n = udp_receive(fd, &batch);
                for (int i = 0; i < n; i++)
                        heart_receive(p->daemon->heart, index_of(p), batch.frames[i], batch.sizes[i],
                                      stamper_received(&in->stamper, batch.stamps_nsec[i]),
                                      in->stamper.drain_nsec / 1000);
                /* An answer that could not be sent closes the path. */
        } while (n == UDP_BATCH && ++batches < FLOOD_BATCHES && path_is_open(p));
        in->more = n == UDP_BATCH;
}

static bool serial_wakes_us(const Path *p)
{
        return p->daemon->heart->paths[index_of(p)].interval_usec >= SERIAL_WAKE_USEC;
}

/*
 * What wakes us: urgent frames, unless they are a flood, and bytes on a line if the interval, which may
 * change at any time, is long.
 */
static int watch(Path *p)
{
        bool wake = p->kind == PATH_UDP ? !p->urgent.more : serial_wakes_us(p);

        return sd_event_source_set_enabled(p->io, wake ? SD_EVENT_ON : SD_EVENT_OFF);
}

static void drain_urgent(Path *p)
{
        drain_udp(p, p->udp.urgent, &p->urgent);
        if (path_is_open(p) && watch(p) < 0)
                fail_path(p, true, "its events cannot be watched");
}

/*
 * No kernel stamps a serial line. Where it does not wake us, a frame has waited for up to a turn, and its
 * peer's life must not seem to end that much later than on the other paths: it counts from our last look,
 * but from no more than an interval ago, however late we are ourselves.
 */
static uint64_t serial_received(Path *p, uint64_t now)
{
        uint64_t interval = p->daemon->heart->paths[index_of(p)].interval_usec;
        uint64_t waited = serial_wakes_us(p) ? 0 : MIN_OF(now - p->looked_usec, interval);

        p->looked_usec = now;
        return now - waited;
}

static void take_byte(Path *p, uint8_t byte, uint64_t received, uint64_t now)
{
        switch (deframer_push(&p->deframer, byte)) {
        case DEFRAME_FRAME:
                heart_receive(p->daemon->heart, index_of(p), p->deframer.payload, p->deframer.size, received,
                              now);
                break;
        case DEFRAME_NOISE:
                p->daemon->garbage++;
                break;
        case DEFRAME_MORE:
        case DEFRAME_RESULT_MAX:
        case DEFRAME_RESULT_INVALID:
                break;
        }
}

static void drain_serial(Path *p)
{
        uint64_t now = now_usec(), received = serial_received(p, now);
        unsigned reads = 0;
        uint8_t bytes[256];
        int n;

        do {
                n = serial_receive(p->serial_fd, bytes, sizeof(bytes));
                for (int i = 0; i < n; i++)
                        take_byte(p, bytes[i], received, now);
        } while (n == sizeof(bytes) && ++reads < FLOOD_READS && path_is_open(p));
        if (n < 0)
                fail_path(p, true, strerror(-n));
}

void paths_drain_serial(Daemon *d)
{
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (d->paths[i].used && d->paths[i].serial_fd >= 0)
                        drain_serial(&d->paths[i]);
}

void paths_drain(Daemon *d, bool all)
{
        paths_drain_serial(d);
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                Path *p = &d->paths[i];

                if (!p->used || p->kind != PATH_UDP || !path_is_open(p))
                        continue;
                /* The hello before the beats that it introduces. */
                if (all || p->urgent.more)
                        drain_urgent(p);
                if (path_is_open(p))
                        drain_udp(p, p->udp.quiet, &p->quiet);
        }
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Path *p = userdata;
        char fault[PATH_REASON_MAX];

        if (p->kind == PATH_UDP)
                drain_urgent(p);
        else if (revents & EPOLLIN)
                drain_serial(p);
        if (p->serial_fd >= 0 && revents & (EPOLLHUP | EPOLLERR)) {
                snprintf(fault, sizeof(fault), "%s hung up", p->settings.device);
                fail_path(p, true, fault);
        }
        daemon_turn(p->daemon);
        return 0;
}

/* Opens what the settings name; on failure the fault is written. Returns the descriptor that wakes us. */
static int open_fd(Path *p)
{
        int r;

        if (p->kind == PATH_SERIAL) {
                r = serial_open(p->settings.device, p->settings.baud, p->fault);
                p->serial_fd = r < 0 ? -1 : r;
                return r;
        }

        r = udp_open(&p->own, &p->peer, p->device, &p->udp);
        if (r == -EADDRNOTAVAIL)
                snprintf(p->fault, sizeof(p->fault), "%s is not an address of this node", p->settings.own);
        else if (r < 0)
                snprintf(p->fault, sizeof(p->fault), "%s port %u cannot be used: %s", p->settings.own,
                         (unsigned) p->daemon->port, strerror(-r));
        return r < 0 ? r : p->udp.urgent;
}

static void open_path(Path *p)
{
        int r;

        if (!path_is_open(p)) {
                r = open_fd(p);
                if (r < 0) {
                        fail_path(p, true, p->fault);
                        return;
                }
                r = sd_event_add_io(service_event(p->daemon->service), &p->io, r, EPOLLIN, on_io, p);
                if (r >= 0)
                        r = sd_event_source_set_priority(p->io, HEART_PRIORITY);
                if (r >= 0)
                        r = watch(p);
                if (r < 0) {
                        fail_path(p, true, strerror(-r));
                        return;
                }
                p->quiet = p->urgent = (Inflow){};
                p->deframer = (Deframer){};
        }
        p->fault[0] = '\0';
        p->retry_usec = UINT64_MAX;
        heart_path_down(p->daemon->heart, index_of(p), false);
}

uint64_t paths_retry(Daemon *d, uint64_t now)
{
        uint64_t next = UINT64_MAX;

        for (unsigned i = 0; i < PATHS_MAX; i++) {
                Path *p = &d->paths[i];

                if (!p->used)
                        continue;
                if (now >= p->retry_usec)
                        open_path(p);
                next = MIN_OF(next, p->retry_usec);
        }
        return next;
}

int path_send(Daemon *d, unsigned index, const uint8_t *frame, size_t size)
{
        Path *p = &d->paths[index];
        char fault[PATH_REASON_MAX];
        bool gone;
        int r;

        r = p->kind == PATH_SERIAL ? serial_send(p->serial_fd, frame, size)
                                   : udp_send(p->udp.quiet, &p->peer, frame, size);
        if (r >= 0) {
                p->retry_delay_usec = p->kind == PATH_SERIAL ? SERIAL_RETRY_USEC : UDP_RETRY_USEC;
                return r;
        }
        if (r == -EAGAIN)
                return r;

        /* A socket whose address went away sends no more; one without a route still hears. */
        gone = p->kind == PATH_SERIAL || r == -EINVAL || r == -EADDRNOTAVAIL || r == -ENODEV;
        snprintf(fault, sizeof(fault), "sending to %s fails: %s",
                 p->kind == PATH_SERIAL ? p->settings.device : p->settings.peer, strerror(-r));
        fail_path(p, gone, fault);
        return r;
}

static PathState judge(const Path *p, uint64_t now)
{
        const Heart *h = p->daemon->heart;
        unsigned i = index_of(p);

        if (p->fault[0] != '\0')
                return PATH_DOWN;
        switch (h->liveness.paths[i].state) {
        case PEER_ONLINE:
                return heart_path_one_way(h, i, now) ? PATH_ONE_WAY : PATH_UP;
        case PEER_LATE:
                return PATH_LATE;
        case PEER_LOST:
                return PATH_LOST;
        case PEER_UNKNOWN:
        case PEER_STATE_MAX:
        case PEER_STATE_INVALID:
                break;
        }
        return PATH_UNKNOWN;
}

void paths_tell(Daemon *d, uint64_t now)
{
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                Path *p = &d->paths[i];
                PathState old = p->state;

                if (!p->used || judge(p, now) == old)
                        continue;
                p->state = judge(p, now);
                p->since_usec = now;
                log_event(service_log(d->service),
                          &(LogEntry){ .priority = p->state == PATH_UP ? LOG_INFO : LOG_WARNING,
                                       .id = p->state == PATH_DOWN ? MESSAGE_PATH_REFUSED
                                                                   : MESSAGE_PATH_CHANGED,
                                       .category = "heartbeat",
                                       .state_old = path_state_to_string(old),
                                       .state_new = path_state_to_string(p->state),
                                       .reason = path_reason(p) },
                          "Heartbeat path %s is %s%s%s.", p->settings.name, path_state_to_string(p->state),
                          *path_reason(p) ? ": " : "", path_reason(p));
                service_emit_changed(d->service, p->object, HEARTBEAT1_PATH_INTERFACE, "State", "Reason",
                                     "Since", "Device", NULL);
        }
}

static void remove_path(Path *p)
{
        service_emit_removed(p->daemon->service, p->object);
        close_path(p);
        heart_drop_path(p->daemon->heart, index_of(p));
        path_settings_clear(&p->settings);
        free(p->object);
        *p = PATH_INIT(p->daemon);
}

static int prepare(Path *p, const PathSettings *settings, uint16_t port)
{
        int r;

        p->kind = strcmp(settings->kind, "serial") == 0 ? PATH_SERIAL : PATH_UDP;
        p->retry_delay_usec = p->kind == PATH_SERIAL ? SERIAL_RETRY_USEC : UDP_RETRY_USEC;
        if (p->kind == PATH_UDP) {
                r = udp_parse(settings->own, port, &p->own);
                if (r < 0)
                        return r;
                r = udp_parse(settings->peer, port, &p->peer);
                if (r < 0)
                        return r;
                if (p->own.any.sa_family != p->peer.any.sa_family)
                        return -EAFNOSUPPORT;
        }
        r = sd_bus_path_encode(HEARTBEAT1_OBJECT "/path", settings->name, &p->object);
        if (r < 0)
                return r;
        return path_settings_copy(settings, &p->settings);
}

static int add_path(Daemon *d, const PathSettings *settings, uint16_t port)
{
        Path path = PATH_INIT(d);
        unsigned index;
        int r;

        r = prepare(&path, settings, port);
        if (r >= 0)
                r = heart_add_path(d->heart, settings->name, path.kind, settings->baud, now_usec(), &index);
        if (r < 0) {
                free(path.object);
                path_settings_clear(&path.settings);
                return r;
        }
        path.used = true;
        path.since_usec = now_usec();
        d->paths[index] = path;
        open_path(&d->paths[index]);
        service_emit_added(d->service, d->paths[index].object);
        return 0;
}

static const PathSettings *find_settings(const PathSettings *settings, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; i++)
                if (strcmp(settings[i].name, name) == 0)
                        return &settings[i];
        return NULL;
}

static bool has_path(const Daemon *d, const char *name)
{
        for (unsigned i = 0; i < PATHS_MAX; i++)
                if (d->paths[i].used && strcmp(d->paths[i].settings.name, name) == 0)
                        return true;
        return false;
}

void paths_apply(Daemon *d, const PathSettings *settings, unsigned n_settings, uint16_t port)
{
        int r;

        /* What stays the same is not touched: heartbeats never pause for a reload. */
        for (unsigned i = 0; i < PATHS_MAX; i++) {
                Path *p = &d->paths[i];
                const PathSettings *s;

                if (!p->used)
                        continue;
                s = find_settings(settings, n_settings, p->settings.name);
                if (!s || !path_settings_equal(s, &p->settings) || (p->kind == PATH_UDP && port != d->port))
                        remove_path(p);
                else if (p->io && watch(p) < 0)
                        fail_path(p, true, "its events cannot be watched");
        }

        d->port = port;
        for (unsigned i = 0; i < n_settings; i++) {
                if (has_path(d, settings[i].name))
                        continue;
                r = add_path(d, &settings[i], port);
                if (r < 0)
                        log_event(service_log(d->service),
                                  &(LogEntry){ .priority = LOG_ERR,
                                               .id = MESSAGE_PATH_REFUSED,
                                               .category = "heartbeat" },
                                  "Heartbeat path %s cannot be made: %s.", settings[i].name, strerror(-r));
        }
}
