/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The strict loader: what a right file comes to, and the golden table of what each violation is told as. Each
 * case of the table edits one place of a right file.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/config/config.h"
#include "common/config/keys.h"

static const char right[] = "[General]\n"                          /* 1 */
                            "Cluster=gw\n"                         /* 2 */
                            "Domain=example.com\n"                 /* 3 */
                            "Active=yes\n"                         /* 4 */
                            "PrimaryDevice=eth0\n"                 /* 5 */
                            "MasterAddress=192.0.2.11/24\n"        /* 6 */
                            "SlaveAddress=192.0.2.12/24\n"         /* 7 */
                            "Gateway=192.0.2.1\n"                  /* 8 */
                            "[Heartbeat]\n"                        /* 9 */
                            "DeadTimeSec=0.3\n"                    /* 10 */
                            "MasterSerial=/dev/ttyS0\n"            /* 11 */
                            "SlaveSerial=/dev/ttyS1\n"             /* 12 */
                            "[Path dmz]\n"                         /* 13 */
                            "MasterAddress=198.51.100.11\n"        /* 14 */
                            "SlaveAddress=198.51.100.12\n"         /* 15 */
                            "[Replication]\n"                      /* 16 */
                            "MasterAddress=10.0.0.1/24\n"          /* 17 */
                            "SlaveAddress=10.0.0.2/24\n"           /* 18 */
                            "[VirtualIP lan]\n"                    /* 19 */
                            "Address=192.0.2.10/24\n"              /* 20 */
                            "Aliases=192.0.2.20/24; 192.0.2.21\n"  /* 21 */
                            "MasterAddress=192.0.2.11\n"           /* 22 */
                            "SlaveAddress=192.0.2.12\n"            /* 23 */
                            "[VirtualIP six]\n"                    /* 24 */
                            "Address=2001:db8::10/64\n"            /* 25 */
                            "MasterAddress=2001:db8::1/64\n"       /* 26 */
                            "SlaveAddress=2001:db8::2/64\n"        /* 27 */
                            "# the end\n";                         /* 28 */

typedef struct Case {
        const char *name;
        const char *old;      /* the first place of this in the right file … */
        const char *new;      /* … becomes this */
        const char *expected; /* every problem, one a line: errors begin with E, warnings with W */
} Case;

#define IN(line, what) "hapair.conf:" #line ": " what
#define BOOL_RULE ": must be yes, no, true, false, on or off"
#define PREFIX_RULE ": has no valid prefix length: 1 to 32 for IPv4, 1 to 128 for IPv6"
#define DEVICE_LINES "[Device eth0]\nZone=lan\nConnectivityCheck=yes\n"
#define DEVICE_WARNING "W hapair.conf:28: [Device eth0]: has no effect in this version\n"

