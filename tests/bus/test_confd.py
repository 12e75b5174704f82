# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-confd: what it hands out, what it refuses, and that a wrong file changes nothing."""

import os
import signal
import stat

import dbus.connection
import pytest
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

from daemon import CallError, Daemon, plain, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make a network and act as several users')

RIGHT = '''[General]
Cluster=gw
Active=yes
MasterAddress=192.0.2.11/24
SlaveAddress=192.0.2.12/24
Gateway=192.0.2.1
FailbackDelaySec=7.5
[Heartbeat]
DeadTimeSec=0.3
Port=5700
MasterSerial=/dev/ttyS0
SlaveSerial=/dev/ttyS1
[Path dmz]
MasterAddress=198.51.100.11
SlaveAddress=198.51.100.12
[Replication]
MasterAddress=10.0.0.1/24
SlaveAddress=10.0.0.2/24
[VirtualIP lan]
Address=192.0.2.10
Aliases=192.0.2.20;192.0.2.21/24
MasterAddress=192.0.2.11
SlaveAddress=192.0.2.12
'''
MASTER = ('192.0.2.11/24', '10.0.0.1/24', '198.51.100.11/24')
SLAVE = ('192.0.2.12/24', '10.0.0.2/24', '198.51.100.12/24')


class Confd(Daemon):
    def __init__(self, directory):
        self.conf = directory / 'hapair.conf'
        self.conf.write_text(RIGHT)
        self.catalogue = directory / 'catalogue'
        self.own_catalogue = directory / 'services.d'
        for path in (self.catalogue, self.own_catalogue):
            path.mkdir()
        super().__init__('confd', directory, HAPAIR_CONFIG_DIR=str(directory), HAPAIR_CATALOGUE_DIR=str(self.catalogue))
        for device in ('lan', 'rep', 'dmz'):
            self.in_network('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', device + 'x')
            self.in_network('ip', 'link', 'set', device, 'up')

    def own(self, addresses, verb='add'):
        for device, address in zip(('lan', 'rep', 'dmz'), addresses):
            self.in_network('ip', 'address', verb, address, 'dev', device)
        return self

    def settings(self, daemon, **options):
        return plain(self.call('GetSettings', 's', daemon, **options))

    def rules(self, severity='error'):
        return [f"{p['section']} {p['key']}: {p['rule']}" for p in plain(self.property('Problems'))
                if p['severity'] == severity]


@pytest.fixture
def confd(tmp_path):
    tmp_path.chmod(0o755)
    daemon = Confd(tmp_path)
    yield daemon
    daemon.close()


def test_introspection_equals_the_xml(confd):
    confd.start()
    assert confd.introspect() == confd.documented()


def test_master_gets_its_settings_typed(confd):
    confd.own(MASTER).start()
    common = {'Configured': True, 'Active': True, 'Role': 'master', 'Cluster': 'gw', 'DeadTimeUSec': 300000}
    assert confd.settings('hbd') == common | {
        'Port': 5700,
        'Paths': [{'Name': 'lan', 'Kind': 'udp', 'Own': '192.0.2.11', 'Peer': '192.0.2.12'},
                  {'Name': 'replication', 'Kind': 'udp', 'Own': '10.0.0.1', 'Peer': '10.0.0.2'},
                  {'Name': 'dmz', 'Kind': 'udp', 'Own': '198.51.100.11', 'Peer': '198.51.100.12'},
                  {'Name': 'serial', 'Kind': 'serial', 'Device': '/dev/ttyS0', 'Baud': 115200}]}
    assert confd.settings('electd') == common | {
        'Arbiter': 'paths', 'AutoFailback': True, 'FailbackDelayUSec': 7500000, 'FailoverLinkDown': True,
        'AcceptSplitRisk': False, 'Volume': False, 'Services': False, 'HostName': 'gw-master', 'Gateway': '192.0.2.1',
        'Watchdog': '', 'Problems': [], 'Digest': confd.property('Digest')}
    assert confd.settings('vipd') == common | {
        'PrimaryDevice': '', 'Own': '192.0.2.11',
        'VirtualIPs': [{'Name': 'lan', 'Enabled': True, 'Address': '192.0.2.10',
                        'Aliases': ['192.0.2.20', '192.0.2.21/24'], 'Own': '192.0.2.11'}]}


