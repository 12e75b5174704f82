/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The resource as configured: DRBD's file, the mount's unit, metadata on a disk that has none, and `drbdadm
 * adjust`, which attaches, connects and changes in place what differs, and nothing else. Never promotes.
 *
 * A new disk gets its generation identifiers so that the kernels' own handshake finds out what must be
 * copied. BLANK is a generation that stands for "all zero": the configured master, on a blank disk, begins a
 * generation of its own after BLANK, with an empty bitmap; a slave's blank disk is BLANK. When they meet,
 * only what the master wrote since is copied. A disk that had data on it never is BLANK, and is copied in
 * full.
 *
 * The disk of a node that had another one before stays as created, whatever its role: without data of its
 * own, it takes the peer's, and without the peer nobody takes it for the volume.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "files.h"
#include "manager.h"

#define BLANK        "B1A4C00000000000"
#define BLANK_NUMBER UINT64_C(0xB1A4C00000000000)
#define NUMBER_MAX   16

static const char *minor_text(const Job *job, char ret_text[static NUMBER_MAX])
{
        snprintf(ret_text, NUMBER_MAX, "%u", job->manager->wanted.minor);
        return ret_text;
}

/* Fails the job unless the command was well. */
static bool well(Job *job, const CommandResult *result, const char *what)
{
        char reason[256];

        if (result->status == 0)
                return true;
        job_fail(job, ERROR_FAILED, "%s failed: %s", what, command_reason(result, reason));
        return false;
}

static void adjusted(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;

        if (!well(job, result, "drbdadm adjust"))
                return;
        m->left = false;
        m->had_disk = true;
        volume_left(&m->volume, false);
        manager_set_problem(m, "%s", "");
        job_done(job);
}

/* From here on it is what electd may use. */
static void adjust(Job *job)
{
        volume_making(&job->manager->volume, false);
        job_run(job, adjusted,
                (const char *const[]){ "drbdadm", "-c", job->manager->drbd_conf, "adjust",
                                       job->manager->wanted.resource, NULL });
}

/* New metadata */

static void identified(Job *job, const CommandResult *result)
{
        if (well(job, result, "drbdmeta set-gi"))
                adjust(job);
}

/* Current, bitmap and history identifiers; then whether it is consistent and up to date. */
static int new_generation(const Manager *m, bool blank, char *ret_text, size_t size)
{
        uint64_t random;

        if (!wanted_is_master(&m->wanted)) {
                snprintf(ret_text, size, BLANK ":0:0:0:0:0");
                return 0;
        }
        if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                return -errno;
        random = (random | UINT64_C(0x100)) &
                 ~UINT64_C(1); /* below are DRBD's own numbers; bit 0 is a flag */
        snprintf(ret_text, size,
                 blank ? "%016" PRIX64 ":" BLANK ":0:0:1:1" : "%016" PRIX64 ":0:" BLANK ":0:1:1", random);
        return 0;
}

static void detached(Job *job, const CommandResult *result)
{
        const Manager *m = job->manager;
        char minor[NUMBER_MAX], generation[128];
        int r;

        if (!well(job, result, "drbdsetup down"))
                return;
        r = new_generation(m, job->blank, generation, sizeof(generation));
        if (r < 0)
                job_fail(job, ERROR_FAILED, "no random numbers: %s", strerror(-r));
        else
                job_run(job, identified,
                        (const char *const[]){ "drbdmeta", "--force", minor_text(job, minor), "v08", m->disk,
                                               "internal", "set-gi", generation, NULL });
}

static void cleared(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;

        if (!well(job, result, "drbdsetup new-current-uuid"))
                return;
        job_run(job, detached, (const char *const[]){ "drbdsetup", "down", m->wanted.resource, NULL });
}

