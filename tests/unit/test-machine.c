/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules between a machine and the configuration, on machines that are made up. */
#include <string.h>

#include "common/config/machine.h"

static const char pair[] = "[General]\n"
                           "Cluster=gw\n"
                           "PrimaryDevice=lan\n"
                           "MasterAddress=192.0.2.11/24\n"
                           "SlaveAddress=192.0.2.12\n"
                           "Gateway=192.0.2.1\n"
                           "[Path dmz]\n"
                           "MasterAddress=198.51.100.11\n"
                           "SlaveAddress=198.51.100.12\n"
                           "[Replication]\n"
                           "MasterAddress=10.0.0.1\n"
                           "SlaveAddress=10.0.0.2\n"
                           "[VirtualIP lan]\n"
                           "Address=192.0.2.10\n"
                           "Aliases=192.0.2.20;2001:db8::20\n"
                           "MasterAddress=192.0.2.11\n"
                           "SlaveAddress=192.0.2.12\n";

/* "DEVICE ADDRESS/LENGTH", separated by commas. */
static Machine *make_machine(const char *text)
{
        g_auto(GStrv) items = g_strsplit(text, ",", -1);
        Machine *machine = machine_new();

        machine->default_route = true;
        for (char **item = items; *item; item++) {
                g_auto(GStrv) words = g_strsplit(*item, " ", 2);
                MachineAddress own = {};

                g_strlcpy(own.device, words[0], sizeof(own.device));
                g_ptr_array_add(machine->devices, g_strdup(words[0]));
                if (!words[1])
                        continue;
                g_assert_cmpint(ip_address_parse(words[1], &own.address), ==, 0);
                g_array_append_val(machine->addresses, own);
        }

        return machine;
}

static char *check(const char *text, const char *machine_text, NodeRole expected_role)
{
        g_autoptr(GPtrArray) problems = problems_new();
        const ConfigText shared = { "c", (char *) text, strlen(text) }, local = { .path = "l" };
        g_autoptr(Config) config = config_parse(&shared, &local, problems);
        g_autoptr(Machine) machine = make_machine(machine_text);
        GString *found = g_string_new(NULL);

        g_assert_nonnull(config);
        g_ptr_array_set_size(problems, 0);
        g_assert_cmpint(machine_check(machine, config, problems), ==, expected_role);

        problems_sort(problems);
        for (unsigned i = 0; i < problems->len; i++) {
                g_autofree char *line = problem_to_string(problems->pdata[i]);

                g_string_append_printf(found, "%s\n", line);
        }

        return g_string_free(found, FALSE);
}

typedef struct Case {
        const char *name;
        const char *machine;
        NodeRole role;
        const char *expected;
} Case;

#define REST ",lan 2001:db8::1/64,dmz 198.51.100.11/24,rep 10.0.0.1/24"