static const Case cases[] = {
        /* lines */
        { "section-twice", "[Path dmz]", "[Heartbeat]",
          "E " IN(13, "[Heartbeat]: stands there twice, first in line 9\n")
          "E " IN(14, "[Heartbeat] MasterAddress=198.51.100.11: is no key of a section Heartbeat\n")
          "E " IN(15, "[Heartbeat] SlaveAddress=198.51.100.12: is no key of a section Heartbeat\n") },
        { "key-twice", "Domain=example.com", "Cluster=other",
          "E " IN(3, "[General] Cluster=other: stands there twice, first in line 2\n") },
        { "unknown-key", "Domain=", "Dommain=", "E " IN(3, "[General] Dommain=example.com: is no key of a section General\n") },
        { "key-in-wrong-case", "Domain=", "domain=", "E " IN(3, "[General] domain=example.com: is no key: it is written Domain\n") },
        { "unknown-section", "# the end", "[Colour]", "E " IN(28, "[Colour]: is no section that hapair knows\n") },
        { "section-in-wrong-case", "# the end", "[device eth0]",
          "E " IN(28, "[device eth0]: is no section: it is written [Device NAME]\n") },
        { "comment-behind-value", "Active=yes", "Active=yes # on",
          "E " IN(4, "[General] Active=yes # on: a comment must stand on a line of its own, not behind a value\n") },
        { "semicolon-comment-behind-value", "Active=yes", "Active=maybe ; on",
          "E " IN(4, "[General] Active=maybe ; on: a comment must stand on a line of its own, not behind a value\n")
          "E " IN(4, "[General] Active=maybe" BOOL_RULE "\n") },
        { "comment-behind-section", "[Heartbeat]", "[Heartbeat] # x",
          "E " IN(9, "a comment must stand on a line of its own, not behind a section\n") },
        { "header-unclosed", "# the end", "[Device eth0",
          "E " IN(28, "is no section: write [Kind] or [Kind name], the name without blanks and quotes\n") },
        { "header-with-quotes", "# the end", "[Device \"eth0\"]",
          "E " IN(28, "is no section: write [Kind] or [Kind name], the name without blanks and quotes\n") },
        { "junk-line", "# the end", "; a comment",
          "E " IN(28, "[VirtualIP six]: is no section, no Key=Value and no comment (these begin with #)\n") },
        { "key-with-blank", "Active=yes", "Active now=yes",
          "E " IN(4, "[General]: the key before the = must be one word of letters and digits\n") },
        { "before-first-section", "[General]", "Active=yes\n[General]", "E " IN(1, "Active=yes: stands before the first section\n") },
        { "not-utf8", "# the end", "\xff", "E " IN(28, "[VirtualIP six]: the line is no valid UTF-8 text\n") },
        { "control-character", "gw", "g\aw", "E hapair.conf:1: [General] Cluster: is missing\n"
          "E " IN(2, "[General]: the line holds a control character\n") },
        { "bad-escape", "gw", "g\\qw", "E " IN(2, "[General] Cluster=g\\qw: holds a backslash that begins no escape sequence\n") },
        { "windows-line-ends", "Cluster=gw\n", "Cluster=gw\r\n", "" },
        { "blanks-around", "Cluster=gw\n", "  Cluster =  gw  \n", "" },

        /* sections */
        { "name-missing", "[Path dmz]", "[Path]", "E " IN(13, "[Path]: needs a name: [Path NAME]\n") },
        { "name-too-many", "[Heartbeat]", "[Heartbeat fast]", "E " IN(9, "[Heartbeat fast]: takes no name: write [Heartbeat]\n") },
        { "path-name-fixed", "[Path dmz]", "[Path replication]",
          "E " IN(13, "[Path replication]: the name must be at most 31 letters, digits, hyphens and underscores, "
                      "and not lan, replication or serial, which are paths already\n") },
        { "vip-name", "[VirtualIP lan]", "[VirtualIP l/n]",
          "E " IN(19, "[VirtualIP l/n]: the name must be at most 31 letters, digits, hyphens and underscores\n") },
        { "too-many-paths", "# the end",
          "[Path a]\nMasterAddress=198.18.1.1\nSlaveAddress=198.18.1.2\n[Path b]\nMasterAddress=198.18.2.1\n"
          "SlaveAddress=198.18.2.2\n[Path c]\nMasterAddress=198.18.3.1\nSlaveAddress=198.18.3.2\n[Path d]\n"
          "MasterAddress=198.18.4.1\nSlaveAddress=198.18.4.2\n[Path e]\n",
          "E " IN(40, "[Path e]: is one too many: there may be 5 of this kind\n") },

        /* single values */
        { "required-missing", "Cluster=gw", "#", "E hapair.conf:1: [General] Cluster: is missing\n" },
        { "required-empty", "Cluster=gw", "Cluster=", "E " IN(2, "[General] Cluster: must not be empty\n") },
        { "cluster", "gw", "-gw", "E " IN(2, "[General] Cluster=-gw: must be a host name of at most 56 lower-case letters, digits and hyphens\n") },
        { "domain", "example.com", "example..com",
          "E " IN(3, "[General] Domain=example..com: must be a domain name in lower case, without a dot at its ends\n") },
        { "bool", "yes", "1", "E " IN(4, "[General] Active=1" BOOL_RULE "\n") },
        { "bool-words", "Active=yes", "Active=on\nAutoFailback=off\nFailoverLinkDown=true\nManageHostname=false", "" },
        { "device-name", "eth0", "eth0/1", "E " IN(5, "[General] PrimaryDevice=eth0/1: must be the name of a network device, at most 15 characters\n") },
        { "no-address", "192.0.2.1\n", "gateway\n", "E " IN(8, "[General] Gateway=gateway: is no IPv4 or IPv6 address\n") },
        { "prefix-too-long", "198.51.100.11", "198.51.100.11/33", "E " IN(14, "[Path dmz] MasterAddress=198.51.100.11/33" PREFIX_RULE "\n") },
        { "prefix-with-zero", "198.51.100.11", "198.51.100.11/024", "E " IN(14, "[Path dmz] MasterAddress=198.51.100.11/024" PREFIX_RULE "\n") },
        { "prefix-not-wanted", "192.0.2.1\n", "192.0.2.1/24\n", "E " IN(8, "[General] Gateway=192.0.2.1/24: must be an address without a prefix length\n") },
        { "loopback", "198.51.100.11", "127.0.0.1", "E " IN(14, "[Path dmz] MasterAddress=127.0.0.1: is a loopback address\n") },
        { "multicast", "198.51.100.11", "224.0.0.18", "E " IN(14, "[Path dmz] MasterAddress=224.0.0.18: is a multicast address\n") },
        { "network", "192.0.2.10/24", "192.0.2.0/24", "E " IN(20, "[VirtualIP lan] Address=192.0.2.0/24: is the address of the network itself\n") },
        { "broadcast", "192.0.2.10/24", "192.0.2.255/24", "E " IN(20, "[VirtualIP lan] Address=192.0.2.255/24: is the broadcast address of its network\n") },
        { "link-local", "2001:db8::10/64", "fe80::10/64",
          "E " IN(25, "[VirtualIP six] Address=fe80::10/64: is a link-local address, which means nothing without a device\n") },
        { "mapped", "2001:db8::10/64", "::ffff:192.0.2.9",
          "E " IN(25, "[VirtualIP six] Address=::ffff:192.0.2.9: is an IPv4 address in IPv6 form; write it as IPv4\n") },
        { "list-element", "192.0.2.21\n", "here\n", "E " IN(21, "[VirtualIP lan] Aliases=192.0.2.20/24; here: here is no IPv4 or IPv6 address\n") },
        { "list-empty-element", "192.0.2.21\n", ";192.0.2.21\n", "E " IN(21, "[VirtualIP lan] Aliases=192.0.2.20/24; ;192.0.2.21: a comment must stand on a line of its own, not behind a value\n") },
        { "dead-time-low", "0.3", "0.029", "E " IN(10, "[Heartbeat] DeadTimeSec=0.029: must be a number of seconds from 0.03 to 600\n") },
        { "dead-time-lowest", "0.3", "0.03", "" },
        { "dead-time-high", "0.3", "600.1", "E " IN(10, "[Heartbeat] DeadTimeSec=600.1: must be a number of seconds from 0.03 to 600\n") },
        { "dead-time-highest", "0.3", "600", "" },
        { "dead-time-exponent", "0.3", "3e-1", "E " IN(10, "[Heartbeat] DeadTimeSec=3e-1: must be a number of seconds from 0.03 to 600\n") },
        { "dead-time-comma", "0.3", "0,3", "E " IN(10, "[Heartbeat] DeadTimeSec=0,3: must be a number of seconds from 0.03 to 600\n") },
        { "port-low", "DeadTimeSec=0.3", "Port=694",
          "E " IN(10, "[Heartbeat] Port=694: must be a whole number from 1024 to 65535 (hapair-hbd has no right to lower ports)\n") },
        { "baud", "DeadTimeSec=0.3", "SerialBaud=115201",
          "E " IN(10, "[Heartbeat] SerialBaud=115201: must be one of 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600\n") },
        { "minutes", "Active=yes", "LanDownMin=0", "E " IN(4, "[General] LanDownMin=0: must be a number of minutes from 1 to 1440\n") },
        { "choice", "Active=yes", "Arbiter=luck", "E " IN(4, "[General] Arbiter=luck: must be one of paths, witness, fence, operator\n") },
        { "drbd-device", "[Replication]", "[Replication]\nDevice=/dev/sda", "E " IN(17, "[Replication] Device=/dev/sda: must be a DRBD device, /dev/drbd0 say\n") },
        { "mount-point", "[Replication]", "[Replication]\nMountPoint=/usr", "E " IN(17, "[Replication] MountPoint=/usr: must be an absolute path that is no directory of the system\n") },
        { "mount-point-dots", "[Replication]", "[Replication]\nMountPoint=/srv/../usr", "E " IN(17, "[Replication] MountPoint=/srv/../usr: must be an absolute path that is no directory of the system\n") },
        { "sync-rate", "[Replication]", "[Replication]\nSyncRate=40M", "E " IN(17, "[Replication] SyncRate=40M: must be a whole number of KiB/s from 1 to 10485760\n") },

        /* between keys */
        { "pair-same", "SlaveAddress=192.0.2.12/24", "SlaveAddress=192.0.2.11/24",
          "E " IN(7, "[General] SlaveAddress=192.0.2.11/24: is MasterAddress too: each node needs its own\n")
          "E " IN(22, "[VirtualIP lan] MasterAddress=192.0.2.11: is the other node's address: [General] SlaveAddress\n") },
        { "pair-families", "198.51.100.12", "2001:db8:1::2", "E " IN(15, "[Path dmz] SlaveAddress=2001:db8:1::2: must be of the same family as MasterAddress\n") },
        { "pair-range", "10.0.0.2/24", "10.0.1.2/24", "E " IN(18, "[Replication] SlaveAddress=10.0.1.2/24: must lie in one range with MasterAddress\n") },
        { "pair-prefix", "10.0.0.2/24", "10.0.0.2/16", "E " IN(18, "[Replication] SlaveAddress=10.0.0.2/16: must have the same prefix length as MasterAddress\n") },
        { "path-again", "198.51.100.11", "10.0.0.1",
          "E " IN(14, "[Path dmz] MasterAddress=10.0.0.1: is the address of another heartbeat path: [Replication] MasterAddress\n") },
        { "replication-in-lan", "MasterAddress=10.0.0.1/24\nSlaveAddress=10.0.0.2/24", "MasterAddress=192.0.2.31\nSlaveAddress=192.0.2.32",
          "E " IN(17, "[Replication] MasterAddress=192.0.2.31: must lie on another secure device than the primary one, in another range\n")
          "E " IN(18, "[Replication] SlaveAddress=192.0.2.32: must lie on another secure device than the primary one, in another range\n") },
        { "replication-half", "SlaveAddress=10.0.0.2/24", "", "E hapair.conf:16: [Replication] SlaveAddress: is missing\n" },
        { "replication-over-lan", "[Replication]", "[Replication]\nOverLan=yes",
          "E " IN(18, "[Replication] MasterAddress=10.0.0.1/24: has no meaning with OverLan=yes: remove one of them\n")
          "E " IN(19, "[Replication] SlaveAddress=10.0.0.2/24: has no meaning with OverLan=yes: remove one of them\n") },
        { "replication-enabled", "[Replication]", "[Replication]\nEnabled=yes",
          "E " IN(17, "[Replication] Enabled=yes: disk replication is not in this version: write Enabled=no\n") },
        { "arbiter-witness", "Active=yes", "Arbiter=witness", "E " IN(4, "[General] Arbiter=witness: is not in this version: choose paths or operator\n") },
        { "arbiter-fence", "Active=yes", "Arbiter=fence", "E " IN(4, "[General] Arbiter=fence: is not in this version: choose paths or operator\n") },
        { "vip-is-node", "192.0.2.10/24", "192.0.2.12/24", "E " IN(20, "[VirtualIP lan] Address=192.0.2.12/24: 192.0.2.12 is the address of a node: [General] SlaveAddress\n") },
        { "vip-outside", "192.0.2.10/24", "192.0.3.10/24",
          "E " IN(20, "[VirtualIP lan] Address=192.0.3.10/24: 192.0.3.10 does not lie in the range of the master's device, 192.0.2.11/24\n")
          "E " IN(20, "[VirtualIP lan] Address=192.0.3.10/24: 192.0.3.10 does not lie in the range of the slave's device, 192.0.2.12/24\n") },
        { "alias-outside", "2001:db8::10/64\n", "2001:db8::10/64\nAliases=2001:db8:1::1\n",
          "E " IN(26, "[VirtualIP six] Aliases=2001:db8:1::1: 2001:db8:1::1 does not lie in the range of the master's device, 2001:db8::1/64\n")
          "E " IN(26, "[VirtualIP six] Aliases=2001:db8:1::1: 2001:db8:1::1 does not lie in the range of the slave's device, 2001:db8::2/64\n") },
        { "vip-twice", "192.0.2.21\n", "192.0.2.10\n", "E " IN(21, "[VirtualIP lan] Aliases=192.0.2.20/24; 192.0.2.10: 192.0.2.10 is a virtual IP already, in [VirtualIP lan]\n") },
        { "vips-on-one-device", "# the end", "[VirtualIP z]\nAddress=192.0.2.30\nMasterAddress=192.0.2.11\nSlaveAddress=192.0.2.14\n",
          "E " IN(30, "[VirtualIP z] MasterAddress=192.0.2.11: its device has a virtual IP already, [VirtualIP lan]: a device takes one; write further addresses as Aliases of that\n") },
        { "gateway-is-node", "Gateway=192.0.2.1\n", "Gateway=192.0.2.12\n", "E " IN(8, "[General] Gateway=192.0.2.12: must not be the address of a node: it is [General] SlaveAddress\n") },
        { "gateway-is-vip", "Gateway=192.0.2.1\n", "Gateway=192.0.2.20\n", "E " IN(8, "[General] Gateway=192.0.2.20: must not be an address of [VirtualIP lan], which is the pair's own\n") },
        { "serial-one-end", "SlaveSerial=/dev/ttyS1", "", "E hapair.conf:9: [Heartbeat] SlaveSerial: is missing: MasterSerial is the one end only\n" },
        { "serial-no-device", "MasterSerial=/dev/ttyS0\nSlaveSerial=/dev/ttyS1", "Serial=yes",
          "W " IN(11, "[Heartbeat] Serial=yes: has no effect: neither MasterSerial nor SlaveSerial names a device\n") },
        { "serial-by-default", "MasterSerial=/dev/ttyS0\nSlaveSerial=/dev/ttyS1", "", "" },
        { "internet-without-device", "Active=yes", "FailoverInternetDown=yes",
          "E " IN(4, "[General] FailoverInternetDown=yes: needs a [Device NAME] with Zone=internet and ConnectivityCheck=yes\n")
          "W " IN(4, "[General] FailoverInternetDown=yes: has no effect in this version\n") },
        { "lan-without-device", "Active=yes", "FailoverLanDown=yes",
          "E " IN(4, "[General] FailoverLanDown=yes: needs a [Device NAME] with Zone=lan and ConnectivityCheck=yes\n")
          "W " IN(4, "[General] FailoverLanDown=yes: has no effect in this version\n") },
        { "target-missing", "# the end", DEVICE_LINES,
          "E hapair.conf:28: [Device eth0] CheckTarget: is missing, and ConnectivityCheck=yes needs it\n" DEVICE_WARNING },
        { "target-is-node", "# the end", DEVICE_LINES "CheckTarget=192.0.2.12\n",
          "E " IN(31, "[Device eth0] CheckTarget=192.0.2.12: must not be the address of a node: it is [General] SlaveAddress\n") DEVICE_WARNING },
        { "target-tcp-is-node", "# the end", DEVICE_LINES "CheckMethod=tcp\nCheckTarget=[2001:db8::2]:53\n",
          "E " IN(32, "[Device eth0] CheckTarget=[2001:db8::2]:53: must not be the address of a node: it is [VirtualIP six] SlaveAddress\n") DEVICE_WARNING },
        { "target-http-is-vip", "# the end", DEVICE_LINES "CheckMethod=http\nCheckTarget=http://192.0.2.10:8080/x\n",
          "E " IN(32, "[Device eth0] CheckTarget=http://192.0.2.10:8080/x: must not be an address of [VirtualIP lan], which is the pair's own\n") DEVICE_WARNING },
        { "target-icmp", "# the end", DEVICE_LINES "CheckTarget=example.com\n",
          "E " IN(31, "[Device eth0] CheckTarget=example.com: must be an address for CheckMethod=icmp\n") DEVICE_WARNING },
        { "target-tcp", "# the end", DEVICE_LINES "CheckMethod=tcp\nCheckTarget=192.0.2.1\n",
          "E " IN(32, "[Device eth0] CheckTarget=192.0.2.1: must be ADDRESS:PORT or [ADDRESS]:PORT for CheckMethod=tcp\n") DEVICE_WARNING },
        { "target-http", "# the end", DEVICE_LINES "CheckMethod=http\nCheckTarget=ftp://example.com/\n",
          "E " IN(32, "[Device eth0] CheckTarget=ftp://example.com/: must be an http:// or https:// URL without a user for CheckMethod=http\n") DEVICE_WARNING },
        { "zone-missing", "# the end", "[Device eth0]\n", "E hapair.conf:28: [Device eth0] Zone: is missing\n" DEVICE_WARNING },
        { "not-yet", "Active=yes", "UseSlaveProxy=yes\nManageHostname=yes\nWatchdog=/dev/watchdog0\nAcceptSplitRisk=yes",
          "W " IN(4, "[General] UseSlaveProxy=yes: has no effect in this version\n")
          "W " IN(5, "[General] ManageHostname=yes: has no effect in this version\n")
          "W " IN(6, "[General] Watchdog=/dev/watchdog0: has no effect in this version\n")
          "W " IN(7, "[General] AcceptSplitRisk=yes: has no effect without disk replication\n") },
        { "service", "# the end", "[Service openvpn]\nStart=slave\n[Proxy]\n",
          "W hapair.conf:28: [Service openvpn]: has no effect in this version\n"
          "W hapair.conf:30: [Proxy]: has no effect in this version\n" },
};