VOLUME = '''Enabled=yes
SyncRate=1000
Resource=mail
Device=/dev/drbd3
MasterDisk=/dev/vdb
SlaveDisk=/dev/vdc
MountPoint=/srv/mail
FileSystem=xfs
Port=7799
'''


def test_volume_is_handed_to_each_end(confd):
    confd.conf.write_text(RIGHT.replace('[Replication]\n', '[Replication]\n' + VOLUME))
    confd.own(MASTER).start()
    common = {'Configured': True, 'Active': True, 'Cluster': 'gw', 'DeadTimeUSec': 300000, 'Enabled': True,
              'Resource': 'mail', 'Device': '/dev/drbd3', 'MountPoint': '/srv/mail', 'FileSystem': 'xfs',
              'Port': 7799, 'SyncRateKiB': 1000}
    assert confd.settings('replicd') == common | {'Role': 'master', 'Own': '10.0.0.1', 'Peer': '10.0.0.2',
                                                  'Disk': '/dev/vdb', 'PeerDisk': '/dev/vdc'}
    assert confd.settings('electd')['Volume']
    vipd = confd.settings('vipd')
    assert (vipd['ReplicationOwn'], vipd['ReplicationPeer']) == ('10.0.0.1', '10.0.0.2')
    confd.own(MASTER[:1], 'del').own(SLAVE[:1])
    wait_until(lambda: confd.property('ConfiguredRole') == 'slave', 'another address, another role')
    assert confd.settings('replicd') == common | {'Role': 'slave', 'Own': '10.0.0.2', 'Peer': '10.0.0.1',
                                                  'Disk': '/dev/vdc', 'PeerDisk': '/dev/vdb'}


def test_volume_over_the_lan_uses_the_nodes_own_addresses(confd):
    replication = '[Replication]\nMasterAddress=10.0.0.1/24\nSlaveAddress=10.0.0.2/24\n'
    confd.conf.write_text(RIGHT.replace(replication, '[Replication]\nOverLan=yes\n' + VOLUME))
    settings = confd.own(MASTER).start().settings('replicd')
    assert (settings['Own'], settings['Peer']) == ('192.0.2.11', '192.0.2.12')


def test_without_a_volume_replicd_is_told_so(confd):
    settings = confd.own(MASTER).start().settings('replicd')
    assert settings['Enabled'] is False and settings['Disk'] == ''


def test_without_a_role_replicd_gets_no_ends(confd):
    confd.conf.write_text(RIGHT.replace('[Replication]\n', '[Replication]\n' + VOLUME))
    settings = confd.start().settings('replicd')
    assert settings['Role'] == 'none'
    assert not settings.keys() & {'Own', 'Peer', 'Disk', 'PeerDisk'}


def test_services_are_resolved_to_their_units(confd):
    confd.conf.write_text(RIGHT + '[Service vpn]\nStart=both\nMaxFailures=2\n[Service web]\n')
    (confd.catalogue / 'vpn.service-set').write_text(
        '[ServiceSet]\nDescription=A VPN\nUnits=a@x.service;b.service\nOrder=7\nSettleSec=0.5\n')
    (confd.catalogue / 'web.service-set').write_text('[ServiceSet]\nUnits=theirs.service\n')
    (confd.own_catalogue / 'web.service-set').write_text('[ServiceSet]\nUnits=ours.service\n')
    settings = confd.own(MASTER).start().settings('svcmand')
    limits = {'StartLimitUSec': 30000000, 'StopLimitUSec': 10000000}
    assert settings['Services'] == [
        {'Name': 'vpn', 'Start': 'both', 'MaxFailures': 2, 'FailureWindowUSec': 60000000, 'Description': 'A VPN',
         'Units': ['a@x.service', 'b.service'], 'Order': 7, 'SettleUSec': 500000, **limits},
        {'Name': 'web', 'Start': 'master', 'MaxFailures': 3, 'FailureWindowUSec': 60000000, 'Description': '',
         'Units': ['ours.service'], 'Order': 50, 'SettleUSec': 0, **limits}]
    assert confd.settings('electd')['Services'] and confd.rules() == []


