# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-vipd holds, puts back and takes away addresses on a real kernel."""

import json
import os
import signal
import subprocess
import time

import pytest
from gi.repository import Gio, GLib

from daemon import CallError, wait_until
from network import HELD, Caller

pytest_plugins = ['network']
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks')


def test_introspection_equals_the_interface(node):
    assert node.vipd.introspect() == node.vipd.documented()


def test_nothing_is_held_before_the_order(node):
    assert node.held() == set()
    assert node.state() == 'absent'
    assert node.vipd.property('Held') is False


def test_acquire_holds_all_and_withdraw_leaves_nothing(node, client):
    assert node.acquire() == []
    assert node.held() == HELD  # not later: the answer says that it is done
    assert node.state() == 'held'
    for address in ('10.77.0.10', '10.77.0.20', '2001:db8::10'):
        assert client.reaches(address)
    node.order('Withdraw')
    assert node.held() == set()
    assert node.state() == 'absent'
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_lower_epoch_is_refused_and_withdraw_never(node):
    node.acquire(5)
    with pytest.raises(CallError, match='below 5'):
        node.acquire(4)
    assert node.held() == HELD
    node.order('Withdraw')
    assert node.held() == set()
    with pytest.raises(CallError, match='below 5'):
        node.acquire(4)
    assert node.held() == set()


def test_stranger_is_refused(node):
    with pytest.raises(CallError):
        node.vipd.call('Withdraw', user=65534)
    with pytest.raises(CallError):
        node.vipd.call('Acquire', 't', 1, user=65534)
    assert node.held() == set()


def test_own_routes_and_source_address_stay_the_own(node, client):
    node.acquire()
    routes = json.loads(node.host.run('ip', '-j', 'route'))
    assert [(r['dst'], r['prefsrc']) for r in routes] == [('10.77.0.0/16', '10.77.0.11')]
    for target, own in (('10.77.0.9', '10.77.0.11'), ('2001:db8::9', '2001:db8::11')):
        assert json.loads(node.host.run('ip', '-j', 'route', 'get', target))[0]['prefsrc'] == own
    # An own address that goes and comes back stays the one that others see, too.
    node.host.delete('10.77.0.11/16')
    node.host.add('10.77.0.11/16')
    node.check_held()
    assert json.loads(node.host.run('ip', '-j', 'route', 'get', '10.77.0.9'))[0]['prefsrc'] == '10.77.0.11'


def test_removed_address_is_put_back_and_counted(node, client):
    node.acquire()
    for address in HELD:
        node.host.delete(address)
        node.check_held()
    assert node.vips()['lan']['Restored'] == len(HELD)
    assert 'Something removed 10.77.0.10/32 from lan' in node.vipd.log()
    assert client.reaches('10.77.0.10')


def test_flushed_device_gets_everything_back(node):
    node.acquire()
    node.host.run('ip', 'address', 'flush', 'dev', 'lan')
    node.host.add('10.77.0.11/16')
    node.check_held()


def test_device_down_and_up_keeps_them(node, client):
    node.acquire()
    node.host.run('ip', 'link', 'set', 'lan', 'down')
    wait_until(lambda: not node.link()['Carrier'], 'the link is seen down')
    node.host.run('ip', 'link', 'set', 'lan', 'up')
    node.host.add('2001:db8::11/64')  # the kernel has dropped it, as every IPv6 address
    node.check_held()
    wait_until(lambda: client.reaches('2001:db8::10'), 'IPv6 answers again')
    assert client.reaches('10.77.0.10')


def test_recreated_device_gets_them_again(node, net, client):
    node.acquire()
    node.host.run('ip', 'link', 'delete', 'lan')
    wait_until(lambda: node.state() == 'no-device', 'the device is missed')
    assert '10.77.0.11' in node.vips()['lan']['Reason']
    node.host = net('10.77.0.11/16', '2001:db8::11/64', process=node.vipd.network)
    node.check_held()
    assert client.reaches('10.77.0.10')


def test_no_device_is_told_in_the_answer_and_healed_later(node):
    node.host.delete('10.77.0.11/16')
    wait_until(lambda: node.state() == 'no-device', 'the own address is missed')
    (name, reason), = node.acquire()
    assert name == 'lan' and '10.77.0.11' in reason
    node.host.add('10.77.0.11/16')
    node.check_held()


def test_unheld_virtual_ip_is_removed_at_once(node):
    for address in ('10.77.0.10/16', '2001:db8::10/128'):
        node.host.add(address)
        node.check_held(set())
    assert 'The virtual IP 10.77.0.10/16 is on lan without an order' in node.vipd.log()


def test_foreign_addresses_are_never_touched(node):
    node.host.add('10.77.0.77/16')
    node.acquire()
    node.order('Withdraw')
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64', '10.77.0.77/16'}


