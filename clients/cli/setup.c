/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making this machine a node of a pair; see setup.h. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config/save.h"
#include "setup-volume.h"

#define KEYS_DIRECTORY  SETUP_DIRECTORY "/keys"
#define PAIR_KEY        KEYS_DIRECTORY "/pair"
#define ELECT_USER      "hapair-electd"
#define ELECT_BINARY    SETUP_LIBEXEC "/hapair-electd"
#define ELECT_DIRECTORY SETUP_STATE "/electd"
#define CONFIG_USER     "hapair-confd"

ExitStatus setup_may_begin(const Verb *verb, bool force)
{
        if (geteuid() != 0) {
                fprintf(stderr, "hapair %s: only root can do this\n", verb->name);
                return STATUS_REFUSED;
        }

        if (!force && access(PAIR_KEY, F_OK) >= 0) {
                fprintf(stderr,
                        "hapair %s: this machine is a node of a pair already; --force makes it one of "
                        "another pair and forgets what it was\n",
                        verb->name);
                return STATUS_REFUSED;
        }

        return STATUS_HEALTHY;
}

void setup_print_problems(const GPtrArray *problems)
{
        for (unsigned i = 0; i < problems->len; i++) {
                const Problem *problem = problems->pdata[i];
                g_autofree char *text = problem_to_string(problem);

                fprintf(stderr, "%s: %s\n", problem_severity_name(problem->severity), text);
        }
}

static void check_serial(const Config *config, NodeRole role, GPtrArray *problems)
{
        const char *device = config->heartbeat.serial_devices[role];
        g_autofree char *trouble = NULL;

        if (!config->heartbeat.serial || !device)
                return;

        trouble = machine_serial_trouble(device);
        if (trouble)
                config_refuse(config, problems, "Heartbeat",
                              role == NODE_ROLE_MASTER ? "MasterSerial" : "SlaveSerial", "%s", trouble);
}

void setup_check_node(const Machine *machine, const Config *config, GPtrArray *problems)
{
        NodeRole role = machine_check(machine, config, problems);

        if (role == NODE_ROLE_NONE)
                return;

        check_serial(config, role, problems);
        setup_check_disk(config, role, problems);
}

/* With the right role everything else can be judged; with a wrong one it would only mislead. */
static void check_machine(const Config *config, NodeRole role, GPtrArray *problems)
{
        g_autoptr(Machine) machine = NULL;
        NodeRole found;
        int r;

        r = machine_read(&machine);
        if (r < 0) {
                problems_add(problems, PROBLEM_ERROR, NULL, 0, NULL, NULL, NULL,
                             "this machine's addresses cannot be read: %s", strerror(-r));
                return;
        }

        found = machine_role(machine, config);
        if (found == NODE_ROLE_NONE || found == role) {
                setup_check_node(machine, config, problems);
                return;
        }

        config_refuse(config, problems, "General",
                      found == NODE_ROLE_MASTER ? "MasterAddress" : "SlaveAddress",
                      found == NODE_ROLE_MASTER ? "is an address of this machine, which makes it the "
                                                  "master: the other one joins"
                                                : "is an address of this machine, which makes it the "
                                                  "slave: a pair is founded on "
                                                  "the master");
}

Config *setup_check(const ConfigText *shared, NodeRole role)
{
        g_autoptr(GPtrArray) problems = problems_new();
        ConfigText local = { .path = SETUP_LOCAL };
        Config *config = NULL;
        int r;

        r = config_text_read(SETUP_LOCAL, &local);
        if (r < 0 && r != -ENOENT)
                problems_add(problems, PROBLEM_ERROR, SETUP_LOCAL, 0, NULL, NULL, NULL, "cannot be read: %s",
                             strerror(-r));
        else
                config = config_parse(shared, &local, problems);

        if (config)
                check_machine(config, role, problems);

        g_free(local.text);
        problems_sort(problems);
        setup_print_problems(problems);

        return problems_count(problems, PROBLEM_ERROR) > 0 ? config_free(config) : config;
}

static int complain(int r, const char *what)
{
        fprintf(stderr, "Cannot %s: %s\n", what, strerror(-r));
        return r;
}

static int find_user(const char *name, SaveOwner *ret_owner)
{
        const struct passwd *user;

        errno = 0;
        user = getpwnam(name);
        if (!user) {
                fprintf(stderr, "There is no user %s: is hapair installed (systemd-sysusers)?\n", name);
                return errno > 0 ? -errno : -ESRCH;
        }

        *ret_owner = (SaveOwner){ .mode = 0644, .uid = user->pw_uid, .gid = user->pw_gid };
        return 0;
}

static int make_directory(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return complain(-errno, "make " SETUP_DIRECTORY " and " SETUP_STATE);

        /* Against the umask, and against what an installer made before the users were there. */
        if (chown(path, uid, gid) < 0 || chmod(path, mode) < 0)
                return complain(-errno, "give " SETUP_DIRECTORY " and " SETUP_STATE " to their users");

        return 0;
}

