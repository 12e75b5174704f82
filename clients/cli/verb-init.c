/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair init: founds a pair on its master, and prints the token with which the slave joins. */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "draft.h"
#include "probe.h"
#include "prompt.h"
#include "setup-volume.h"
#include "setup.h"

typedef struct Options {
        const char *file; /* of --config */
        GKeyFile *draft;
        bool drafting; /* any option that describes the pair was given */
        bool force;
        bool no_start;
        bool new_token;
} Options;

enum { OPTION_CONFIG = 256, OPTION_PATH, OPTION_FORCE, OPTION_NO_START, OPTION_NEW_TOKEN, OPTION_DRAFT };

#define DRAFT_KEYS_MAX 24

static void fill_table(struct option table[static DRAFT_KEYS_MAX + 6])
{
        static const struct option own[] = {
                { "config", required_argument, NULL, OPTION_CONFIG },
                { "path", required_argument, NULL, OPTION_PATH },
                { "force", no_argument, NULL, OPTION_FORCE },
                { "no-start", no_argument, NULL, OPTION_NO_START },
                { "new-token", no_argument, NULL, OPTION_NEW_TOKEN },
        };
        size_t n = ARRAY_SIZE(own);

        memcpy(table, own, sizeof(own));
        for (int i = 0; i < DRAFT_KEYS_MAX && draft_keys[i].option; i++)
                table[n++] = (struct option){ draft_keys[i].option, required_argument, NULL,
                                              OPTION_DRAFT + i };
        table[n] = (struct option){};
}

static int take_option(int c, const char *value, Options *options)
{
        switch (c) {
        case OPTION_CONFIG:
                options->file = value;
                return 0;
        case OPTION_FORCE:
                options->force = true;
                return 0;
        case OPTION_NO_START:
                options->no_start = true;
                return 0;
        case OPTION_NEW_TOKEN:
                options->new_token = true;
                return 0;
        case '?':
                return -EINVAL;
        }

        options->drafting = true;
        if (c >= OPTION_DRAFT) {
                draft_set(options->draft, &draft_keys[c - OPTION_DRAFT], value);
                return 0;
        }

        if (draft_add_path(options->draft, value) < 0) {
                fprintf(stderr, "hapair init: --path wants NAME=MASTER,SLAVE, not '%s'\n", value);
                return -EINVAL;
        }

        return 0;
}

static int parse_options(int argc, char *argv[], Options *options)
{
        struct option table[DRAFT_KEYS_MAX + 6];
        int r;

        fill_table(table);
        for (int c; (c = getopt_long(argc, argv, "", table, NULL)) >= 0;) {
                r = take_option(c, optarg, options);
                if (r < 0)
                        return r;
        }

        if (optind < argc) {
                fprintf(stderr, "hapair init: '%s' is one argument too many\n", argv[optind]);
                return -EINVAL;
        }

        if (options->file && options->drafting) {
                fputs("hapair init: --config takes a complete configuration; give no other keys\n", stderr);
                return -EINVAL;
        }

        return 0;
}

/* From the options, completed by a person if there is one. */
static ExitStatus get_draft(const Options *options, ConfigText *ret_text)
{
        if (!draft_is_complete(options->draft)) {
                if (!prompt_possible()) {
                        draft_complain(options->draft, "init");
                        return verb_usage(&verb_init);
                }
                if (draft_ask(options->draft) < 0) {
                        fputs("\nhapair init: nothing was done\n", stderr);
                        return STATUS_USAGE;
                }
        }

        *ret_text = (ConfigText){ .path = "the options" };
        ret_text->text = draft_finish(options->draft, &ret_text->length);
        return STATUS_HEALTHY;
}

static ExitStatus get_config(const Options *options, ConfigText *ret_text)
{
        int r;

        if (!options->file)
                return get_draft(options, ret_text);

        r = config_text_read(options->file, ret_text);
        if (r < 0) {
                fprintf(stderr, "hapair init: %s cannot be read: %s\n", options->file, strerror(-r));
                return STATUS_USAGE;
        }

        return STATUS_HEALTHY;
}