def test_killed_daemon_leaves_addresses_and_the_next_takes_them_over(node, client):
    node.acquire(3)
    node.vipd.kill()
    assert node.held() == HELD
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    assert node.held() == HELD
    assert (node.vipd.property('Held'), node.vipd.property('Epoch')) == (True, 3)
    with pytest.raises(CallError, match='below 3'):
        node.acquire(2)
    assert node.acquire(3) == []
    time.sleep(2.5)  # longer than addresses are kept without an order
    assert node.held() == HELD
    assert node.vips()['lan']['Restored'] == 0


def test_killed_daemon_without_a_new_order_leaves_nothing_behind(node):
    node.acquire()
    node.vipd.kill()
    node.vipd.start()
    assert node.held() == HELD
    node.check_held(set())
    assert node.vipd.property('Held') is False
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_addresses_no_longer_configured_are_cleaned_after_a_crash(node):
    node.acquire()
    node.vipd.kill()
    node.configure(aliases=())
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    node.acquire()
    node.check_held({'10.77.0.10/32'})


def test_order_before_the_settings_waits_for_them(node):
    node.acquire()
    node.confd.kill()
    node.vipd.kill()
    node.vipd.start()
    with subprocess.Popen(['busctl', f'--address=unix:path={node.vipd.socket_path}', 'call', node.vipd.interface,
                           node.vipd.object, node.vipd.interface, 'Acquire', 't', '1'],
                          stdout=subprocess.PIPE) as order:
        time.sleep(0.3)
        assert order.poll() is None
        assert node.held() == HELD
        node.confd.start()
        assert order.wait(10) == 0
    assert node.held() == HELD
    assert node.vips()['lan']['Restored'] == 0


def test_stop_leaves_nothing_behind(node):
    node.acquire()
    assert node.vipd.kill(signal.SIGTERM) == 0
    assert set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}


def test_settings_change_only_the_difference(node):
    node.acquire()
    node.configure(aliases=('10.77.0.21',))
    node.check_held({'10.77.0.10/32'})
    assert '10.77.0.21/32' in node.host.addresses()
    node.configure(aliases=('10.77.0.21',), enabled='no')
    wait_until(lambda: set(node.host.addresses()) == {'10.77.0.11/16', '2001:db8::11/64'}, 'all are gone')
    assert node.state() == 'disabled'
    node.configure()
    node.check_held()
    assert node.vips()['lan']['Restored'] == 0


def test_thousand_aliases_are_held_when_the_answer_comes(node):
    aliases = [f'10.77.{1 + n // 250}.{n % 250 + 1}' for n in range(1000)]
    node.configure(aliases=aliases)
    wait_until(lambda: len(node.vips()['lan']['Aliases']) == 1000, 'the settings arrive')
    assert node.acquire() == []
    assert len(node.host.addresses()) == 1000 + 3
    node.vipd.kill()
    node.vipd.start()
    wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
    assert node.acquire() == []
    assert node.vips()['lan']['Restored'] == 0
    node.order('Withdraw')
    assert len(node.host.addresses()) == 2


def test_lost_events_are_made_good(node):
    """More events than the kernel keeps for us while we do not read."""
    node.acquire()
    node.vipd.process.send_signal(signal.SIGSTOP)
    script = ''.join(f'address add 10.{n // 200}.7.{n % 200 + 1}/32 dev lan\naddress del 10.{n // 200}.7.{n % 200 + 1}/32 dev lan\n'
                     for n in range(10000)) + ''.join(f'address del {a} dev lan\n' for a in HELD)
    node.host.run('ip', '-batch', '-', input=script)
    assert node.held() == set()
    node.vipd.process.send_signal(signal.SIGCONT)
    node.check_held()


def test_killed_in_the_middle_of_an_order_nothing_is_lost_or_left(node):
    aliases = [f'10.77.{1 + n // 250}.{n % 250 + 1}' for n in range(1000)]
    node.configure(aliases=aliases)
    wait_until(lambda: len(node.vips()['lan']['Aliases']) == 1000, 'the settings arrive')
    own = set(node.host.addresses())
    for turn in range(8):
        caller = Caller(node.vipd)
        caller.connection.call(None, node.vipd.object, node.vipd.interface, 'Withdraw' if turn % 2 else 'Acquire',
                               None if turn % 2 else GLib.Variant('(t)', (1,)), None, Gio.DBusCallFlags.NONE, 5000,
                               None, None)
        time.sleep(0.002 * turn)
        node.vipd.kill()
        node.vipd.start()
        wait_until(lambda: 'lan' in node.vips(), 'the settings arrive')
        # After the last turns comes no order: what is still up must go by itself.
        if turn < 6:
            assert node.acquire() == []
            assert len(node.host.addresses()) == len(own) + 1001
    wait_until(lambda: set(node.host.addresses()) == own, 'nothing is left behind')
