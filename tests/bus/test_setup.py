# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair init and hapair join on two machines that are real but for systemd: each has a network of its own, a
cable between them, and the whole installation laid over this system's files."""

import base64
import hashlib
import os
import subprocess

import pytest

from machines import CONFIG, installed, on_terminal, pair  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks and lay files over the system')


def test_init_then_join_makes_two_nodes_of_one_pair(pair):
    result = pair.found()
    assert result.returncode == 0, result.stderr
    token = result.stdout
    assert token.startswith('hapair1.') and token.count('\n') == 1, 'the token alone on standard output'
    assert token.strip() not in result.stderr

    result = pair.join(token)
    assert result.returncode == 0, result.stderr
    assert result.stdout == ''

    for key in ('pair', 'heartbeat', 'election', 'config'):
        path = f'/etc/hapair/keys/{key}'
        assert pair.master.read(path) == pair.slave.read(path)
        assert len(pair.master.read(path).strip()) == 64
        for machine in (pair.master, pair.slave):
            assert machine.mode(path) == ('root', 'root', '0o600')
    assert len({pair.master.read(f'/etc/hapair/keys/{key}') for key in ('pair', 'heartbeat', 'election', 'config')}) == 4

    for machine in (pair.master, pair.slave):
        assert machine.read('/etc/hapair/hapair.conf') == CONFIG
        assert machine.mode('/etc/hapair') == ('root', 'hapair-confd', '0o1775')
        assert machine.mode('/etc/hapair/keys') == ('root', 'root', '0o700')
        assert machine.mode('/etc/hapair/hapair.conf') == ('hapair-confd', 'hapair-confd', '0o644')
        assert machine.mode('/var/lib/hapair/electd') == ('hapair-electd', 'hapair-electd', '0o700')
        assert machine.mode('/var/lib/hapair/electd/state')[:2] == ('hapair-electd', 'hapair-electd')
    assert pair.master.run('cmp', '/var/lib/hapair/electd/state', '/dev/null').returncode == 1

    assert 'a node of a pair already' in pair.found().stderr
    assert pair.found().returncode == 4
    assert pair.join(token).returncode == 4


def test_options_make_the_configuration(pair):
    result = pair.master.hapair('init', '--cluster', 'gw', '--master-address', '192.0.2.11/24', '--slave-address',
                                '192.0.2.12/24', '--virtual-ip', '192.0.2.10', '--dead-time', '0.3', '--no-start')
    assert result.returncode == 0, result.stderr
    assert pair.join(result.stdout).returncode == 0
    text = pair.slave.read('/etc/hapair/hapair.conf')
    for line in ('Active=yes', 'Cluster=gw', 'DeadTimeSec=0.3', 'Address=192.0.2.10', 'MasterAddress=192.0.2.11'):
        assert line + '\n' in text
    assert pair.slave.hapair('config', 'check').returncode == 0


def test_missing_options_are_named_and_nothing_is_asked(pair):
    result = pair.master.hapair('init', '--cluster', 'gw')
    assert result.returncode == 2
    assert '--master-address is missing' in result.stderr and '--slave-address is missing' in result.stderr
    assert not pair.master.exists('/etc/hapair/keys/pair')


def test_wrong_configuration_is_told_whole_and_changes_nothing(pair):
    result = pair.found(config=CONFIG.replace('Active=yes', 'Active=maybe').replace('Cluster=gw', 'Cluster=GW'))
    assert result.returncode == 4
    assert '/dev/stdin:2: [General] Cluster=GW' in result.stderr
    assert '/dev/stdin:3: [General] Active=maybe' in result.stderr
    assert result.stdout == ''
    assert not pair.master.exists('/etc/hapair/hapair.conf') and not pair.master.exists('/etc/hapair/keys/pair')


def test_only_the_master_founds_and_only_the_slave_joins(pair):
    result = pair.slave.hapair('init', '--config', '/dev/stdin', '--no-start', input=CONFIG, stdin=None)
    assert result.returncode == 4 and 'a pair is founded on the master' in result.stderr

    token = pair.found().stdout
    result = pair.master.hapair('join', '--force', '--no-start', input=token, stdin=None)
    assert result.returncode == 4 and 'the other one joins' in result.stderr


def test_running_pair_is_found_by_its_virtual_ip(pair):
    pair.slave.run('ip', 'address', 'add', '192.0.2.10/24', 'dev', 'lan', check=True)
    result = pair.found()
    assert result.returncode == 4 and 'the virtual IP 192.0.2.10 answers' in result.stderr
    assert not pair.master.exists('/etc/hapair/keys/pair')
    assert pair.found('--force').returncode == 0


