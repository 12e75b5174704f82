/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who holds an address on this segment, as the wire tells: asks for each address by ARP every interval and
 * notes which MAC addresses answer, and for how long more than one did. The probe cannot see that: a client
 * talks to one holder only. Asks from the host it runs on, a watcher that talks to nobody else, so that its
 * asking teaches no client anything. Runs until its standard input ends, then prints one line of JSON; a
 * line `holder` says that another one has appeared.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ADDRESS_MAX 64
#define HOLDER_MAX  4

/* A holder that has not answered for so many intervals is one no longer. */
#define SILENT_INTERVALS 3

struct Holder {
        uint8_t mac[ETH_ALEN];
        uint64_t answered_usec;
        uint64_t answers;
};

struct Address {
        const char *text;
        struct in_addr address;
        struct Holder holders[HOLDER_MAX];
        uint32_t n_holders;
        uint64_t shared_from_usec; /* 0 while nobody or one holds it */
        uint64_t shared_until_usec;
        uint64_t shared_longest_usec;
};

struct Watch {
        struct Address addresses[ADDRESS_MAX];
        uint32_t n_addresses;
        uint64_t interval_usec;
        int fd;
        int index;
        uint8_t mac[ETH_ALEN];
        struct in_addr own;
};

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

static int watch_open(struct Watch *watch, const char *device)
{
        struct sockaddr_ll bound = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP) };
        struct ifreq request = {};

        watch->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ARP));
        if (watch->fd < 0)
                return -errno;

        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
        if (ioctl(watch->fd, SIOCGIFHWADDR, &request) < 0)
                return -errno;
        memcpy(watch->mac, request.ifr_hwaddr.sa_data, ETH_ALEN);

        if (ioctl(watch->fd, SIOCGIFINDEX, &request) < 0)
                return -errno;
        bound.sll_ifindex = watch->index = request.ifr_ifindex;
        if (bind(watch->fd, (struct sockaddr *) &bound, sizeof(bound)) < 0)
                return -errno;

        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int r = fd >= 0 && ioctl(fd, SIOCGIFADDR, &request) == 0 ? 0 : -errno;
        watch->own = ((struct sockaddr_in *) &request.ifr_addr)->sin_addr;
        if (fd >= 0)
                close(fd);
        return r;
}

static void ask(const struct Watch *watch, const struct Address *address)
{
        struct ether_arp request = {
                .ea_hdr = { htons(ARPHRD_ETHER), htons(ETHERTYPE_IP), ETH_ALEN, sizeof(struct in_addr),
                            htons(ARPOP_REQUEST) },
        };
        struct sockaddr_ll everybody = {
                .sll_family = AF_PACKET,
                .sll_protocol = htons(ETH_P_ARP),
                .sll_ifindex = watch->index,
                .sll_halen = ETH_ALEN,
                .sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
        };

        memcpy(request.arp_sha, watch->mac, ETH_ALEN);
        memcpy(request.arp_spa, &watch->own, sizeof(watch->own));
        memcpy(request.arp_tpa, &address->address, sizeof(address->address));
        (void) sendto(watch->fd, &request, sizeof(request), 0, (struct sockaddr *) &everybody,
                      sizeof(everybody));
}

/* The holder with this MAC, made if it is new and there is room; a fifth holder of one address is left out.
 */
static struct Holder *holder_of(struct Address *address, const uint8_t *mac)
{
        for (uint32_t i = 0; i < address->n_holders; i++)
                if (memcmp(address->holders[i].mac, mac, ETH_ALEN) == 0)
                        return &address->holders[i];
        if (address->n_holders == HOLDER_MAX)
                return NULL;

        struct Holder *holder = &address->holders[address->n_holders++];
        memcpy(holder->mac, mac, ETH_ALEN);
        printf("holder %s %02x:%02x:%02x:%02x:%02x:%02x\n", address->text, mac[0], mac[1], mac[2], mac[3],
               mac[4], mac[5]);
        fflush(stdout);
        return holder;
}

static void note(struct Watch *watch, struct Address *address, const uint8_t *mac)
{
        uint64_t now = now_usec(), recent = now - SILENT_INTERVALS * watch->interval_usec, other = 0;

        struct Holder *holder = holder_of(address, mac);
        if (!holder)
                return;
        holder->answers++;
        holder->answered_usec = now;

        for (uint32_t i = 0; i < address->n_holders; i++)
                if (&address->holders[i] != holder && address->holders[i].answered_usec > other)
                        other = address->holders[i].answered_usec;
        if (other < recent)
                return;

        if (address->shared_until_usec < recent)
                address->shared_from_usec = other;
        address->shared_until_usec = now;
        if (now - address->shared_from_usec > address->shared_longest_usec)
                address->shared_longest_usec = now - address->shared_from_usec;
}