static char *edit(const char *old, const char *new)
{
        const char *at = strstr(right, old);

        g_assert_nonnull(at);
        return g_strdup_printf("%.*s%s%s", (int) (at - right), right, new, at + strlen(old));
}

static Config *parse(const char *text, const char *local, GPtrArray *problems)
{
        const ConfigText shared_text = { "hapair.conf", (char *) text, strlen(text) };
        const ConfigText local_text = { "local.conf", (char *) local, local ? strlen(local) : 0 };
        Config *config = config_parse(&shared_text, &local_text, problems);

        problems_sort(problems);
        return config;
}

static char *list(const GPtrArray *problems)
{
        GString *text = g_string_new(NULL);

        for (unsigned i = 0; i < problems->len; i++) {
                const Problem *problem = problems->pdata[i];
                g_autofree char *line = problem_to_string(problem);

                g_string_append_printf(text, "%c %s\n", problem->severity == PROBLEM_ERROR ? 'E' : 'W', line);
        }

        return g_string_free(text, FALSE);
}

static void test_case(const void *data)
{
        const Case *c = data;
        g_autoptr(GPtrArray) problems = problems_new();
        g_autofree char *text = edit(c->old, c->new), *found = NULL;
        g_autoptr(Config) config = parse(text, NULL, problems);

        found = list(problems);
        g_assert_cmpstr(found, ==, c->expected);
        g_assert_true(!config == (problems_count(problems, PROBLEM_ERROR) > 0));
}

