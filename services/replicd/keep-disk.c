/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hapair-keep-disk RESOURCE: keeps what this node has on the disk of a DRBD resource, before a split-brain
 * is ended at its expense: a snapshot where the disk is a volume of LVM, else an image in a file. The
 * resource must be secondary, so that nothing is written meanwhile.
 *
 * hapair-replicd runs it as hapair-keep@RESOURCE.service, out of its own sandbox, in which LVM cannot work;
 * a person may do the same. $STATE_DIRECTORY/kept then has one line: "kept" and the snapshot's device or the
 * image's file, or "refused" and why. It is gone while this is at work.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "services/replicd/keep-image.h"
#include "services/replicd/lvm.h"

#define NAME_SIZE   200
#define REASON_SIZE 1024

extern char **environ;

static void fclosep(FILE **file)
{
        if (*file)
                fclose(*file);
}

static int spawn(const char *const argv[], int stream, int fd, pid_t *ret_pid)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, fd, stream);
        if (r == 0)
                r = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *) argv, environ);
        (void) posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Waits for a program and gives the beginning of what it said on `stream`. Returns its exit status or
 * -errno. */
static int run(const char *const argv[], int stream, char *ret_text, size_t size)
{
        _cleanup_(fclosep) FILE *file = NULL;
        int fds[2], status, r;
        pid_t pid = -1;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = spawn(argv, stream, fds[1], &pid);
        close(fds[1]);
        file = fdopen(fds[0], "re");
        if (r < 0)
                return r;
        ret_text[file ? fread(ret_text, 1, size - 1, file) : 0] = '\0';
        while (file && fgetc(file) != EOF)
                ;
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -ECANCELED;
}

static int find_disk(const char *resource, char ret_disk[static PATH_MAX], char *ret_reason)
{
        int r = run((const char *const[]){ "drbdadm", "sh-ll-dev", resource, NULL }, STDOUT_FILENO, ret_disk,
                    PATH_MAX);

        ret_disk[r == 0 ? strcspn(ret_disk, "\n") : 0] = '\0';
        if (*ret_disk == '/')
                return 0;
        snprintf(ret_reason, REASON_SIZE, "DRBD knows no disk of %s", resource);
        return -ENODEV;
}

/* -ENODATA: no volume of LVM. */
static int find_volume(const char *disk, LvmVolume *ret_volume)
{
        char select[80], text[512];
        struct stat st;

        if (stat(disk, &st) < 0)
                return -errno;
        snprintf(select, sizeof(select), "lv_kernel_major=%u && lv_kernel_minor=%u", major(st.st_rdev),
                 minor(st.st_rdev));
        /* Without LVM on this node there is no such program. */
        if (run((const char *const[]){ "lvs", "--noheadings", "--separator", "/", "-o",
                                       "vg_name,lv_name,pool_lv", "-S", select, NULL },
                STDOUT_FILENO, text, sizeof(text)) != 0)
                return -ENODATA;
        return lvm_volume_parse(text, strlen(text), ret_volume);
}

/*
 * As large as the origin and LVM's notes of it, for a snapshot that has filled up is lost, with all that was
 * kept; LVM takes no more than that can need.
 */
static int make_snapshot(const LvmVolume *volume, const char *name, char *ret_reason)
{
        char origin[2 * LVM_NAME_MAX], text[512];
        int r;

        snprintf(origin, sizeof(origin), "%s/%s", volume->group, volume->name);
        r = run(volume->thin ? (const char *const[]){ "lvcreate", "--yes", "--snapshot",
                                                      "--setactivationskip", "n", "--name", name, origin,
                                                      NULL }
                             : (const char *const[]){ "lvcreate", "--yes", "--snapshot", "--extents",
                                                      "110%ORIGIN", "--name", name, origin, NULL },
                STDERR_FILENO, text, sizeof(text));
        if (r == 0)
                return 0;
        fprintf(stderr, "%s", text);
        text[strcspn(text, "\n")] = '\0';
        snprintf(ret_reason, REASON_SIZE,
                 "LVM makes no snapshot of %s: %s; a whole one takes as much as the volume itself from its group",
                 origin, r < 0 ? strerror(-r) : text + strspn(text, " "));
        return -EIO;
}

static int keep(const char *resource, const char *directory, char ret_kept[static PATH_MAX],
                char *ret_reason)
{
        char disk[PATH_MAX], name[NAME_SIZE], stamp[32];
        time_t now = time(NULL);
        LvmVolume volume;
        struct tm tm;
        int r;

        r = find_disk(resource, disk, ret_reason);
        if (r < 0)
                return r;
        (void) strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
        snprintf(name, sizeof(name), "%.128s-kept-%s", resource, stamp);
        r = find_volume(disk, &volume);
        if (r == -ENODATA) {
                snprintf(ret_kept, PATH_MAX, "%s/%s.img", directory, name);
                return keep_image(disk, directory, name, ret_reason, REASON_SIZE);
        }
        if (r < 0) {
                snprintf(ret_reason, REASON_SIZE, "the disk of %s cannot be looked at: %s", resource,
                         strerror(-r));
                return r;
        }
        snprintf(ret_kept, PATH_MAX, "/dev/%s/%s", volume.group, name);
        return make_snapshot(&volume, name, ret_reason);
}

static int note(const char *path, const char *word, const char *text)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "we");

        if (!file || fprintf(file, "%s %s\n", word, text) < 0 || fflush(file) != 0)
                return -errno;
        return 0;
}

int main(int argc, char *argv[])
{
        const char *directory = getenv("STATE_DIRECTORY");
        char path[PATH_MAX], kept[PATH_MAX], reason[REASON_SIZE];
        int r;

        if (argc != 2) {
                fprintf(stderr, "Usage: hapair-keep-disk RESOURCE\n");
                return EXIT_FAILURE;
        }
        directory = directory ?: "/var/lib/hapair/replicd";
        snprintf(path, sizeof(path), "%s/kept", directory);
        (void) unlink(path);
        r = keep(argv[1], directory, kept, reason);
        printf("%s %s\n", r < 0 ? "refused" : "kept", r < 0 ? reason : kept);
        if (note(path, r < 0 ? "refused" : "kept", r < 0 ? reason : kept) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                return EXIT_FAILURE;
        }
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
