/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a client sees of some addresses: sends each of them a UDP datagram every interval and notes who
 * answers (echo.c puts its node's name behind the datagram) and the longest time without an answer, counted
 * between the sendings of two answered datagrams. Runs until its standard input ends, then prints one line
 * of JSON. Until then it says as it happens
 *
 *     ready                        every address has answered
 *     answers ADDRESS NODE WHEN    NODE answers now: for the first time, instead of another, or after a
 * silence silent ADDRESS WHEN          nobody has answered since WHEN
 *
 * Runs under SCHED_FIFO and notes its own worst stall: a measurement whose stall is near its result does not
 * count.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NAME_MAX_LENGTH 64
#define RECEIVE_BUFFER  (8 << 20)
#define BATCH           256

/* Fewer unanswered questions in a row than this are a hiccup, more a silence that is told at once. */
#define SILENCE 50

struct Datagram {
        uint64_t sent_usec;
        uint32_t target;
        uint32_t padding;
};

struct Target {
        const char *text;
        struct sockaddr_storage address;
        socklen_t address_length;
        uint64_t answered_usec; /* sending time of the latest datagram that was answered */
        uint64_t gap_usec;
        uint64_t gap_from_usec;
        uint64_t answers;
        uint32_t switches;
        bool silent;
        char holder[NAME_MAX_LENGTH + 1];
};

struct Probe {
        struct Target *targets;
        uint32_t n_targets;
        uint32_t n_silent; /* targets that have not answered yet */
        int sockets[2];    /* IPv4, IPv6 */
        uint64_t interval_usec;
        uint64_t tick_usec;
        uint64_t stalled_usec; /* when a long stall of ours ended: nobody is silent who was not asked */
        uint64_t stall_usec;
        uint64_t sent;
        uint64_t refused;
};

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static bool parse_target(struct Target *target, const char *text, uint16_t port)
{
        struct sockaddr_in *v4 = (struct sockaddr_in *) &target->address;
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *) &target->address;

        target->text = text;
        if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
                v4->sin_family = AF_INET;
                v4->sin_port = htons(port);
                target->address_length = sizeof(*v4);
                return true;
        }
        if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
                v6->sin6_family = AF_INET6;
                v6->sin6_port = htons(port);
                target->address_length = sizeof(*v6);
                return true;
        }
        return false;
}

static int socket_of(const struct Probe *probe, const struct Target *target)
{
        return probe->sockets[target->address.ss_family == AF_INET6];
}

/* A stall of ours would look like a gap of theirs, so it is measured where the sending happens. */
static void send_all(struct Probe *probe)
{
        uint64_t now = now_usec();

        if (probe->tick_usec > 0 && now - probe->tick_usec > probe->interval_usec + probe->stall_usec)
                probe->stall_usec = now - probe->tick_usec - probe->interval_usec;
        if (probe->tick_usec > 0 && now - probe->tick_usec > SILENCE * probe->interval_usec / 5)
                probe->stalled_usec = now;
        probe->tick_usec = now;

        for (uint32_t i = 0; i < probe->n_targets; i++) {
                struct Target *target = &probe->targets[i];
                struct Datagram datagram = { .sent_usec = now_usec(), .target = i };

                if (sendto(socket_of(probe, target), &datagram, sizeof(datagram), MSG_DONTWAIT,
                           (struct sockaddr *) &target->address, target->address_length) < 0)
                        probe->refused++;
                else
                        probe->sent++;
        }
}

static void note_holder(struct Target *target, const char *name, uint64_t when_usec)
{
        bool same = strcmp(target->holder, name) == 0;

        if (same && !target->silent)
                return;

        if (!same && target->holder[0] != '\0')
                target->switches++;
        target->silent = false;
        snprintf(target->holder, sizeof(target->holder), "%s", name);
        printf("answers %s %s %" PRIu64 "\n", target->text, name, when_usec);
        fflush(stdout);
}

static void note_silence(struct Probe *probe)
{
        uint64_t limit_usec = SILENCE * probe->interval_usec;

        for (uint32_t i = 0; i < probe->n_targets; i++) {
                struct Target *target = &probe->targets[i];

                if (target->silent || target->answers == 0 ||
                    probe->tick_usec < target->answered_usec + limit_usec ||
                    probe->tick_usec < probe->stalled_usec + limit_usec)
                        continue;
                target->silent = true;
                printf("silent %s %" PRIu64 "\n", target->text, target->answered_usec);
                fflush(stdout);
        }
}

static void note_answer(struct Probe *probe, const struct Datagram *datagram, const char *name)
{
        struct Target *target = &probe->targets[datagram->target];

        if (target->answers++ == 0 && --probe->n_silent == 0) {
                printf("ready\n");
                fflush(stdout);
        }

        /* A late answer to an older datagram says nothing about the time since. */
        if (datagram->sent_usec <= target->answered_usec)
                return;
        if (target->answered_usec > 0 && datagram->sent_usec - target->answered_usec > target->gap_usec) {
                target->gap_usec = datagram->sent_usec - target->answered_usec;
                target->gap_from_usec = target->answered_usec;
        }
        target->answered_usec = datagram->sent_usec;
        note_holder(target, name, datagram->sent_usec);
}