static bool complain_probe(const Probe *probe, bool is_slave)
{
        char text[IP_ADDRESS_TEXT_MAX];

        ip_address_format(&probe->address, false, text);

        if (!is_slave && probe->result != PROBE_NOBODY) {
                fprintf(stderr,
                        "error: the virtual IP %s answers: a pair runs already, or another host has the "
                        "address\n",
                        text);
                return true;
        }

        if (is_slave && probe->result == PROBE_SWALLOWED) {
                fprintf(stderr,
                        "error: on the slave's address %s something takes heartbeats on UDP port %u: a pair "
                        "runs already (join it instead), or a firewall there swallows what this port must "
                        "let through\n",
                        text, probe->port);
                return true;
        }

        return false;
}

/* Two pairs with the same addresses would each think they are alone. */
static ExitStatus probe_network(const Config *config)
{
        g_autofree Probe *probes = g_new0(Probe, config->virtual_ips->len + 1);
        bool refused = false;
        size_t n = 1;
        int r;

        probes[0] = (Probe){
                .address = config->general.addresses[NODE_ROLE_SLAVE],
                .source = config->general.addresses[NODE_ROLE_MASTER],
                .port = (uint16_t) config->heartbeat.port,
        };

        for (unsigned i = 0; i < config->virtual_ips->len; i++) {
                const VirtualIpConfig *vip = config->virtual_ips->pdata[i];

                if (vip->enabled)
                        probes[n++] = (Probe){ .address = vip->address, .port = probes[0].port };
        }

        r = probe_all(probes, n);
        if (r < 0)
                return verb_failed(&verb_init, r);

        for (size_t i = 0; i < n; i++)
                refused |= complain_probe(&probes[i], i == 0);

        if (refused)
                fputs("hapair init: nothing was changed; --force founds the pair all the same\n", stderr);
        return refused ? STATUS_REFUSED : STATUS_HEALTHY;
}

static ExitStatus print_token(const uint8_t *secret, const ConfigText *config)
{
        Token token = { .issued_sec = (uint64_t) time(NULL),
                        .config = config->text,
                        .config_size = config->length };
        char *text;
        int r;

        memcpy(token.secret, secret, sizeof(token.secret));
        r = token_encode(&token, &text);
        sodium_memzero(token.secret, sizeof(token.secret));
        if (r < 0)
                return verb_failed(&verb_init, r);

        fputs("On the other node run 'hapair join' and give it this token within 15 minutes.\n"
              "It is a secret: who has it has the pair.\n",
              stderr);
        puts(text);
        sodium_memzero(text, strlen(text));
        free(text);
        return STATUS_HEALTHY;
}

/* What is in force here is what the slave gets, whatever was changed since the founding. */
static ExitStatus renew_token(void)
{
        uint8_t secret[TOKEN_SECRET_SIZE];
        ConfigText text = {};
        ExitStatus status;
        int r;

        if (geteuid() != 0) {
                fputs("hapair init: only root can do this\n", stderr);
                return STATUS_REFUSED;
        }

        r = setup_read_secret(secret);
        if (r == -ENOENT) {
                fputs("hapair init: no pair was founded on this machine yet\n", stderr);
                return STATUS_REFUSED;
        }
        if (r < 0)
                return verb_failed(&verb_init, r);

        r = config_text_read(SETUP_CONFIG, &text);
        if (r < 0)
                return verb_failed(&verb_init, r);

        status = print_token(secret, &text);
        sodium_memzero(secret, sizeof(secret));
        g_free(text.text);
        return status;
}