static void attached(Job *job, const CommandResult *result)
{
        char minor[NUMBER_MAX];

        if (well(job, result, "drbdadm attach"))
                job_run(job, cleared,
                        (const char *const[]){ "drbdsetup", "new-current-uuid", minor_text(job, minor),
                                               "--clear-bitmap", NULL });
}

static void has_minor(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;

        if (well(job, result, "drbdsetup new-minor"))
                job_run(job, attached,
                        (const char *const[]){ "drbdadm", "-c", m->drbd_conf, "attach", m->wanted.resource,
                                               NULL });
}

static void has_resource(Job *job, const CommandResult *result)
{
        char minor[NUMBER_MAX];

        if (well(job, result, "drbdsetup new-resource"))
                job_run(job, has_minor,
                        (const char *const[]){ "drbdsetup", "new-minor", job->manager->wanted.resource,
                                               minor_text(job, minor), "0", NULL });
}

/*
 * The first attach sets the whole bitmap, for the kernel learns the size then; so it is attached once,
 * without a connection, to have it cleared. A slave's disk that had data on it stays as created: all of it
 * is copied.
 */
static void created(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;

        if (!well(job, result, "drbdmeta create-md"))
                return;
        log_info(service_log(m->service), "drbd", "Wrote DRBD's metadata on %s, which was %s", m->disk,
                 job->blank ? "blank" : "given away");
        if (m->had_disk || (!job->blank && !wanted_is_master(&m->wanted))) {
                adjust(job);
                return;
        }
        volume_making(&m->volume, true);
        job_run(job, has_resource,
                (const char *const[]){ "drbdsetup", "new-resource", m->wanted.resource, NULL });
}

static void create(Job *job, const CommandResult *unused)
{
        char minor[NUMBER_MAX];

        job_run(job, created,
                (const char *const[]){ "drbdmeta", "--force", minor_text(job, minor), "v08",
                                       job->manager->disk, "internal", "create-md", NULL });
}

static void wiped(Job *job, const CommandResult *result)
{
        if (well(job, result, "clearing the disk"))
                create(job, NULL);
}

static void probed(Job *job, const CommandResult *result)
{
        const Manager *m = job->manager;
        char program[PATH_MAX], confirmation[PATH_MAX + 32];

        if (!well(job, result, m->disk))
                return;
        job->blank = strcmp(result->output, "blank\n") == 0;
        snprintf(confirmation, sizeof(confirmation), "destroy all data on %s", m->disk);
        snprintf(program, sizeof(program), "%s/hapair-probe-disk", manager_libexec());
        if (job->blank)
                create(job, NULL);
        else if (job->type == JOB_PREPARE && strcmp(job->text, confirmation) == 0)
                job_run(job, wiped, (const char *const[]){ program, "--clear", m->disk, NULL });
        else
                job_fail(job, ERROR_REFUSED,
                         "%s is not blank and nobody has said that it is ours; on it is %.*s. Name another "
                         "disk "
                         "in the configuration, or run 'hapair replication prepare'; to lose what is on "
                         "it, type: %s",
                         m->disk, (int) strcspn(result->output, "\n"), result->output, confirmation);
}

/*
 * Metadata of which we were interrupted: just created, which is right for a slave's disk only, or not yet
 * given their identifiers. Nothing was written under them. That the disk was blank is forgotten: all of it
 * is copied.
 *
 * A just created disk that was forced to be primary has the same identifiers, and data that nobody else may
 * have; but then it is consistent, as every primary is.
 */
static bool is_unfinished(const Job *job, const char *text)
{
        Gi gi;

        if (gi_parse(text, strlen(text), &gi) < 0 || gi_has_served(&gi))
                return false;
        return gi.bitmap == GI_JUST_CREATED ||
               (gi_just_created(&gi) && wanted_is_master(&job->manager->wanted) && !job->manager->had_disk);
}

