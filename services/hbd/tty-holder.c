/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether something else uses a serial device. */
#include "services/hbd/tty-holder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Reads a small file whole, ends it with a zero byte. */
static int read_small(const char *path, char *ret_text, size_t size)
{
        ssize_t n;
        int fd, r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        n = read(fd, ret_text, size - 1);
        r = n < 0 ? -errno : 0;
        close(fd);
        if (r < 0)
                return r;
        ret_text[n] = '\0';
        return (int) n;
}

static const char *base_name(const char *device)
{
        const char *slash = strrchr(device, '/');

        return slash ? slash + 1 : device;
}

/* The kernel's own messages would go out between our frames. By number: a name may be mounted over. */
static bool is_console(dev_t device)
{
        char active[256], path[320], text[32], *word, *rest;
        unsigned major_number, minor_number;

        if (read_small("/sys/class/tty/console/active", active, sizeof(active)) < 0)
                return false;
        for (word = strtok_r(active, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
                snprintf(path, sizeof(path), "/sys/class/tty/%s/dev", word);
                if (read_small(path, text, sizeof(text)) > 0 &&
                    sscanf(text, "%u:%u", &major_number, &minor_number) == 2 &&
                    makedev(major_number, minor_number) == device)
                        return true;
        }
        return false;
}

/* A lock file in the manner of UUCP (FHS 5.9) whose process is alive; returns that process, or 0. */
static pid_t lock_file_holder(const char *name)
{
        char path[320], text[32];
        int pid;

        snprintf(path, sizeof(path), "/run/lock/LCK..%s", name);
        if (read_small(path, text, sizeof(text)) <= 0 || sscanf(text, "%d", &pid) != 1 || pid <= 0 ||
            pid == getpid())
                return 0;
        return kill(pid, 0) == 0 || errno == EPERM ? pid : 0;
}

/*
 * Is this process's controlling terminal the device (a getty, a login, a shell)? Fills in its name. In
 * /proc/PID/stat the name stands in parentheses and may hold any character: what follows the last one
 * counts.
 */
static bool sits_on(const char *pid, dev_t device, char *ret_name, size_t name_size)
{
        char path[32], stat[512], *open_at, *close_at;
        int tty;

        snprintf(path, sizeof(path), "/proc/%.10s/stat", pid);
        if (read_small(path, stat, sizeof(stat)) <= 0)
                return false;
        open_at = strchr(stat, '(');
        close_at = strrchr(stat, ')');
        if (!open_at || !close_at || sscanf(close_at + 1, " %*c %*d %*d %*d %d", &tty) != 1)
                return false;
        /* The kernel's old encoding: minor's low byte, major, minor's high bits. */
        if (makedev((unsigned) tty >> 8 & 0xfff,
                    ((unsigned) tty & 0xff) | ((unsigned) tty >> 12 & 0xfff00)) != device)
                return false;
        snprintf(ret_name, name_size, "%.*s", (int) (close_at - open_at - 1), open_at + 1);
        return true;
}

static bool session_holder(dev_t device, char *ret_pid, size_t pid_size, char *ret_name, size_t name_size)
{
        struct dirent *entry;
        bool found = false;
        DIR *proc;

        proc = opendir("/proc");
        if (!proc)
                return false;
        while (!found && (entry = readdir(proc)))
                if (isdigit((unsigned char) entry->d_name[0]) &&
                    sits_on(entry->d_name, device, ret_name, name_size)) {
                        snprintf(ret_pid, pid_size, "%.15s", entry->d_name);
                        found = true;
                }
        closedir(proc);
        return found;
}

int tty_in_use(int fd, const char *device, char *ret_reason, size_t reason_size)
{
        char pid[16], name[32];
        struct stat st;
        pid_t holder;

        if (fstat(fd, &st) < 0)
                return -errno;

        if (is_console(st.st_rdev)) {
                snprintf(ret_reason, reason_size,
                         "%s is the kernel's console; take console=%s off its command line", device,
                         base_name(device));
                return -EBUSY;
        }
        holder = lock_file_holder(base_name(device));
        if (holder > 0) {
                snprintf(ret_reason, reason_size, "%s is locked by process %d", device, (int) holder);
                return -EBUSY;
        }
        if (session_holder(st.st_rdev, pid, sizeof(pid), name, sizeof(name))) {
                snprintf(ret_reason, reason_size, "%s is in use by %s (process %s)", device, name, pid);
                return -EBUSY;
        }
        return 0;
}