static void receive(struct Probe *probe, int fd)
{
        for (int i = 0; i < BATCH; i++) {
                struct {
                        struct Datagram datagram;
                        char name[NAME_MAX_LENGTH + 1];
                } buffer;

                ssize_t n = recv(fd, &buffer, sizeof(buffer) - 1, MSG_DONTWAIT);
                if (n < 0)
                        return;
                if ((size_t) n <= sizeof(buffer.datagram) || buffer.datagram.target >= probe->n_targets)
                        continue;
                ((char *) &buffer)[n] = '\0';
                note_answer(probe, &buffer.datagram, buffer.name);
        }
}

static void report(const struct Probe *probe)
{
        uint64_t now = now_usec();

        printf("{\"interval_us\": %" PRIu64 ", \"stall_us\": %" PRIu64 ", \"sent\": %" PRIu64
               ", \"refused\": %" PRIu64 ", \"targets\": [",
               probe->interval_usec, probe->stall_usec, probe->sent, probe->refused);
        for (uint32_t i = 0; i < probe->n_targets; i++) {
                const struct Target *t = &probe->targets[i];

                printf("%s{\"address\": \"%s\", \"answers\": %" PRIu64 ", \"gap_us\": %" PRIu64
                       ", \"gap_from_us\": %" PRIu64 ", \"silent_us\": %" PRIu64
                       ", \"switches\": %u, \"holder\": \"%s\"}",
                       i > 0 ? ", " : "", t->text, t->answers, t->gap_usec, t->gap_from_usec,
                       t->answers > 0 ? now - t->answered_usec : now, t->switches, t->holder);
        }
        printf("]}\n");
}

/* Without real time the figures would be the scheduler's; the stall tells where it was refused. */
static void be_real_time(void)
{
        struct sched_param priority = { .sched_priority = 60 };

        (void) sched_setscheduler(0, SCHED_FIFO, &priority);
        (void) mlockall(MCL_CURRENT);
}

static int open_timer(uint64_t interval_usec)
{
        struct itimerspec interval = {
                .it_interval = { (time_t) (interval_usec / 1000000),
                                 (long) (interval_usec % 1000000) * 1000 },
                .it_value = { 0, 1 },
        };

        int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        return fd >= 0 && timerfd_settime(fd, 0, &interval, NULL) == 0 ? fd : -1;
}

static int open_socket(int family)
{
        int size = RECEIVE_BUFFER;

        int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd >= 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        return fd;
}

static int probe_run(struct Probe *probe)
{
        enum { TIMER, V4, V6, INPUT };
        struct pollfd events[] = {
                [TIMER] = { .fd = open_timer(probe->interval_usec), .events = POLLIN },
                [V4] = { .fd = probe->sockets[0], .events = POLLIN },
                [V6] = { .fd = probe->sockets[1], .events = POLLIN },
                [INPUT] = { .fd = STDIN_FILENO, .events = POLLIN },
        };

        if (events[TIMER].fd < 0)
                return -errno;

        while (!events[INPUT].revents) {
                uint64_t expirations;

                if (poll(events, 4, -1) < 0 && errno != EINTR)
                        return -errno;
                if (events[V4].revents)
                        receive(probe, probe->sockets[0]);
                if (events[V6].revents)
                        receive(probe, probe->sockets[1]);
                if (events[TIMER].revents && read(events[TIMER].fd, &expirations, sizeof(expirations)) > 0) {
                        send_all(probe);
                        note_silence(probe);
                }
        }

        return 0;
}

int main(int argc, char *argv[])
{
        if (argc < 4 || atol(argv[1]) <= 0) {
                fprintf(stderr, "usage: probe INTERVAL_USEC PORT ADDRESS...\n");
                return 2;
        }

        struct Probe probe = {
                .interval_usec = (uint64_t) atol(argv[1]),
                .n_targets = (uint32_t) argc - 3,
                .n_silent = (uint32_t) argc - 3,
                .sockets = { open_socket(AF_INET), open_socket(AF_INET6) },
                .targets = calloc((size_t) argc - 3, sizeof(struct Target)),
        };
        if (!probe.targets || probe.sockets[0] < 0 || probe.sockets[1] < 0) {
                perror("probe");
                return 1;
        }

        for (uint32_t i = 0; i < probe.n_targets; i++)
                if (!parse_target(&probe.targets[i], argv[i + 3], (uint16_t) atoi(argv[2]))) {
                        fprintf(stderr, "probe: %s: not an address\n", argv[i + 3]);
                        return 2;
                }

        be_real_time();
        int r = probe_run(&probe);
        if (r < 0) {
                fprintf(stderr, "probe: %s\n", strerror(-r));
                return 1;
        }

        report(&probe);
        free(probe.targets);
        return 0;
}
