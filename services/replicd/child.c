/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/timer.h"

#define KILL_GRACE_USEC USEC_PER_SEC

static void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* Nothing of our signal mask is handed on: a child that cannot be ended by SIGTERM would surprise. */
static int set_attributes(posix_spawnattr_t *attributes)
{
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setflags(attributes,
                                     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (r == 0)
                r = posix_spawnattr_setpgroup(attributes, 0);
        if (r == 0)
                r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &all);
        return -r;
}

static int spawn(const char *const argv[], int output, int errors, pid_t *ret_pid)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attributes;
        int r;

        r = -posix_spawn_file_actions_init(&files);
        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r < 0) {
                posix_spawn_file_actions_destroy(&files);
                return r;
        }
        r = set_attributes(&attributes);
        if (r == 0)
                r = -posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = -posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
        if (r == 0)
                r = -posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
        if (r == 0)
                r = -posix_spawnp(ret_pid, argv[0], &files, &attributes, (char *const *) argv, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

int child_spawn(const char *const argv[], Child *ret_child)
{
        int output[2] = { -1, -1 }, errors[2] = { -1, -1 }, pid_fd = -1, r = 0;
        pid_t pid;

        if (pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
            fcntl(output[0], F_SETFL, O_NONBLOCK) < 0 || fcntl(errors[0], F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        if (r == 0)
                r = spawn(argv, output[1], errors[1], &pid);
        if (r == 0) {
                pid_fd = pidfd_open(pid, 0);
                if (pid_fd < 0) {
                        r = -errno;
                        kill(-pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                }
        }
        close_fd(&output[1]);
        close_fd(&errors[1]);
        if (r < 0) {
                close_fd(&output[0]);
                close_fd(&errors[0]);
                return r;
        }
        *ret_child = (Child){ .pid = pid, .pid_fd = pid_fd, .output_fd = output[0], .error_fd = errors[0] };
        return 0;
}

int child_reap(Child *child)
{
        int status;

        if (waitpid(child->pid, &status, WNOHANG) != child->pid)
                return -ECHILD;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_kill(const Child *child)
{
        kill(-child->pid, SIGKILL);
}

void child_close(Child *child)
{
        close_fd(&child->pid_fd);
        close_fd(&child->output_fd);
        close_fd(&child->error_fd);
}

typedef struct Output {
        char text[COMMAND_OUTPUT_MAX + 1];
        size_t size;
} Output;

struct Command {
        Child child;
        sd_event_source *ended, *readable[2], *limit;
        Output output, errors;
        int status; /* as CommandResult has it, once it is being ended */
        command_done_t done;
        void *userdata;
};

static Command *command_free(Command *command)
{
        for (size_t i = 0; i < ARRAY_SIZE(command->readable); i++)
                sd_event_source_disable_unref(command->readable[i]);
        sd_event_source_disable_unref(command->ended);
        sd_event_source_disable_unref(command->limit);
        child_close(&command->child);
        free(command);
        return NULL;
}

/* What is past the limit is read and dropped, or the child would wait for us for ever. */
static ssize_t take(int fd, Output *output)
{
        char rest[1024];
        size_t room = COMMAND_OUTPUT_MAX - output->size;
        ssize_t n = room > 0 ? read(fd, output->text + output->size, room) : read(fd, rest, sizeof(rest));

        if (n > 0 && room > 0)
                output->size += (size_t) n;
        return n;
}

static int on_readable(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Command *command = userdata;
        ssize_t n = take(fd, fd == command->child.output_fd ? &command->output : &command->errors);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
        return 0;
}

static void tell(Command *command, int status)
{
        command_done_t done = TAKE_PTR(command->done);

        command->output.text[command->output.size] = 0;
        command->errors.text[command->errors.size] = 0;
        if (done)
                done(&(CommandResult){ .status = status,
                                       .output = command->output.text,
                                       .errors = command->errors.text },
                     command->userdata);
}

static int on_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Command *command = userdata;
        int status = child_reap(&command->child);

        while (take(command->child.output_fd, &command->output) > 0)
                ;
        while (take(command->child.error_fd, &command->errors) > 0)
                ;
        tell(command, command->status < 0 ? command->status : status);
        command_free(command);
        return 0;
}

static void end(Command *command, int status)
{
        command->status = status;
        child_kill(&command->child);
        timer_set(command->limit, now_usec() + KILL_GRACE_USEC);
}

static int on_limit(sd_event_source *source, uint64_t usec, void *userdata)
{
        Command *command = userdata;

        if (command->status == 0)
                end(command, -ETIMEDOUT);
        else
                tell(command, command->status);
        return 0;
}

int command_start(sd_event *event, const char *const argv[], uint64_t limit_usec, command_done_t done,
                  void *userdata, Command **ret_command)
{
        Command *command = calloc(1, sizeof(*command));
        int r;

        if (!command)
                return -ENOMEM;
        r = child_spawn(argv, &command->child);
        if (r < 0) {
                free(command);
                return r;
        }
        command->done = done;
        command->userdata = userdata;
        r = sd_event_add_io(event, &command->ended, command->child.pid_fd, EPOLLIN, on_ended, command);
        if (r >= 0)
                r = sd_event_add_io(event, &command->readable[0], command->child.output_fd, EPOLLIN,
                                    on_readable, command);
        if (r >= 0)
                r = sd_event_add_io(event, &command->readable[1], command->child.error_fd, EPOLLIN,
                                    on_readable, command);
        if (r >= 0)
                r = sd_event_add_time(event, &command->limit, CLOCK_BOOTTIME, now_usec() + limit_usec, 1,
                                      on_limit, command);
        if (r < 0) {
                child_kill(&command->child);
                waitpid(command->child.pid, NULL, 0);
                command_free(command);
                return r;
        }
        *ret_command = command;
        return 0;
}

void command_cancel(Command *command)
{
        if (command->status == 0)
                end(command, -ECANCELED);
}

const char *command_reason(const CommandResult *result, char ret_text[static 256])
{
        const char *text = result->errors[0] != 0 ? result->errors : result->output;
        size_t size = strlen(text);
        const char *line;

        if (result->status == -ETIMEDOUT)
                return "it did not end in time";
        if (result->status == -ECANCELED)
                return "a later order ended it";
        while (size > 0 && text[size - 1] == '\n')
                size--;
        if (size == 0) {
                snprintf(ret_text, 256, "exit status %d", result->status);
                return ret_text;
        }
        line = memrchr(text, '\n', size);
        line = line ? line + 1 : text;
        snprintf(ret_text, 256, "%.*s", (int) (text + size - line), line);
        return ret_text;
}