@pytest.mark.parametrize('text,mode,rule', [
    (None, 0o644, 'is no service of the catalogue'),
    ('[ServiceSet]\n', 0o644, 'ServiceSet Units: is missing'),
    ('[ServiceSet]\nUnits=hapair-vipd.service\n', 0o644, "none of hapair's own"),
    ('[ServiceSet]\nUnits=a.service\nColour=red\n', 0o644, 'is no key of a section ServiceSet'),
    ('[ServiceSet]\nUnits=a.service\n[Other]\n', 0o644, 'is no section of a service set'),
    ('[ServiceSet]\nUnits=a.service\n', 0o664, 'must be owned by root'),
    ('[ServiceSet]\nUnits=b.service;shared.service\n', 0o644, 'has a unit that is of [Service sound] too')])
def test_a_service_without_a_usable_set_is_named_and_all_else_is_in_force(confd, text, mode, rule):
    confd.conf.write_text(RIGHT + '[Service sound]\n[Service vpn]\n')
    (confd.catalogue / 'sound.service-set').write_text('[ServiceSet]\nUnits=shared.service\n')
    if text is not None:
        (confd.catalogue / 'vpn.service-set').write_text(text)
        (confd.catalogue / 'vpn.service-set').chmod(mode)
    settings = confd.own(MASTER).start().settings('svcmand')
    assert any(rule in found for found in confd.rules()), confd.rules()
    assert [s.get('Units') for s in settings['Services']] == [['shared.service'], None]
    assert confd.property('Valid')


def test_slave_gets_the_other_ends(confd):
    confd.own(SLAVE).start()
    settings = confd.settings('hbd')
    assert settings['Role'] == 'slave'
    assert settings['Paths'][0] == {'Name': 'lan', 'Kind': 'udp', 'Own': '192.0.2.12', 'Peer': '192.0.2.11'}
    assert settings['Paths'][3]['Device'] == '/dev/ttyS1'
    assert confd.settings('electd')['HostName'] == 'gw-slave'
    assert confd.settings('vipd')['VirtualIPs'][0]['Own'] == '192.0.2.12'


def test_unknown_daemon_is_refused(confd):
    with pytest.raises(CallError, match="no settings for 'nobody'"):
        confd.start().settings('nobody')


def test_stranger_is_refused(confd):
    confd.socket_path.chmod(0o777)
    with pytest.raises(CallError):
        confd.start().settings('hbd', user='nobody')


def test_node_with_neither_address_has_no_role_and_is_told(confd):
    confd.start()
    assert confd.property('ConfiguredRole') == 'none'
    assert confd.settings('hbd')['Paths'] == []
    assert confd.settings('vipd')['VirtualIPs'] == []
    [problem] = confd.settings('electd')['Problems']
    assert problem['key'] == 'MasterAddress' and problem['line'] == 4
    assert 'is no address of this machine, and neither is SlaveAddress' in problem['rule']


def test_change_of_address_is_noticed_at_once(confd):
    """G5."""
    confd.own(MASTER).start()
    assert confd.property('ConfiguredRole') == 'master'
    confd.own(MASTER[:1], 'del')
    wait_until(lambda: 'General MasterAddress' in str(confd.rules()), 'the missing address is told')
    assert confd.property('ConfiguredRole') == 'master'  # a node without its address is still that node
    assert confd.settings('vipd')['VirtualIPs'] != []
    confd.own(SLAVE[:1])
    wait_until(lambda: confd.property('ConfiguredRole') == 'slave', 'another address, another role')
    wait_until(lambda: confd.rules(), 'the addresses of the master on the other devices are told')
    assert 'Path dmz SlaveAddress: is no address of this machine' in confd.rules()


def test_restart_while_the_address_is_away_changes_no_role(confd):
    confd.own(MASTER).start()
    assert confd.property('ConfiguredRole') == 'master'
    confd.kill()
    confd.own(MASTER[:1], 'del')
    confd.start()
    assert confd.property('ConfiguredRole') == 'master'
    assert 'General MasterAddress' in str(confd.rules())

    # What was this node's own in another boot of the machine says nothing.
    own = confd.state / 'own'
    confd.kill()
    assert own.read_text().endswith(' 192.0.2.11\n')
    own.write_text('00000000000000000000000000000000 192.0.2.11\n')
    confd.start()
    assert confd.property('ConfiguredRole') == 'none'