static void receive(struct Watch *watch)
{
        struct ether_arp reply;

        while (recv(watch->fd, &reply, sizeof(reply), MSG_DONTWAIT) >= (ssize_t) sizeof(reply)) {
                if (reply.ea_hdr.ar_op != htons(ARPOP_REPLY))
                        continue;
                for (uint32_t i = 0; i < watch->n_addresses; i++)
                        if (memcmp(&watch->addresses[i].address, reply.arp_spa, sizeof(struct in_addr)) == 0)
                                note(watch, &watch->addresses[i], reply.arp_sha);
        }
}

static void report(const struct Watch *watch)
{
        uint64_t now = now_usec();

        printf("{\"addresses\": [");
        for (uint32_t i = 0; i < watch->n_addresses; i++) {
                const struct Address *a = &watch->addresses[i];

                printf("%s{\"address\": \"%s\", \"shared_us\": %" PRIu64 ", \"holders\": [",
                       i > 0 ? ", " : "", a->text, a->shared_longest_usec);
                for (uint32_t k = 0; k < a->n_holders; k++) {
                        const uint8_t *m = a->holders[k].mac;

                        printf("%s{\"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\", \"answers\": %" PRIu64
                               ", \"silent_us\": %" PRIu64 "}",
                               k > 0 ? ", " : "", m[0], m[1], m[2], m[3], m[4], m[5], a->holders[k].answers,
                               now - a->holders[k].answered_usec);
                }
                printf("]}");
        }
        printf("]}\n");
}

static int watch_run(struct Watch *watch)
{
        struct itimerspec interval = {
                .it_interval = { (time_t) (watch->interval_usec / 1000000),
                                 (long) (watch->interval_usec % 1000000) * 1000 },
                .it_value = { 0, 1 },
        };
        enum { TIMER, WIRE, INPUT };
        struct pollfd events[] = {
                [TIMER] = { .fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
                            .events = POLLIN },
                [WIRE] = { .fd = watch->fd, .events = POLLIN },
                [INPUT] = { .fd = STDIN_FILENO, .events = POLLIN },
        };

        if (events[TIMER].fd < 0 || timerfd_settime(events[TIMER].fd, 0, &interval, NULL) < 0)
                return -errno;

        while (!events[INPUT].revents) {
                uint64_t expirations;

                if (poll(events, 3, -1) < 0 && errno != EINTR)
                        return -errno;
                if (events[WIRE].revents)
                        receive(watch);
                if (events[TIMER].revents && read(events[TIMER].fd, &expirations, sizeof(expirations)) > 0)
                        for (uint32_t i = 0; i < watch->n_addresses; i++)
                                ask(watch, &watch->addresses[i]);
        }

        return 0;
}

int main(int argc, char *argv[])
{
        struct sched_param priority = { .sched_priority = 55 };
        struct Watch watch = {};

        if (argc < 4 || argc - 3 > ADDRESS_MAX || atol(argv[2]) <= 0) {
                fprintf(stderr, "usage: holders DEVICE INTERVAL_USEC ADDRESS... (IPv4, %d at most)\n",
                        ADDRESS_MAX);
                return 2;
        }

        watch.interval_usec = (uint64_t) atol(argv[2]);
        watch.n_addresses = (uint32_t) argc - 3;
        for (uint32_t i = 0; i < watch.n_addresses; i++) {
                watch.addresses[i].text = argv[i + 3];
                if (inet_pton(AF_INET, argv[i + 3], &watch.addresses[i].address) != 1) {
                        fprintf(stderr, "holders: %s: not an IPv4 address\n", argv[i + 3]);
                        return 2;
                }
        }

        int r = watch_open(&watch, argv[1]);
        if (r < 0) {
                fprintf(stderr, "holders: %s: %s\n", argv[1], strerror(-r));
                return 1;
        }

        (void) sched_setscheduler(0, SCHED_FIFO, &priority);
        printf("ready\n");
        fflush(stdout);
        r = watch_run(&watch);
        if (r < 0) {
                fprintf(stderr, "holders: %s\n", strerror(-r));
                return 1;
        }

        report(&watch);
        return 0;
}