@pytest.fixture
def pair6(pair):
    """The same with IPv6 addresses beside."""
    for machine, number in ((pair.master, '11'), (pair.slave, '12')):
        machine.run('ip', 'address', 'add', f'2001:db8::{number}/64', 'dev', 'lan', 'nodad', check=True)
        machine.run('ip', 'ntable', 'change', 'name', 'ndisc_cache', 'dev', 'lan', 'retrans', '100', check=True)
    return pair


CONFIG6 = CONFIG.replace('192.0.2.', '2001:db8::').replace('/24', '/64')


def test_ipv6_pair_is_founded_and_joined(pair6):
    result = pair6.found(config=CONFIG6)
    assert result.returncode == 0, result.stderr
    assert pair6.join(result.stdout).returncode == 0


def test_running_ipv6_pair_is_found_by_its_virtual_ip(pair6):
    pair6.slave.run('ip', 'address', 'add', '2001:db8::10/64', 'dev', 'lan', 'nodad', check=True)
    result = pair6.found(config=CONFIG6)
    assert result.returncode == 4 and 'the virtual IP 2001:db8::10 answers' in result.stderr


def test_running_pair_is_found_by_the_slaves_heartbeat_port(pair):
    script = 'import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("192.0.2.12", 5694)); ' \
             'print(flush=True); sys.stdin.read()'
    listener = subprocess.Popen([*pair.slave.enter, '/usr/bin/python3', '-c', script], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
    listener.stdout.readline()
    try:
        result = pair.found()
        assert result.returncode == 4
        assert "on the slave's address 192.0.2.12 something takes heartbeats on UDP port 5694" in result.stderr
    finally:
        listener.communicate()


def test_slave_that_is_off_does_not_hinder_the_founding(pair):
    pair.slave.run('ip', 'link', 'set', 'lan', 'down', check=True)
    result = pair.found()
    assert result.returncode == 0, result.stderr


def test_damaged_old_and_missing_tokens_are_refused(pair):
    token = pair.found().stdout.strip()

    result = pair.join(token[:-3])
    assert result.returncode == 4 and 'no whole token' in result.stderr
    result = pair.join('')
    assert result.returncode == 2 and 'no token on standard input' in result.stderr
    result = pair.slave.hapair('join', token)
    assert result.returncode == 2 and 'does not stand on the command line' in result.stderr
    assert not pair.slave.exists('/etc/hapair/keys/pair')

    # As it was made an hour ago, by this version: the check at its end is right.
    data = base64.urlsafe_b64decode(token.split('.')[1] + '==')
    old = (int.from_bytes(data[:8], 'big') - 3600).to_bytes(8, 'big') + data[8:-16]
    old += hashlib.blake2b(old, digest_size=16).digest()
    result = pair.join('hapair1.' + base64.urlsafe_b64encode(old).decode().rstrip('='))
    assert result.returncode == 4 and 'older than 15 minutes' in result.stderr

    assert pair.join(token).returncode == 0


def test_another_token_is_for_the_same_pair(pair):
    assert pair.master.hapair('init', '--new-token').returncode == 4
    pair.found()
    result = pair.master.hapair('init', '--new-token')
    assert result.returncode == 0
    assert pair.join(result.stdout).returncode == 0
    assert pair.master.read('/etc/hapair/keys/pair') == pair.slave.read('/etc/hapair/keys/pair')


def test_local_file_counts_for_the_node(pair):
    pair.slave.run('sh', '-c', 'printf "[General]\\nPrimaryDevice=eth7\\n" >/etc/hapair/local.conf', check=True)
    token = pair.found().stdout
    result = pair.join(token)
    assert result.returncode == 4 and 'is no network device of this machine' in result.stderr


def test_person_on_a_terminal_is_asked_for_what_is_missing(pair):
    text, status = on_terminal(pair.master, ['hapair', 'init', '--cluster', 'gw', '--no-start'],
                               [("This node's address", '192.0.2.11/24'), ("The other node's address", '192.0.2.12/24'),
                                ('Virtual IP', '')])
    assert status == 0, text
    assert 'Base host name' not in text, 'what is given is not asked'
    token = [line for line in text.split('\r\n') if line.startswith('hapair1.')][0]

    text, status = on_terminal(pair.slave, ['hapair', 'join', '--no-start'], [('Token', token)])
    assert status == 0, text
    assert token[10:40] not in text, 'the token is not shown'


def test_config_check_names_what_does_not_fit_this_machine(pair):
    pair.master.run('sh', '-c', 'cat >/tmp/hapair-check.conf', input=CONFIG.replace('192.0.2.11\n', '192.0.2.19\n'), stdin=None)
    result = pair.master.hapair('config', 'check', '/tmp/hapair-check.conf')
    pair.master.run('rm', '/tmp/hapair-check.conf')
    assert result.returncode == 1
    assert '[VirtualIP lan] MasterAddress=192.0.2.19: is no address of this machine' in result.stderr
