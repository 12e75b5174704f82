/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service that the lab's client uses a volume through: appends numbered records of one size to a file on
 * it, each on the disks of both nodes before it is acknowledged. It answers on the virtual IP alone. A
 * record that follows another than the last one in the file is refused, and with it whoever lost some; one
 * that is there already is acknowledged again, because the client asks until it has an answer. Nothing is
 * kept from one request to the next: between the two the volume may have been away.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_SIZE 16 /* fifteen digits and the end of the line; never across two blocks */
#define REQUEST_MAX 32
#define NUMBER_MAX  32
#define ANSWER_MAX  128

static int open_socket(const char *address, uint16_t port)
{
        struct sockaddr_in6 own = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        char mapped[INET6_ADDRSTRLEN];
        int r, on = 1;

        snprintf(mapped, sizeof(mapped), "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
        if (inet_pton(AF_INET6, mapped, &own.sin6_addr) != 1)
                return -EINVAL;
        int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        /* The address may be the other node's now. */
        if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) < 0 ||
            bind(fd, (struct sockaddr *) &own, sizeof(own)) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

/* The file on the volume, and not one below the place where the volume is to be mounted. */
static int open_records(const char *directory)
{
        char path[PATH_MAX];
        struct stat here, above;

        snprintf(path, sizeof(path), "%s/..", directory);
        if (stat(directory, &here) < 0 || stat(path, &above) < 0)
                return -errno;
        if (here.st_dev == above.st_dev)
                return -ENODEV;
        snprintf(path, sizeof(path), "%s/records", directory);
        int fd = open(path, O_RDWR | O_CREAT | O_DSYNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        return fd < 0 ? -errno : fd;
}

/* The number of the last record, 0 if there is none. -EUCLEAN when it is not what belongs there. */
static int read_last(int file, uint64_t *ret_last)
{
        char record[RECORD_SIZE + 1] = "", expected[NUMBER_MAX];
        struct stat st;

        if (fstat(file, &st) < 0)
                return -errno;
        uint64_t last = (uint64_t) st.st_size / RECORD_SIZE;
        if (st.st_size % RECORD_SIZE != 0)
                return -EUCLEAN;
        if (last > 0 && pread(file, record, RECORD_SIZE, st.st_size - RECORD_SIZE) != RECORD_SIZE)
                return -EIO;
        snprintf(expected, sizeof(expected), "%015" PRIu64 "\n", last);
        if (last > 0 && strcmp(record, expected) != 0)
                return -EUCLEAN;
        *ret_last = last;
        return 0;
}

/*
 * Returns 0 when the record is there for good, 1 when another is the next one, or a negative errno. One that
 * is the last already is written again: the kernel also shows what it could not write.
 */
static int append(int file, uint64_t number, uint64_t *ret_last)
{
        char record[NUMBER_MAX];
        uint64_t last = 0;

        int r = read_last(file, &last);
        if (r < 0)
                return r;
        *ret_last = last;
        if (number == 0 || (number != last && number != last + 1))
                return 1;
        snprintf(record, sizeof(record), "%015" PRIu64 "\n", number);
        if (pwrite(file, record, RECORD_SIZE, (off_t) (number - 1) * RECORD_SIZE) != RECORD_SIZE)
                return errno ? -errno : -EIO;
        return 0;
}

static void answer(int fd, const char *directory)
{
        char request[REQUEST_MAX + 1], text[ANSWER_MAX];
        struct sockaddr_in6 client;
        socklen_t size = sizeof(client);
        uint64_t last = 0;

        ssize_t n = recvfrom(fd, request, REQUEST_MAX, 0, (struct sockaddr *) &client, &size);
        if (n <= 0)
                return;
        request[n] = '\0';
        uint64_t number = strtoull(request, NULL, 10);

        int file = open_records(directory);
        int r = file < 0 ? file : append(file, number, &last);
        if (file >= 0)
                close(file);
        if (r == 0)
                snprintf(text, sizeof(text), "%" PRIu64 " ok", number);
        else if (r > 0)
                snprintf(text, sizeof(text), "%" PRIu64 " last %" PRIu64, number, last);
        else
                snprintf(text, sizeof(text), "%" PRIu64 " error %d", number, -r);
        /* An address that is gone by now cannot be answered from, and must not be. */
        (void) sendto(fd, text, strlen(text), MSG_DONTWAIT, (struct sockaddr *) &client, size);
}

int main(int argc, char *argv[])
{
        if (argc != 4) {
                fprintf(stderr, "usage: records ADDRESS PORT DIRECTORY\n");
                return 2;
        }
        int fd = open_socket(argv[1], (uint16_t) atoi(argv[2]));
        if (fd < 0) {
                fprintf(stderr, "records: %s port %s: %s\n", argv[1], argv[2], strerror(-fd));
                return 1;
        }
        for (;;)
                answer(fd, argv[3]);
}
