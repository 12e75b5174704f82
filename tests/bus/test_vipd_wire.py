# SPDX-License-Identifier: LGPL-2.1-or-later
"""What hapair-vipd says and hears on the wire: announcements, conflicts, probes, links."""

import os
import signal
import time

import pytest
from gi.repository import GLib

from daemon import wait_until
from network import HELD

pytest_plugins = ['network']

VOLUME = '''[Replication]
Enabled=yes
MasterAddress=10.78.0.1/24
SlaveAddress=10.78.0.2/24
MasterDisk=/dev/vdb
SlaveDisk=/dev/vdb
MountPoint=/srv/mail
'''
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')


def test_client_learns_the_new_holder_at_once(node, client, intruder):
    """A fresh entry for another host's hardware address is replaced by the announcement alone."""
    for address in ('10.77.0.10/16', '2001:db8::10/64'):
        intruder.add(address)
    for address in ('10.77.0.10', '2001:db8::10'):
        assert client.reaches(address)
        assert client.neighbour(address) == intruder.mac()
    for address in ('10.77.0.10/16', '2001:db8::10/64'):
        intruder.delete(address)
    node.acquire()
    for address in ('10.77.0.10', '2001:db8::10'):
        wait_until(lambda: client.neighbour(address) == node.host.mac(), 'the client switched over', 0.5)
        assert client.reaches(address)


def test_another_host_answering_is_a_conflict_until_it_leaves(node, client, intruder, caller):
    node.acquire()
    time.sleep(2.5)  # past the first announcements, which ask, too
    caller.signals.clear()
    intruder.add('10.77.0.10/16')  # silent: nothing announces it
    caller.expect('Conflict', 'lan', intruder.mac(), True)
    assert node.state() == 'conflict'
    assert node.vips()['lan']['ConflictMac'] == intruder.mac()
    intruder.delete('10.77.0.10/16')
    # A last claim that its neighbours believe.
    client.run('ip', 'neighbour', 'replace', '10.77.0.10', 'lladdr', intruder.mac(), 'dev', 'lan', 'nud', 'reachable')
    caller.expect('Conflict', 'lan', intruder.mac(), False)
    wait_until(lambda: client.neighbour('10.77.0.10') == node.host.mac(), 'it is announced again')
    assert node.state() == 'held'


def test_ipv6_conflict_is_found_too(node, intruder, caller):
    node.acquire()
    intruder.add('2001:db8::10/64')
    caller.call('Announce')
    caller.expect('Conflict', 'lan', intruder.mac(), True)
    assert node.held() == HELD


def test_address_that_failed_duplicate_detection_is_added_again(node, client, intruder):
    """Something replaces it by one with duplicate detection while another host has it."""
    node.acquire()
    intruder.add('2001:db8::10/64')

    def flags():
        return node.host.addresses().get('2001:db8::10/128', {})

    node.vipd.process.send_signal(signal.SIGSTOP)
    node.host.delete('2001:db8::10/128')
    node.host.run('ip', 'address', 'add', '2001:db8::10/128', 'dev', 'lan')
    wait_until(lambda: flags().get('dadfailed'), 'the kernel gives it up')
    node.vipd.process.send_signal(signal.SIGCONT)
    wait_until(lambda: flags().get('nodad') and not flags().get('dadfailed') and not flags().get('tentative'),
               'it is there without duplicate detection')


def test_probe_tells_who_answers(node, client, intruder, caller):
    intruder.add('10.77.0.10/16')
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    caller.expect('Answered', 'lan', intruder.mac())
    before = len(caller.signals)
    wait_until(lambda: len(caller.signals) > before + 3, 'it goes on asking')
    when = caller.signals[-1][3]
    assert abs(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 - when) < 5_000_000
    caller.call('Probe', GLib.Variant('(b)', (False,)))
    assert node.held() == set()
    # The asking has told nobody that we had the address.
    assert node.host.mac() != client.neighbour('10.77.0.10')


def test_probe_leaves_neighbours_of_the_holder_alone(node, client, intruder, caller):
    intruder.add('10.77.0.10/16')
    assert client.reaches('10.77.0.10')
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    caller.expect('Answered', 'lan')
    time.sleep(0.2)
    assert client.neighbour('10.77.0.10') == intruder.mac()