static const Case cases[] = {
        { "master-fits", "lo 127.0.0.1/8,lan 192.0.2.11/24" REST, NODE_ROLE_MASTER, "" },
        { "slave-fits", "lan 192.0.2.12/24,lan 2001:db8::2/64,dmz 198.51.100.12/24,rep 10.0.0.2/24",
          NODE_ROLE_SLAVE, "" },
        { "held-virtual-ips-change-nothing", "lan 192.0.2.11/24,lan 192.0.2.10/24,lan 192.0.2.20/24" REST,
          NODE_ROLE_MASTER, "" },
        { "neither", "lan 192.0.2.13/24", NODE_ROLE_NONE,
          "c:4: [General] MasterAddress=192.0.2.11/24: is no address of this machine, and neither is "
          "SlaveAddress: give the primary device its address or correct the configuration\n" },
        { "both", "lan 192.0.2.11/24,lan 192.0.2.12/24", NODE_ROLE_NONE,
          "c:5: [General] SlaveAddress=192.0.2.12: is an address of this machine, and so is MasterAddress: "
          "take one of them away\n" },
        { "primary-device-gone",
          "eth9 192.0.2.11/24,eth9 2001:db8::1/64,dmz 198.51.100.11/24,rep 10.0.0.1/24", NODE_ROLE_MASTER,
          "c:3: [General] PrimaryDevice=lan: is no network device of this machine\n" },
        { "on-another-device",
          "lan,eth9 192.0.2.11/24,eth9 2001:db8::1/64,dmz 198.51.100.11/24,rep 10.0.0.1/24",
          NODE_ROLE_MASTER,
          "c:4: [General] MasterAddress=192.0.2.11/24: is an address of eth9, but PrimaryDevice is lan\n" },
        { "other-prefix", "lan 192.0.2.11/25" REST, NODE_ROLE_MASTER,
          "c:4: [General] MasterAddress=192.0.2.11/24: has another prefix length on lan: 192.0.2.11/25\n" },
        { "peer-out-of-range",
          "lan 192.0.2.12/32,lan 192.0.2.1/24,lan 2001:db8::2/64,dmz 198.51.100.12/24,rep 10.0.0.2/24",
          NODE_ROLE_SLAVE,
          "c:4: [General] MasterAddress=192.0.2.11/24: does not lie in the range of lan here, "
          "192.0.2.12/32\n" },
        { "path-gone", "lan 192.0.2.11/24,lan 2001:db8::1/64,rep 10.0.0.1/24", NODE_ROLE_MASTER,
          "c:8: [Path dmz] MasterAddress=198.51.100.11: is no address of this machine\n" },
        { "replication-gone", "lan 192.0.2.11/24,lan 2001:db8::1/64,dmz 198.51.100.11/24", NODE_ROLE_MASTER,
          "c:11: [Replication] MasterAddress=10.0.0.1: is no address of this machine\n" },
        { "replication-on-primary",
          "lan 192.0.2.11/24,lan 10.0.0.1/24,lan 2001:db8::1/64,dmz 198.51.100.11/24", NODE_ROLE_MASTER,
          "c:11: [Replication] MasterAddress=10.0.0.1: is an address of lan, the primary device: "
          "replication needs another\n" },
        { "alias-without-range", "lan 192.0.2.11/24,dmz 198.51.100.11/24,rep 10.0.0.1/24", NODE_ROLE_MASTER,
          "c:15: [VirtualIP lan] Aliases=192.0.2.20;2001:db8::20: 2001:db8::20 lies in no range of lan, the "
          "device that holds MasterAddress\n" },
};

static void test_case(const void *data)
{
        const Case *c = data;
        g_autofree char *found = check(pair, c->machine, c->role);

        g_assert_cmpstr(found, ==, c->expected);
}

static void test_two_virtual_ips_on_one_device(void)
{
        g_autofree char *text =
                        g_strconcat(pair,
                                    "[VirtualIP two]\nAddress=203.0.113.10\nMasterAddress=203.0.113.1\n"
                                    "SlaveAddress=203.0.113.2\n",
                                    NULL);
        g_autofree char *found = check(text, "lan 192.0.2.11/24,lan 203.0.113.1/24" REST, NODE_ROLE_MASTER);

        g_assert_cmpstr(found, ==,
                        "c:20: [VirtualIP two] MasterAddress=203.0.113.1: lan has a virtual IP already, "
                        "[VirtualIP lan]: "
                        "a device takes one; write further addresses as Aliases of that\n");
}

static void test_replication_needs_a_secure_device(void)
{
        g_autofree char *text = g_strconcat(pair, "[Device rep]\nZone=internet\n", NULL);
        g_autofree char *found = check(text, "lan 192.0.2.11/24" REST, NODE_ROLE_MASTER);

        g_assert_cmpstr(found, ==,
                        "c:11: [Replication] MasterAddress=10.0.0.1: is an address of rep, whose zone is "
                        "not lan: "
                        "replication is not encrypted and needs a secure device\n");
}

/* Over the LAN, with two further paths by their addresses: whether they fail apart depends on the device. */
static const char volume_over_lan[] = "[General]\n"
                                      "Cluster=gw\n"
                                      "MasterAddress=192.0.2.11/24\n"
                                      "SlaveAddress=192.0.2.12\n"
                                      "Gateway=192.0.2.1\n"
                                      "[Path a]\n"
                                      "MasterAddress=198.51.100.11\n"
                                      "SlaveAddress=198.51.100.12\n"
                                      "[Path b]\n"
                                      "MasterAddress=203.0.113.11\n"
                                      "SlaveAddress=203.0.113.12\n"
                                      "[Replication]\n"
                                      "Enabled=yes\n"
                                      "OverLan=yes\n"
                                      "MasterDisk=/dev/vdb\n"
                                      "SlaveDisk=/dev/vdb\n";

static void test_paths_on_devices_of_their_own_guard_a_volume(void)
{
        g_autofree char *found =
                        check(volume_over_lan, "lan 192.0.2.11/24,a 198.51.100.11/24,b 203.0.113.11/24",
                              NODE_ROLE_MASTER);

        g_assert_cmpstr(found, ==, "");
}

