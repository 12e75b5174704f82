/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A serial cable between two nodes: two pseudo terminals and this relay between them, at the speed of a real
 * line. Prints the two device paths, one a line, and then relays until it is killed. SIGUSR1 pulls the cable
 * out, which is silence and nothing else, as on a line without modem control: what is sent meanwhile is
 * lost. SIGUSR2 puts it back in.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* 115200 baud, 8N1: ten bits a byte. */
#define BYTE_NSEC (10 * 1000000000L / 115200)
#define CHUNK     16

struct End {
        int master;
        int device; /* kept open: with no one at the other side, reading from a master fails */
};

static int end_open(struct End *end)
{
        struct termios line;

        end->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (end->master < 0 || grantpt(end->master) < 0 || unlockpt(end->master) < 0)
                return -errno;

        end->device = open(ptsname(end->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (end->device < 0 || tcgetattr(end->device, &line) < 0)
                return -errno;

        cfmakeraw(&line);
        cfsetspeed(&line, B115200);
        if (tcsetattr(end->device, TCSANOW, &line) < 0)
                return -errno;

        printf("%s\n", ptsname(end->master));
        return 0;
}

/* Moves a few bytes and takes as long as the line would. A full buffer at the other end loses them: a serial
 * line without flow control waits for nobody. */
static void relay(int from, int to, bool plugged)
{
        uint8_t bytes[CHUNK];

        ssize_t n = read(from, bytes, sizeof(bytes));
        if (n <= 0)
                return;
        if (plugged && write(to, bytes, (size_t) n) < 0 && errno != EAGAIN)
                perror("cable");

        struct timespec pause = { .tv_nsec = n * BYTE_NSEC };
        nanosleep(&pause, NULL);
}

int main(void)
{
        enum { SIGNALS, LEFT, RIGHT };
        struct sched_param priority = { .sched_priority = 55 };
        struct End left, right;
        bool plugged = true;
        sigset_t set;

        int r = end_open(&left);
        if (r >= 0)
                r = end_open(&right);
        if (r < 0) {
                fprintf(stderr, "cable: %s\n", strerror(-r));
                return 1;
        }
        fflush(stdout);

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        (void) sched_setscheduler(0, SCHED_FIFO, &priority);

        struct pollfd events[] = {
                [SIGNALS] = { .fd = signalfd(-1, &set, SFD_CLOEXEC), .events = POLLIN },
                [LEFT] = { .fd = left.master, .events = POLLIN },
                [RIGHT] = { .fd = right.master, .events = POLLIN },
        };
        for (;;) {
                struct signalfd_siginfo signal;

                if (poll(events, 3, -1) < 0 && errno != EINTR)
                        return 1;
                if (events[SIGNALS].revents && read(events[SIGNALS].fd, &signal, sizeof(signal)) > 0)
                        plugged = signal.ssi_signo == SIGUSR2;
                if (events[LEFT].revents & POLLIN)
                        relay(left.master, right.master, plugged);
                if (events[RIGHT].revents & POLLIN)
                        relay(right.master, left.master, plugged);
        }
}