static void collect(const char *file, const char *section, const char *key, const char *value, void *userdata)
{
        g_string_append_printf(userdata, "%s [%s] %s=%s\n", file, section, key, value);
}

static void test_right_file_is_typed(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(right, "[General]\nPrimaryDevice=lan1\n", problems);
        g_autofree char *found = list(problems);
        GString *items = g_string_new(NULL);
        const VirtualIpConfig *vip;

        g_assert_cmpstr(found, ==, "");
        g_assert_cmpstr(config->general.primary_device, ==, "lan1");
        g_assert_true(config->general.active && config->general.auto_failback && !config->general.manage_hostname);
        g_assert_cmpuint(config->general.failback_delay_usec, ==, 60000000);
        g_assert_cmpuint(config->general.lan_down_usec, ==, 300000000);
        g_assert_cmpuint(config->heartbeat.dead_usec, ==, 300000);
        g_assert_cmpint(config->general.arbiter, ==, ARBITER_PATHS);
        g_assert_cmpuint(config->virtual_ips->len, ==, 2);
        vip = config->virtual_ips->pdata[0];
        g_assert_cmpstr(vip->name, ==, "lan");
        g_assert_cmpuint(vip->aliases->len, ==, 2);
        g_assert_cmpuint(g_array_index(vip->aliases, IpAddress, 0).prefix_len, ==, 24);

        config_foreach(config, collect, items);
        g_assert_nonnull(strstr(items->str, "local.conf [General] PrimaryDevice=lan1\n"));
        g_assert_nonnull(strstr(items->str, "hapair.conf [Heartbeat] DeadTimeSec=0.3\n"));
        g_assert_nonnull(strstr(items->str, "hapair.conf [VirtualIP lan] Aliases=192.0.2.20/24;192.0.2.21\n"));
        g_assert_nonnull(strstr(items->str, "\n [General] FailbackDelaySec=60\n"));
        g_string_free(items, TRUE);
}