static void has_metadata(Job *job, const CommandResult *result)
{
        char program[PATH_MAX];

        snprintf(program, sizeof(program), "%s/hapair-probe-disk", manager_libexec());
        if (result->status != 0)
                job_run(job, probed, (const char *const[]){ program, job->manager->disk, NULL });
        else if (is_unfinished(job, result->output))
                create(job, NULL);
        else
                adjust(job);
}

/* The disk itself, which must be free: what it says then nobody changes any more. */
static void ask_disk(Job *job, job_next_t next, const char *what)
{
        char minor[NUMBER_MAX];

        job_run(job, next,
                (const char *const[]){ "drbdmeta", minor_text(job, minor), "v08", job->manager->disk,
                                       "internal", what, NULL });
}

static void freed(Job *job, const CommandResult *result)
{
        if (well(job, result, "drbdsetup down"))
                ask_disk(job, has_metadata, "get-gi");
}

/* A disk that is freed is none that failed, and nobody is to make it primary meanwhile. */
static void free_disk(Job *job, job_next_t next)
{
        Manager *m = job->manager;

        volume_making(&m->volume, true);
        job_run(job, next, (const char *const[]){ "drbdsetup", "down", m->wanted.resource, NULL });
}

/* The kernel has the disk already: of a daemon before this one, which may have been killed midway. */
static void has_disk(Job *job, const CommandResult *result)
{
        Manager *m = job->manager;

        if (result->status != 0 || m->view.role == DRBD_ROLE_PRIMARY || jobs_have(m, JOB_PRIMARY) ||
            m->view.disk != DRBD_DISK_INCONSISTENT || !is_unfinished(job, result->output))
                adjust(job);
        else
                free_disk(job, freed);
}

static bool is_attached(const Manager *m)
{
        return m->volume.present && m->volume.disk > DRBD_DISK_FAILED;
}

/* A disk that is attached would only be found busy. */
static void look_at_disk(Job *job)
{
        const Manager *m = job->manager;
        char minor[NUMBER_MAX];

        if (is_attached(m))
                job_run(job, has_disk,
                        (const char *const[]){ "drbdsetup", "get-gi", minor_text(job, minor), NULL });
        else if (access(m->disk, F_OK) < 0)
                job_fail(job, ERROR_FAILED, "there is no %s; see to the disk or to the configuration",
                         m->disk);
        else
                ask_disk(job, has_metadata, "get-gi");
}

static void has_module(Job *job, const CommandResult *result)
{
        if (access(manager_proc_drbd(), F_OK) < 0)
                job_fail(job, ERROR_FAILED,
                         "this kernel has no DRBD; install a kernel with its module, drbd");
        else
                look_at_disk(job);
}

/* By systemd: this daemon may not load modules. */
static void load_module(Job *job, const CommandResult *result)
{
        if (access(manager_proc_drbd(), F_OK) == 0)
                look_at_disk(job);
        else
                job_unit(job, has_module, "StartUnit", "modprobe@drbd.service");
}

static int write_files(Manager *m)
{
        char text[FILE_TEXT_MAX], path[PATH_MAX], handler[PATH_MAX];
        const char *include = manager_resource_path();
        const char *units = getenv("HAPAIR_UNIT_DIR");
        struct utsname host;
        int r;

        if (uname(&host) < 0)
                return -errno;
        snprintf(handler, sizeof(handler), "%s/hapair-fence-peer", manager_libexec());
        r = resource_text(&m->wanted, host.nodename, handler, text);
        if (r < 0)
                return r;
        r = file_write(include, text);
        if (r < 0)
                return r;
        /* drbdadm refuses a resource whose address is away just now; the kernel waits for it to come. */
        snprintf(text, sizeof(text),
                 "global { disable-ip-verification; usage-count no; }\ninclude \"%s\";\n", include);
        r = file_write(m->drbd_conf, text);
        if (r < 0)
                return r;
        r = mount_unit_text(&m->wanted, text);
        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "%s/%s", units ? units : "/run/systemd/system", m->mount_unit);
        return file_write(path, text);
}