static int write_key(const char *path, const uint8_t *key)
{
        const SaveOwner owner = { .mode = 0600, .uid = 0, .gid = 0 };
        char text[2 * TOKEN_SECRET_SIZE + 1];
        int r;

        sodium_bin2hex(text, sizeof(text), key, TOKEN_SECRET_SIZE);
        text[sizeof(text) - 1] = '\n';

        r = save_file(path, text, sizeof(text), &owner);
        sodium_memzero(text, sizeof(text));
        return r < 0 ? complain(r, "write the keys below " KEYS_DIRECTORY) : 0;
}

/* One key a purpose, so that who knows one cannot speak for another. */
static int write_derived_keys(const uint8_t *secret)
{
        static const struct {
                uint64_t id;
                const char *path;
        } keys[] = {
                { 1, KEYS_DIRECTORY "/heartbeat" },
                { 2, KEYS_DIRECTORY "/election" },
                { 3, KEYS_DIRECTORY "/config" },
        };
        uint8_t key[TOKEN_SECRET_SIZE];
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(keys) && r >= 0; i++) {
                if (crypto_kdf_derive_from_key(key, sizeof(key), keys[i].id, "hapair__", secret) < 0)
                        r = complain(-EINVAL, "derive the keys");
                else
                        r = write_key(keys[i].path, key);
        }

        sodium_memzero(key, sizeof(key));
        return r;
}

/* Becomes the user for good: only in a child. */
static void become_user(const SaveOwner *user)
{
        if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0)
                _exit(126);
}

/* Runs a program, as another user if one is given, with our standard error as its standard output. */
static int run_program(const SaveOwner *user, char *const argv[], char *const environment[])
{
        pid_t child;
        int status;

        fflush(stderr);
        child = fork();
        if (child < 0)
                return -errno;

        if (child == 0) {
                if (user)
                        become_user(user);
                if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
                        _exit(126);
                if (environment)
                        execve(argv[0], argv, environment);
                else
                        execvp(argv[0], argv);
                fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
                _exit(127);
        }

        while (waitpid(child, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;

        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EPROTO;
}

/* electd alone knows its format, and only its user may write there. */
static int make_first_state(const char *first_state)
{
        g_autofree char *option = g_strdup_printf("--first-state=%s", first_state);
        char *argv[] = { (char *) ELECT_BINARY, option, NULL };
        char *environment[] = { (char *) "STATE_DIRECTORY=" ELECT_DIRECTORY, NULL };
        SaveOwner user = {};
        int r;

        r = find_user(ELECT_USER, &user);
        if (r < 0)
                return r;
        r = make_directory(SETUP_STATE, 0755, 0, 0);
        if (r < 0)
                return r;
        r = make_directory(ELECT_DIRECTORY, 0700, user.uid, user.gid);
        if (r < 0)
                return r;

        r = run_program(&user, argv, environment);
        return r < 0 ? complain(r, "make the election's first state with " ELECT_BINARY) : 0;
}

int setup_write(const uint8_t *secret, const char *config, size_t config_size, const char *first_state)
{
        SaveOwner confd = {};
        int r;

        r = find_user(CONFIG_USER, &confd);
        if (r < 0)
                return r;

        /* Sticky: confd may put files of its own there, and cannot move away what is root's. */
        r = make_directory(SETUP_DIRECTORY, 01775, 0, confd.gid);
        if (r < 0)
                return r;
        r = make_directory(KEYS_DIRECTORY, 0700, 0, 0);
        if (r < 0)
                return r;

        /* Until the end of this, this machine is no node: not of the old pair either. */
        if (unlink(PAIR_KEY) < 0 && errno != ENOENT)
                return complain(-errno, "remove " PAIR_KEY);

        r = write_derived_keys(secret);
        if (r < 0)
                return r;
        r = save_file(SETUP_CONFIG, config, config_size, &confd);
        if (r < 0)
                return complain(r, "write " SETUP_CONFIG);
        r = make_first_state(first_state);
        if (r < 0)
                return r;

        return write_key(PAIR_KEY, secret);
}

int setup_start(void)
{
        static char *const enable[] = { (char *) "systemctl", (char *) "--quiet", (char *) "enable",
                                        (char *) "hapair.target", NULL };
        static char *const start[] = { (char *) "systemctl", (char *) "restart", (char *) "hapair.target",
                                       NULL };
        int r;

        r = run_program(NULL, enable, NULL);
        if (r < 0)
                return complain(r, "enable hapair.target");
        r = run_program(NULL, start, NULL);
        return r < 0 ? complain(r, "start hapair.target") : 0;
}

int setup_read_secret(uint8_t ret_secret[static TOKEN_SECRET_SIZE])
{
        char text[2 * TOKEN_SECRET_SIZE + 1] = "";
        size_t length;
        ssize_t n;
        int fd, r = 0;

        fd = open(PAIR_KEY, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return -errno;

        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                r = -errno;
        else if (sodium_hex2bin(ret_secret, TOKEN_SECRET_SIZE, text, (size_t) n, NULL, &length, NULL) < 0 ||
                 length != TOKEN_SECRET_SIZE)
                r = -EBADMSG;

        close(fd);
        sodium_memzero(text, sizeof(text));
        return r;
}