static void test_paths_on_one_device_are_one_path_to_a_volume(void)
{
        g_autofree char *found =
                        check(volume_over_lan, "lan 192.0.2.11/24,a 198.51.100.11/24,a 203.0.113.11/24",
                              NODE_ROLE_MASTER);
        g_autofree char *serial =
                        g_strconcat(volume_over_lan,
                                    "[Heartbeat]\nMasterSerial=/dev/ttyS0\nSlaveSerial=/dev/ttyS0\n", NULL);
        g_autofree char *none = check(serial, "lan 192.0.2.11/24,a 198.51.100.11/24,a 203.0.113.11/24",
                                      NODE_ROLE_MASTER);

        g_assert_true(g_str_has_prefix(found,
                                       "c:1: [General] AcceptSplitRisk: must be yes with so few heartbeat "
                                       "paths: there are 2 on devices of their own"));
        g_assert_cmpstr(none, ==, "");
}

/* What is wrong then is that the address is gone, not that the pair was set up badly. */
static void test_a_path_without_its_address_is_not_counted_out(void)
{
        g_autofree char *found =
                        check(volume_over_lan, "lan 192.0.2.11/24,a 198.51.100.11/24", NODE_ROLE_MASTER);

        g_assert_cmpstr(found, ==,
                        "c:10: [Path b] MasterAddress=203.0.113.11: is no address of this machine\n");
}

static void test_no_gateway_is_a_warning(void)
{
        const char text[] = "[General]\nCluster=gw\nMasterAddress=192.0.2.11\nSlaveAddress=192.0.2.12\n";
        g_autoptr(GPtrArray) problems = problems_new();
        const ConfigText shared = { "c", (char *) text, strlen(text) }, local = { .path = "l" };
        g_autoptr(Config) config = config_parse(&shared, &local, problems);
        g_autoptr(Machine) machine = make_machine("lan 192.0.2.11/24");

        g_ptr_array_set_size(problems, 0);
        machine->default_route = false;
        g_assert_cmpint(machine_check(machine, config, problems), ==, NODE_ROLE_MASTER);
        g_assert_cmpuint(problems_count(problems, PROBLEM_WARNING), ==, 1);
        g_assert_cmpuint(problems_count(problems, PROBLEM_ERROR), ==, 0);
}

static void test_this_machine_has_a_loopback_address(void)
{
        g_autoptr(Machine) machine = NULL;
        IpAddress loopback;

        g_assert_cmpint(ip_address_parse("127.0.0.1", &loopback), ==, 0);
        g_assert_cmpint(machine_read(&machine), ==, 0);
        g_assert_cmpstr(machine_find(machine, &loopback)->device, ==, "lo");
        g_assert_cmpuint(machine_find(machine, &loopback)->address.prefix_len, ==, 8);
}

static void test_serial_trouble_is_named(void)
{
        g_autofree char *gone = machine_serial_trouble("/dev/no-such-line");
        g_autofree char *no_line = machine_serial_trouble("/dev/../etc/passwd");

        g_assert_cmpstr(gone, ==, "cannot be looked at: No such file or directory");
        g_assert_cmpstr(no_line, ==, "is no serial device");
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/machine/%s", cases[i].name);

                g_test_add_data_func(path, &cases[i], test_case);
        }

        g_test_add_func("/machine/two-virtual-ips-on-one-device", test_two_virtual_ips_on_one_device);
        g_test_add_func("/machine/replication-needs-a-secure-device",
                        test_replication_needs_a_secure_device);
        g_test_add_func("/machine/paths-on-devices-of-their-own-guard-a-volume",
                        test_paths_on_devices_of_their_own_guard_a_volume);
        g_test_add_func("/machine/paths-on-one-device-are-one-path-to-a-volume",
                        test_paths_on_one_device_are_one_path_to_a_volume);
        g_test_add_func("/machine/a-path-without-its-address-is-not-counted-out",
                        test_a_path_without_its_address_is_not_counted_out);
        g_test_add_func("/machine/no-gateway-is-a-warning", test_no_gateway_is_a_warning);
        g_test_add_func("/machine/this-machine-has-a-loopback-address",
                        test_this_machine_has_a_loopback_address);
        g_test_add_func("/machine/serial-trouble-is-named", test_serial_trouble_is_named);

        return g_test_run();
}