static void test_local_file_takes_its_few_keys_only(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config =
                parse(right, "[General]\nPrimaryDevice=lan1\nCluster=x\n[VirtualIP lan]\nEnabled=no\n", problems);
        g_autofree char *found = list(problems);

        g_assert_null(config);
        g_assert_cmpstr(found, ==,
                        "E local.conf:3: [General] Cluster=x: may not stand in local.conf: it is the same on both nodes\n"
                        "E local.conf:4: [VirtualIP lan]: may not stand in local.conf: it is the same on both nodes\n");
}

static char *digest_of(const char *text, const char *local)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse(text, local, problems);

        g_assert_nonnull(config);
        g_assert_cmpuint(strlen(config->digest), ==, 64);
        return g_strdup(config->digest);
}

static void test_digest_follows_meaning_not_spelling(void)
{
        g_autofree char *spelled = edit("Active=yes", "# the switch\nActive=on\nFailbackDelaySec=60.0");
        g_autofree char *changed = edit("Active=yes", "Active=no");
        g_autofree char *base = digest_of(right, NULL);
        g_autofree char *base_local = digest_of(right, "[General]\nPrimaryDevice=lan1\n");
        g_autofree char *other_spelling = digest_of(spelled, NULL);
        g_autofree char *other_meaning = digest_of(changed, NULL);

        g_assert_cmpstr(base, ==, other_spelling);
        g_assert_cmpstr(base, ==, base_local);
        g_assert_cmpstr(base, !=, other_meaning);
}