static ExitStatus found(const Options *options, const ConfigText *text)
{
        uint8_t secret[TOKEN_SECRET_SIZE];
        g_autoptr(Config) config = NULL;
        ExitStatus status;

        config = setup_check(text, NODE_ROLE_MASTER);
        if (!config) {
                fputs("hapair init: the configuration does not fit; nothing was changed\n", stderr);
                return STATUS_REFUSED;
        }

        if (!options->force) {
                status = probe_network(config);
                if (status != STATUS_HEALTHY)
                        return status;
        }

        setup_tell_disk(config, NODE_ROLE_MASTER);
        randombytes_buf(secret, sizeof(secret));
        if (setup_write(secret, text->text, text->length, "founder") < 0)
                return STATUS_DEGRADED;

        fprintf(stderr, "This machine is now the configured master of %s.\n", config->general.cluster);

        /* The token also when it does not start: the keys are made, and the slave can join. */
        status = STATUS_HEALTHY;
        if (options->no_start)
                fputs("Start it with 'systemctl enable --now hapair.target'.\n", stderr);
        else if (setup_start() < 0)
                status = STATUS_DEGRADED;

        if (print_token(secret, text) != STATUS_HEALTHY)
                status = STATUS_DEGRADED;
        sodium_memzero(secret, sizeof(secret));

        if (!options->no_start && status == STATUS_HEALTHY)
                status = setup_prepare_disk(&verb_init, config);
        return status;
}

static ExitStatus init(const Options *options)
{
        ConfigText text = {};
        ExitStatus status;

        if (options->new_token)
                return renew_token();

        status = setup_may_begin(&verb_init, options->force);
        if (status != STATUS_HEALTHY)
                return status;

        status = get_config(options, &text);
        if (status != STATUS_HEALTHY)
                return status;

        status = found(options, &text);
        g_free(text.text);
        return status;
}

static ExitStatus run(int argc, char *argv[])
{
        Options options = { .draft = draft_new() };
        ExitStatus status;

        if (sodium_init() < 0)
                status = verb_failed(&verb_init, -EIO);
        else if (parse_options(argc, argv, &options) < 0)
                status = verb_usage(&verb_init);
        else
                status = init(&options);

        g_key_file_unref(options.draft);
        return status;
}

const Verb verb_init = {
        .name = "init",
        .arguments = "[--config FILE | OPTIONS] [--force] [--no-start]",
        .summary = "Found a pair on its master",
        .help = "Run it on the machine that owns the master's address. It checks the configuration, makes "
                "sure\n"
                "that no pair runs there yet, makes the keys, starts hapair, and prints on standard output "
                "the\n"
                "token with which the other machine joins (hapair join).\n\n"
                "  --config FILE            a complete configuration, as hapair.conf(5) describes it; or:\n"
                "  --cluster NAME           base host name: the nodes are NAME-master and NAME-slave\n"
                "  --domain DOMAIN\n"
                "  --primary-device DEVICE  by default the one that has the node's address\n"
                "  --master-address ADDRESS[/LENGTH]\n"
                "  --slave-address ADDRESS[/LENGTH]\n"
                "  --gateway ADDRESS        by default the default route's\n"
                "  --dead-time SECONDS      0.03 to 600, by default 20\n"
                "  --master-serial DEVICE   with --slave-serial: heartbeats over a serial line too\n"
                "  --slave-serial DEVICE\n"
                "  --path NAME=MASTER,SLAVE a further way for heartbeats, by its addresses; any number.\n"
                "                           The name 'replication' is the replication link\n"
                "  --master-disk DEVICE     with --slave-disk: a replicated volume on these disks\n"
                "  --slave-disk DEVICE\n"
                "  --mount-point DIRECTORY  of the volume on the running master, by default /srv/hapair\n"
                "  --virtual-ip ADDRESS[/LENGTH]\n"
                "                           on the secure LAN\n"
                "  --aliases ADDRESS;...    further addresses beside it\n\n"
                "On a terminal it asks for what must be known and is missing. It says which disk the volume "
                "will\n"
                "be on and what is on it; one with data on it is not touched before a sentence that names "
                "it "
                "was\n"
                "typed ('hapair replication prepare' does it later).\n\n"
                "  --force                  also when a pair seems to run, or this machine is a node "
                "already\n"
                "  --no-start               do not enable and start hapair.target\n"
                "  --new-token              only print another token for the pair founded here\n",
        .run = run,
};