static bool is_fresh(const Gi *gi, bool nothing_written)
{
        return gi_generation(gi) == BLANK_NUMBER || (gi->bitmap == BLANK_NUMBER && nothing_written) ||
               (gi->bitmap == 0 && gi->history[0] == BLANK_NUMBER);
}

/*
 * Whether this disk has never had data of anybody's: it was never connected, and its generation is BLANK, or
 * one after it under which nothing was written. As last heard: before anything is destroyed, the disk itself
 * is asked.
 */
bool set_up_is_fresh(const Manager *m)
{
        const Volume *v = &m->volume;

        return v->memory.connections == 0 && m->view.role != DRBD_ROLE_PRIMARY && !m->view.mounted &&
               v->gi_known && is_fresh(&v->gi, m->view.out_of_sync_kib == 0);
}

/* As just created it is nobody's, and gets a full copy. */
static void give_up(Job *job)
{
        job->manager->had_disk = true;
        create(job, NULL);
}

static void has_bitmap(Job *job, const CommandResult *result)
{
        if (result->status == 0 && strstr(result->output, "\n# bits-set 0;\n"))
                give_up(job);
        else
                adjust(job);
}

/* What may have been written is in the bitmap from now on; without that drbdmeta shows no bitmap. */
static void has_log(Job *job, const CommandResult *result)
{
        if (result->status == 0)
                ask_disk(job, has_bitmap, "dump-md");
        else
                adjust(job);
}

static void has_identifiers(Job *job, const CommandResult *result)
{
        Gi gi;

        if (result->status != 0 || gi_parse(result->output, strlen(result->output), &gi) < 0 || gi.primary ||
            gi.crashed_primary || !is_fresh(&gi, true))
                adjust(job);
        else if (is_fresh(&gi, false))
                give_up(job);
        else
                ask_disk(job, has_log, "apply-al");
}

static void is_free(Job *job, const CommandResult *result)
{
        if (well(job, result, "drbdsetup down"))
                ask_disk(job, has_identifiers, "get-gi");
}

/*
 * The peer refuses this disk, which has no data, as that of another volume: it has seen too many generations
 * to know BLANK still. Data may have come since that was found: what the disk says once it is free decides.
 */
void set_up_renew(Job *job)
{
        Manager *m = job->manager;

        if (m->valid && set_up_is_fresh(m) && !jobs_have(m, JOB_PRIMARY))
                free_disk(job, is_free);
        else
                job_done(job);
}

/*
 * What this node's disk is, in m->disk; whether it is the configured one. What is attached is not taken away
 * from whoever uses it: `drbdadm adjust` would detach it and attach the other. The resource file tells what
 * was attached, also to a daemon that came after.
 */
static bool is_same_disk(Manager *m)
{
        if (!is_attached(m) || resource_own_disk(manager_resource_path(), m->disk) < 0)
                snprintf(m->disk, sizeof(m->disk), "%s", m->wanted.disk);
        return strcmp(m->disk, m->wanted.disk) == 0;
}

/* Ahead of time: a takeover must not wait for systemd to read all its units again. */
void set_up_begin(Job *job)
{
        Manager *m = job->manager;
        int r;

        if (!m->valid) {
                job_done(job);
                return;
        }
        if (!is_same_disk(m)) {
                job_fail(job, ERROR_REFUSED,
                         "the volume uses %s here, and %s cannot take its place meanwhile. Name %s in the "
                         "configuration again, or reboot this node to change the disk",
                         m->disk, m->wanted.disk, m->disk);
                return;
        }
        r = write_files(m);
        if (r < 0)
                job_fail(job, ERROR_FAILED, "cannot write %s or the unit %s: %s", manager_resource_path(),
                         m->mount_unit, strerror(-r));
        else if (r > 0)
                job_unit(job, load_module, "Reload", NULL);
        else
                load_module(job, NULL);
}