static void test_empty_file_names_what_is_missing(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        g_autoptr(Config) config = parse("", NULL, problems);
        g_autofree char *found = list(problems);

        g_assert_null(config);
        g_assert_cmpstr(found, ==,
                        "E hapair.conf: [General] Cluster: is missing\n"
                        "E hapair.conf: [General] MasterAddress: is missing\n"
                        "E hapair.conf: [General] SlaveAddress: is missing\n"
                        "W hapair.conf: [General]: no [VirtualIP NAME] is enabled: nothing moves at a failover\n");
}

static void test_problems_are_bounded(void)
{
        g_autoptr(GPtrArray) problems = problems_new();
        GString *text = g_string_new("[General]\n");

        for (int i = 0; i < 10000; i++)
                g_string_append(text, "junk\n");

        g_assert_null(parse(text->str, NULL, problems));
        g_assert_cmpuint(problems->len, ==, PROBLEMS_MAX + 1);
        g_string_free(text, TRUE);
}

static void test_long_value_is_cut_in_messages(void)
{
        g_autofree char *value = g_strnfill(300, 'x');
        g_autofree char *line = g_strdup_printf("Active=%s", value);
        g_autofree char *text = edit("Active=yes", line), *found = NULL;
        g_autoptr(GPtrArray) problems = problems_new();

        g_assert_null(parse(text, NULL, problems));
        found = problem_to_string(problems->pdata[0]);
        g_assert_cmpuint(strlen(found), <, 180);
        g_assert_nonnull(strstr(found, "xxx…: must be yes"));
}

