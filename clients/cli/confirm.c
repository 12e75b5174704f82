/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See confirm.h. */
#include "confirm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void ask(Client *client, const Deed *deed, const char *sentence, Question *question)
{
        if (deed->subject)
                client_ask(client, question, deed->daemon, deed->limit_usec, daemon_path(deed->daemon),
                           daemon_interface(deed->daemon), deed->method, "ss", deed->subject, sentence);
        else
                client_ask(client, question, deed->daemon, deed->limit_usec, daemon_path(deed->daemon),
                           daemon_interface(deed->daemon), deed->method, "s", sentence);
        client_wait(client);
}

/* The line without its end; NULL when there is none. The caller frees it. */
static char *read_sentence(void)
{
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;

        if (isatty(STDIN_FILENO))
                fputs("> ", stderr);
        if (getline(&line, &size, stdin) < 0)
                return NULL;

        line[strcspn(line, "\n")] = '\0';
        return line[0] ? TAKE_PTR(line) : NULL;
}

/* A refusal that typing would not change spells out none. */
static bool asks_for_sentence(const Question *question)
{
        return question->outcome == OUTCOME_REFUSED && question->error && strstr(question->error, "type: ");
}

ExitStatus confirm_sentence(Client *client, const Deed *deed, char **ret)
{
        _cleanup_(question_donep) Question question = {};

        if (deed->given) {
                *ret = strdup(deed->given);
                return *ret ? STATUS_HEALTHY : verb_failed(deed->verb, -ENOMEM);
        }

        ask(client, deed, "", &question);
        if (!asks_for_sentence(&question)) {
                *ret = NULL;
                return question_complain(&question, deed->verb);
        }

        fprintf(stderr, "%s\n", question.error);
        *ret = read_sentence();
        if (*ret)
                return STATUS_HEALTHY;

        fprintf(stderr, "hapair %s: nothing was typed, nothing was done\n", deed->verb->name);
        return STATUS_REFUSED;
}

ExitStatus confirm_act(Client *client, const Deed *deed, const char *sentence)
{
        _cleanup_(question_donep) Question question = {};

        ask(client, deed, sentence, &question);
        return question_complain(&question, deed->verb);
}

ExitStatus confirm_deed(Client *client, const Deed *deed)
{
        _cleanup_(freep) char *sentence = NULL;
        ExitStatus status;

        status = confirm_sentence(client, deed, &sentence);
        return status == STATUS_HEALTHY && sentence ? confirm_act(client, deed, sentence) : status;
}
