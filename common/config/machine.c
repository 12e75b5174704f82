/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the kernel what this machine has; see machine.h. */
#include "machine.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

Machine *machine_new(void)
{
        Machine *machine = g_new0(Machine, 1);

        machine->addresses = g_array_new(FALSE, FALSE, sizeof(MachineAddress));
        machine->devices = g_ptr_array_new_with_free_func(g_free);
        return machine;
}

Machine *machine_free(Machine *machine)
{
        if (!machine)
                return NULL;

        g_array_unref(machine->addresses);
        g_ptr_array_unref(machine->devices);
        g_free(machine);
        return NULL;
}

static uint8_t mask_length(const uint8_t *mask, unsigned bits)
{
        uint8_t n = 0;

        while (n < bits && (mask[n / 8] & (0x80 >> (n % 8))))
                n++;

        return n;
}

static bool convert_address(const struct ifaddrs *entry, IpAddress *ret_address)
{
        IpAddress address = { .family = entry->ifa_addr->sa_family };
        uint8_t mask[16];

        switch (address.family) {
        case AF_INET:
                memcpy(address.bytes, &((struct sockaddr_in *) entry->ifa_addr)->sin_addr, 4);
                memcpy(mask, &((struct sockaddr_in *) entry->ifa_netmask)->sin_addr, 4);
                break;
        case AF_INET6:
                memcpy(address.bytes, &((struct sockaddr_in6 *) entry->ifa_addr)->sin6_addr, 16);
                memcpy(mask, &((struct sockaddr_in6 *) entry->ifa_netmask)->sin6_addr, 16);
                break;
        default:
                return false;
        }

        address.prefix_len = mask_length(mask, ip_address_bits(&address));
        *ret_address = address;
        return true;
}

static void add_device(Machine *machine, const char *name)
{
        for (unsigned i = 0; i < machine->devices->len; i++)
                if (strcmp(machine->devices->pdata[i], name) == 0)
                        return;

        g_ptr_array_add(machine->devices, g_strdup(name));
}

/* Interface, destination, gateway, flags, three numbers, mask: the default route has destination and mask 0.
 */
static bool is_default4(const char *line)
{
        int n = 0;

        (void) sscanf(line, "%*s 00000000 %*x %*x %*d %*d %*d 00000000%n", &n);
        return n > 0;
}

/* Destination, its length, seven words, interface. The kernel keeps an unreachable ::/0 on lo. */
static bool is_default6(const char *line)
{
        char device[IF_NAMESIZE];

        return sscanf(line, "00000000000000000000000000000000 00 %*s %*s %*s %*s %*s %*s %*s %15s",
                      device) == 1 &&
               strcmp(device, "lo") != 0;
}

static bool any_line(const char *path, bool (*matches)(const char *line))
{
        FILE *file = fopen(path, "re");
        bool found = false;
        char line[256];

        while (file && !found && fgets(line, sizeof(line), file))
                found = matches(line);

        if (file)
                fclose(file);
        return found;
}

int machine_read(Machine **ret_machine)
{
        g_autoptr(Machine) machine = machine_new();
        struct ifaddrs *list;

        if (getifaddrs(&list) < 0)
                return -errno;

        for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
                MachineAddress own = {};

                add_device(machine, entry->ifa_name);
                if (!entry->ifa_addr || !entry->ifa_netmask || !convert_address(entry, &own.address))
                        continue;

                g_strlcpy(own.device, entry->ifa_name, sizeof(own.device));
                g_array_append_val(machine->addresses, own);
        }

        freeifaddrs(list);
        machine->default_route = any_line("/proc/self/net/route", is_default4) ||
                                 any_line("/proc/self/net/ipv6_route", is_default6);
        *ret_machine = g_steal_pointer(&machine);
        return 0;
}

/* The first line of a file in /sys, without its end; false when there is none. */
static bool read_line(const char *path, char *line, int size)
{
        FILE *file = fopen(path, "re");
        bool found = file && fgets(line, size, file);

        if (file)
                fclose(file);
        if (found)
                line[strcspn(line, "\n")] = '\0';
        return found;
}

/* The kernel's console writes between the heartbeats. Judged by the device's number: names mean little. */
static bool is_console(dev_t device)
{
        char names[256], number[32], ours[32];

        if (!read_line("/sys/class/tty/console/active", names, sizeof(names)))
                return false;

        snprintf(ours, sizeof(ours), "%u:%u", major(device), minor(device));
        for (char *state = NULL, *name = strtok_r(names, " ", &state); name;
             name = strtok_r(NULL, " ", &state)) {
                g_autofree char *path = g_strdup_printf("/sys/class/tty/%s/dev", name);

                if (read_line(path, number, sizeof(number)) && strcmp(number, ours) == 0)
                        return true;
        }
        return false;
}

static bool has_open(const char *pid, dev_t device)
{
        g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
        DIR *dir = opendir(path);
        bool found = false;

        for (const struct dirent *entry; dir && !found && (entry = readdir(dir));) {
                struct stat st;

                found = fstatat(dirfd(dir), entry->d_name, &st, 0) >= 0 && S_ISCHR(st.st_mode) &&
                        st.st_rdev == device;
        }

        if (dir)
                closedir(dir);
        return found;
}

/* The command of a process that has the device open and is not our own daemon, NULL when there is none. */
static char *find_user(dev_t device)
{
        DIR *dir = opendir("/proc");
        char *user = NULL;

        for (const struct dirent *entry; dir && !user && (entry = readdir(dir));) {
                g_autofree char *path = NULL, *command = NULL;

                if (!isdigit((unsigned char) entry->d_name[0]) || !has_open(entry->d_name, device))
                        continue;

                path = g_strdup_printf("/proc/%s/comm", entry->d_name);
                if (!g_file_get_contents(path, &command, NULL, NULL) ||
                    strcmp(g_strchomp(command), "hapair-hbd") == 0)
                        continue;

                user = g_strdup_printf("%s (process %s)", command, entry->d_name);
        }

        if (dir)
                closedir(dir);
        return user;
}

char *machine_serial_trouble(const char *path)
{
        g_autofree char *user = NULL;
        struct stat st;

        if (stat(path, &st) < 0)
                return g_strdup_printf("cannot be looked at: %s", g_strerror(errno));

        if (!S_ISCHR(st.st_mode))
                return g_strdup("is no serial device");

        if (is_console(st.st_rdev))
                return g_strdup("is the kernel's console: take console= off the kernel's command line");

        user = find_user(st.st_rdev);
        if (user)
                return g_strdup_printf("is in use by %s: stop that first", user);

        return NULL;
}