static void test_file_too_large_is_refused(void)
{
        g_autofree char *path = NULL, *text = g_strnfill((1 << 20) + 1, '\n');
        int fd = g_file_open_tmp("hapair-XXXXXX", &path, NULL);
        ConfigText read;

        g_assert_cmpint(fd, >=, 0);
        g_assert_true(g_file_set_contents(path, text, (1 << 20) + 1, NULL));
        g_assert_cmpint(config_text_read(path, &read), ==, -EFBIG);
        g_assert_true(g_file_set_contents(path, text, 1 << 20, NULL));
        g_assert_cmpint(config_text_read(path, &read), ==, 0);
        g_assert_cmpuint(read.length, ==, 1 << 20);
        g_free(read.text);
        close(fd);
        unlink(path);
        g_assert_cmpint(config_text_read(path, &read), ==, -ENOENT);
}

/* From one place to the next. */
static char *part_of(const char *text, const char *start, const char *next)
{
        const char *begin = strstr(text, start), *end;

        g_assert_nonnull(begin);
        end = strstr(begin + strlen(start), next);
        return end ? g_strndup(begin, (gsize) (end - begin)) : g_strdup(begin);
}

static void check_manual_key(const char *page, const KeySpec *key)
{
        g_autofree char *bold = g_strdup_printf("**%s**", key->name);
        g_autofree char *fallback = g_strdup_printf("Default:\\s+%s\\.\\s", key->fallback ?: "(none|the [^.]*)");
        g_autofree char *part = NULL;
        g_auto(GStrv) entries = g_strsplit(page, "\n\n**", -1);

        for (char **entry = entries; *entry && !part; entry++) {
                g_autofree char *whole = g_strconcat("**", *entry, "\n", NULL);
                g_autofree char *title = g_strndup(whole, strcspn(whole, "\n"));

                if (strstr(title, bold))
                        part = g_steal_pointer(&whole);
        }

        if (!part)
                g_error("the manual does not have %s", key->name);
        if (!g_regex_match_simple(key->required && !key->fallback ? "Required\\." : fallback, part, 0, 0))
                g_error("the manual has another default for %s: %s", key->name, part);
        if (key->local && !g_regex_match_simple("May\\s+stand\\s+in\\s+\\*local.conf\\*", part, 0, 0))
                g_error("the manual does not say that %s may stand in local.conf", key->name);
}

