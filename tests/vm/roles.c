/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Says what the kernel holds of the volume, as soon as it changes and some times a second: one line of
 * /proc/drbd after the word "volume", on a serial line whose other end is a file of the host. So what a node
 * said last outlives it, and when it said it is known without asking a node that may hang.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_SIZE 256
#define POLL_NSEC     100000000
#define POLLS_A_BEAT  2 /* records.py trusts a line for longer than that */

/* The line of the first device: " 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----". */
static void read_volume(char ret_line[static LINE_MAX_SIZE])
{
        FILE *file = fopen("/proc/drbd", "re");
        char line[LINE_MAX_SIZE];

        snprintf(ret_line, LINE_MAX_SIZE, "none\n");
        while (file && fgets(line, sizeof(line), file))
                if (strstr(line, " cs:")) {
                        snprintf(ret_line, LINE_MAX_SIZE, "%s", line);
                        break;
                }
        if (file)
                fclose(file);
}

int main(int argc, char *argv[])
{
        char line[LINE_MAX_SIZE], said[LINE_MAX_SIZE] = "", text[LINE_MAX_SIZE + 16];

        int out = argc == 2 ? open(argv[1], O_WRONLY | O_NOCTTY | O_CLOEXEC) : -1;
        if (out < 0) {
                fprintf(stderr, "usage: roles DEVICE\n");
                return 2;
        }
        for (unsigned n = 0;; n++) {
                read_volume(line);
                if (n % POLLS_A_BEAT == 0 || strcmp(line, said) != 0) {
                        snprintf(said, sizeof(said), "%s", line);
                        int size = snprintf(text, sizeof(text), "\nvolume %s", line);
                        if (write(out, text, (size_t) size) != size)
                                return 1;
                }
                nanosleep(&(struct timespec){ .tv_nsec = POLL_NSEC }, NULL);
        }
}
