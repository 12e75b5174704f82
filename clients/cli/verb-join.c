/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hapair join: makes this machine the slave of the pair that a token of `hapair init` is for. */
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "prompt.h"
#include "setup-volume.h"
#include "setup.h"

typedef struct Options {
        bool force;
        bool no_start;
} Options;

static ExitStatus refuse_token(const char *reason)
{
        fprintf(stderr, "hapair join: %s\n", reason);
        return STATUS_REFUSED;
}

static ExitStatus read_token(Token *ret_token)
{
        char *text;
        int r;

        r = prompt_secret("Token, as 'hapair init' printed it on the master", TOKEN_TEXT_MAX, &text);
        if (r == -ECANCELED) {
                fputs("hapair join: no token was given\n", stderr);
                return STATUS_USAGE;
        }
        if (r == -E2BIG)
                return refuse_token("that is too long for a token");
        if (r < 0)
                return verb_failed(&verb_join, r);

        if (text[0] == '\0') {
                free(text);
                fputs("hapair join: no token on standard input\n", stderr);
                return STATUS_USAGE;
        }
        r = token_decode(text, ret_token);
        sodium_memzero(text, strlen(text));
        free(text);

        if (r == -EPROTONOSUPPORT)
                return refuse_token(
                                "the token is of another version of hapair: install the same on both nodes");
        if (r == -EBADMSG)
                return refuse_token("that is no whole token: copy it again, from 'hapair1.' to its end");
        if (r < 0)
                return verb_failed(&verb_join, r);

        return STATUS_HEALTHY;
}

static ExitStatus check_age(const Token *token)
{
        switch (token_check_age(token, (uint64_t) time(NULL))) {
        case 0:
                return STATUS_HEALTHY;
        case -ETIME:
                return refuse_token(
                                "the token is older than 15 minutes, or this node's clock is ahead of the "
                                "master's: set the clocks, and make another token on the master with "
                                "'hapair init --new-token'");
        default:
                return refuse_token(
                                "the token comes from the future: this node's clock is behind the master's; "
                                "set the clocks, then try again");
        }
}

static ExitStatus join(const Options *options, const Token *token)
{
        const ConfigText text = { "the token", token->config, token->config_size };
        g_autoptr(Config) config = NULL;
        ExitStatus status;

        status = check_age(token);
        if (status != STATUS_HEALTHY)
                return status;

        config = setup_check(&text, NODE_ROLE_SLAVE);
        if (!config)
                return refuse_token(
                                "this machine does not fit the token's configuration; nothing was changed");

        setup_tell_disk(config, NODE_ROLE_SLAVE);
        if (setup_write(token->secret, token->config, token->config_size, "joined") < 0)
                return STATUS_DEGRADED;

        fprintf(stderr, "This machine is now the configured slave of %s.\n", config->general.cluster);
        if (options->no_start)
                fputs("Start it with 'systemctl enable --now hapair.target'.\n", stderr);
        else if (setup_start() < 0)
                return STATUS_DEGRADED;

        return options->no_start ? STATUS_HEALTHY : setup_prepare_disk(&verb_join, config);
}

static int parse_options(int argc, char *argv[], Options *ret_options)
{
        static const struct option table[] = {
                { "force", no_argument, NULL, 'f' },
                { "no-start", no_argument, NULL, 'n' },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, "", table, NULL)) >= 0;)
                switch (c) {
                case 'f':
                        ret_options->force = true;
                        break;
                case 'n':
                        ret_options->no_start = true;
                        break;
                default:
                        return -EINVAL;
                }

        if (optind < argc) {
                fputs("hapair join: the token is a secret and does not stand on the command line; "
                      "it is read from standard input\n",
                      stderr);
                return -EINVAL;
        }

        return 0;
}

static ExitStatus run(int argc, char *argv[])
{
        Options options = {};
        Token token = {};
        ExitStatus status;

        if (parse_options(argc, argv, &options) < 0)
                return verb_usage(&verb_join);

        if (sodium_init() < 0)
                return verb_failed(&verb_join, -EIO);

        status = setup_may_begin(&verb_join, options.force);
        if (status != STATUS_HEALTHY)
                return status;

        status = read_token(&token);
        if (status == STATUS_HEALTHY)
                status = join(&options, &token);

        token_done(&token);
        return status;
}

const Verb verb_join = {
        .name = "join",
        .arguments = "[--force] [--no-start] <TOKEN",
        .summary = "Make this machine the slave of a pair",
        .help = "Reads the token that 'hapair init' printed on the master: asks for it on a terminal, else "
                "reads\n"
                "it from standard input. The token carries the pair's secret: send it over a safe way, and\n"
                "within 15 minutes. The configuration comes with it. A disk with data on it is not touched "
                "before\n"
                "a sentence that names it was typed ('hapair replication prepare' does it later).\n\n"
                "  --force          also when this machine is a node of a pair already: what it was is "
                "lost\n"
                "  --no-start       do not enable and start hapair.target\n",
        .run = run,
};