static void test_manual_has_every_key_with_its_default(void)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "../../doc/man/hapair.conf.5.rst", NULL);
        g_autofree char *manual = NULL;

        g_assert_true(g_file_get_contents(path, &manual, NULL, NULL));

        for (const SectionSpec *spec = section_specs; spec->kind; spec++) {
                g_autofree char *title = g_strdup_printf("\n[%s%s]\n=", spec->kind, spec->named ? " NAME" : "");
                g_autofree char *section = part_of(manual, title, "\n[");

                for (const KeySpec *key = spec->keys; key->name; key++)
                        check_manual_key(section, key);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strdup_printf("/config/violation/%s", cases[i].name);

                g_test_add_data_func(path, &cases[i], test_case);
        }

        g_test_add_func("/config/right-file-is-typed", test_right_file_is_typed);
        g_test_add_func("/config/local-file-takes-its-few-keys-only", test_local_file_takes_its_few_keys_only);
        g_test_add_func("/config/digest-follows-meaning-not-spelling", test_digest_follows_meaning_not_spelling);
        g_test_add_func("/config/empty-file-names-what-is-missing", test_empty_file_names_what_is_missing);
        g_test_add_func("/config/problems-are-bounded", test_problems_are_bounded);
        g_test_add_func("/config/long-value-is-cut-in-messages", test_long_value_is_cut_in_messages);
        g_test_add_func("/config/file-too-large-is-refused", test_file_too_large_is_refused);

        g_test_add_func("/config/manual-has-every-key-with-its-default", test_manual_has_every_key_with_its_default);

        return g_test_run();
}
