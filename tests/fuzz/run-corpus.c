/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for libFuzzer where the corpus runs as a test: gives the fuzzer's entry point every file of the
 * folders named on the command line, whole, cut short at every length, and with each bit of its first bytes
 * flipped. An empty corpus is a failure: a fuzzer that runs on nothing tests nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/macros.h"

#define INPUT_MAX   65536
#define CUTS_MAX    1024
#define FLIPPED_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly this size, so that the sanitizer sees a read past the end. */
static void run_exact(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size > 0 ? size : 1);

        if (!copy)
                abort();
        memcpy(copy, data, size);
        (void) LLVMFuzzerTestOneInput(copy, size);
        free(copy);
}

static void run_input(uint8_t *data, size_t size)
{
        run_exact(data, size);
        for (size_t cut = 0; cut < MIN_OF(size, (size_t) CUTS_MAX); cut++)
                run_exact(data, cut);
        for (size_t bit = 0; bit < 8 * MIN_OF(size, (size_t) FLIPPED_MAX); bit++) {
                data[bit / 8] ^= (uint8_t) (1 << bit % 8);
                run_exact(data, size);
                data[bit / 8] ^= (uint8_t) (1 << bit % 8);
        }
}

static int run_file(const char *folder, const char *name)
{
        static uint8_t data[INPUT_MAX];
        char path[4096];
        size_t size;
        FILE *file;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        file = fopen(path, "re");
        if (!file) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return -errno;
        }
        size = fread(data, 1, sizeof(data), file);
        fclose(file);
        run_input(data, size);
        return 0;
}

static int run_folder(const char *folder)
{
        struct dirent *entry;
        DIR *dir = opendir(folder);
        int r, n = 0;

        if (!dir) {
                fprintf(stderr, "%s: %s\n", folder, strerror(errno));
                return -errno;
        }
        while ((entry = readdir(dir))) {
                if (entry->d_name[0] == '.')
                        continue;
                r = run_file(folder, entry->d_name);
                if (r < 0) {
                        closedir(dir);
                        return r;
                }
                n++;
        }
        closedir(dir);
        return n;
}

int main(int argc, char *argv[])
{
        int r, n = 0;

        for (int i = 1; i < argc; i++) {
                r = run_folder(argv[i]);
                if (r < 0)
                        return EXIT_FAILURE;
                n += r;
        }
        if (n == 0) {
                fprintf(stderr, "no inputs: is the corpus missing?\n");
                return EXIT_FAILURE;
        }
        printf("%d inputs\n", n);
        return EXIT_SUCCESS;
}
