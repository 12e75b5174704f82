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
#define LOOK_NSEC 20000000L

struct End {
        int master;
        char device[64];
        bool idle; /* nobody has the device open */
        int64_t busy_until_nsec;
};

static int64_t now_nsec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

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

/* Moves a few bytes, and the line is busy for as long as they take. A full buffer at the other end loses
 * them: a serial line without flow control waits for nobody. */
static void relay(struct End *from, const struct End *to, bool plugged)
{
        uint8_t bytes[CHUNK];
        int64_t now = now_nsec();

        if (now < from->busy_until_nsec)
                return;

        ssize_t n = read(from->master, bytes, sizeof(bytes));
        if (n <= 0) {
                from->idle = n < 0 && errno == EIO;
                return;
        }
        if (plugged && !to->idle && write(to->master, bytes, (size_t) n) < 0 && errno != EAGAIN)
                perror(to->device);
        from->busy_until_nsec = now + n * BYTE_NSEC;
}

/* Until an end has something to say that may be said now, or it is time to look again. */
static int wait_for_work(int signals, const struct End ends[2])
{
        struct pollfd events[3] = { { .fd = signals, .events = POLLIN } };
        int64_t now = now_nsec(), wait = LOOK_NSEC;

        for (int i = 0; i < 2; i++) {
                bool busy = now < ends[i].busy_until_nsec;

                events[i + 1] = (struct pollfd){ .fd = busy || ends[i].idle ? -1 : ends[i].master,
                                                 .events = POLLIN };
                if (busy && ends[i].busy_until_nsec - now < wait)
                        wait = ends[i].busy_until_nsec - now;
        }

        struct timespec timeout = { .tv_nsec = wait };
        return ppoll(events, 3, &timeout, NULL) < 0 && errno != EINTR ? -errno : 0;
}

int main(void)
{
        struct sched_param priority = { .sched_priority = 55 };
        struct signalfd_siginfo signal;
        struct End ends[2] = {};
        int64_t looked_nsec = 0;
        bool plugged = true;
        sigset_t set;

        for (int i = 0; i < 2; i++) {
                int r = end_open(&ends[i]);
                if (r < 0) {
                        fprintf(stderr, "cable: %s\n", strerror(-r));
                        return 1;
                }
        }
        fflush(stdout);

        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        (void) sched_setscheduler(0, SCHED_FIFO, &priority);

        int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        while (wait_for_work(signals, ends) >= 0) {
                if (read(signals, &signal, sizeof(signal)) > 0)
                        plugged = signal.ssi_signo == SIGUSR2;
                relay(&ends[0], &ends[1], plugged);
                relay(&ends[1], &ends[0], plugged);
                if (now_nsec() - looked_nsec >= LOOK_NSEC) {
                        end_look(&ends[0]);
                        end_look(&ends[1]);
                        looked_nsec = now_nsec();
                }
        }
        return 1;
}