def test_reload_puts_a_right_file_in_force(confd):
    confd.own(MASTER).start()
    before = confd.property('Generation'), confd.property('Digest')
    confd.conf.write_text(RIGHT.replace('0.3', '2'))
    confd.call('Reload')
    assert confd.settings('hbd')['DeadTimeUSec'] == 2000000
    assert confd.property('Generation') > before[0]
    assert confd.property('Digest') != before[1]


def test_hangup_reloads(confd):
    confd.own(MASTER).start()
    assert confd.property('Valid')
    confd.conf.write_text(RIGHT.replace('0.3', '2'))
    confd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: confd.settings('hbd')['DeadTimeUSec'] == 2000000, 'the new dead time')


def test_wrong_file_keeps_the_configuration_before(confd):
    confd.own(MASTER).start()
    generation = confd.property('Generation')
    confd.conf.write_text(RIGHT.replace('0.3', '0.01').replace('Active=yes', 'Active=maybe'))
    with pytest.raises(CallError, match=r'hapair.conf:3: \[General\] Active=maybe: must be yes, no'):
        confd.call('Reload')
    assert confd.settings('hbd')['DeadTimeUSec'] == 300000
    assert confd.property('Generation') == generation and confd.property('Valid')
    assert confd.rules() == ['General Active: must be yes, no, true, false, on or off',
                             'Heartbeat DeadTimeSec: must be a number of seconds from 0.03 to 600']
    assert 'is not put in force; the one before stays' in confd.log()


def test_wrong_file_does_not_matter_across_a_restart(confd):
    confd.own(MASTER).start()
    assert confd.property('Valid')
    confd.conf.write_text('nonsense')
    confd.kill()
    confd.start()
    assert confd.settings('hbd')['DeadTimeUSec'] == 300000
    assert confd.rules()
    assert stat.S_IMODE((confd.state / 'hapair.conf').stat().st_mode) == 0o600


def test_first_start_with_a_wrong_file_hands_out_nothing(confd):
    confd.conf.write_text('nonsense')
    confd.own(MASTER).start()
    assert confd.settings('hbd') == {'Configured': False}
    assert not confd.property('Valid')
    assert [p['line'] for p in confd.settings('electd')['Problems']][0] == 0
    confd.conf.write_text(RIGHT)
    confd.call('Reload')
    assert confd.settings('hbd')['Configured']
    assert confd.rules() == []


def test_settings_changed_is_told_to_those_who_wait(confd):
    confd.own(MASTER).start()
    heard = []
    connection = dbus.connection.Connection(f'unix:path={confd.socket_path}', mainloop=DBusGMainLoop())
    connection.add_signal_receiver(lambda: heard.append(True), 'SettingsChanged', confd.interface)

    assert confd.property('Valid')
    confd.conf.write_text(RIGHT.replace('0.3', '2'))
    confd.call('Reload')
    wait_until(lambda: GLib.MainContext.default().iteration(False) or heard, 'SettingsChanged')
    connection.close()


def test_show_lists_every_key_with_its_file(confd):
    confd.own(MASTER).start()
    items = confd.call('Show')
    assert ['hapair.conf', 'Heartbeat', 'DeadTimeSec', '0.3'] in items
    assert ['', 'Heartbeat', 'SerialBaud', '115200'] in items
    assert ['hapair.conf', 'VirtualIP lan', 'Aliases', '192.0.2.20;192.0.2.21/24'] in items


def test_local_file_wins_for_its_keys(confd):
    (confd.directory / 'local.conf').write_text('[General]\nPrimaryDevice=lan\n')
    confd.own(MASTER).start()
    assert confd.settings('vipd')['PrimaryDevice'] == 'lan'
    assert ['local.conf', 'General', 'PrimaryDevice', 'lan'] in confd.call('Show')
    (confd.directory / 'local.conf').write_text('[General]\nPrimaryDevice=rep\n')
    confd.call('Reload')
    assert confd.rules() == ['General MasterAddress: is an address of lan, but PrimaryDevice is rep']
