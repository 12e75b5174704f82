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
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* 115200 baud, 8N1: ten bits a byte. */
#define BYTE_NSEC (10 * 1000000000L / 115200)
#define CHUNK     16
#define LOOK_MSEC 20

struct End {
        int master;
        char device[64];
        bool idle; /* nobody has the device open */
};

/* What a real line does by itself when the last user closes it: the next one finds it in no one's hands
 * (TIOCEXCL outlives its owner on a pseudo terminal) and raw. */
static int end_reset(const struct End *end)
{
        struct termios line;
        int r = 0;

        int fd = open(end->device, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        if (ioctl(fd, TIOCNXCL) < 0 || tcgetattr(fd, &line) < 0)
                r = -errno;
        if (r >= 0) {
                cfmakeraw(&line);
                cfsetspeed(&line, B115200);
                if (tcsetattr(fd, TCSANOW, &line) < 0)
                        r = -errno;
        }

        close(fd);
        return r;
}

static int end_open(struct End *end)
{
        end->idle = true;
        end->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        if (end->master < 0 || grantpt(end->master) < 0 || unlockpt(end->master) < 0)
                return -errno;

        int r = ptsname_r(end->master, end->device, sizeof(end->device));
        if (r > 0)
                return -r;

        printf("%s\n", end->device);
        return end_reset(end);
}

/* Looking again and again is all there is: a master without a user says only that, all the time, and a short
 * use between two looks is not seen at all. */
static void end_look(struct End *end)
{
        struct pollfd master = { .fd = end->master };

        end->idle = poll(&master, 1, 0) > 0 && (master.revents & POLLHUP);
        if (end->idle && end_reset(end) < 0)
                perror(end->device);
}

/* Moves a few bytes and takes as long as the line would. A full buffer at the other end loses them: a serial
 * line without flow control waits for nobody. */
static void relay(const struct End *from, const struct End *to, bool plugged)
{
        uint8_t bytes[CHUNK];

        ssize_t n = read(from->master, bytes, sizeof(bytes));
        if (n <= 0)
                return;
        if (plugged && !to->idle && write(to->master, bytes, (size_t) n) < 0 && errno != EAGAIN)
                perror(to->device);

        struct timespec pause = { .tv_nsec = n * BYTE_NSEC };
        nanosleep(&pause, NULL);
}

int main(void)
{
        struct sched_param priority = { .sched_priority = 55 };
        struct signalfd_siginfo signal;
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

        int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        for (;;) {
                struct pollfd events[] = {
                        { .fd = signals, .events = POLLIN },
                        { .fd = left.idle ? -1 : left.master, .events = POLLIN },
                        { .fd = right.idle ? -1 : right.master, .events = POLLIN },
                };

                if (poll(events, 3, LOOK_MSEC) < 0 && errno != EINTR)
                        return 1;
                if (read(signals, &signal, sizeof(signal)) > 0)
                        plugged = signal.ssi_signo == SIGUSR2;
                relay(&left, &right, plugged);
                relay(&right, &left, plugged);
                end_look(&left);
                end_look(&right);
        }
}
