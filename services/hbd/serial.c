/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Serial lines: open, lock, send, receive. */
#include "services/hbd/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "services/hbd/cobs.h"
#include "services/hbd/tty-holder.h"

int serial_speed(unsigned baud)
{
        static const struct {
                unsigned baud;
                speed_t speed;
        } speeds[] = {
                { 9600, B9600 },     { 19200, B19200 },   { 38400, B38400 },   { 57600, B57600 },
                { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(speeds); i++)
                if (speeds[i].baud == baud)
                        return (int) speeds[i].speed;
        return -EINVAL;
}

/* Bytes as they are, no modem lines, no flow control: a null-modem cable of three wires is enough. */
static int make_raw(int fd, speed_t speed)
{
        struct termios t;

        if (tcgetattr(fd, &t) < 0)
                return -errno;
        cfmakeraw(&t);
        t.c_cflag |= CLOCAL | CREAD;
        t.c_cflag &= ~(tcflag_t) (CRTSCTS | CSTOPB | HUPCL);
        t.c_iflag |= IGNBRK;
        t.c_cc[VMIN] = 0;
        t.c_cc[VTIME] = 0;
        cfsetispeed(&t, speed);
        cfsetospeed(&t, speed);
        if (tcsetattr(fd, TCSANOW, &t) < 0)
                return -errno;
        /* What came before us is nobody's heartbeat. */
        return tcflush(fd, TCIOFLUSH) < 0 ? -errno : 0;
}

/* Takes the open device for us and makes a line of it. */
static int take(int fd, const char *device, unsigned baud, char ret_reason[static SERIAL_REASON_MAX])
{
        int speed = serial_speed(baud), r;

        if (speed < 0) {
                snprintf(ret_reason, SERIAL_REASON_MAX, "%u is not a speed of a serial line", baud);
                return speed;
        }
        if (!isatty(fd)) {
                snprintf(ret_reason, SERIAL_REASON_MAX, "%s is not a serial device", device);
                return -ENOTTY;
        }
        r = tty_in_use(fd, device, ret_reason, SERIAL_REASON_MAX);
        if (r < 0)
                return r;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 || ioctl(fd, TIOCEXCL) < 0) {
                r = errno == EWOULDBLOCK ? -EBUSY : -errno;
                snprintf(ret_reason, SERIAL_REASON_MAX, "%s is locked by another program", device);
                return r;
        }
        r = make_raw(fd, (speed_t) speed);
        if (r < 0)
                snprintf(ret_reason, SERIAL_REASON_MAX, "%s cannot be set up: %s", device, strerror(-r));
        return r;
}

int serial_open(const char *device, unsigned baud, char ret_reason[static SERIAL_REASON_MAX])
{
        int fd, r;

        fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
                r = -errno;
                if (r == -EBUSY)
                        snprintf(ret_reason, SERIAL_REASON_MAX, "%s is held by another program", device);
                else
                        snprintf(ret_reason, SERIAL_REASON_MAX, "%s cannot be opened: %s", device,
                                 strerror(-r));
                return r;
        }
        r = take(fd, device, baud, ret_reason);
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

void serial_close(int fd)
{
        if (fd < 0)
                return;
        (void) ioctl(fd, TIOCNXCL); /* the next one may have it, even while a copy of ours lingers */
        close(fd);
}

int serial_send(int fd, const uint8_t *payload, size_t size)
{
        uint8_t line[SERIAL_LINE_MAX];
        size_t used;
        ssize_t n;
        int queued;

        used = serial_enframe(payload, size, line);
        if (used == 0)
                return -EMSGSIZE;

        /* Never more than two frames on the way: what waits in a queue is old when it arrives. */
        if (ioctl(fd, TIOCOUTQ, &queued) < 0)
                return errno == EIO ? -ENODEV : -errno;
        if (queued > 0 && (size_t) queued + used > 2 * SERIAL_LINE_MAX)
                return -EAGAIN;

        /* If it takes a part only, the other side drops that at the zero with which the next one begins. */
        n = write(fd, line, used);
        if (n < 0)
                return errno == EIO ? -ENODEV : -errno;
        return (size_t) n == used ? 0 : -EAGAIN;
}

int serial_receive(int fd, uint8_t *ret_bytes, size_t size)
{
        ssize_t n = read(fd, ret_bytes, size);

        if (n < 0)
                return errno == EAGAIN ? 0 : errno == EIO ? -ENODEV : -errno;
        return (int) n;
}