def test_nobody_answers_is_silence(node, client, caller):
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    time.sleep(0.3)
    assert [s for s in caller.signals if s[0] == 'Answered'] == []


def test_peer_at_the_replication_link_is_reached_while_it_lives(node, net, intruder, caller):
    """Its kernel answers for its address there as long as it runs; that it fell silent is said of questions asked."""
    node.conf.write_text(node.conf.read_text().replace('[Replication]\nEnabled=no\n', VOLUME))
    node.host.add('10.78.0.1/24')
    intruder.add('10.78.0.2/24')
    node.confd.process.send_signal(signal.SIGHUP)
    time.sleep(2.5)
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    caller.expect('Reached', True)
    node.vipd.process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    node.vipd.process.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    assert ('Reached', False) not in [s[:2] for s in caller.signals]
    intruder.delete('10.78.0.2/24')
    silent = caller.expect('Reached', False)[2]
    assert abs(time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000 - silent) < 5_000_000
    caller.signals.clear()
    intruder.add('10.78.0.2/24')
    caller.expect('Reached', True)


def test_peer_that_never_answered_is_not_called_silent(node, caller):
    node.conf.write_text(node.conf.read_text().replace('[Replication]\nEnabled=no\n', VOLUME))
    node.host.add('10.78.0.1/24')
    node.confd.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    caller.call('Probe', GLib.Variant('(b)', (True,)))
    time.sleep(0.5)
    assert [s for s in caller.signals if s[0] == 'Reached'] == []


def test_carrier_is_told_at_once_and_return_is_announced(node, net, client, intruder, caller):
    node.acquire()
    assert node.link() == {'Device': 'lan', 'Carrier': True, 'Primary': True, 'OwnAddress': True,
                           'Mac': node.host.mac(), 'Since': node.link()['Since']}
    assert node.vipd.property('Macs') == [node.host.mac()]
    net.switch('ip', 'link', 'set', node.host.port, 'down')
    caller.expect('LinkChanged', 'lan', False, True, True)
    client.run('ip', 'neighbour', 'replace', '10.77.0.10', 'lladdr', intruder.mac(), 'dev', 'lan', 'nud', 'reachable')
    caller.signals.clear()
    net.switch('ip', 'link', 'set', node.host.port, 'up')
    caller.expect('LinkChanged', 'lan', True, True, True)
    wait_until(lambda: client.neighbour('10.77.0.10') == node.host.mac(), 'it is announced again')


def test_own_address_gone_is_told(node, caller):
    node.acquire()
    node.host.delete('10.77.0.11/16')
    caller.expect('LinkChanged', 'lan', True, True, False)
    assert node.held() == HELD  # service first: others may still reach it
    wait_until(lambda: '10.77.0.11' in node.vips()['lan']['Reason'], 'the reason says so')


def test_new_hardware_address_is_announced(node, client):
    node.acquire()
    assert client.reaches('10.77.0.10')
    node.host.run('ip', 'link', 'set', 'lan', 'address', '02:00:00:00:00:99')
    wait_until(lambda: client.neighbour('10.77.0.10') == '02:00:00:00:00:99', 'the client learns it', 2)
    assert node.vipd.property('Macs') == ['02:00:00:00:00:99']


def test_router_flag_tells_what_the_node_is(node, client):
    """Without it a host drops a router that takes an address over; with it, it keeps none that is not one."""
    for forwarding in ('1', '0'):
        node.host.run('sh', '-c', f'echo {forwarding} > /proc/sys/net/ipv6/conf/lan/forwarding')
        node.acquire()
        client.run('ip', 'neighbour', 'replace', '2001:db8::10', 'lladdr', '02:00:00:00:00:01', 'dev', 'lan',
                   'nud', 'stale')
        node.order('Announce')
        wait_until(lambda: client.neighbour('2001:db8::10') == node.host.mac(), 'the client learns it')
        assert ('router' in client.run('ip', 'neighbour', 'show', '2001:db8::10')) == (forwarding == '1')
