/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See setup-volume.h. */
#include "setup-volume.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confirm.h"
#include "prompt.h"
#include "term.h"

/* Metadata of a large disk are written in seconds; looking for data on it may take as long. */
#define PREPARE_USEC (2 * USEC_PER_MINUTE)

/* How often, a fifth of a second apart, a replicd that was just started may have no settings yet. */
#define SETTINGS_TRIES 50

/* blkid(8) found no signature that it knows. */
#define BLKID_NOTHING 2

void setup_check_disk(const Config *config, NodeRole role, GPtrArray *problems)
{
        const char *disk = config->replication.disks[role];
        g_autofree char *trouble = NULL;

        if (!config->replication.enabled || !disk)
                return;

        trouble = machine_disk_trouble(disk, config->replication.device);
        if (trouble)
                config_refuse(config, problems, "Replication",
                              role == NODE_ROLE_MASTER ? "MasterDisk" : "SlaveDisk", "%s", trouble);
}

/* "KEY=value" lines; borrowed by nobody: the caller frees it. NULL when there is no such line. */
static char *value_of(char *const *lines, const char *key)
{
        for (; *lines; lines++)
                if (g_str_has_prefix(*lines, key) && (*lines)[strlen(key)] == '=')
                        return g_strdup(*lines + strlen(key) + 1);

        return NULL;
}

/* What a person would call it. The caller frees it. */
static char *describe_contents(const char *disk)
{
        char *argv[] = { (char *) "blkid",  (char *) "-p", (char *) "-o",
                         (char *) "export", (char *) disk, NULL };
        g_autofree char *output = NULL, *type = NULL, *label = NULL, *table = NULL;
        g_auto(GStrv) lines = NULL;
        int status = 0;

        if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                          &output, NULL, &status, NULL) ||
            !WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != BLKID_NOTHING))
                return g_strdup("what is on it cannot be told");
        if (WEXITSTATUS(status) == BLKID_NOTHING)
                return g_strdup("no file system or the like is seen on it");

        lines = g_strsplit(output, "\n", -1);
        type = value_of(lines, "TYPE");
        label = value_of(lines, "LABEL");
        table = value_of(lines, "PTTYPE");
        if (type)
                return g_strdup_printf("it carries data: %s%s%s%s", type, label ? " \"" : "", label ?: "",
                                       label ? "\"" : "");
        return table ? g_strdup_printf("it carries a partition table (%s)", table)
                     : g_strdup("it carries data");
}

static uint64_t size_kib(const char *disk)
{
        int fd = open(disk, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint64_t bytes = 0;

        if (fd < 0)
                return 0;
        if (ioctl(fd, BLKGETSIZE64, &bytes) < 0)
                bytes = 0;
        close(fd);
        return bytes / 1024;
}

void setup_tell_disk(const Config *config, NodeRole role)
{
        const char *disk = config->replication.disks[role];
        g_autofree char *contents = NULL;
        _cleanup_(json_decrefp) json_t *kib = NULL;
        char size[AGE_SIZE];

        if (!config->replication.enabled)
                return;

        contents = describe_contents(disk);
        kib = json_integer((json_int_t) size_kib(disk));
        fprintf(stderr, "This node's disk for the volume is %s, %s: %s.\n", disk, format_kib(kib, size),
                contents);
}

/* Just started, replicd may not have its settings yet: it knows of no volume then. */
static bool wait_for_volume(Client *client)
{
        for (int i = 0; i < SETTINGS_TRIES; i++) {
                _cleanup_(question_donep) Question question = {};

                client_ask(client, &question, DAEMON_REPLICD, CLIENT_ANSWER_USEC,
                           daemon_path(DAEMON_REPLICD), "org.freedesktop.DBus.Properties", "Get", "ss",
                           daemon_interface(DAEMON_REPLICD), "Enabled");
                client_wait(client);
                if (json_is_true(question.answer))
                        return true;
                client_watch(client, 200 * USEC_PER_MSEC);
        }

        return false;
}

static ExitStatus put_off(const Verb *verb)
{
        fprintf(stderr,
                "hapair %s: the disk was not touched, and there is no volume yet. Make it ready with\n"
                "  hapair replication prepare\n",
                verb->name);
        return STATUS_DEGRADED;
}

ExitStatus setup_prepare_disk(const Verb *verb, const Config *config)
{
        Deed deed = { verb, DAEMON_REPLICD, "Prepare", NULL, NULL, PREPARE_USEC };
        _cleanup_(client_freep) Client *client = NULL;
        int r;

        if (!config->replication.enabled)
                return STATUS_HEALTHY;

        r = client_new(&client);
        if (r < 0)
                return verb_failed(verb, r);
        if (!wait_for_volume(client)) {
                fprintf(stderr, "hapair %s: hapair-replicd does not answer, or knows of no volume\n",
                        verb->name);
                return put_off(verb);
        }

        /* Standard input may be a file with something else in it. */
        if (!prompt_possible())
                deed.given = "";

        return confirm_deed(client, &deed) == STATUS_HEALTHY ? STATUS_HEALTHY : put_off(verb);
}
